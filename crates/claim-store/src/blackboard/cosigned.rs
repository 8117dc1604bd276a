//! Checkpoints of the log with the cosignatures of witnesses, and the witnesses.

use claim_core::Timestamp;

use super::BlackboardStore;
use super::assignments::stored;
use crate::readers::Read;
use crate::retry::retry;
use crate::row::Columns;
use crate::{Point, StoreError};

/// A checkpoint that at least one witness has cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CosignedRow {
    /// The size of its tree.
    pub size: u64,
    /// The note as the log signed it; in records from before there were several witnesses, with the one's signature.
    pub checkpoint: Vec<u8>,
    /// The cosignatures that came since, as lines of the note without their ends, in the order of the witnesses' names.
    pub signatures: Vec<Vec<u8>>,
}

/// A cosignature to be kept.
#[derive(Clone, Copy, Debug)]
pub struct NewCosignature<'a> {
    /// Whose it is: the public key as notes spell it, name included.
    pub witness: &'a str,
    /// The size of the tree.
    pub size: u64,
    /// The note as the log signed it.
    pub checkpoint: &'a [u8],
    /// The line of the cosignature, without its end.
    pub signature: &'a [u8],
}

/// How far the log is behind what it has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// The size of the largest tree with a cosignature.
    pub covered: u64,
    /// Entries that no cosigned checkpoint covers.
    pub uncovered: u64,
    /// When the last cosignature of any witness came; `None` before the first.
    pub cosigned_at: Option<Timestamp>,
}

impl BlackboardStore {
    /// Keeps a cosignature, and the checkpoint where it is the first of its size. A repetition changes nothing.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn keep_cosignature(
        &self,
        new: &NewCosignature<'_>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Cosignature).await?;
            sqlx::query(
                "INSERT INTO log_cosigned (size, checkpoint, cosigned_at) VALUES ($1, $2, $3) \
                 ON CONFLICT (size) DO NOTHING",
            )
            .bind(stored(new.size))
            .bind(new.checkpoint)
            .bind(at.as_millis())
            .execute(write.connection())
            .await?;
            sqlx::query(
                "INSERT INTO log_cosignatures (witness, size, signature, cosigned_at) \
                 VALUES ($1, $2, $3, $4) ON CONFLICT (witness, size) DO NOTHING",
            )
            .bind(new.witness)
            .bind(stored(new.size))
            .bind(new.signature)
            .bind(at.as_millis())
            .execute(write.connection())
            .await?;
            write.commit().await
        })
    }

    /// The smallest cosigned checkpoint whose tree has this leaf: the earliest that covers it.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn first_cosigned(&self, leaf: u64) -> Result<Option<CosignedRow>, StoreError> {
        self.cosigned_after(leaf, 0).await
    }

    /// The cosigned checkpoint of a larger tree than this, when `skip` of these are passed over.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn cosigned_after(
        &self,
        size: u64,
        skip: u64,
    ) -> Result<Option<CosignedRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT log_cosigned.size, checkpoint, signature FROM log_cosigned \
             LEFT JOIN log_cosignatures ON log_cosignatures.size = log_cosigned.size \
             WHERE log_cosigned.size = (SELECT size FROM log_cosigned WHERE size > $1 \
             ORDER BY size LIMIT 1 OFFSET $2) ORDER BY witness",
        )
        .bind(stored(size))
        .bind(stored(skip))
        .read_all(&self.database)
        .await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let columns = Columns::new("log_cosigned", first);
        let (size, checkpoint) = (columns.count("size")?, columns.bytes("checkpoint")?);
        let signature = |row| Columns::new("log_cosignatures", row).optional_bytes("signature");
        let signatures: Vec<_> = rows.iter().map(signature).collect::<Result<_, _>>()?;
        // Without any cosignature there is one row, and nothing in it.
        let signatures = signatures.into_iter().flatten().collect();
        Ok(Some(CosignedRow { size, checkpoint, signatures }))
    }

    /// The size of the largest tree that this witness has cosigned, as far as it is on record; 0 where none is.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn last_cosigned_by(&self, witness: &str) -> Result<u64, StoreError> {
        let row = sqlx::query(
            "SELECT size FROM log_cosignatures WHERE witness = $1 ORDER BY size DESC LIMIT 1",
        )
        .bind(witness)
        .read_optional(&self.database)
        .await?;
        row.map_or(Ok(0), |row| Columns::new("log_cosignatures", &row).count("size"))
    }

    /// How far the log is behind.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn lag(&self) -> Result<Lag, StoreError> {
        let last =
            sqlx::query("SELECT size, cosigned_at FROM log_cosigned ORDER BY size DESC LIMIT 1")
                .read_optional(&self.database)
                .await?;
        let (covered, cosigned_at) = match &last {
            None => (0, None),
            Some(row) => {
                let columns = Columns::new("log_cosigned", row);
                (columns.count("size")?, Some(columns.time("cosigned_at")?))
            }
        };
        let row = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM log_entries WHERE leaf IS NULL) \
             + (SELECT COUNT(*) FROM log_entries WHERE leaf >= $1) AS uncovered",
        )
        .bind(stored(covered))
        .read_one(&self.database)
        .await?;
        let uncovered = Columns::new("log_entries", &row).count("uncovered")?;
        Ok(Lag { covered, uncovered, cosigned_at })
    }

    /// Puts a witness on record. A newer certificate of the same key takes the place of the one before.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn put_witness(&self, witness: &str, certificate: &[u8]) -> Result<(), StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::WitnessMet).await?;
            sqlx::query(
                "INSERT INTO log_witnesses (witness, certificate) VALUES ($1, $2) \
                 ON CONFLICT (witness) DO UPDATE SET certificate = excluded.certificate",
            )
            .bind(witness)
            .bind(certificate)
            .execute(write.connection())
            .await?;
            write.commit().await
        })
    }

    /// The certificates of all witnesses on record, in DER.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn witnesses(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        let rows = sqlx::query("SELECT certificate FROM log_witnesses ORDER BY witness")
            .read_all(&self.database)
            .await?;
        let certificate = |row| Columns::new("log_witnesses", row).bytes("certificate");
        rows.iter().map(certificate).collect()
    }
}
