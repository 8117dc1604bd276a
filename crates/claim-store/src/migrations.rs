//! The schemas, one step after the other, forward only.
//!
//! A step that was released never changes; the next one is a new file. Both databases get the same tables; only
//! the names of the column types differ.

use std::borrow::Cow;

use sqlx::AnyConnection;
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};

use crate::{Kind, StoreError};

/// Whose tables a database holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Schema {
    Cuhk,
    Blackboard,
    Witness,
}

/// Brings the database to the newest schema, within the transaction that `connection` is in.
pub(crate) async fn run(
    connection: &mut AnyConnection,
    schema: Schema,
    kind: Kind,
) -> Result<(), StoreError> {
    let steps = steps(schema, kind);
    let known = newest(schema, kind);
    let migrations = steps
        .iter()
        .map(|step| {
            Migration::new(
                step.version,
                Cow::Borrowed(step.description),
                MigrationType::Simple,
                step.sql.into_sql_str(),
                false,
            )
        })
        .collect();
    let mut migrator = Migrator::with_migrations(migrations);
    belongs_to(connection, &migrator).await?;
    // The lock would be an advisory one, which distributed databases do not have; the transaction suffices.
    migrator.set_locking(false);
    migrator
        .run_direct(None, connection, false)
        .await
        .map_err(|error| StoreError::from_migration(error, known))
}

/// The last step of a schema.
pub(crate) fn newest(schema: Schema, kind: Kind) -> i64 {
    steps(schema, kind).iter().map(|step| step.version).max().unwrap_or_default()
}

/// A database whose first steps are not these belongs to the other server, however many more steps it has had.
async fn belongs_to(connection: &mut AnyConnection, migrator: &Migrator) -> Result<(), StoreError> {
    connection.ensure_migrations_table(&migrator.table_name).await.map_err(migration_error)?;
    let applied =
        connection.list_applied_migrations(&migrator.table_name).await.map_err(migration_error)?;
    for step in applied {
        let known = migrator.iter().find(|known| known.version == step.version);
        if known.is_some_and(|known| known.checksum != step.checksum) {
            return Err(StoreError::OtherSchema { version: step.version });
        }
    }
    Ok(())
}

fn migration_error(error: MigrateError) -> StoreError {
    StoreError::from_migration(error, 0)
}

struct Step {
    version: i64,
    description: &'static str,
    sql: &'static str,
}

