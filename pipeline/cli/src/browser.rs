//! A page printed as PDF by the Chromium that the machine has, headless, without network and without script.
//!
//! Everything that the browser writes goes into one folder beside the PDF, which is removed however it ends; what a killed
//! printing left there is removed by the next. It deliberately lacks a profile of the user's and a download of any browser.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use marsad_terms::Explanation;
use tempfile::TempDir;

use crate::report::Failure;

/// The names under which Chromium and what is made of it are installed.
const NAMES: [&str; 5] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome-headless-shell"];
/// How often the browser is looked after.
const PAUSE: Duration = Duration::from_millis(50);
/// How often removing its folder is tried: processes that it leaves behind write for a moment more.
const ATTEMPTS: u32 = 60;
/// How the folder's name begins.
const PREFIX: &str = "marsad-pdf-";
/// Seconds after which a folder of another printing is taken for left behind.
const LEFT_AFTER: i64 = 3600;
/// Nothing is fetched and nothing runs, whatever the page holds (Content Security Policy 3).
const POLICY: &str =
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">";

/// Prints a page; `fragment` is what of it is shown. The PDF stands there whole, or what stood there before.
///
/// # Errors
/// No browser, one that fails or takes longer than `limit`, a place that cannot be written.
pub(crate) async fn print(page: &str, fragment: &str, to: &Path, limit: Duration) -> Result<(), Failure> {
    let program = find().ok_or_else(missing)?;
    let folder = beside(to)?;
    sweep(folder.path());
    let printed = print_in(folder.path(), &program, (page, fragment), limit).await;
    let placed = printed.and_then(|pdf| place(&pdf, to));
    remove(&folder);
    placed
}

/// The browser of the machine.
fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let found = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let is_program =
        |path: &PathBuf| fs::metadata(path).is_ok_and(|found| found.is_file() && found.mode() & 0o111 != 0);
    found.into_iter().find(is_program)
}

/// A folder beside the PDF: a browser in a snap sees the user's folders and no others, and renaming stays on one disk.
fn beside(to: &Path) -> Result<TempDir, Failure> {
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let made = fs::canonicalize(parent)
        .and_then(|parent| tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent));
    made.map_err(|error| Failure::file(to, "be written", &error))
}

/// Removes what printings that were killed left beside this one's folder: folders of such a name and of the same user, whose
/// last change is an hour before. What cannot be removed stays: the PDF does not depend on it.
fn sweep(own: &Path) {
    let (Some(parent), Ok(now)) = (own.parent(), fs::metadata(own)) else { return };
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_named = entry.file_name().to_string_lossy().starts_with(PREFIX);
        // Of a link itself, not of what it leads to.
        let is_left = entry.metadata().is_ok_and(|found| {
            found.is_dir() && found.uid() == now.uid() && found.mtime() + LEFT_AFTER < now.mtime()
        });
        if is_named && is_left {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

async fn print_in(
    folder: &Path,
    program: &Path,
    (page, fragment): (&str, &str),
    limit: Duration,
) -> Result<PathBuf, Failure> {
    let (html, pdf, said) = (folder.join("page.html"), folder.join("page.pdf"), folder.join("said"));
    let failed = |error: &io::Error| Failure::file(folder, "be written", error);
    fs::write(&html, page.replacen("<head>", &format!("<head>{POLICY}"), 1)).map_err(|e| failed(&e))?;
    let errors = File::create(&said).map_err(|e| failed(&e))?;
    let child = command(folder, program, &format!("file://{}#{fragment}", address(&html)), &pdf)
        .stderr(errors)
        .spawn()
        .map_err(|error| Failure::file(program, "be started", &error))?;
    let ended = wait(child, limit).await;
    let words = fs::read(&said).unwrap_or_default();
    let words = String::from_utf8_lossy(&words);
    match ended {
        Ended::By(status) if status.success() && is_whole(&pdf) => Ok(pdf),
        Ended::By(status) => Err(broken(program, &status.to_string(), &words)),
        Ended::Late => Err(late(program, limit)),
        Ended::Interrupted => Err(interrupted()),
        Ended::Lost(error) => Err(Failure::file(program, "be waited for", &error)),
    }
}

/// A path as an address holds it: what is no plain letter is written in hexadecimal (RFC 3986, 2.1).
fn address(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let written =
        |byte: &u8| if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
    path.as_os_str().as_encoded_bytes().iter().map(written).collect()
}

/// All that it writes lies below `folder`: profile, caches, temporary files.
fn command(folder: &Path, program: &Path, page: &str, pdf: &Path) -> Command {
    let option = |name: &str, path: &Path| {
        let mut option = OsString::from(name);
        option.push(path);
        option
    };
    let mut command = Command::new(program);
    command
        .args([
            "--headless",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-extensions",
        ])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--host-resolver-rules=MAP * ~NOTFOUND", "--no-pdf-header-footer"])
        .arg(option("--user-data-dir=", &folder.join("profile")))
        .arg(option("--print-to-pdf=", pdf))
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    for name in ["TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"] {
        command.env(name, folder);
    }
    // Chromium refuses its sandbox to root, as whom containers run; the page holds no script and fetches nothing.
    if fs::metadata(folder).is_ok_and(|folder| folder.uid() == 0) {
        command.arg("--no-sandbox");
    }
    command.arg(page);
    command
}

enum Ended {
    By(ExitStatus),
    Late,
    Interrupted,
    Lost(io::Error),
}

/// Waits for the browser, and ends it where it takes too long or the user wants no more.
async fn wait(mut child: Child, limit: Duration) -> Ended {
    let start = Instant::now();
    let ended = loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ended::By(status),
            Err(error) => break Ended::Lost(error),
            Ok(None) if start.elapsed() >= limit => break Ended::Late,
            Ok(None) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = tokio::signal::ctrl_c() => break Ended::Interrupted,
        }
    };
    // It may have ended by itself just now.
    let _ = child.kill();
    let _ = child.wait();
    ended
}

