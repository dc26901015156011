//! All stores in buckets: the whole way through them, several machines at once, and what is said when one does not open.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Child;

use marsad_s3_testing::{S3, SECRET_KEY, Server, azure, google};

use crate::workspace::{Output, RELEASE, Workspace, command, services};

const STORES: [&str; 4] = ["landing", "restricted", "ledger", "releases"];
/// What each release of these tests costs: ρ = 0.1.
const COST: u64 = 100_000_000;

/// Writes a credentials file.
fn credentials(path: &Path, pairs: &[(String, String)]) {
    let lines = pairs.iter().map(|(name, value)| format!("{} = '''{value}'''\n", name.to_lowercase()));
    fs::write(path, lines.collect::<String>()).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A workspace whose stores are four buckets, and the lifetime cap of its policy.
pub(crate) fn workspace(s3: &S3, lifetime: &str) -> Workspace {
    workspace_in(s3, &s3.bucket("credentials.toml"), lifetime)
}

/// The same in any cloud, with the file to keep its credentials in.
fn workspace_in(cloud: &Server, file: &Path, lifetime: &str) -> Workspace {
    credentials(file, &cloud.access());
    Workspace::with_policy(|settings| {
        let settings = with_stores(settings, |store| {
            let url = cloud.url(&format!("{store}/here"));
            format!("{{ url = \"{url}\", credentials = \"{}\" }}", file.display())
        });
        let capped = format!("lifetime_rho = \"{lifetime}\"");
        settings
            .replace("lifetime_rho = \"1.0\"", &capped)
            .replace("year_rho = \"0.3\"", "year_rho = \"1.0\"")
    })
}

pub(crate) fn start() -> S3 {
    S3::start(&STORES)
}

fn with_stores(settings: &str, address: impl Fn(&str) -> String) -> String {
    let lines = STORES.map(|store| format!("{store} = {}\n", address(store))).concat();
    let (before, after) = settings.split_once("# landing = ").expect("the commented stores");
    format!("{before}{lines}# landing = {after}")
}

/// The objects of a bucket, as paths.
fn objects(s3: &S3, bucket: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![s3.bucket(bucket)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

/// Lands, releases and publishes, all in the buckets.
fn goes_the_whole_way(workspace: &Workspace, cloud: &Server) {
    workspace.write("services.csv", services(60));
    let land = ["land", "services.csv", "--as", "partner_assistance"];
    assert_eq!(workspace.json(&land).done().at("records.landed"), 60);
    assert_eq!(*workspace.json(&land).done().at("already"), true);
    workspace.approved(RELEASE);
    let ran = workspace.json(&["release", "run", RELEASE, "--yes"]).done();
    assert_eq!((ran.at("charged").as_u64(), ran.at("state").as_str()), (Some(COST), Some("released")));
    assert_eq!(workspace.json(&["release", "run", RELEASE]).done().at("charged"), 0);
    let published = workspace.json(&["release", "publish", RELEASE]).done();
    assert_eq!(published.at("bundle"), &cloud.url(&format!("releases/here/{RELEASE}")));
    workspace.json(&["release", "publish", RELEASE]).done();
    workspace.ledger_is_right();
    workspace.json(&["ledger", "verify", "--each"]).done();
    for store in ["landing", "ledger", "releases"] {
        assert!(!workspace.path(store).exists(), "{store} stands in a folder too");
    }
}

#[test]
fn the_whole_way_goes_through_buckets() {
    let s3 = start();
    let workspace = workspace(&s3, "1.0");
    goes_the_whole_way(&workspace, &s3);
    let bundle = s3.bucket("releases").join("here").join(RELEASE);
    workspace.json(&["verify", &bundle.display().to_string()]).done();
    for store in ["landing", "ledger", "releases"] {
        assert!(!objects(&s3, store).is_empty(), "{store}");
    }
}

#[test]
fn the_whole_way_goes_through_azure_and_google() {
    for cloud in [azure(&STORES), google(&STORES)] {
        let folder = tempfile::tempdir().unwrap();
        let workspace = workspace_in(&cloud, &folder.path().join("credentials.toml"), "1.0");
        goes_the_whole_way(&workspace, &cloud);
        assert!(cloud.calls() > 0);
    }
}

#[test]
fn two_machines_work_on_one_ledger_at_once() {
    let s3 = start();
    let here = workspace(&s3, "1.0");
    let there = here.copy_without(&["state"]);
    here.write("services.csv", services(40));
    here.json(&["land", "services.csv", "--as", "partner_assistance"]).done();
    for (machine, id, revision) in [(&here, "2024-Q4-A", 1), (&there, "2024-Q4-B", 2)] {
        machine.define(id, &format!("revision = {revision}"));
        machine.approved(id);
    }
    let running = [(&here, "2024-Q4-A"), (&there, "2024-Q4-B")];
    let running = running.map(|(machine, id)| machine.start(&["release", "run", id, "--yes"]));
    assert_eq!(running.map(|mut child| child.wait().unwrap().code()), [Some(0), Some(0)]);
    for machine in [&here, &there] {
        assert_eq!(machine.lifetime()["released"], 2 * COST);
        machine.ledger_is_right();
    }
    // What one ran the other publishes.
    there.json(&["release", "publish", "2024-Q4-A"]).done();
    here.json(&["release", "publish", "2024-Q4-B"]).done();
    here.ledger_is_right();
}

/// Eight installations, each with an approved release of its own, start at once; the budget fits three.
fn race(first: &Workspace, left_out: &[&str]) {
    first.write("services.csv", services(40));
    first.json(&["land", "services.csv", "--as", "partner_assistance"]).done();
    let ids: Vec<String> = (1..=8).map(|n| format!("2024-Q4-R{n}")).collect();
    for (n, id) in (1..).zip(&ids) {
        first.define(id, &format!("revision = {n}"));
        first.approved(id);
    }
    let machines: Vec<Workspace> = ids.iter().map(|_| first.copy_without(left_out)).collect();
    let run = |(machine, id): (&Workspace, &String)| -> Child {
        let mut command = command(&machine.dir(), &["release", "run", id, "--yes", "--json"]);
        command.stdout(fs::File::create(machine.beside("out")).unwrap()).spawn().unwrap()
    };
    let running: Vec<Child> = machines.iter().zip(&ids).map(run).collect();
    let codes: Vec<i32> =
        running.into_iter().map(|mut child| child.wait().unwrap().code().unwrap()).collect();
    let said = machines.iter().map(|machine| fs::read_to_string(machine.beside("out")).unwrap());
    let refused = said.filter(|said| said.contains("\"B10\"")).count();
    assert_eq!((codes.iter().filter(|code| **code == 0).count(), refused), (3, 5), "{codes:?}");
    let lifetime = first.lifetime();
    assert_eq!((lifetime["released"], lifetime["left"]), (3 * COST, 0));
    assert_eq!((lifetime["reserved"], lifetime["forfeited"]), (0, 0));
    first.ledger_is_right();
}

#[test]
fn of_eight_machines_three_get_a_budget_for_three_in_a_bucket() {
    let s3 = start();
    race(&workspace(&s3, "0.3"), &["state"]);
}

#[test]
fn of_eight_machines_three_get_a_budget_for_three_in_a_folder() {
    let shared = tempfile::tempdir().unwrap();
    let first = Workspace::with_policy(|settings| {
        let settings = with_stores(settings, |store| format!("\"{}\"", shared.path().join(store).display()));
        settings.replace("lifetime_rho = \"1.0\"", "lifetime_rho = \"0.3\"")
    });
    race(&first, &["state"]);
}

/// Points the workspace's ledger elsewhere and asks for the budget.
fn opened(workspace: &Workspace, ledger: &str) -> Output {
    let settings = workspace.read("marsad.toml");
    workspace.write("marsad.toml", settings.replacen("ledger = ", &format!("ledger = {ledger} # "), 1));
    let output = workspace.json(&["budget"]);
    workspace.write("marsad.toml", settings);
    output
}

#[test]
fn a_bucket_that_does_not_open_says_why() {
    let s3 = start();
    let workspace = workspace(&s3, "1.0");
    let file = workspace.beside("access.toml");
    let with =
        |bucket: &str| format!("{{ url = \"s3://{bucket}/here\", credentials = \"{}\" }}", file.display());
    let check = |ledger: &str, code: &str, words: &str| {
        let output = opened(&workspace, ledger);
        assert_eq!((output.code, output.error()), (1, code), "{output:?}");
        assert!(output.printed().contains(words), "{words} is missing in {output:?}");
        assert!(!output.printed().contains(SECRET_KEY), "{output:?}");
    };
    credentials(&file, &s3.access_as("another secret"));
    check(&with("ledger"), "L11", "SignatureDoesNotMatch");
    credentials(&file, &s3.access());
    check(&with("nowhere"), "L12", "nowhere");
    check("\"s3://ledger/here\"", "L08", "AWS_ACCESS_KEY_ID");
    check("\"ftp://ledger/here\"", "L01", "s3:");
    let in_clear: Vec<_> = s3.access().into_iter().filter(|(name, _)| name != "AWS_ALLOW_HTTP").collect();
    credentials(&file, &in_clear);
    check(&with("ledger"), "L09", "https");
    fs::write(&file, format!("aws_acess_key_id = \"{SECRET_KEY}\"\n")).unwrap();
    check(&with("ledger"), "W31", "aws_access_key_id");
    fs::write(&file, format!("\n{SECRET_KEY}\n")).unwrap();
    check(&with("ledger"), "W31", "access.toml:2");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    check(&with("ledger"), "W30", "chmod 600");
    let keyless = opened(&workspace, "{ url = \"s3://ledger\", credential = \"x\" }");
    assert_eq!(keyless.error(), "W02");
    assert!(keyless.printed().contains("credentials"), "{keyless:?}");
}
