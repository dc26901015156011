//! What an entry says, kept as the bytes that were hashed and signed.

use std::fmt;

use bytes::Bytes;
use marsad_terms::canonical::{self, CanonicalError};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A JSON value in canonical form. Never parsed into a tree unless somebody asks for one.
#[derive(Clone, PartialEq, Eq)]
pub struct Body(Bytes);

impl Body {
    /// The canonical form of a value.
    ///
    /// # Errors
    /// Where it holds a number that is no integer within ±2^53.
    pub fn of(value: &Value) -> Result<Self, CanonicalError> {
        Ok(Self(canonical::of_value(value)?.into()))
    }

    /// Bytes that were found canonical.
    pub(super) fn of_canonical(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The canonical bytes: what a signature is over.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What it says, as a type.
    ///
    /// # Errors
    /// Where it is no such value.
    pub fn read<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_slice(&self.0)
    }

    /// What it says, as a tree.
    pub fn value(&self) -> Value {
        self.read().expect("canonical JSON is JSON")
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
