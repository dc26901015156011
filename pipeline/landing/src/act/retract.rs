//! Retraction: a batch that should not have landed is taken back, all its rows and its quarantine with it. Withdrawals of
//! consent that came with it go too.

use marsad_terms::BatchId;

use super::{Act, Order, Rewritten};
use crate::custody::{Batch, Custody, Fate, RETRACTED, RetractedEntry};
use crate::{ActError, Landing, Result};

impl Landing {
    /// Takes a batch back, for good.
    ///
    /// # Errors
    /// `Act` where no such batch stands; as [`Landing::snapshot`], or a store failed: then call it again, until it says that
    /// the batch was retracted.
    pub async fn retract(&self, batch: &BatchId, reason: &str) -> Result<Rewritten> {
        let is_restricted = self.is_restricted(batch).await?;
        self.carry_out(is_restricted, &Order::Retract(batch, reason), &|_, _| {}).await
    }

    /// Whether a batch is in the restricted store, whatever became of it.
    pub(crate) async fn is_restricted(&self, batch: &BatchId) -> Result<bool> {
        for is_restricted in [false, true] {
            let custody = self.custody(self.side(is_restricted)).await?;
            if custody.batches.iter().any(|other| other.batch == *batch) {
                return Ok(is_restricted);
            }
        }
        Err(ActError::UnknownBatch { batch: batch.clone() }.into())
    }
}

pub(super) fn act(custody: &Custody, batch: &BatchId, reason: &str, custodian: &str) -> Result<Option<Act>> {
    let standing = standing(custody, batch)?;
    let goes = standing.paths();
    let entry = RetractedEntry {
        batch: batch.clone(),
        record_type: standing.record_type.clone(),
        reason: reason.to_owned(),
        replaces: goes.clone(),
        custodian: custodian.to_owned(),
    };
    Ok(Some(Act::new(RETRACTED, &entry, Vec::new(), goes)))
}

/// A batch that stands.
///
/// # Errors
/// `Act`, with what became of it.
pub(crate) fn standing<'c>(custody: &'c Custody, batch: &BatchId) -> Result<&'c Batch> {
    let unknown = || ActError::UnknownBatch { batch: batch.clone() };
    let found = custody.batches.iter().find(|other| other.batch == *batch).ok_or_else(unknown)?;
    let how = match &found.fate {
        Fate::Stands => return Ok(found),
        Fate::Retracted => "was retracted".to_owned(),
        Fate::CorrectedBy(by) => format!("was corrected by {by}"),
        Fate::CompactedInto(whole) => format!("was compacted into {whole}"),
    };
    Err(ActError::Gone { batch: batch.clone(), how }.into())
}
