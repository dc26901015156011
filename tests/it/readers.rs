//! The trade's own readers and validators on a bundle of the built binary, and the recipes of docs/use, word for word.
//!
//! They are Python's (`scripts/readers` installs them once, below target) and R's (`r-cran-rsdmx`, `r-cran-readr`). Where one is
//! missing these tests fail: what was not read was not proven.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::workspace::{RELEASE, Workspace, marsad_in};

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Python that has the readers.
pub(crate) fn python() -> &'static str {
    static PYTHON: OnceLock<String> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let made = Command::new(root().join("scripts/readers")).output().expect("scripts/readers starts");
        assert!(made.status.success(), "scripts/readers: {}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    })
}

/// The demonstration's bundle.
pub(crate) fn bundle() -> &'static Path {
    static DEMO: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, bundle) = DEMO.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let args = ["demo", "--dir", "d", "--scale", "0.02", "--seed", "5", "--json"];
        let demo = marsad_in(folder.path(), &args).done();
        let bundle = folder.path().join(demo.at("bundle").as_str().unwrap());
        (folder, bundle)
    });
    bundle
}

/// Runs a command in the demonstration's bundle and gives what it prints.
fn run(program: &str, args: &[&str]) -> String {
    run_in(bundle(), program, args)
}

pub(crate) fn run_in(folder: &Path, program: &str, args: &[&str]) -> String {
    let mut command = Command::new(program);
    command.current_dir(folder).args(args).env("PYTHONUTF8", "1").env("LC_ALL", "C.UTF-8");
    let output = command.output().unwrap_or_else(|error| panic!("{program} does not start: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {args:?}\n{out}\n{err}");
    out.into_owned()
}

#[test]
fn every_reader_of_the_trade_accepts_a_bundle() {
    let tool = root().join("tools/publication/check_bundle.py");
    let printed = run(python(), &[tool.to_str().unwrap(), ".", "--complete"]);
    assert!(printed.ends_with("all passed\n"), "{printed}");
    let n = printed.lines().filter(|line| line.starts_with("ok ")).count();
    assert!(n > 250, "{n} checks alone:\n{printed}");
}

/// The fenced blocks of a page in one language.
fn recipes(page: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("docs/use").join(page)).unwrap();
    let fenced = text.split("```").skip(1).step_by(2);
    let start = format!("{language}\n");
    fenced.filter_map(|block| Some(block.strip_prefix(&start)?.to_owned())).collect()
}

/// Value and status of every region in the plain table, as all recipes print them.
fn regions() -> Vec<(String, Option<f64>, String)> {
    let mut reader = csv::Reader::from_path(bundle().join("data/assisted_persons.csv")).unwrap();
    let rows = reader.records().map(Result::unwrap);
    let rows = rows.filter(|row| &row[0] == "2024-Q4" && &row[2] == "_T" && &row[3] == "_T");
    rows.map(|row| (row[1].to_owned(), row[9].parse().ok(), row[10].to_owned())).collect()
}

/// A printed table has a line for every region that begins with its code, holds its value and ends with its status.
fn shows_the_regions(printed: &str) {
    let regions = regions();
    assert!(regions.len() > 8);
    for (code, value, status) in regions {
        let line = printed.lines().find(|line| line.split_whitespace().next() == Some(code.as_str()));
        let words: Vec<&str> =
            line.unwrap_or_else(|| panic!("no {code} in {printed}")).split_whitespace().collect();
        assert_eq!(words.last(), Some(&status.as_str()), "{code}: {printed}");
        let holds = |value: f64| words.iter().any(|word| word.parse() == Ok(value));
        let hidden = ["NaN", "NA", "<NA>"];
        match value {
            Some(value) => assert!(holds(value), "{code} is {value}: {printed}"),
            None => assert!(words.iter().any(|word| hidden.contains(word)), "{code} is hidden: {printed}"),
        }
    }
}

#[test]
fn recipes_in_python_give_the_published_figures() {
    let recipes = [recipes("python.md", "python"), recipes("excel.md", "python")].concat();
    assert_eq!(recipes.len(), 6);
    for recipe in recipes {
        let printed = run(python(), &["-c", &recipe]);
        match recipe {
            _ if recipe.contains("raw_unit") => adds_up_raw(&printed),
            _ if recipe.contains("targets") => shows_shares_of_targets(&printed),
            _ => shows_the_regions(&printed),
        }
    }
}

/// "ASSISTED … 15200 1.9": the last two words of the line are the target and the share of it that the estimate is.
fn shows_shares_of_targets(printed: &str) {
    let table = fs::read_to_string(bundle().join("data/indicators.csv")).unwrap();
    let row = table.lines().find(|row| row.starts_with("2024-Q4,ASSISTED,")).unwrap();
    let estimate: f64 = row.split(',').nth(2).unwrap().parse().unwrap();
    let line = printed.lines().find(|line| line.trim_start().starts_with("ASSISTED ")).expect("its line");
    let [.., target, share] = line.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{line}") };
    let [target, share] = [target, share].map(|word| word.parse::<f64>().unwrap());
    let off = [target - 15_200.0, share - 100.0 * estimate / 15_200.0];
    assert!(off.iter().all(|off| off.abs() < 0.06), "{line} of {row}");
}

/// "25.4 ± 28.3": noise of two cells, each of the margin that its table has by itself.
fn adds_up_raw(printed: &str) {
    let (sum, margin) = printed.trim().split_once(" ± ").expect("a sum with its margin");
    let (sum, margin): (f64, f64) = (sum.parse().unwrap(), margin.parse().unwrap());
    let regions = fs::read_to_string(bundle().join("data/assisted_persons.csv")).unwrap();
    let north = regions.lines().filter(|row| {
        ["2024-Q4,MA-01,_T,_T,", "2024-Q4,MA-02,_T,_T,"].iter().any(|start| row.starts_with(start))
    });
    let estimates: f64 = north.map(|row| row.split(',').nth(4).unwrap().parse::<f64>().unwrap()).sum();
    assert!(margin > 0.0 && (sum - estimates).abs() < 4.0 * margin, "{printed} against {estimates}");
}

