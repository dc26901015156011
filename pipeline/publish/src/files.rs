//! The files of a bundle as they are written: place, size, hashes, media type.

use std::fs;
use std::path::Path;

use marsad_terms::Digest;
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::release_json::FileJson;
use crate::sdmx::json;
use crate::sdmx::ml::Version;

/// A file that stands in the bundle.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// As `release.json` names it.
    pub(crate) file: FileJson,
    /// As the standards of open data name it: hexadecimal digits.
    pub(crate) sha256: String,
}

/// Writes a file of the bundle.
pub(crate) fn put(dir: &Path, path: String, bytes: &[u8]) -> Result<Written> {
    let target = dir.join(&path);
    let folder = target.parent().unwrap_or(dir);
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&target, bytes));
    written.map_err(|source| Error::File { action: "write", path: target, source })?;
    let file = FileJson {
        bytes: bytes.len() as u64,
        blake3: Digest::of(bytes).hex(),
        media_type: media_type(&path).into(),
        path,
    };
    Ok(Written { file, sha256: sha256(bytes) })
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        _ if path == Version::V21.path() => "application/vnd.sdmx.structure+xml;version=2.1",
        _ if path == Version::V30.path() => "application/vnd.sdmx.structure+xml;version=3.0.0",
        _ if path == json::PATH => "application/vnd.sdmx.structure+json;version=2.0.0",
        _ if path.ends_with(".csv-metadata.json") => "application/csvm+json",
        Some("csv") if path.starts_with("sdmx/") => "application/vnd.sdmx.data+csv;version=2.0.0",
        Some("xml") if path.starts_with("sdmx/") => {
            "application/vnd.sdmx.structurespecificdata+xml;version=2.1"
        }
        Some("csv") => "text/csv",
        Some("parquet") => "application/vnd.apache.parquet",
        Some("xlsx") => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        Some("yaml") => "application/yaml",
        Some("html") => "text/html",
        Some("json") => "application/json",
        Some("jsonld") => "application/ld+json",
        _ => "application/octet-stream",
    }
}
