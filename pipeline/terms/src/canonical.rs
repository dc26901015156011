//! Canonical JSON: RFC 8785 restricted to integers, so that equal values have equal bytes and hashes.

use std::cmp::Ordering;
use std::fmt;

use serde::Serialize;
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
            let whole = number.as_i64().filter(|n| n.unsigned_abs() < (1 << 53));
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

/// The order of RFC 8785; that of ASCII names is that of their bytes.
fn in_utf16(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}

#[cfg(test)]
mod tests {
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
}
