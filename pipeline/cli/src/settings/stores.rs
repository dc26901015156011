//! `[stores]`: where each store is, and by which credentials a bucket opens.
//!
//! A bucket without a credentials file of its own is opened by the environment's variables of its cloud (`AWS_…`,
//! `GOOGLE_…`, `AZURE_…`); one with a file by that file alone, so that no command mixes two people's rights.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use marsad_log::Access;
use marsad_terms::{Explanation, nearest};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};

use crate::report::Failure;

/// What a credentials file usually holds; every other name of the clients is known too.
const USUAL: [&str; 11] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_region",
    "aws_endpoint",
    "aws_allow_http",
    "azure_storage_account_name",
    "azure_storage_account_key",
    "azure_storage_sas_token",
    "azure_storage_endpoint",
    "google_service_account",
];

/// `[stores]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoreSettings {
    /// Landed rows.
    pub landing: Option<StoreSetting>,
    /// Trafficking records.
    pub restricted: Option<StoreSetting>,
    /// Decisions and results.
    pub ledger: Option<StoreSetting>,
    /// Published bundles.
    pub releases: Option<StoreSetting>,
}

/// A folder, `file:///…`, `s3://…`, `gs://…` or `az://…`; or the same with a file of credentials.
#[derive(Clone, Debug)]
pub(crate) struct StoreSetting {
    url: String,
    credentials: Option<PathBuf>,
}

/// `{ url = "s3://…", credentials = "FILE" }`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    url: String,
    credentials: Option<PathBuf>,
}

impl<'de> Deserialize<'de> for StoreSetting {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrTable)
    }
}

struct TextOrTable;

impl<'de> Visitor<'de> for TextOrTable {
    type Value = StoreSetting;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address, or { url = \"s3://…\", credentials = \"FILE\" }")
    }

    fn visit_str<E: Error>(self, url: &str) -> Result<StoreSetting, E> {
        Ok(StoreSetting { url: url.to_owned(), credentials: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<StoreSetting, A::Error> {
        let Table { url, credentials } = Table::deserialize(MapAccessDeserializer::new(map))?;
        Ok(StoreSetting { url, credentials })
    }
}

impl StoreSetting {
    /// The address as written.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What opens it; a folder asks for nothing of it.
    ///
    /// # Errors
    /// A credentials file that cannot be read, that others can read, or that holds what nothing knows.
    pub(crate) fn access(&self, dir: &Path) -> Result<Access, Failure> {
        let text =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        match &self.credentials {
            Some(file) => read(&dir.join(file)),
            None => Ok(Access::among(std::env::vars_os().filter_map(text))),
        }
    }
}

fn read(path: &Path) -> Result<Access, Failure> {
    let unreadable = |error: std::io::Error| Failure::file(path, "be read", &error);
    let mode = fs::metadata(path).map_err(unreadable)?.permissions().mode();
    if mode & 0o077 != 0 {
        let explanation = Explanation::new(
            "W30",
            "others can read the credentials of a store",
            "who holds them reads and writes all that the store holds",
            format!("chmod 600 {}", path.display()),
        );
        return Err(Failure::new(explanation.at(path.display().to_string())));
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    // A value may be secret: the fault names the line, never what stands there.
    let pairs: BTreeMap<String, String> = toml::from_str(&text).map_err(|error| {
        let line =
            error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        unfit(path, line, "the line is not of the form NAME = \"value\"".to_owned(), None)
    })?;
    let (access, unknown) = Access::new(pairs);
    match unknown.first() {
        None => Ok(access),
        Some(name) => {
            let line = text.lines().position(|line| line.trim_start().starts_with(name.as_str()));
            let what = format!("nothing knows the setting `{name}`");
            Err(unfit(path, line.map_or(1, |line| line + 1), what, nearest(name, USUAL)))
        }
    }
}

fn unfit(path: &Path, line: usize, what: String, near: Option<&str>) -> Failure {
    let remedy = match near {
        Some(right) => format!("did you mean `{right}`?"),
        None => format!("write one a line, such as {} = \"…\"", USUAL.join(", ")),
    };
    let why = "a bucket is opened by what this file says, and by nothing else";
    Failure::new(Explanation::new("W31", what, why, remedy).at(format!("{}:{line}", path.display())))
}
