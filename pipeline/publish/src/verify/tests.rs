//! A bundle that was changed in any way fails a check that names the file.

use std::fs;
use std::path::{Path, PathBuf};

use marsad_ledger::sign::{self, SigningKey};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::bundle;
use crate::edition::Edition;
use crate::testing::Fixture;

/// Which check notices, in which file, what was done to its text.
type Lie = (&'static str, &'static str, fn(String) -> String);

/// A bundle signed with a key of its own.
struct Bundle {
    /// Removes the folder at the end.
    _whole: Option<TempDir>,
    dir: PathBuf,
    allowed: Allowed,
    key: SigningKey,
}

impl Bundle {
    fn new() -> Self {
        Self::of(&Fixture::shared().edition())
    }

    /// Three dataflows: one of crossed dimensions, a quotient, an exact one.
    fn small() -> Self {
        let mut edition = Fixture::shared().edition();
        let kept = ["assisted_persons", "urgent_needs_share", "org_activities"];
        edition.dataflows.retain(|flow| kept.contains(&flow.id.as_str()));
        let costs = edition.dataflows.iter().map(|flow| flow.nano_rho.get());
        edition.nano_rho = marsad_terms::NanoRho::new(costs.sum());
        Self::of(&edition)
    }

    fn of(edition: &Edition) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().to_owned();
        Self { _whole: Some(dir), ..Self::of_into(edition, &folder) }
    }

    fn of_into(edition: &Edition, dir: &Path) -> Self {
        let keys = tempfile::tempdir().unwrap();
        bundle::assemble(dir, &Fixture::shared().catalog, edition).unwrap();
        let key = SigningKey::generate(&keys.path().join("publisher"), "publisher").unwrap();
        let allowed = Allowed::read(key.public_line());
        let bundle = Self { _whole: None, dir: dir.to_owned(), allowed, key };
        bundle.sign();
        bundle
    }

    fn sign(&self) {
        let bytes = fs::read(self.dir.join("release.json")).unwrap();
        let signature = self.key.sign(sign::RELEASE, &bytes).unwrap();
        fs::write(self.dir.join("release.json.sig"), signature).unwrap();
    }

    fn verify(&self) -> Report {
        verify(&self.dir, &self.allowed)
    }

    fn failed(&self) -> Vec<(String, String)> {
        self.verify().failed().map(|check| (check.name.clone(), check.file.clone())).collect()
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.dir.join(path)).unwrap()
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.dir.join(path), text).unwrap();
    }

    /// Changes a text and signs the bundle anew, hashes and all: a liar with the key.
    fn forge(&self, path: &str, change: impl Fn(String) -> String) {
        let before = self.read(path);
        let after = change(before.clone());
        assert_ne!(before, after, "the mutation of {path} changes nothing");
        self.replace(path, after.as_bytes());
    }

    /// Puts other bytes in the place of a file and signs the bundle anew.
    fn replace(&self, path: &str, bytes: &[u8]) {
        fs::write(self.dir.join(path), bytes).unwrap();
        let mut statement: ReleaseJson = serde_json::from_str(&self.read("release.json")).unwrap();
        for file in statement.files.iter_mut().filter(|file| file.path == path) {
            file.bytes = bytes.len() as u64;
            file.blake3 = Digest::of(bytes).hex();
        }
        fs::write(self.dir.join("release.json"), release_json::write(&statement).unwrap()).unwrap();
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
fn combined_figures_are_computed_again_where_their_sources_lie_beside() {
    let dir = tempfile::tempdir().unwrap();
    let folder = |release: &str| dir.path().join(release);
    let catalog = &Fixture::shared().catalog;
    let before = bundle::assemble(&folder("2024-Q4"), catalog, &Fixture::before()).unwrap();
    let both = Bundle::of_into(&Fixture::combined_with(before.manifest), &folder("2024-Q4-B"));
    let (id, path) = ("assisted_persons_combined", "data/assisted_persons_combined.csv");
    let found = || {
        let checks = both.verify().checks;
        checks.into_iter().find(|check| check.name == "combined").map(|check| (check.ok, check.what)).unwrap()
    };
    assert!(both.verify().ok, "{:#?}", both.verify().failed().collect::<Vec<_>>());
    assert_eq!(found(), (true, "135 figures computed again from 2 releases".to_owned()));
    let statement: ReleaseJson = serde_json::from_str(&both.read("release.json")).unwrap();
    let sources = &statement.statistics.iter().find(|own| own.id == id).unwrap().sources;
    assert_eq!(sources[1].manifest.as_deref(), Some(before.manifest.to_string().as_str()));

    // A figure that a liar with the key moved by less than its margin.
    let honest = both.read(path);
    let moved = |by: f64| {
        let mut lines: Vec<String> = honest.lines().map(str::to_owned).collect();
        let mut fields: Vec<String> = lines[1].split(',').map(str::to_owned).collect();
        fields[4] = format!("{:.6}", fields[4].parse::<f64>().unwrap() + by);
        lines[1] = fields.join(",");
        lines.join("\n") + "\n"
    };
    both.forge(path, |_| moved(1.0));
    assert!(!found().0 && found().1.ends_with("is not the mean of its sources"), "{:?}", found());
    // Without the bundle before, it could have come by chance; a thousand more could not.
    fs::rename(folder("2024-Q4"), folder("elsewhere")).unwrap();
    let without =
        "sharper than its own figures; not computed again: the bundle of 2024-Q4 is not beside this one";
    assert_eq!(found(), (true, without.to_owned()));
    both.forge(path, |_| moved(1000.0));
    assert!(!found().0 && found().1.ends_with("is too far from a source"), "{:?}", found());
    // What stands there now is another bundle.
    fs::create_dir(folder("2024-Q4")).unwrap();
    fs::write(folder("2024-Q4").join("release.json"), "{}").unwrap();
    both.forge(path, |_| honest.clone());
    assert_eq!(found(), (true, without.to_owned()));
}

/// One place of each class of bytes that a text holds, and of every third of the file.
fn places(bytes: &[u8]) -> Vec<usize> {
    let classes: [fn(&u8) -> bool; 6] = [
        u8::is_ascii_digit,
        u8::is_ascii_alphabetic,
        u8::is_ascii_punctuation,
        |byte| *byte == b' ',
        |byte| *byte == b'\n',
        |byte| !byte.is_ascii(),
    ];
    let mut places: Vec<usize> = classes.iter().filter_map(|class| bytes.iter().position(class)).collect();
    places.extend([0, bytes.len() / 3, bytes.len() * 2 / 3, bytes.len() - 1]);
    places
}

#[test]
fn a_change_of_any_byte_is_noticed_and_names_the_file() {
    let bundle = Bundle::small();
    let statement: ReleaseJson = serde_json::from_str(&bundle.read("release.json")).unwrap();
    for path in crate::bundle::files_below(&bundle.dir).unwrap() {
        let full = bundle.dir.join(&path);
        let bytes = fs::read(&full).unwrap();
        let is_signed = path.starts_with("release.json");
        let named = |what: &str| {
            let checks =
                if is_signed { bundle.verify().checks } else { files::checks(&bundle.dir, &statement) };
            let name = if is_signed { "signature" } else { "hash" };
            let found = |check: &&Check| !check.ok && check.name == name && (is_signed || check.file == path);
            assert!(checks.iter().any(|check| found(&check)), "{what} of {path} goes unnoticed");
        };
        for place in places(&bytes) {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            fs::write(&full, &changed).unwrap();
            // An armoured signature may be read past a changed line end.
            if path != "release.json.sig" || bytes[place].is_ascii_alphabetic() {
                named(&format!("a flipped bit at {place}"));
            }
        }
        fs::write(&full, &bytes[..bytes.len() / 2]).unwrap();
        named("half");
        fs::write(&full, bytes).unwrap();
    }
    assert!(bundle.verify().ok);
}

#[test]
fn a_file_that_is_missing_or_more_is_noticed() {
    let bundle = Bundle::small();
    for path in crate::bundle::files_below(&bundle.dir).unwrap() {
        let full = bundle.dir.join(&path);
        let bytes = fs::read(&full).unwrap();
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
    let (data, structures) = (
        "sdmx/DF_ASSISTED_PERSONS.xml",
        ["sdmx/structure-2.1.xml", "sdmx/structure-3.0.xml", "sdmx/structure.json"],
    );
    let cases: [Lie; 22] = [
        ("totals", plain, |text| replace_field(&text, 1, 4, |estimate| format!("{:.6}", estimate + 1.0))),
        ("totals", plain, |text| replace_field(&text, 1, 9, |value| format!("{:.0}", value - 200.0))),
        ("flags", plain, |text| text.replacen(",Q\n", ",U\n", 1)),
        ("table", plain, |text| text.replacen(",MA-01,", ",MA-08,", 1)),
        ("table", plain, |text| swap_lines(&text, 3, 4)),
        ("table", plain, |text| replace_field(&text, 2, 4, |estimate| format!("{estimate:.3}"))),
        ("sdmx", "sdmx/DF_ASSISTED_PERSONS.csv", |text| text.replacen(",PERSONS,", ",HOURS,", 1)),
        ("sdmx", data, |text| text.replacen(" OBS_VALUE=\"NaN\"", " OBS_VALUE=\"0\"", 1)),
        ("sdmx", data, |text| text.replacen(" RELEASE_ID=\"2024-Q4\"", " RELEASE_ID=\"2024-Q3\"", 1)),
        ("sdmx", data, |text| text.replacen(" REF_AREA=\"MA-01\"", " REF_AREA=\"MA-08\"", 1)),
        ("sdmx", data, |text| remove_line(&text, "<Obs ")),
        ("structure", structures[0], |text| text.replacen("Tanger", "Ranger", 1)),
        ("structure", structures[0], |text| text.replacen("<Ref id=\"MA\"/>", "<Ref id=\"_O\"/>", 1)),
        ("structure", structures[1], |text| {
            text.replacen("<str:Code id=\"MA-02\"", "<str:Code id=\"MA-08\"", 1)
        }),
        ("structure", structures[1], |text| {
            text.replacen("<str:Dimension id=\"SEX\"", "<str:Dimension id=\"AGE\"", 1)
        }),
        ("structure", structures[2], |text| text.replacen("\"المغرب\"", "\"\"", 1)),
        ("structure", structures[2], |text| text.replacen("\"id\": \"PERCENT\"", "\"id\": \"PERCENTS\"", 1)),
        ("csvw", "data/assisted_persons.csv-metadata.json", |text| {
            text.replacen("(MA|MA-01|", "(MA|MA-08|", 1)
        }),
        ("package", "datapackage.json", |text| text.replacen("sha256:", "sha256:0", 1)),
        ("dcat", "dcat.jsonld", |text| {
            text.replacen(
                "\"dcat:byteSize\": {\n    \"@value\": \"",
                "\"dcat:byteSize\": {\n    \"@value\": \"1",
                1,
            )
        }),
        ("privacy", "privacy.yaml", |text| {
            text.replacen(
                "\nmarsad:\n  release: \"2024-Q4\"\n  nano_rho: ",
                "\nmarsad:\n  release: \"2024-Q4\"\n  nano_rho: 1",
                1,
            )
        }),
        ("report", "report.html", |text| {
            text.replace("</body>", "<img src=\"https://example.org/x.png\"></body>")
        }),
    ];
    for (name, path, change) in cases {
        let bundle = Bundle::small();
        bundle.forge(path, change);
        let failed = bundle.failed();
        assert!(failed.iter().any(|(check, file)| check == name && file == path), "{name}: {failed:?}");
        assert!(failed.iter().all(|(check, _)| check != "hash" && check != "signature"), "{failed:?}");
        let blames_cost = failed.iter().any(|(check, file)| check == "privacy" && file == "release.json");
        assert!(!path.starts_with("data/") || !blames_cost, "{name}: a table that does not read has no cost");
    }
}

fn replace_field(text: &str, line: usize, field: usize, change: impl Fn(f64) -> String) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut fields: Vec<String> = lines[line].split(',').map(str::to_owned).collect();
    fields[field] = change(fields[field].parse().unwrap());
    lines[line] = fields.join(",");
    lines.join("\n") + "\n"
}

/// Another workbook, whole in itself, is noticed by its numbers, its labels or its sheets.
#[test]
fn a_workbook_of_other_figures_is_noticed() {
    let edition = || {
        let mut edition = Fixture::shared().edition();
        edition.dataflows.retain(|flow| flow.id == "org_activities" || flow.id == "urgent_needs_share");
        edition.nano_rho =
            marsad_terms::NanoRho::new(edition.dataflows.iter().map(|f| f.nano_rho.get()).sum());
        edition
    };
    let bundle = Bundle::of(&edition());
    assert!(bundle.verify().ok);
    let lies: [fn(&mut Edition); 3] = [
        |edition| edition.dataflows[0].rows[0].cell.as_mut().unwrap().estimate += 1.0,
        |edition| edition.dataflows[1].dimensions[0].codes[1].label.ar = "غيره".into(),
        |edition| edition.dataflows.reverse(),
    ];
    for lie in lies {
        let mut other = edition();
        lie(&mut other);
        bundle.replace("data/marsad.xlsx", &xlsx::write(&other).unwrap());
        let found = bundle.failed();
        assert!(found.contains(&("workbook".to_owned(), "data/marsad.xlsx".to_owned())), "{found:?}");
    }
}

fn remove_line(text: &str, start: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let place = lines.iter().position(|line| line.trim_start().starts_with(start)).unwrap();
    lines.remove(place);
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
        let path = bundle.dir.join("release.json");
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
