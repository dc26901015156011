//! A bundle that was changed in any way fails a check that names the file.

use std::fs;

use marsad_ledger::sign::{self, SigningKey};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::bundle;
use crate::testing::Fixture;

/// Which check notices, in which file, what was done to its text.
type Lie = (&'static str, &'static str, fn(String) -> String);

/// A bundle signed with a key of its own.
struct Bundle {
    dir: TempDir,
    allowed: Allowed,
    key: SigningKey,
}

impl Bundle {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let keys = tempfile::tempdir().unwrap();
        let fixture = Fixture::shared();
        let folder = dir.path();
        bundle::build(folder, &fixture.catalog, &fixture.released, &fixture.proposal, &fixture.context)
            .unwrap();
        let key = SigningKey::generate(&keys.path().join("publisher"), "publisher").unwrap();
        let allowed = Allowed::read(key.public_line());
        let bundle = Self { dir, allowed, key };
        bundle.sign();
        bundle
    }

    fn sign(&self) {
        let bytes = fs::read(self.dir.path().join("release.json")).unwrap();
        let signature = self.key.sign(sign::RELEASE, &bytes).unwrap();
        fs::write(self.dir.path().join("release.json.sig"), signature).unwrap();
    }

    fn verify(&self) -> Report {
        verify(self.dir.path(), &self.allowed)
    }

    fn failed(&self) -> Vec<(String, String)> {
        self.verify().failed().map(|check| (check.name.clone(), check.file.clone())).collect()
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.dir.path().join(path)).unwrap()
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.dir.path().join(path), text).unwrap();
    }

    /// Changes a file and signs the bundle anew, hashes and all: a liar with the key.
    fn forge(&self, path: &str, change: impl Fn(String) -> String) {
        let before = self.read(path);
        let after = change(before.clone());
        assert_ne!(before, after, "the mutation of {path} changes nothing");
        self.write(path, &after);
        let mut statement: ReleaseJson = serde_json::from_str(&self.read("release.json")).unwrap();
        for file in statement.files.iter_mut().filter(|file| file.path == path) {
            file.bytes = after.len() as u64;
            file.blake3 = Digest::of(after.as_bytes()).hex();
        }
        fs::write(self.dir.path().join("release.json"), release_json::write(&statement).unwrap()).unwrap();
        self.sign();
    }
}

#[test]
fn a_bundle_is_whole_signed_and_true_to_itself() {
    let report = Bundle::new().verify();
    let failed: Vec<&Check> = report.failed().collect();
    assert!(report.ok, "{failed:#?}");
    let what = |name: &str, file: &str| {
        report.checks.iter().find(|check| check.name == name && check.file == file).unwrap().what.clone()
    };
    assert_eq!(what("signature", "release.json.sig"), "signed by publisher");
    assert!(what("totals", "data/assisted_persons.csv").ends_with(" sums"));
    assert_eq!(what("totals", "data/indicators.csv"), "nothing to add up");
}

#[test]
fn a_change_of_any_file_is_noticed() {
    let bundle = Bundle::new();
    for path in crate::bundle::files_below(bundle.dir.path()).unwrap() {
        let full = bundle.dir.path().join(&path);
        let bytes = fs::read(&full).unwrap();
        let mut changed = bytes.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        fs::write(&full, &changed).unwrap();
        assert!(!bundle.verify().ok, "a flipped bit of {path} goes unnoticed");
        fs::write(&full, &bytes[..bytes.len() - 2]).unwrap();
        assert!(!bundle.verify().ok, "a shorter {path} goes unnoticed");
        fs::remove_file(&full).unwrap();
        assert!(!bundle.verify().ok, "a missing {path} goes unnoticed");
        fs::write(&full, bytes).unwrap();
    }
    assert!(bundle.verify().ok);
    bundle.write("data/more.csv", "x\n");
    assert_eq!(bundle.failed(), [("files".to_owned(), "release.json".to_owned())]);
}

#[test]
fn only_an_allowed_key_signs_a_release() {
    let mut bundle = Bundle::new();
    let dir = tempfile::tempdir().unwrap();
    let other = SigningKey::generate(&dir.path().join("other"), "other").unwrap();
    let allowed = format!("pat namespaces=\"marsad-release\" {}\n", bundle.key.public_line());
    bundle.allowed = Allowed::read(&allowed);
    assert!(bundle.verify().ok);
    for text in [other.public_line(), "", &allowed.replace("marsad-release", "marsad-approval")] {
        bundle.allowed = Allowed::read(text);
        assert_eq!(bundle.failed(), [("signature".to_owned(), "release.json.sig".to_owned())]);
    }
}

#[test]
fn a_liar_with_the_key_is_noticed_where_the_numbers_contradict_each_other() {
    let plain = "data/assisted_persons.csv";
    let cases: [Lie; 9] = [
        ("totals", plain, |text| replace_field(&text, 1, 4, |estimate| format!("{:.6}", estimate + 1.0))),
        ("totals", plain, |text| replace_field(&text, 1, 9, |value| format!("{:.0}", value - 200.0))),
        ("flags", plain, |text| text.replacen(",Q\n", ",U\n", 1)),
        ("table", plain, |text| text.replacen(",MA-01,", ",MA-08,", 1)),
        ("table", plain, |text| swap_lines(&text, 3, 4)),
        ("table", plain, |text| replace_field(&text, 2, 4, |estimate| format!("{estimate:.3}"))),
        ("sdmx", "sdmx/DF_ASSISTED_PERSONS.csv", |text| text.replacen(",PERSONS,", ",HOURS,", 1)),
        ("privacy", "privacy.yaml", |text| text.replace("  nano_rho: 600000001", "  nano_rho: 5000001")),
        ("report", "report.html", |text| {
            text.replace("</body>", "<img src=\"https://example.org/x.png\"></body>")
        }),
    ];
    for (name, path, change) in cases {
        let bundle = Bundle::new();
        bundle.forge(path, change);
        let failed = bundle.failed();
        assert!(failed.iter().any(|(check, file)| check == name && file == path), "{name}: {failed:?}");
        assert!(failed.iter().all(|(check, _)| check != "hash" && check != "signature"), "{failed:?}");
    }
}

fn replace_field(text: &str, line: usize, field: usize, change: impl Fn(f64) -> String) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut fields: Vec<String> = lines[line].split(',').map(str::to_owned).collect();
    fields[field] = change(fields[field].parse().unwrap());
    lines[line] = fields.join(",");
    lines.join("\n") + "\n"
}

fn swap_lines(text: &str, a: usize, b: usize) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.swap(a, b);
    lines.join("\n") + "\n"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_damaged_statement_is_reported_and_never_panics(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..3, "[\\PC]{0,3}|[0-9]{1,22}|[\\[\\]{}\",:]"), 1..4),
        signed in any::<bool>(),
    ) {
        let bundle = Bundle::new();
        let path = bundle.dir.path().join("release.json");
        let whole = fs::read_to_string(&path).unwrap();
        let mut text: Vec<char> = whole.chars().collect();
        for (at, kind, piece) in edits {
            let at = at.index(text.len().max(1)).min(text.len());
            match kind {
                0 => text.truncate(at),
                1 => drop(text.drain(at..(at + 5).min(text.len()))),
                _ => drop(text.splice(at..at, piece.chars())),
            }
        }
        let text: String = text.into_iter().collect();
        fs::write(&path, &text).unwrap();
        if signed {
            bundle.sign();
        }
        let report = bundle.verify();
        prop_assert!(signed || text == whole || report.failed().next().is_some());
    }
}
