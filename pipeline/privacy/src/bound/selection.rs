//! Keyed selection: which of several codes or units of one person comes first, decided by nothing but its own (2.4, V11).
//!
//! It deliberately lacks any input from other persons, files, batches, row order or draws.

use marsad_terms::{Name, StatisticId};

/// 16 bytes that compare as a big-endian number.
pub type Tag = [u8; 16];

const VERSION: &[u8] = b"marsad.select.v1";
/// Bytes that BLAKE3 takes in at once: most inputs have two of these.
const BLOCK: usize = 64;

/// K_sel, a secret of the landing side. No `Debug`, no `Serialize`: it is lent to hashers only.
#[derive(Clone)]
pub struct SelectionKey([u8; 32]);

impl SelectionKey {
    /// The key from its 32 bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// Makes the tags of one statistic.
#[derive(Clone)]
pub struct Selector {
    key: SelectionKey,
    /// What every input begins with: hashed anew each time, which costs less than to copy a hasher that took it in.
    prefix: Vec<u8>,
}

impl Selector {
    /// A selector for the ties of `statistic`.
    pub fn new(key: &SelectionKey, statistic: &StatisticId) -> Self {
        let mut prefix = Vec::new();
        append(&mut prefix, VERSION);
        append(&mut prefix, statistic.as_str().as_bytes());
        Self { key: key.clone(), prefix }
    }

    /// The tag of `codes` for one person, period and purpose: BLAKE3 over length-prefixed parts, first 16 bytes.
    pub fn tag<'a>(
        &self,
        purpose: &str,
        period: &str,
        person: &[u8; 16],
        codes: impl IntoIterator<Item = &'a str>,
    ) -> Tag {
        let mut input = Vec::with_capacity(2 * BLOCK);
        input.extend_from_slice(&self.prefix);
        append(&mut input, purpose.as_bytes());
        append(&mut input, period.as_bytes());
        append(&mut input, person);
        for code in codes {
            append(&mut input, code.as_bytes());
        }
        let hash = blake3::keyed_hash(&self.key.0, &input);
        let (tag, _) = hash.as_bytes().split_first_chunk().expect("a hash has 32 bytes");
        *tag
    }
}

fn append(input: &mut Vec<u8>, part: &[u8]) {
    input.extend_from_slice(&(part.len() as u64).to_le_bytes());
    input.extend_from_slice(part);
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};

    use serde_json::Value;
    use static_assertions::assert_not_impl_any;

    use super::*;

    assert_not_impl_any!(SelectionKey: Debug, Display, serde::Serialize, PartialEq);

    #[test]
    fn tags_and_their_order_are_those_of_v11() {
        let vector: Value = serde_json::from_str(include_str!("../../testdata/V11_selection.json")).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let key = hex::decode(text(&vector["key"])).unwrap();
        let key = SelectionKey::new(key.try_into().unwrap());
        for case in vector["cases"].as_array().unwrap() {
            let person: [u8; 16] = hex::decode(text(&case["person_key"])).unwrap().try_into().unwrap();
            let selector = Selector::new(&key, &text(&case["statistic"]).parse().unwrap());
            let tag =
                |code: &str| selector.tag(&text(&case["purpose"]), &text(&case["period"]), &person, [code]);
            let mut codes: Vec<String> = case["codes"].as_array().unwrap().iter().map(text).collect();
            for code in &codes {
                assert_eq!(hex::encode(tag(code)), text(&case["tags"][code]), "{code}");
            }
            codes.sort_by_key(|code| tag(code));
            let order: Vec<String> = case["order"].as_array().unwrap().iter().map(text).collect();
            assert_eq!(codes, order);
            assert_eq!(codes[0], text(&case["first"]));
        }
    }
}
