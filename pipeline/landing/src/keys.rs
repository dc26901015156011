//! The six secret keys: made, read, compared with what a store was begun with. They are never printed and never in a store;
//! what leaves this file are keyed hashes.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use marsad_terms::{Digest, Name, RunId};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

pub use crate::error::variable;
use crate::pseudonym::{Pseudonymiser, Rotation};
use crate::seal::Sealer;
use crate::{ActError, Error, Result};

/// The keys' names, as in `keys/<name>.key`.
pub const NAMES: [&str; 6] =
    ["pseudonym", "selection", "landing", "custody", "restricted-pseudonym", "restricted-landing"];

const PSEUDONYM: usize = 0;
const SELECTION: usize = 1;
const LANDING: usize = 2;
const CUSTODY: usize = 3;
const RESTRICTED_PSEUDONYM: usize = 4;
const RESTRICTED_LANDING: usize = 5;

/// The keys that wrap data keys, of the landing and of the restricted one: rotated without a look at any row.
pub const WRAPPING: [&str; 2] = [NAMES[LANDING], NAMES[RESTRICTED_LANDING]];
/// The keys of pseudonyms, of the landing and of the restricted one: rotated by writing all files anew.
pub const PSEUDONYMS: [&str; 2] = [NAMES[PSEUDONYM], NAMES[RESTRICTED_PSEUDONYM]];

/// The keys of a workspace. Zeroed when dropped; no `Debug`, no `Clone`.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Keys {
    current: [[u8; 32]; NAMES.len()],
    /// Of the keys of pseudonyms those before them, the first one first: a pseudonym goes through all of them.
    before: [Vec<[u8; 32]>; NAMES.len()],
    /// While a key is rotated the one that takes its place, from `keys/<name>.next.key`.
    next: [Option<[u8; 32]>; NAMES.len()],
}

impl Keys {
    /// Draws six keys and writes them into `dir`, which is created with mode 0700, each with mode 0600.
    ///
    /// # Errors
    /// `KeyExists` where one is there: then none is written. `KeyMode` where others may use the folder.
    pub fn generate(dir: &Path) -> Result<()> {
        let keys = Self::draw()?;
        make_folder(dir)?;
        let paths = NAMES.map(|name| path_of(dir, name));
        if let Some(path) = paths.iter().find(|path| path.exists()) {
            return Err(Error::KeyExists { path: path.clone() });
        }
        for (written, path) in paths.iter().enumerate() {
            if let Err(error) = write_keys(path, [&keys.current[written]]) {
                for path in &paths[..written] {
                    // The first failure is the one to tell.
                    fs::remove_file(path).ok();
                }
                return Err(error);
            }
        }
        sync(dir).map_err(|source| key_file(dir, source))
    }

    fn empty() -> Self {
        Self { current: [[0; 32]; NAMES.len()], before: Default::default(), next: [None; NAMES.len()] }
    }

    /// Reads the six keys from `dir`, each from `MARSAD_KEY_<NAME>` instead where that is set.
    ///
    /// # Errors
    /// `KeyMissing`, `KeyMalformed`, `KeysEqual`; `KeyMode` where others may use a file or the folder.
    pub fn load(dir: &Path) -> Result<Self> {
        Self::load_with(dir, |name| std::env::var(name).ok())
    }

    fn load_with(dir: &Path, environment: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut keys = Self::empty();
        for (at, name) in NAMES.into_iter().enumerate() {
            let chain = match environment(&variable(name)).map(Zeroizing::new) {
                Some(text) => Chain::parse(&text, name).ok_or_else(|| malformed(name, variable(name)))?,
                None => Chain::read(&path_of(dir, name), dir, name)?,
            };
            (keys.current[at], keys.before[at]) = (chain.key, chain.before.clone());
        }
        for name in WRAPPING.into_iter().chain(PSEUDONYMS) {
            let path = next_path(dir, name);
            if path.exists() {
                keys.next[place(name)] = Some(Chain::read(&path, dir, name)?.key);
            }
        }
        keys.are_different()?;
        Ok(keys)
    }

