//! A workspace of its own for each test, and the built binary run in it.
//!
//! No test shares a folder, a key or a ledger with another.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The release that a workspace of a test defines, and its only statistic.
pub(crate) const RELEASE: &str = "2024-Q4-T";
/// People of a workspace, and what their keys may do.
const PEOPLE: [(&str, &str); 4] = [
    ("analyst", "\"analyst\", \"steward\""),
    ("steward", "\"steward\""),
    ("officer", "\"privacy-officer\""),
    ("publisher", "\"publisher\""),
];

/// What a command left.
#[derive(Debug)]
pub(crate) struct Output {
    /// The exit code; −1 if a signal ended it.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The last line, where it is a JSON document; else null.
    pub(crate) json: Value,
}

impl Output {
    /// The same, after the command did what it was asked.
    #[track_caller]
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, 0, "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// The error's code, after checking that it says what, why and what to do, and left the exit code of its kind.
    #[track_caller]
    pub(crate) fn error(&self) -> &str {
        let error = &self.json["error"];
        for key in ["code", "what", "why", "do"] {
            assert!(error[key].as_str().is_some_and(|text| !text.is_empty()), "{key} is missing in {self:?}");
        }
        assert!(error["where"].is_string(), "{self:?}");
        assert!(self.code == 1 || self.code == 2, "{self:?}");
        error["code"].as_str().expect("checked above")
    }

    /// A key of the document, or of a document in it: `records.landed`.
    #[track_caller]
    pub(crate) fn at(&self, path: &str) -> &Value {
        path.split('.').fold(&self.json, |value, key| {
            value.get(key).unwrap_or_else(|| panic!("no `{path}` in {}", self.json))
        })
    }

    /// Checks that the document has these keys.
    #[track_caller]
    pub(crate) fn has(&self, keys: &[&str]) {
        assert_keys(&self.json, keys);
    }

    /// All that was printed.
    pub(crate) fn printed(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// Checks that an object has these keys.
#[track_caller]
pub(crate) fn assert_keys(value: &Value, keys: &[&str]) {
    for key in keys {
        assert!(value.get(key).is_some(), "no `{key}` in {value}");
    }
}

/// The built binary, not yet started; nothing of the caller's environment names a workspace or a key.
pub(crate) fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_marsad"));
    let told = |name: &str| ["MARSAD_", "AWS_", "GOOGLE_", "AZURE_"].iter().any(|of| name.starts_with(of));
    for (name, _) in std::env::vars().filter(|(name, _)| told(name)) {
        command.env_remove(name);
    }
    command.current_dir(dir).args(args).stdin(Stdio::null());
    command
}

/// Runs the binary in a folder.
pub(crate) fn marsad_in(dir: &Path, args: &[&str]) -> Output {
    let output = command(dir, args).output().expect("the binary starts");
    let stdout = String::from_utf8(output.stdout).expect("UTF-8 on stdout");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8 on stderr");
    let json = stdout.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or(Value::Null);
    Output { code: output.status.code().unwrap_or(-1), stdout, stderr, json }
}

/// One workspace: initialised, with keys, four people and a policy, and a small release defined.
pub(crate) struct Workspace {
    folder: TempDir,
}

impl Workspace {
    /// Made by the commands that a user types.
    pub(crate) fn new() -> Self {
        Self::with_policy(str::to_owned)
    }

    /// The same with another draft of the policy.
    pub(crate) fn with_policy(edit: impl Fn(&str) -> String) -> Self {
        let workspace = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        marsad_in(workspace.folder.path(), &["init", "ws"]).done();
        workspace.marsad(&["keys", "generate"]).done();
        let mut settings = workspace.read("marsad.toml");
        settings = settings.replace("# author = ", "author = ").replace("# publisher = ", "publisher = ");
        settings = edit(&settings);
        for (name, roles) in PEOPLE {
            let made = workspace.marsad(&["keys", "generate", "--signing", name, "--json"]).done();
            let line = made.at("public").as_str().expect("a line");
            settings +=
                &format!("\n[[policy.signer]]\nname = \"{name}\"\nroles = [{roles}]\nkey = \"{line}\"\n");
        }
        workspace.write("marsad.toml", &settings);
        workspace.marsad(&["policy", "set", "--key", "keys/officer"]).done();
        workspace.define(RELEASE, "");
        workspace
    }

    /// A copy without some of its folders: another machine's installation, or the same one at another time.
    pub(crate) fn copy_without(&self, left_out: &[&str]) -> Self {
        let copy = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        copy_folder(&self.dir(), &copy.dir(), left_out);
        copy
    }

    /// Where it lies.
    pub(crate) fn dir(&self) -> PathBuf {
        self.folder.path().join("ws")
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    /// A path beside it, for files that are not the workspace's.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of it.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect(name)
    }

    /// Writes a file of it.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).expect(name);
    }

