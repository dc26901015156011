//! Canonical JSON: RFC 8785 restricted to integers, so that equal values have equal bytes and hashes.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Digest;

/// The value holds something that has no canonical form here.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// A float: amounts are integers, decimals are texts.
    #[error("`{0}` holds a number that is no integer within ±2^53")]
    NotAnInteger(String),
    /// The value cannot be written as JSON at all.
    #[error("the value cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// The canonical bytes of a value.
///
/// # Errors
/// A float or an integer beyond ±2^53, which RFC 8785 would write as a double.
pub fn bytes(value: &impl Serialize) -> Result<Vec<u8>, CanonicalError> {
    of_value(&serde_json::to_value(value)?)
}

/// The canonical bytes of what is JSON already, which is not copied for it.
///
/// # Errors
/// As [`bytes`].
pub fn of_value(value: &Value) -> Result<Vec<u8>, CanonicalError> {
    let mut out = Vec::new();
    write(value, &Place::Root, &mut out)?;
    Ok(out)
}

/// The value that `json` begins with, where it stands there in canonical form; what follows it is not looked at.
///
/// As strict as parsing it, writing it canonically and comparing, and much faster: no tree is built.
pub fn leading(json: &[u8]) -> Option<&[u8]> {
    let mut values = serde_json::Deserializer::from_slice(json).into_iter::<Copied>();
    let Copied(copy) = values.next()?.ok()?;
    json.get(..values.byte_offset()).filter(|value| *value == copy)
}

/// The digest of the canonical bytes.
///
/// # Errors
/// As [`bytes`].
pub fn digest(value: &impl Serialize) -> Result<Digest, CanonicalError> {
    Ok(Digest::of(&bytes(value)?))
}

/// Where in a value something stands; put into words only where something is wrong with it.
enum Place<'a> {
    Root,
    Item(&'a Place<'a>, usize),
    Member(&'a Place<'a>, &'a str),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("$"),
            Self::Item(array, index) => write!(f, "{array}[{index}]"),
            Self::Member(object, name) => write!(f, "{object}.{name}"),
        }
    }
}

fn write(value: &Value, place: &Place<'_>, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    match value {
        Value::Number(number) => {
            let whole = number.as_i64().filter(|number| is_exact(*number));
            let whole = whole.ok_or_else(|| CanonicalError::NotAnInteger(place.to_string()))?;
            serde_json::to_writer(&mut *out, &whole)?;
        }
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(item, &Place::Item(place, index), out)?;
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_by(|(a, _), (b, _)| in_utf16(a, b));
            out.push(b'{');
            for (index, (name, member)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                serde_json::to_writer(&mut *out, name)?;
                out.push(b':');
                write(member, &Place::Member(place, name), out)?;
            }
            out.push(b'}');
        }
        simple => serde_json::to_writer(&mut *out, simple)?,
    }
    Ok(())
}

/// What was read, written again in canonical form; where members are out of order, nothing.
struct Copied(Vec<u8>);

impl<'de> Deserialize<'de> for Copied {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut out = Vec::with_capacity(1 << 10);
        Copier(&mut out).deserialize(deserializer)?;
        Ok(Self(out))
    }
}

/// A member's name, not copied where nothing in it is escaped.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Writes the next value to the end.
struct Copier<'a>(&'a mut Vec<u8>);