#[test]
fn recipes_in_sql_give_the_published_figures() {
    let recipes = recipes("duckdb.md", "sql");
    assert_eq!(recipes.len(), 2);
    let shell = "import duckdb, sys; print(duckdb.sql(sys.argv[1]).df().to_string(index=False))";
    shows_the_regions(&run(python(), &["-c", shell, &recipes[0]]));
    let labels = run(python(), &["-c", shell, &recipes[1]]);
    assert!(labels.contains("Souss-Massa") && labels.contains("سوس - ماسة"), "{labels}");
}

#[test]
fn recipes_in_r_give_the_published_figures() {
    let recipes = recipes("r.md", "r");
    assert_eq!(recipes.len(), 2);
    for recipe in recipes {
        let printed = run("Rscript", &["-e", &recipe]);
        shows_the_regions(&printed);
    }
}

/// What breaks formats that are put together by hand: markup, quotes of all kinds, an entity, a formula, marks of direction.
fn hostile(word: &str) -> String {
    format!(
        "={word} & <i>b</i> &amp; \"c\" 'd' «e» ]]> \\ ; , | #N/A {{{{x}}}} ${{y}} \u{200f}ع\u{200e} \u{2067}؟ 100 %\u{2069} ٣ – 😀"
    )
}

#[test]
fn titles_come_back_from_every_format_as_they_were_written() {
    let workspace = Workspace::new();
    workspace.land_services(30);
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    for (language, title) in
        [("fr", "Personnes assistées"), ("ar", "الأشخاص المستفيدون من المساعدة"), ("en", "Persons assisted")]
    {
        let (from, to) = (format!("title.{language} = \"{title}\""), hostile(&format!("title {language}")));
        workspace.edit(
            "queries/assisted_persons.toml",
            &from,
            &format!("title.{language} = {}", quoted(&to)),
        );
    }
    let title = "{ fr = \"Essai\", ar = \"تجربة\", en = \"Trial\" }";
    let hostile_title = ["fr", "ar", "en"]
        .map(|tag| format!("{tag} = {}", quoted(&hostile(&format!("release {tag}")))))
        .join(", ");
    workspace.edit(&format!("queries/releases/{RELEASE}.toml"), title, &format!("{{ {hostile_title} }}"));
    let cell = |tag: &str| format!("\"{}\"", hostile(&format!("code {tag}")).replace('"', "\"\""));
    let labels = ["fr", "ar", "en"].map(cell).join(",");
    workspace.edit(
        "schemas/code_lists/REF_AREA.csv",
        "MA-02,Oriental,الشرق,Oriental,",
        &format!("MA-02,{labels},"),
    );
    workspace.approved(RELEASE);
    workspace.json(&["release", "run", RELEASE, "--yes"]).done();
    workspace.json(&["release", "publish", RELEASE]).done();
    let bundle = workspace.path("releases").join(RELEASE);

    let tool = root().join("tools/publication/check_bundle.py");
    let printed = run_in(&bundle, python(), &[tool.to_str().unwrap(), ".", "--complete"]);
    assert!(printed.ends_with("all passed\n"), "{printed}");
    let tool = root().join("tools/publication/titles.py");
    let args = [tool.to_str().unwrap(), ".", "assisted_persons", "CL_REF_AREA", "MA-02"];
    let printed = run_in(&bundle, python(), &args);
    let found: BTreeMap<String, String> = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    assert_eq!(found.len(), 51, "{found:#?}");
    for (place, text) in &found {
        let language = place.rsplit(' ').next().unwrap();
        let of = |what: &str| hostile(&format!("{what} {language}"));
        let right = match place.as_str() {
            place if place.contains("titles") => text.contains(&of("title")),
            place if place.contains("note") => {
                let colon = if language == "fr" { "\u{202f}:" } else { ":" };
                text.starts_with(&format!("{}{colon} ", of("title")))
            }
            place if place.contains("release ") => *text == of("release"),
            place if place.contains("title ") => *text == of("title"),
            _ => *text == of("code"),
        };
        assert!(right, "{place}: {text}");
    }
}

#[test]
fn the_checker_notices_a_bundle_that_was_broken() {
    let broken = tempfile::tempdir().unwrap();
    let tool = root().join("tools/publication/check_bundle.py");
    let faults = [
        ("sdmx/DF_ASSISTED_PERSONS.csv", ",NaN,Q", ",,Q", "DF_ASSISTED_PERSONS.csv header and codes"),
        ("privacy.yaml", "mechanism: exact", "mechanism: discrete_gaussian", "privacy.yaml"),
        (
            "data/assisted_persons.csv",
            "2024-Q4,MA,_T,_T,",
            "2024-Q4,MA,_T,_T,1",
            "assisted_persons.csv totals",
        ),
    ];
    for (file, from, to, check) in faults {
        copy(bundle(), broken.path());
        let path = broken.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let args = [tool.to_str().unwrap(), ".", "--only", check];
        let output =
            Command::new(python()).current_dir(broken.path()).args(args).env("PYTHONUTF8", "1").output();
        let printed = String::from_utf8(output.unwrap().stdout).unwrap();
        let noticed = printed.lines().any(|line| line.starts_with("FAIL") && line.contains(check));
        assert!(noticed, "{check}:\n{printed}");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