    /// Whether the key that takes another's place is drawn, and the rotation has not ended.
    pub fn is_drawn_next(dir: &Path, name: &str) -> bool {
        next_path(dir, name).exists()
    }

    /// Begins the rotation of a key: draws the one that takes its place, unless an earlier rotation drew it and was cut off.
    ///
    /// # Errors
    /// `KeyInEnvironment` where the key is not in its file; as [`Keys::generate`].
    pub fn draw_next(dir: &Path, name: &'static str) -> Result<()> {
        if std::env::var_os(variable(name)).is_some() {
            return Err(ActError::KeyInEnvironment { variable: variable(name) }.into());
        }
        is_private(dir)?;
        let path = next_path(dir, name);
        if path.exists() {
            return Ok(());
        }
        let mut chain = Chain::read(&path_of(dir, name), dir, name)?;
        let key = chain.key;
        chain.before.push(key);
        getrandom::fill(&mut chain.key).map_err(|_| Error::Randomness)?;
        let kept = if PSEUDONYMS.contains(&name) { chain.before.as_slice() } else { &[] };
        // Written aside first: half a key under that name would stop every command.
        let aside = path.with_extension("part");
        fs::remove_file(&aside).ok();
        write_keys(&aside, kept.iter().chain([&chain.key]))?;
        fs::rename(&aside, &path).and_then(|()| sync(dir)).map_err(|source| key_file(&path, source))
    }

    /// Ends the rotation of a key: what was drawn is the key, and the old one is gone.
    ///
    /// # Errors
    /// `KeyFile`.
    pub fn settle_next(dir: &Path, name: &'static str) -> Result<()> {
        let path = path_of(dir, name);
        let settled = fs::rename(next_path(dir, name), &path).and_then(|()| sync(dir));
        settled.map_err(|source| key_file(&path, source))
    }

    /// Fresh keys that are written nowhere, for a check without a workspace.
    pub(crate) fn draw() -> Result<Self> {
        let mut keys = Self::empty();
        for key in &mut keys.current {
            getrandom::fill(key).map_err(|_| Error::Randomness)?;
        }
        Ok(keys)
    }

    fn are_different(&self) -> Result<()> {
        for (second, key) in self.current.iter().enumerate() {
            if let Some(first) = self.current[..second].iter().position(|other| other == key) {
                return Err(Error::KeysEqual { first: NAMES[first], second: NAMES[second] });
            }
        }
        let drawn = self.next.iter().flatten();
        match drawn.clone().find_map(|next| self.current.iter().position(|key| key == next)) {
            Some(at) => Err(Error::KeysEqual { first: NAMES[at], second: "next" }),
            None => Ok(()),
        }
    }

    /// The key that decides which of a person's rows count, where a bound leaves some out.
    pub fn selection(&self) -> &[u8; 32] {
        &self.current[SELECTION]
    }

    /// A name for the selection key: 16 hexadecimal digits of its check value, never the key.
    pub fn selection_id(&self) -> String {
        self.check_value(SELECTION).hex()[..16].to_owned()
    }

    /// A commitment to the custody head that a run read: whoever has the custody key can check it, nobody else learns from it.
    pub fn commitment(&self, run: &RunId, head: Option<Digest>) -> Digest {
        let key = Zeroizing::new(blake3::derive_key("marsad custody commitment v1", &self.current[CUSTODY]));
        let mut hasher = blake3::Hasher::new_keyed(&key);
        hasher.update(run.as_str().as_bytes());
        if let Some(head) = head {
            hasher.update(head.as_bytes());
        }
        Digest::from_bytes(*hasher.finalize().as_bytes())
    }

    /// A keyed hasher for the content of extracts: an extract's plain hash could be guessed from a guessed extract.
    pub(crate) fn content_hasher(&self) -> blake3::Hasher {
        let key = Zeroizing::new(blake3::derive_key("marsad extract content v1", &self.current[CUSTODY]));
        blake3::Hasher::new_keyed(&key)
    }

