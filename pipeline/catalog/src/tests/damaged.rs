//! Definitions damaged at random: they load, or every fault says where and what to do; nothing panics.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use proptest::prelude::*;
use tempfile::TempDir;

use crate::{Catalog, builtin};

/// The carried definitions, and the files among them.
static CARRIED: LazyLock<(TempDir, Vec<PathBuf>)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let mut files = builtin::write(folder.path()).unwrap();
    files.retain(|file| !file.ends_with("README.md"));
    (folder, files)
});

const PIECES: [&str; 16] = [
    "\"",
    "[",
    "]",
    "{",
    "}",
    "=",
    "\n",
    "'",
    "#",
    ".",
    ",",
    "\u{0}",
    "\u{202e}",
    "é",
    "9999999999999999999999",
    "[a.b]\n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn damaged_definitions_load_or_are_explained(
        file in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4_usize, any::<u8>(), 0..PIECES.len()), 1..4),
    ) {
        let file = file.get(&CARRIED.1);
        let whole = fs::read(file).unwrap();
        let mut bytes = whole.clone();
        for (at, kind, byte, piece) in edits {
            let at = at.index(bytes.len().max(1)).min(bytes.len());
            match kind {
                0 if at < bytes.len() => bytes[at] = byte,
                1 => bytes.truncate(at),
                2 => drop(bytes.drain(at..(at + usize::from(byte)).min(bytes.len()))),
                _ => drop(bytes.splice(at..at, PIECES[piece].bytes())),
            }
        }
        fs::write(file, &bytes).unwrap();
        let loaded = std::panic::catch_unwind(|| Catalog::load(CARRIED.0.path()));
        fs::write(file, &whole).unwrap();
        match loaded {
            Ok(Ok(_)) => {}
            Ok(Err(faults)) => {
                prop_assert!(!faults.is_empty());
                for fault in faults {
                    let told = [&fault.file, &fault.what, &fault.why, &fault.remedy];
                    prop_assert!(told.iter().all(|text| !text.is_empty()) && fault.line > 0, "{fault:?}");
                }
            }
            Err(_) => prop_assert!(false, "{} panics", file.display()),
        }
    }
}