impl Copier<'_> {
    fn put<E: de::Error>(self, value: &(impl Serialize + ?Sized)) -> Result<(), E> {
        serde_json::to_writer(self.0, value).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Copier<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Copier<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("canonical JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.put(&())
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<(), E> {
        self.put(&value)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        self.visit_i64(i64::try_from(value).map_err(E::custom)?)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        if is_exact(value) { self.put(&value) } else { Err(E::custom("no integer within ±2^53")) }
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
        self.put(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.push(b'[');
        let start = self.0.len();
        while items.next_element_seed(Copier(&mut *self.0))?.is_some() {
            self.0.push(b',');
        }
        close(self.0, start, b']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.0.push(b'{');
        let start = self.0.len();
        let mut before: Option<Cow<'de, str>> = None;
        while let Some(Name(name)) = members.next_key()? {
            if before.is_some_and(|before| in_utf16(&before, &name) != Ordering::Less) {
                return Err(de::Error::custom("members are out of order"));
            }
            Copier(&mut *self.0).put(name.as_ref())?;
            self.0.push(b':');
            members.next_value_seed(Copier(&mut *self.0))?;
            self.0.push(b',');
            before = Some(name);
        }
        close(self.0, start, b'}');
        Ok(())
    }
}

/// Ends what began at `start`, its last comma turned into `end`.
fn close(out: &mut Vec<u8>, start: usize, end: u8) {
    out.truncate(out.len() - usize::from(out.len() > start));
    out.push(end);
}

/// Whether every reader of JSON holds it exactly, a double among them.
fn is_exact(number: i64) -> bool {
    number.unsigned_abs() < 1 << 53
}

/// The order of RFC 8785; that of ASCII names is that of their bytes.
fn in_utf16(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_sorted_and_nothing_is_padded() {
        let value = json!({"b": [1, -2, null], "a": {"é": "x\n\u{1}", "z": true}, "\u{20ac}": "€"});
        let text = String::from_utf8(bytes(&value).unwrap()).unwrap();
        assert_eq!(of_value(&value).unwrap(), text.as_bytes());
        assert_eq!(text, "{\"a\":{\"z\":true,\"é\":\"x\\n\\u0001\"},\"b\":[1,-2,null],\"€\":\"€\"}");
    }

    #[test]
    fn names_are_in_the_order_of_utf_16() {
        // U+1F600 is a surrogate pair, and comes before U+FFFD there; in UTF-8 it comes after.
        let text =
            String::from_utf8(of_value(&json!({"\u{fffd}": 1, "\u{1f600}": 2, "z": 3})).unwrap()).unwrap();
        assert_eq!(text, "{\"z\":3,\"\u{1f600}\":2,\"\u{fffd}\":1}");
    }

    #[test]
    fn floats_and_large_integers_are_refused_by_place() {
        let error = bytes(&json!({"a": [1.5]})).unwrap_err();
        assert!(error.to_string().contains("$.a[0]"));
        assert!(bytes(&json!(1_u64 << 53)).is_err());
    }

    /// What [`leading`] stands for.
    fn parsed_and_written(json: &[u8]) -> Option<Vec<u8>> {
        let value: Value = serde_json::Deserializer::from_slice(json).into_iter().next()?.ok()?;
        of_value(&value).ok().filter(|written| json.starts_with(written))
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(|n| (n >> (n & 63)).into()),
            "[a-z\u{1}\n\"\\\\é€\u{fffd}\u{1f600}]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let members = prop::collection::btree_map("[a-c\n\u{fffd}\u{1f600}]{0,2}", inner.clone(), 0..4);
            let object = members.prop_map(|members| Value::Object(members.into_iter().collect()));
            prop_oneof![prop::collection::vec(inner, 0..4).prop_map(Value::from), object]
        })
    }

    proptest! {
        #[test]
        fn the_leading_value_is_what_was_written(value in any_value(), rest in "[,}\\] ][ -~]{0,4}") {
            let written = of_value(&value).ok();
            let json = written.clone().unwrap_or_else(|| value.to_string().into_bytes());
            let followed = [json.as_slice(), rest.as_bytes()].concat();
            prop_assert_eq!(leading(&followed), written.as_deref());
        }

        #[test]
        fn no_other_form_passes(value in any_value(), at in any::<prop::sample::Index>(), put in "[ -~]{0,2}", cut in 0_usize..3) {
            let mut json = value.to_string().into_bytes();
            let at = at.index(json.len());
            let end = (at + cut).min(json.len());
            json.splice(at..end, put.into_bytes());
            prop_assert_eq!(leading(&json).map(<[u8]>::to_vec), parsed_and_written(&json));
        }
    }

    #[test]
    fn other_forms_of_a_value_are_not_canonical() {
        for json in [
            " {}",
            "{\"b\":1,\"a\":2}",
            "{\"a\":1,\"a\":1}",
            "[1.0]",
            "[1e3]",
            "[-0]",
            "\"\\u0041\"",
            "[1, 2]",
            "9007199254740992",
            "{\"a\":1,}",
            "\"\\/\"",
            "",
            "{\"a\"",
            "nul",
        ] {
            assert_eq!(leading(json.as_bytes()), None, "{json}");
        }
        assert_eq!(leading(b"{\"a\":[-1,\"\\n\"]},\"hash\":1"), Some(&b"{\"a\":[-1,\"\\n\"]}"[..]));
    }
}
