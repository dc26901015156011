//! The report on paper: printed by the Chromium of the machine, whole or not at all, and nothing left behind.
//!
//! `chromium` and `pdftotext` (poppler-utils) must be there: `scripts/test` installs them.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempDir;

use crate::workspace::{Output, RELEASE, Workspace, command, marsad_in};

/// A small workspace with a published release.
fn published() -> &'static Workspace {
    static WORKSPACE: OnceLock<Workspace> = OnceLock::new();
    WORKSPACE.get_or_init(|| {
        let workspace = Workspace::new();
        workspace.land_services(90);
        workspace.approved(RELEASE);
        workspace.json(&["release", "run", RELEASE, "--yes"]).done();
        workspace.json(&["release", "publish", RELEASE]).done();
        workspace
    })
}

/// What a poppler tool says of a file.
fn poppler(tool: &str, args: &[&str]) -> String {
    let output = Command::new(tool).args(args).output().expect("install poppler-utils");
    assert!(output.status.success(), "{tool} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn pages(pdf: &Path) -> usize {
    let said = poppler("pdfinfo", &[pdf.to_str().unwrap()]);
    let line = said.lines().find_map(|line| line.strip_prefix("Pages:")).expect("a number of pages");
    line.trim().parse().unwrap()
}

/// Nothing but these files lies in a folder.
fn holds(folder: &Path, names: &[&str]) {
    let mut found: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, names);
}

#[test]
fn the_report_of_a_release_is_printed_in_each_language() {
    let workspace = published();
    let folder = tempfile::tempdir().unwrap();
    let csv = workspace.read(&format!("releases/{RELEASE}/data/assisted_persons.csv"));
    let total = csv.lines().find(|row| row.starts_with("2024-Q4,MA,_T,_T,")).unwrap();
    let value = total.split(',').nth(9).unwrap();
    let words = [
        ("fr", "Essai", "Personnes assistées"),
        ("ar", "تجربة", "الجهة"),
        ("en", "Trial", "Persons assisted"),
    ];
    for (language, title, heading) in words {
        let to = folder.path().join(format!("{language}.pdf"));
        let args = ["release", "pdf", RELEASE, "--to", to.to_str().unwrap(), "--language", language];
        assert_eq!(*workspace.json(&args).done().at("language"), language);
        assert!(pages(&to) > 1, "{language}: {} pages", pages(&to));
        let text = poppler("pdftotext", &[to.to_str().unwrap(), "-"]);
        for expected in [title, heading, value, RELEASE] {
            assert!(text.contains(expected), "{language}: no {expected} in\n{text}");
        }
        // Crossed tables are folded on a screen and open on paper; the margin of each page numbers it.
        assert!(text.contains(&format!("1 / {}", pages(&to))), "{language}:\n{text}");
        let bytes = fs::read(&to).unwrap();
        let declared = format!("/Lang ({language})");
        assert!(bytes.windows(declared.len()).any(|part| part == declared.as_bytes()), "{language}");
    }
    let french = poppler("pdftotext", &[folder.path().join("fr.pdf").to_str().unwrap(), "-"]);
    assert!(french.contains("60 ans et plus") && !french.contains("Persons assisted"), "{french}");
    holds(folder.path(), &["ar.pdf", "en.pdf", "fr.pdf"]);
    // The bundle is as it was signed.
    workspace.json(&["verify", &format!("releases/{RELEASE}")]).done();
}

#[test]
fn a_bundle_is_printed_without_its_workspace() {
    let workspace = published();
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("a bundle #1");
    let status =
        Command::new("cp").arg("-r").arg(workspace.path("releases").join(RELEASE)).arg(&own).status();
    assert!(status.unwrap().success());
    let print = || marsad_in(folder.path(), &["release", "pdf", "a bundle #1", "--to", "r.pdf", "--json"]);
    assert_eq!(*print().done().at("release"), RELEASE);
    let before = fs::read(folder.path().join("r.pdf")).unwrap();
    let page = fs::read_to_string(own.join("report.html")).unwrap();
    fs::write(own.join("report.html"), page.replace("Essai", "Forgery")).unwrap();
    assert_eq!(print().error(), "W55");
    assert_eq!(fs::read(folder.path().join("r.pdf")).unwrap(), before);
    holds(folder.path(), &["a bundle #1", "r.pdf"]);
}

