//! Keyed selection: which of several codes or units of one person comes first, decided by nothing but its own (2.4, V11).
//!
//! It deliberately lacks any input from other persons, files, batches, row order or draws.

use marsad_terms::{Name, StatisticId};

/// 16 bytes that compare as a big-endian number.
pub type Tag = [u8; 16];

const VERSION: &[u8] = b"marsad.select.v1";

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
    absorbed: blake3::Hasher,
}

impl Selector {
    /// A selector for the ties of `statistic`.
    pub fn new(key: &SelectionKey, statistic: &StatisticId) -> Self {
        let mut absorbed = blake3::Hasher::new_keyed(&key.0);
        absorb(&mut absorbed, VERSION);
        absorb(&mut absorbed, statistic.as_str().as_bytes());
        Self { absorbed }
    }

    /// The tag of `codes` for one person, period and purpose: BLAKE3 over length-prefixed parts, first 16 bytes.
    pub fn tag<'a>(
        &self,
        purpose: &str,
        period: &str,
        person: &[u8; 16],
        codes: impl IntoIterator<Item = &'a str>,
    ) -> Tag {
        let mut hasher = self.absorbed.clone();
        absorb(&mut hasher, purpose.as_bytes());
        absorb(&mut hasher, period.as_bytes());
        absorb(&mut hasher, person);
        for code in codes {
            absorb(&mut hasher, code.as_bytes());
        }
        let mut tag = Tag::default();
        hasher.finalize_xof().fill(&mut tag);
        tag
    }
}

fn absorb(hasher: &mut blake3::Hasher, part: &[u8]) {
    hasher.update(&(part.len() as u64).to_le_bytes());
    hasher.update(part);
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