    /// What makes the pseudonyms of one key space.
    pub(crate) fn pseudonymiser(&self, restricted: bool) -> Pseudonymiser {
        let at = if restricted { RESTRICTED_PSEUDONYM } else { PSEUDONYM };
        match self.before[at].as_slice() {
            [] => Pseudonymiser::new(&self.current[at], &[]),
            [first, more @ ..] => {
                let rotations = Zeroizing::new([more, &[self.current[at]]].concat());
                Pseudonymiser::new(first, &rotations)
            }
        }
    }

    /// What the key that is to take the place of a key of pseudonyms makes of those that stand.
    pub(crate) fn rotation(&self, name: &str) -> Option<Rotation> {
        self.next[place(name)].as_ref().map(Rotation::new)
    }

    /// What wraps the data keys of one store.
    pub(crate) fn sealer(&self, restricted: bool) -> Sealer {
        let at = if restricted { RESTRICTED_LANDING } else { LANDING };
        match &self.next[at] {
            Some(next) => Sealer::new(next).or_under(&self.current[at]),
            None => Sealer::new(&self.current[at]),
        }
    }

    /// The keys' names.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        NAMES.into_iter()
    }

    /// Whether the key of that name has this check value.
    pub(crate) fn has(&self, name: &str, value: &Digest) -> bool {
        self.check_value(place(name)) == *value
    }

    /// The check value of the key that is to take another's place.
    pub(crate) fn next_check_value(&self, name: &str) -> Option<Digest> {
        self.next[place(name)].as_ref().map(|key| check_value(key, name))
    }

    /// The check values that a custody log's first entry holds, by name.
    pub(crate) fn check_values(&self) -> BTreeMap<String, Digest> {
        NAMES.into_iter().enumerate().map(|(at, name)| (name.to_owned(), self.check_value(at))).collect()
    }

    fn check_value(&self, at: usize) -> Digest {
        check_value(&self.current[at], NAMES[at])
    }
}

fn check_value(key: &[u8; 32], name: &str) -> Digest {
    let key = Zeroizing::new(blake3::derive_key("marsad key check value v1", key));
    Digest::from_bytes(*blake3::keyed_hash(&key, name.as_bytes()).as_bytes())
}

/// The place of a name in [`NAMES`].
fn place(name: &str) -> usize {
    NAMES.iter().position(|other| *other == name).unwrap_or_default()
}

fn next_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.next.key"))
}

fn sync(dir: &Path) -> std::io::Result<()> {
    File::open(dir)?.sync_all()
}

fn path_of(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.key"))
}

fn make_folder(dir: &Path) -> Result<()> {
    if !dir.exists() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(|source| key_file(dir, source))?;
    }
    is_private(dir)
}

/// Writes a file of these keys, a line each, or none.
fn write_keys<'k>(path: &Path, keys: impl IntoIterator<Item = &'k [u8; 32]>) -> Result<()> {
    let mut text = Zeroizing::new(String::with_capacity(1 << 12));
    for key in keys {
        text.push_str(&Zeroizing::new(hex::encode(key)));
        text.push('\n');
    }
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = opened.map_err(|source| match source.kind() {
        std::io::ErrorKind::AlreadyExists => Error::KeyExists { path: path.to_owned() },
        _ => key_file(path, source),
    })?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|source| {
        // Half a key would stand in the way of the whole one.
        fs::remove_file(path).ok();
        key_file(path, source)
    })
}

/// A key with those before it, as its file has them: a line each, the newest last. A key that wraps has none before it.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Chain {
    key: [u8; 32],
    before: Vec<[u8; 32]>,
}

impl Chain {
    fn read(path: &Path, dir: &Path, name: &'static str) -> Result<Self> {
        match fs::read_to_string(path).map(Zeroizing::new) {
            Ok(text) => {
                is_private(dir)?;
                is_private(path)?;
                Self::parse(&text, name).ok_or_else(|| malformed(name, path.display().to_string()))
            }
            Err(source) => match source.kind() {
                std::io::ErrorKind::NotFound => Err(Error::KeyMissing { name, path: path.to_owned() }),
                std::io::ErrorKind::InvalidData => Err(malformed(name, path.display().to_string())),
                _ => Err(key_file(path, source)),
            },
        }
    }