/// Begins and ends as a PDF does (ISO 32000-1, 7.5.2 and 7.5.5).
fn is_whole(pdf: &Path) -> bool {
    let bytes = fs::read(pdf).unwrap_or_default();
    bytes.starts_with(b"%PDF-") && bytes.trim_ascii_end().ends_with(b"%%EOF")
}

fn place(pdf: &Path, to: &Path) -> Result<(), Failure> {
    let placed = File::open(pdf).and_then(|file| file.sync_all()).and_then(|()| fs::rename(pdf, to));
    placed.map_err(|error| Failure::file(to, "be written", &error))
}

fn remove(folder: &TempDir) {
    for _ in 0..ATTEMPTS {
        match fs::remove_dir_all(folder.path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => std::thread::sleep(PAUSE),
            _ => return,
        }
    }
}

const ELSEWHERE: &str = "or open report.html of the bundle in any browser and print it there";

fn missing() -> Failure {
    let remedy = format!(
        "install it (Debian: apt-get install chromium; Fedora: dnf install chromium; macOS: brew install --cask chromium), {ELSEWHERE}"
    );
    Failure::new(Explanation::new(
        "W50",
        "no Chromium is here to print with",
        format!("the report is laid out by a browser; on PATH there is none of {}", NAMES.join(", ")),
        remedy,
    ))
}

fn broken(program: &Path, status: &str, words: &str) -> Failure {
    let said = words.lines().rev().find(|line| line.contains("ERROR") || line.contains("FATAL"));
    let said = said.or(words.lines().next_back()).unwrap_or("it said nothing");
    Failure::new(
        Explanation::new(
            "W51",
            format!("the browser printed no PDF ({status})"),
            said.to_owned(),
            format!(
                "see whether it starts by itself: {} --headless --version; {ELSEWHERE}",
                program.display()
            ),
        )
        .at(program.display().to_string()),
    )
}

fn late(program: &Path, limit: Duration) -> Failure {
    let seconds = limit.as_secs();
    Failure::new(
        Explanation::new(
            "W52",
            format!("the browser did not print within {seconds} s and was ended"),
            "a page of this size takes seconds; the machine is very busy, or the browser waits for something",
            format!("give it longer with --timeout {}, {ELSEWHERE}", seconds.saturating_mul(4).max(60)),
        )
        .at(program.display().to_string()),
    )
}

fn interrupted() -> Failure {
    Failure::new(Explanation::new(
        "W53",
        "printing was interrupted",
        "somebody ended the command; no PDF was written",
        "run it again",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_plain_letters_alone() {
        assert_eq!(address(Path::new("/a b/été#1/x_y-z.html")), "/a%20b/%C3%A9t%C3%A9%231/x_y-z.html");
    }

    #[test]
    fn half_a_pdf_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p");
        for (bytes, whole) in [("%PDF-1.4\n…%%EOF\n", true), ("%PDF-1.4\n…", false), ("<html>%%EOF", false)]
        {
            fs::write(&path, bytes).unwrap();
            assert_eq!(is_whole(&path), whole, "{bytes}");
        }
        assert!(!is_whole(&folder.path().join("absent")));
    }
}