fn steps(schema: Schema, kind: Kind) -> &'static [Step] {
    match (schema, kind) {
        (Schema::Cuhk, Kind::Sqlite) => &[
            Step {
                version: 1,
                description: "CUHK: people, invitations, certificates",
                sql: include_str!("../migrations/cuhk/sqlite/0001_enrolment.sql"),
            },
            Step {
                version: 2,
                description: "CUHK: revocations, witnessed logs",
                sql: include_str!("../migrations/cuhk/sqlite/0002_evidence.sql"),
            },
            Step {
                version: 3,
                description: "CUHK: the roster, invitations by mail",
                sql: include_str!("../migrations/cuhk/sqlite/0003_roster.sql"),
            },
            Step {
                version: 4,
                description: "CUHK: sign-ins",
                sql: include_str!("../migrations/cuhk/sqlite/0004_sign_ins.sql"),
            },
            Step {
                version: 5,
                description: "CUHK: the audit log",
                sql: include_str!("../migrations/cuhk/sqlite/0005_audit.sql"),
            },
            Step {
                version: 6,
                description: "CUHK: devices, renewals",
                sql: include_str!("../migrations/cuhk/sqlite/0006_devices.sql"),
            },
            Step {
                version: 7,
                description: "CUHK: erasure",
                sql: include_str!("../migrations/cuhk/sqlite/0007_erasure.sql"),
            },
        ],
        (Schema::Cuhk, Kind::Postgres) => &[
            Step {
                version: 1,
                description: "CUHK: people, invitations, certificates",
                sql: include_str!("../migrations/cuhk/postgres/0001_enrolment.sql"),
            },
            Step {
                version: 2,
                description: "CUHK: revocations, witnessed logs",
                sql: include_str!("../migrations/cuhk/postgres/0002_evidence.sql"),
            },
            Step {
                version: 3,
                description: "CUHK: the roster, invitations by mail",
                sql: include_str!("../migrations/cuhk/postgres/0003_roster.sql"),
            },
            Step {
                version: 4,
                description: "CUHK: sign-ins",
                sql: include_str!("../migrations/cuhk/postgres/0004_sign_ins.sql"),
            },
            Step {
                version: 5,
                description: "CUHK: the audit log",
                sql: include_str!("../migrations/cuhk/postgres/0005_audit.sql"),
            },
            Step {
                version: 6,
                description: "CUHK: devices, renewals",
                sql: include_str!("../migrations/cuhk/postgres/0006_devices.sql"),
            },
            Step {
                version: 7,
                description: "CUHK: erasure",
                sql: include_str!("../migrations/cuhk/postgres/0007_erasure.sql"),
            },
        ],
        (Schema::Blackboard, Kind::Sqlite) => &[
            Step {
                version: 1,
                description: "Blackboard: sealing ring, messages",
                sql: include_str!("../migrations/blackboard/sqlite/0001_session.sql"),
            },
            Step {
                version: 2,
                description: "Blackboard: assignments, claims, log",
                sql: include_str!("../migrations/blackboard/sqlite/0002_claims.sql"),
            },
            Step {
                version: 3,
                description: "Blackboard: several witnesses",
                sql: include_str!("../migrations/blackboard/sqlite/0003_witnesses.sql"),
            },
            Step {
                version: 4,
                description: "Blackboard: claims of outages",
                sql: include_str!("../migrations/blackboard/sqlite/0004_outages.sql"),
            },
            Step {
                version: 5,
                description: "Blackboard: erasures",
                sql: include_str!("../migrations/blackboard/sqlite/0005_erasures.sql"),
            },
            Step {
                version: 6,
                description: "Blackboard: the audit log",
                sql: include_str!("../migrations/blackboard/sqlite/0006_audit.sql"),
            },
            Step {
                version: 7,
                description: "Blackboard: courses",
                sql: include_str!("../migrations/blackboard/sqlite/0007_courses.sql"),
            },
        ],
        (Schema::Blackboard, Kind::Postgres) => &[
            Step {
                version: 1,
                description: "Blackboard: sealing ring, messages",
                sql: include_str!("../migrations/blackboard/postgres/0001_session.sql"),
            },
            Step {
                version: 2,
                description: "Blackboard: assignments, claims, log",
                sql: include_str!("../migrations/blackboard/postgres/0002_claims.sql"),
            },
            Step {
                version: 3,
                description: "Blackboard: several witnesses",
                sql: include_str!("../migrations/blackboard/postgres/0003_witnesses.sql"),
            },
            Step {
                version: 4,
                description: "Blackboard: claims of outages",
                sql: include_str!("../migrations/blackboard/postgres/0004_outages.sql"),
            },
            Step {
                version: 5,
                description: "Blackboard: erasures",
                sql: include_str!("../migrations/blackboard/postgres/0005_erasures.sql"),
            },
            Step {
                version: 6,
                description: "Blackboard: the audit log",
                sql: include_str!("../migrations/blackboard/postgres/0006_audit.sql"),
            },
            Step {
                version: 7,
                description: "Blackboard: courses",
                sql: include_str!("../migrations/blackboard/postgres/0007_courses.sql"),
            },
        ],
        (Schema::Witness, Kind::Sqlite) => &[Step {
            version: 1,
            description: "Witness: keys, witnessed logs",
            sql: include_str!("../migrations/witness/sqlite/0001_witness.sql"),
        }],
        (Schema::Witness, Kind::Postgres) => &[Step {
            version: 1,
            description: "Witness: keys, witnessed logs",
            sql: include_str!("../migrations/witness/postgres/0001_witness.sql"),
        }],
    }
}
