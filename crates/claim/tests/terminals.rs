//! The command line as people use it: the real program in a folder, what it says, and how it ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test panics to fail")]

#[path = "terminals/auditing.rs"]
mod auditing;
#[path = "terminals/backups.rs"]
mod backups;
#[path = "terminals/by_hand.rs"]
mod by_hand;
#[path = "terminals/clocks.rs"]
mod clocks;
#[path = "terminals/cosigned_audit.rs"]
mod cosigned_audit;
#[path = "terminals/course.rs"]
mod course;
#[path = "terminals/course_audit.rs"]
mod course_audit;
#[path = "terminals/course_files.rs"]
mod course_files;
#[path = "terminals/courses.rs"]
mod courses;
#[path = "terminals/demonstration.rs"]
mod demonstration;
#[path = "terminals/devices.rs"]
mod devices;
#[path = "terminals/dialogue.rs"]
mod dialogue;
#[path = "terminals/doctor.rs"]
mod doctor;
#[path = "terminals/doctor_abroad.rs"]
mod doctor_abroad;
#[path = "terminals/downloading.rs"]
mod downloading;
#[path = "terminals/draining.rs"]
mod draining;
#[path = "terminals/due_times.rs"]
mod due_times;
#[path = "terminals/endings.rs"]
mod endings;
#[path = "terminals/evidence.rs"]
mod evidence;
#[path = "terminals/foreign_files.rs"]
mod foreign_files;
#[path = "terminals/forgetting.rs"]
mod forgetting;
#[path = "terminals/front.rs"]
mod front;
#[path = "terminals/full_disk.rs"]
mod full_disk;
#[path = "terminals/going_away.rs"]
mod going_away;
#[path = "terminals/guides.rs"]
mod guides;
#[path = "terminals/handing_in.rs"]
mod handing_in;
#[path = "terminals/health.rs"]
mod health;
#[path = "terminals/http.rs"]
mod http;
#[path = "terminals/interrupted.rs"]
mod interrupted;
#[path = "terminals/invitations.rs"]
mod invitations;
#[path = "terminals/issued.rs"]
mod issued;
#[path = "terminals/keys.rs"]
mod keys;
#[path = "terminals/killed.rs"]
mod killed;
#[path = "terminals/list_copies.rs"]
mod list_copies;
#[path = "terminals/logs.rs"]
mod logs;
#[path = "terminals/mail.rs"]
mod mail;
#[path = "terminals/messages.rs"]
mod messages;
#[path = "terminals/offline_root.rs"]
mod offline_root;
#[path = "terminals/on_behalf.rs"]
mod on_behalf;
#[path = "terminals/one_hour.rs"]
mod one_hour;
#[path = "terminals/outages.rs"]
mod outages;
#[path = "terminals/pages.rs"]
mod pages;
#[path = "terminals/postgres.rs"]
mod postgres;
#[path = "terminals/program.rs"]
mod program;
#[path = "terminals/rebuilding.rs"]
mod rebuilding;
#[path = "terminals/reloading.rs"]
mod reloading;
#[path = "terminals/renewing.rs"]
mod renewing;
#[path = "terminals/retention.rs"]
mod retention;
#[path = "terminals/revoking.rs"]
mod revoking;
#[path = "terminals/rolling_over.rs"]
mod rolling_over;
#[path = "terminals/rosters.rs"]
mod rosters;
#[path = "terminals/school.rs"]
mod school;
#[path = "terminals/secrets.rs"]
mod secrets;
#[path = "terminals/service.rs"]
mod service;
#[path = "terminals/service_keys.rs"]
mod service_keys;
#[path = "terminals/settings.rs"]
mod settings;
#[path = "terminals/signing_in.rs"]
mod signing_in;
#[path = "terminals/softhsm.rs"]
mod softhsm;
#[path = "terminals/starting.rs"]
mod starting;
#[path = "terminals/through_proxies.rs"]
mod through_proxies;
#[path = "terminals/timestamp_year.rs"]
mod timestamp_year;
#[path = "terminals/tls_keys.rs"]
mod tls_keys;
#[path = "terminals/together.rs"]
mod together;
#[path = "terminals/tokens.rs"]
mod tokens;
#[path = "terminals/trying.rs"]
mod trying;
#[path = "terminals/units.rs"]
mod units;
#[path = "terminals/verifying.rs"]
mod verifying;
#[path = "terminals/witness_keys.rs"]
mod witness_keys;
#[path = "terminals/witnesses.rs"]
mod witnesses;
