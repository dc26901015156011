//! Identifiers, parsed once at the edge: what an id may look like is decided here and nowhere else.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The text cannot name the thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {kind}: {rule}")]
pub struct NameError {
    /// What was to be named.
    pub kind: &'static str,
    /// What was written.
    pub text: String,
    /// What a name of this kind looks like.
    pub rule: &'static str,
}

/// What all identifiers have in common.
pub trait Name: Sized + FromStr<Err = NameError> + fmt::Display {
    /// The text of the identifier.
    fn as_str(&self) -> &str;
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $rule:literal, $accept:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl Name for $name {
            fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                let accept: fn(&str) -> bool = $accept;
                if accept(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(NameError { kind: $kind, text: text.chars().take(80).collect(), rule: $rule })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

name!(
    /// A statistic: the stem of its files in `queries/`, at most 40 characters so that the SDMX id fits 50.
    StatisticId, "statistic id", "write lower-case letters, digits and `_`, at most 40, a letter first", |text| is_snake(text, 40)
);
name!(
    /// A record type: the stem of its file in `schemas/record_types/` and the name of its SQL table.
    RecordTypeId, "record type", "write lower-case letters, digits and `_`, at most 40, a letter first", |text| is_snake(text, 40)
);
name!(
    /// The public id of one release, never used twice.
    ReleaseId, "release id", "write letters, digits, `-` and `_`, at most 40, such as 2026-Q3", |text| {
        (1..=40).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && text.as_bytes()[0].is_ascii_alphanumeric()
    }
);
name!(
    /// One landed batch: 32 hexadecimal digits.
    BatchId, "batch id", "it has 32 lower-case hexadecimal digits", |text| is_hex(text, 32)
);
name!(
    /// One run of a release: 32 hexadecimal digits, drawn at random.
    RunId, "run id", "it has 32 lower-case hexadecimal digits", |text| is_hex(text, 32)
);

impl StatisticId {
    /// The dataflow of an output column, and the stem of its files: the first keeps the statistic's id (publication 2).
    pub fn dataflow(&self, index: usize, column: &str) -> String {
        if index == 0 { self.0.clone() } else { format!("{self}_{column}") }
    }
}

/// A dataflow's id in SDMX, `DF_…`.
pub fn flow_id(dataflow: &str) -> String {
    format!("DF_{}", dataflow.to_ascii_uppercase())
}

fn is_snake(text: &str, longest: usize) -> bool {
    text.len() <= longest
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_their_folder_are_refused() {
        for text in ["", "../x", "a/b", "A", "1a", "a b", "é", &"a".repeat(41)] {
            assert!(text.parse::<StatisticId>().is_err(), "{text}");
        }
        for text in ["", "..", "-a", "a/b", "2026 Q3"] {
            assert!(text.parse::<ReleaseId>().is_err(), "{text}");
        }
        assert!("2026-Q3".parse::<ReleaseId>().is_ok());
        assert!("assisted_persons".parse::<StatisticId>().is_ok());
    }
}
