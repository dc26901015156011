//! A statement that the log once ended so; what extends it cannot have been rolled back. Signatures are the ledger's.

use marsad_terms::Digest;
use serde::{Deserialize, Serialize};

use crate::Entry;

/// The log of a workspace, at one entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The workspace: the hash of its first entry.
    pub workspace: Digest,
    /// The number of the last entry.
    pub sequence: u64,
    /// The hash of that entry.
    pub head: Digest,
    /// When it was stated.
    pub time: String,
}

impl Checkpoint {
    /// The checkpoint of a log that holds at least one entry.
    pub fn of(entries: &[Entry], time: String) -> Option<Self> {
        let (first, last) = (entries.first()?, entries.last()?);
        Some(Self { workspace: first.hash, sequence: last.sequence, head: last.hash, time })
    }

    /// Whether `entries` extend what was stated: the same workspace, and the same entry at that number.
    pub fn is_extended_by(&self, entries: &[Entry]) -> bool {
        let at = entries.binary_search_by_key(&self.sequence, |entry| entry.sequence);
        let same_entry = at.is_ok_and(|at| entries[at].hash == self.head);
        same_entry && entries.first().is_some_and(|first| first.sequence == 0 && first.hash == self.workspace)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Draft;

    fn log(n: usize, word: &str) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for at in 0..n {
            let word = if at == 0 { "genesis" } else { word };
            let draft = Draft::new("test", json!({ "word": word }));
            entries.push(Entry::following(entries.last(), "t".into(), draft).unwrap());
        }
        entries
    }

    #[test]
    fn a_longer_log_extends_and_a_shorter_or_forked_one_does_not() {
        let checkpoint = Checkpoint::of(&log(3, "a"), "t".into()).unwrap();
        assert!(checkpoint.is_extended_by(&log(3, "a")));
        assert!(checkpoint.is_extended_by(&log(5, "a")));
        assert!(!checkpoint.is_extended_by(&log(2, "a")));
        assert!(!checkpoint.is_extended_by(&log(5, "b")));
        assert!(!checkpoint.is_extended_by(&[]));
    }

    #[test]
    fn an_empty_log_has_no_checkpoint() {
        assert_eq!(Checkpoint::of(&[], "t".into()), None);
    }
}