/// A folder with a `chromium` of ours, alone on PATH but for the shell's own tools.
fn with_browser(script: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("chromium");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Prints with another PATH, over a file that stands there; it must still stand there alone.
fn print_with(path: &Path, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("r.pdf");
    fs::write(&to, "older").unwrap();
    let args = ["release", "pdf", RELEASE, "--json", "--to", to.to_str().unwrap()];
    let output = command(&published().dir(), &[&args, more].concat()).env("PATH", path).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let json = serde_json::from_str(stdout.trim()).unwrap();
    assert_eq!(fs::read_to_string(&to).unwrap(), "older");
    holds(folder.path(), &["r.pdf"]);
    Output { code: output.status.code().unwrap(), stdout, stderr: String::new(), json }
}

#[test]
fn without_a_browser_it_says_what_to_install() {
    let empty = tempfile::tempdir().unwrap();
    let refused = print_with(empty.path(), &[]);
    assert_eq!((refused.code, refused.error()), (1, "W50"));
    assert!(refused.at("error.do").as_str().unwrap().contains("apt-get install chromium"));
}

#[test]
fn a_browser_that_hangs_is_ended_and_one_that_fails_is_quoted() {
    let marker = tempfile::tempdir().unwrap();
    let marker: PathBuf = marker.path().join("pid");
    fs::create_dir_all(marker.parent().unwrap()).unwrap();
    let hangs = with_browser(&format!("echo $$ > '{}'\nexec /bin/sleep 600", marker.display()));
    let start = Instant::now();
    let late = print_with(hangs.path(), &["--timeout", "1"]);
    assert_eq!(late.error(), "W52");
    assert!(start.elapsed() < Duration::from_mins(1));
    let pid = fs::read_to_string(&marker).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists(), "it runs on");

    let fails = with_browser("echo 'FATAL: no usable sandbox' >&2; exit 7");
    let broken = print_with(fails.path(), &[]);
    assert_eq!(broken.error(), "W51");
    assert!(broken.at("error.why").as_str().unwrap().contains("no usable sandbox"));
    // Half a file is none.
    let half = with_browser(
        "for a; do case $a in --print-to-pdf=*) printf '%%PDF-1.4 half' > \"${a#*=}\";; esac; done",
    );
    assert_eq!(print_with(half.path(), &[]).error(), "W51");
}

/// Says of a file or folder that it was changed long ago.
fn age(path: &Path) {
    File::open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
}

/// The folders of printings in a folder.
fn left_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("marsad-pdf-")).collect()
}

#[test]
fn what_a_killed_printing_left_is_swept_by_the_next_and_nothing_else() {
    let hangs = with_browser("echo $$ > \"${0%/*}/pid\"\nexec /bin/sleep 600");
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("r.pdf");
    let args = ["release", "pdf", RELEASE, "--to", to.to_str().unwrap()];
    let mut killed = command(&published().dir(), &args).env("PATH", hangs.path()).spawn().unwrap();
    let pid = hangs.path().join("pid");
    let start = Instant::now();
    while fs::read_to_string(&pid).map_or(true, |pid| !pid.ends_with('\n')) {
        assert!(start.elapsed() < Duration::from_mins(1), "the browser did not start");
        std::thread::sleep(Duration::from_millis(10));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let browser = fs::read_to_string(&pid).unwrap();
    assert!(Command::new("kill").arg(browser.trim()).status().unwrap().success());
    let left = left_in(folder.path());
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].join("page.html").is_file());

    let prints = with_browser(
        "for a; do case $a in --print-to-pdf=*) printf '%%PDF-1.4\\n%%%%EOF\\n' > \"${a#*=}\";; esac; done",
    );
    let print = || {
        let printed = command(&published().dir(), &args).env("PATH", prints.path()).output().unwrap();
        assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    };
    print();
    assert_eq!(left_in(folder.path()), left, "it may be at work still");

    // What only looks like it: another's name, a file, a link to a folder, another user's folder.
    let other = ["marsad-pdf-file", "marsad-pdf-link", "marsad-pdf-other", "notes"]
        .map(|name| folder.path().join(name));
    fs::write(&other[0], "mine").unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("kept"), "mine").unwrap();
    symlink(elsewhere.path(), &other[1]).unwrap();
    fs::create_dir(&other[2]).unwrap();
    fs::create_dir(&other[3]).unwrap();
    let is_others = chown(&other[2], Some(65_534), None).is_ok();
    for path in other.iter().chain(&left).map(PathBuf::as_path).chain([elsewhere.path()]) {
        age(path);
    }
    print();
    assert!(!left[0].exists());
    assert!(elsewhere.path().join("kept").exists() && fs::symlink_metadata(&other[1]).is_ok());
    assert!(other[0].exists() && other[3].exists());
    assert_eq!(other[2].exists(), is_others, "only root can make another user's folder");
    assert!(to.is_file());
}

#[test]
fn what_is_not_public_is_not_printed() {
    let workspace = Workspace::new();
    workspace.plan(RELEASE);
    assert_eq!(workspace.json(&["release", "pdf", RELEASE, "--to", "r.pdf"]).error(), "W54");
    assert_eq!(workspace.json(&["release", "pdf", "2031-Q1", "--to", "r.pdf"]).error(), "B43");
    assert!(!workspace.path("r.pdf").exists());
}
