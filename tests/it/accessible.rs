//! The report against the Web Content Accessibility Guidelines 2.2, level AA, by axe-core in a headless Chromium.
//!
//! axe finds about half of what the guidelines ask for; the rest needs a person. `scripts/readers` installs it; Chromium is the
//! machine's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::readers::{bundle, python, root, run_in};

/// The width of a telephone in CSS pixels: tables scroll there.
const PHONE: &str = "360";
/// That of a desk.
const DESK: &str = "1280";

/// axe.min.js as its package carries it.
fn axe() -> &'static Path {
    static AXE: OnceLock<PathBuf> = OnceLock::new();
    AXE.get_or_init(|| {
        let find =
            "from importlib.util import find_spec; print(find_spec('axe_playwright_python').submodule_search_locations[0])";
        let folder = run_in(root(), python(), &["-c", find]);
        Path::new(folder.trim()).join("axe.min.js")
    })
}

/// What axe says of a page, whole, with all that is folded open.
fn judged(page: &str, language: &str, width: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let scripts = format!(
        "<script src=\"axe.min.js\"></script><script>{}</script></body>",
        fs::read_to_string(root().join("tools/publication/axe.js")).unwrap()
    );
    let page = page.replace("<details>", "<details open>").replacen("</body>", &scripts, 1);
    fs::write(folder.path().join("page.html"), page).unwrap();
    fs::copy(axe(), folder.path().join("axe.min.js")).unwrap();
    let mut browser = Command::new("chromium");
    browser
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("--window-size={width},900"))
        .args(["--virtual-time-budget=60000", "--dump-dom"])
        .arg(format!("file://{}/page.html#{language}", folder.path().display()));
    let output = browser.output().expect("install chromium");
    let dom = String::from_utf8_lossy(&output.stdout);
    let said = dom.split("<pre id=\"axe-said\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let said =
        said.unwrap_or_else(|| panic!("axe said nothing: {}", String::from_utf8_lossy(&output.stderr)));
    let text =
        said.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", "\u{a0}").replace("&amp;", "&");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn ids(rules: &Value) -> Vec<&str> {
    rules.as_array().unwrap().iter().map(|rule| rule["id"].as_str().or(rule.as_str()).unwrap()).collect()
}

fn report() -> String {
    fs::read_to_string(bundle().join("report.html")).unwrap()
}

#[test]
fn the_report_has_no_barrier_that_axe_knows_in_any_language() {
    let page = report();
    for language in ["fr", "ar", "en"] {
        for width in [DESK, PHONE] {
            let said = judged(&page, language, width);
            assert_eq!(
                said["violations"].as_array().unwrap().len(),
                0,
                "{language} {width}: {:#}",
                said["violations"]
            );
            assert_eq!(said["shown"], serde_json::json!([language]));
            assert!(said["tiles"].as_u64() > Some(36), "{language}: {}", said["tiles"]);
            let scrolls = (width == PHONE).then_some("scrollable-region-focusable");
            for rule in ["color-contrast", "svg-img-alt", "heading-order"].into_iter().chain(scrolls) {
                assert!(
                    ids(&said["passes"]).contains(&rule),
                    "{language} {width}: {rule} found nothing to judge"
                );
            }
            // Texts in drawings and in a table that runs out of its frame.
            assert_eq!(ids(&said["incomplete"]), ["color-contrast"], "{language} {width}");
        }
    }
}

#[test]
fn barriers_are_found_where_they_are() {
    let page = report().replacen("<h1", "<img src=\"x.png\"><h1", 1);
    let faint = page.replacen(".map text{font-size:14px;fill:var(--ink)}", ".map text{fill:#9ab}", 1);
    let faint = faint.replacen("--soft:#565b66", "--soft:#c5c8ce", 1);
    assert_ne!(page, faint);
    let faint = faint.replace(" tabindex=\"0\"", "");
    let said = judged(&faint, "fr", PHONE);
    let found = ids(&said["violations"]);
    for rule in ["image-alt", "color-contrast", "map-contrast", "scrollable-region-focusable"] {
        assert!(found.contains(&rule), "{rule} is not in {found:?}");
    }
}