    /// Rewrites a file of it.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} has no {from}");
        self.write(name, text.replacen(from, to, 1));
    }

    /// Runs the binary in it.
    pub(crate) fn marsad(&self, args: &[&str]) -> Output {
        marsad_in(&self.dir(), args)
    }

    /// Runs the binary in it with `--json`.
    pub(crate) fn json(&self, args: &[&str]) -> Output {
        let output = self.marsad(&[args, &["--json"]].concat());
        assert_eq!(output.json["schema"], "marsad/1", "{output:?}");
        assert_eq!(output.stdout.lines().count(), 1, "one document alone: {output:?}");
        output
    }

    /// Starts the binary in it and does not wait.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        let mut command = command(&self.dir(), args);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts")
    }

    /// Defines a release of `assisted_persons`, with more lines.
    pub(crate) fn define(&self, id: &str, more: &str) {
        let text = format!(
            "id = \"{id}\"\ntitle = {{ fr = \"Essai\", ar = \"تجربة\", en = \"Trial\" }}\n\
             statistics = [\"assisted_persons\"]\nperiods = [\"2024-Q4\"]\nrho = \"0.1\"\nrecipients = [\"public\"]\n\
             embargo = 2025-01-15T09:00:00Z\ncontact = \"data@example.org\"\n\
             coverage = {{ fr = \"tous\", ar = \"الجميع\", en = \"all\" }}\n{more}\n"
        );
        self.write(&format!("queries/releases/{id}.toml"), text);
    }

    /// Lands a small extract of services.
    pub(crate) fn land_services(&self, n: usize) -> Output {
        self.write("services.csv", services(n));
        self.json(&["land", "services.csv", "--as", "partner_assistance"]).done()
    }

    /// Plans a release, answers its checklist in `answers.toml`; gives the plan.
    pub(crate) fn plan(&self, id: &str) -> Output {
        let plan = self.json(&["release", "plan", id]).done();
        let items = plan.at("checklist").as_array().expect("a list").iter();
        let asked = items.filter(|item| item["who"] != "M").map(|item| item["id"].as_str().expect("an id"));
        let answers: Vec<String> = asked.map(|id| format!("{id} = \"seen in a test\"\n")).collect();
        self.write("answers.toml", answers.concat());
        plan
    }

    /// Approves as somebody, with the answers of the last plan.
    pub(crate) fn approve(&self, id: &str, who: &str) -> Output {
        let key = format!("keys/{who}");
        self.json(&["release", "approve", id, "--key", &key, "--confirm-file", "answers.toml"])
    }

    /// Plans and approves.
    pub(crate) fn approved(&self, id: &str) -> Output {
        let plan = self.plan(id);
        assert_eq!(*self.approve(id, "steward").done().at("state"), "approved");
        plan
    }

    /// What the whole programme has used of its budget, by kind.
    pub(crate) fn lifetime(&self) -> BTreeMap<String, u64> {
        let budget = self.json(&["budget"]).done();
        let scopes = budget.at("scopes").as_array().expect("a list").clone();
        let lifetime = scopes.into_iter().find(|scope| scope["scope"] == "lifetime").expect("a lifetime");
        let kinds = ["cap", "reserved", "released", "forfeited", "left"];
        kinds.map(|kind| (kind.to_owned(), lifetime[kind].as_u64().expect(kind))).into()
    }

    /// Replays the ledger; it must be right.
    #[track_caller]
    pub(crate) fn ledger_is_right(&self) -> Output {
        let verdict = self.json(&["ledger", "verify"]);
        assert_eq!(verdict.code, 0, "{}", verdict.json);
        assert_eq!(*verdict.at("ok"), true);
        verdict
    }
}

fn copy_folder(from: &Path, to: &Path, left_out: &[&str]) {
    fs::create_dir_all(to).expect("a folder");
    fs::set_permissions(to, fs::metadata(from).expect("a folder").permissions()).expect("its rights");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if left_out.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if source.is_dir() {
            copy_folder(&source, &target, &[]);
        } else {
            fs::copy(&source, &target).expect("a file");
        }
    }
}

/// The header of the partner's extract.
pub(crate) const SERVICES: &str = "N° dossier;Date du service;Région;Sexe;Année de naissance;Nationalité;Catégorie;\
    Type de service;Quantité;Montant (MAD);Consentement;Observations\r\n";

/// An extract of `n` good records of as many people, as a partner sends it: Windows-1252, semicolons.
pub(crate) fn services(n: usize) -> Vec<u8> {
    let row = |i: usize| {
        let (day, month) = (i % 28 + 1, 10 + i % 3);
        let region = ["TTA", "RSK", "Oriental"][i % 3];
        let sex = ["Femme", "Homme"][i % 2];
        let born = 1960 + i % 50;
        format!("P-7{i:07};{day:02}/{month}/2024;{region};{sex};{born};Sénégal;régulière;Santé;1;;oui;\r\n")
    };
    latin(&(SERVICES.to_owned() + &(0..n).map(row).collect::<String>()))
}

/// Text as French Excel saves it.
pub(crate) fn latin(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin-1 text")).collect()
}
