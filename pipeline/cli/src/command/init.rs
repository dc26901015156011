//! `init`, `config show`: a workspace of one's own, from the definitions compiled in.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use marsad_catalog::builtin;
use marsad_terms::{Explanation, RecordTypeId};
use serde_json::json;

use crate::report::{Failure, Report, table};
use crate::settings::{FILE, StoreSetting};
use crate::workspace::Workspace;

/// What `marsad.toml` starts with.
pub(super) const TEMPLATE: &str = include_str!("../template.toml");

/// Makes a workspace; never overwrites one.
///
/// # Errors
/// A workspace that is there, a folder that cannot be written.
pub(super) fn run(dir: &Path) -> Result<Report, Failure> {
    let settings = dir.join(FILE);
    if settings.exists() {
        let explanation = Explanation::new(
            "W06",
            format!("{} exists", settings.display()),
            "a workspace is never overwritten",
            "choose another folder, or edit that file",
        );
        return Err(Failure::new(explanation));
    }
    fs::create_dir_all(dir).map_err(|error| Failure::file(dir, "be made", &error))?;
    let name = dir.canonicalize().ok().and_then(|d| Some(d.file_name()?.to_string_lossy().into_owned()));
    let text = TEMPLATE.replace("{name}", &slug(name.as_deref().unwrap_or("marsad")));
    let files = make(dir, &text)?;
    let text = format!(
        "a workspace in {}: marsad.toml, purposes.toml, schemas/, queries/ ({} files)\n\n\
         next\n  \
         marsad keys generate                      the secret keys, in keys/\n  \
         marsad keys generate --signing analyst    an SSH key for each person who signs\n  \
         edit marsad.toml: [policy] and its signers, then: marsad policy set --key keys/officer\n  \
         marsad land EXTRACT.csv --as MAPPING",
        dir.display(),
        files.len(),
    );
    Ok(Report::new(text, json!({"workspace": dir, "files": files.len()})))
}

/// Writes definitions, settings and an empty key folder.
///
/// # Errors
/// A folder that cannot be written.
pub(super) fn make(dir: &Path, settings: &str) -> Result<Vec<PathBuf>, Failure> {
    fs::create_dir_all(dir).map_err(|error| Failure::file(dir, "be made", &error))?;
    let files = builtin::write(dir).map_err(|error| Failure::file(dir, "be written", &error))?;
    write(&dir.join(".gitignore"), "/keys\n/state\n/landing\n/restricted\n")?;
    private_folder(&dir.join("keys"))?;
    write(&dir.join(FILE), settings)?;
    Ok(files)
}

/// A name that a policy can carry.
fn slug(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    name.chars().map(plain).collect::<String>().trim_matches('-').to_owned()
}

/// Writes one file.
///
/// # Errors
/// Where it cannot.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::file(path, "be written", &error))
}

/// A folder that nobody else can enter.
fn private_folder(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| Failure::file(path, "be made", &error))
}

/// The settings in force.
pub(super) fn config(workspace: &Workspace) -> Report {
    let settings = &workspace.settings;
    let store = |configured: &Option<StoreSetting>, default: &str| match configured {
        Some(setting) => (setting.url().to_owned(), FILE),
        None => (workspace.dir.join(default).display().to_string(), "default"),
    };
    let key = |path: &Option<PathBuf>| match path {
        Some(path) => (path.display().to_string(), FILE),
        None => ("none".to_owned(), "default"),
    };
    let (stores, limits) = (&settings.stores, workspace.limits());
    let spill = limits.spill.display();
    let rows = [
        ("workspace.name", (settings.workspace.name.clone(), FILE)),
        ("workspace.agency", (settings.workspace.agency.clone(), FILE)),
        ("workspace.languages", (settings.workspace.languages.join(", "), FILE)),
        ("workspace.programme_start", (settings.workspace.programme_start.0.to_string(), FILE)),
        ("stores.landing", store(&stores.landing, "landing")),
        ("stores.restricted", store(&stores.restricted, "restricted")),
        ("stores.ledger", store(&stores.ledger, "ledger")),
        ("stores.releases", store(&stores.releases, "releases")),
        ("landing.bucket_bits", (settings.landing.bucket_bits.to_string(), FILE)),
        ("engine.memory_mib", engine(settings.engine.memory_mib, limits.memory >> 20)),
        ("engine.spill", engine(settings.engine.spill.as_ref().map(|_| &spill), &spill)),
        ("retention", retention(&settings.retention)),
        ("signing.author", key(&settings.signing.author)),
        ("signing.publisher", key(&settings.signing.publisher)),
        ("policy", (if settings.policy.is_some() { "a draft" } else { "none" }.to_owned(), FILE)),
    ];
    let json: serde_json::Map<String, serde_json::Value> =
        rows.iter().map(|(name, (value, _))| ((*name).to_owned(), json!(value))).collect();
    let lines = rows.into_iter().map(|(name, (value, from))| vec![name.to_owned(), value, from.to_owned()]);
    Report::new(table(&["setting", "value", "from"], lines, 3), json!({"settings": json}))
}

fn engine<T: ToString>(given: Option<impl ToString>, default: T) -> (String, &'static str) {
    match given {
        Some(value) => (value.to_string(), FILE),
        None => (default.to_string(), "default"),
    }
}

fn retention(months: &BTreeMap<RecordTypeId, u32>) -> (String, &'static str) {
    let each: Vec<String> =
        months.iter().map(|(record_type, n)| format!("{record_type} {n} months")).collect();
    if each.is_empty() { ("as the record types say".to_owned(), "default") } else { (each.join(", "), FILE) }
}