    fn parse(text: &str, name: &str) -> Option<Self> {
        let mut chain = Self { key: [0; 32], before: Vec::with_capacity(text.lines().count() + 1) };
        for line in text.trim().lines() {
            chain.before.push([0; 32]);
            hex::decode_to_slice(line.trim(), chain.before.last_mut()?).ok()?;
        }
        chain.key = chain.before.pop()?;
        (chain.before.is_empty() || PSEUDONYMS.contains(&name)).then_some(chain)
    }
}

/// Refuses a file or folder that group or others may use.
fn is_private(path: &Path) -> Result<()> {
    match mode_for_others(path).map_err(|source| key_file(path, source))? {
        None => Ok(()),
        Some(mode) => Err(Error::KeyMode { path: path.to_owned(), mode }),
    }
}

/// The permission bits of a file or folder that group or others may use.
pub(crate) fn mode_for_others(path: &Path) -> std::io::Result<Option<u32>> {
    let mode = fs::metadata(path)?.permissions().mode() & 0o7777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

fn malformed(name: &'static str, place: String) -> Error {
    Error::KeyMalformed { name, place }
}

fn key_file(path: &Path, source: std::io::Error) -> Error {
    Error::KeyFile { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;

    static_assertions::assert_not_impl_any!(Keys: Debug, Clone);

    fn generated() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        Keys::generate(&folder.path().join("keys")).unwrap();
        folder
    }

    fn load(folder: &tempfile::TempDir) -> Result<Keys> {
        Keys::load_with(&folder.path().join("keys"), |_| None)
    }

    #[test]
    fn generated_keys_are_private_and_read_back() {
        let folder = generated();
        let dir = folder.path().join("keys");
        assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
        for name in NAMES {
            let path = path_of(&dir, name);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(fs::read_to_string(path).unwrap().trim().len(), 64);
        }
        let (first, second) = (load(&folder).unwrap(), load(&folder).unwrap());
        assert_eq!(first.check_values(), second.check_values());
        assert_eq!(first.selection_id().len(), 16);
        assert!(matches!(Keys::generate(&dir), Err(Error::KeyExists { .. })));
    }

    #[test]
    fn keys_that_others_can_read_are_refused() {
        let folder = generated();
        let path = path_of(&folder.path().join("keys"), "custody");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(load(&folder), Err(Error::KeyMode { mode: 0o640, .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(folder.path().join("keys"), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(load(&folder), Err(Error::KeyMode { mode: 0o755, .. })));
    }

    #[test]
    fn equal_missing_and_malformed_keys_are_refused() {
        let folder = generated();
        let dir = folder.path().join("keys");
        fs::copy(path_of(&dir, "landing"), path_of(&dir, "custody")).unwrap();
        assert!(matches!(load(&folder), Err(Error::KeysEqual { first: "landing", second: "custody" })));
        fs::write(path_of(&dir, "custody"), "abc").unwrap();
        assert!(matches!(load(&folder), Err(Error::KeyMalformed { name: "custody", .. })));
        fs::remove_file(path_of(&dir, "custody")).unwrap();
        assert!(matches!(load(&folder), Err(Error::KeyMissing { name: "custody", .. })));
    }

    #[test]
    fn a_variable_replaces_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let environment = |name: &str| {
            let at = NAMES.iter().position(|key| variable(key) == name)?;
            Some(hex::encode([u8::try_from(at).ok()?; 32]))
        };
        let keys = Keys::load_with(folder.path(), environment).unwrap();
        assert_eq!(keys.selection(), &[1; 32]);
        assert_eq!(variable("restricted-pseudonym"), "MARSAD_KEY_RESTRICTED_PSEUDONYM");
    }

    #[test]
    fn a_commitment_depends_on_key_run_and_head() {
        let (keys, other) = (Keys::draw().unwrap(), Keys::draw().unwrap());
        let run: RunId = "0".repeat(32).parse().unwrap();
        let head = Some(Digest::of(b"head"));
        assert_eq!(keys.commitment(&run, head), keys.commitment(&run, head));
        assert_ne!(keys.commitment(&run, head), keys.commitment(&run, None));
        assert_ne!(keys.commitment(&run, head), other.commitment(&run, head));
    }
}
