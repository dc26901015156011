//! An append-only, hash-chained log over object storage.
