//! Killed at each call to the store: a call of `release run` or `publish` is held before or after it took effect, and the
//! command that waits for its answer gets SIGKILL. And one call that fails or whose answer is lost costs nothing at all.
//!
//! By default the calls are every write and each seventh read; `MARSAD_EVERY_CALL=1` takes all of them.

use std::collections::BTreeMap;
use std::fs;
use std::process::Child;

use marsad_s3_testing::{Call, Fault, S3};

use crate::aftermath;
use crate::s3::{start, workspace};
use crate::workspace::{RELEASE, Workspace};

const RUN: [&str; 4] = ["release", "run", RELEASE, "--yes"];
const PUBLISH: [&str; 3] = ["release", "publish", RELEASE];
/// Of the reads, one in so many.
const READS: u64 = 7;

/// A workspace in buckets, and what stood in them, to begin again from.
struct Scene {
    s3: S3,
    first: Workspace,
    kept: tempfile::TempDir,
}

impl Scene {
    /// With a release that is approved, or run as well.
    fn new(is_run: bool) -> Self {
        let s3 = start();
        let first = workspace(&s3, "1.0");
        first.land_services(30);
        first.approved(RELEASE);
        if is_run {
            first.json(&RUN).done();
        }
        let kept = tempfile::tempdir().unwrap();
        copy(&s3.bucket("ledger"), &kept.path().join("ledger"));
        copy(&s3.bucket("releases"), &kept.path().join("releases"));
        Self { s3, first, kept }
    }

    /// An installation as it was then, and the stores as they were.
    fn again(&self) -> Workspace {
        for store in ["ledger", "releases"] {
            fs::remove_dir_all(self.s3.bucket(store)).unwrap();
            copy(&self.kept.path().join(store), &self.s3.bucket(store));
        }
        self.s3.heal();
        self.first.copy_without(&[])
    }

    fn results(&self) -> usize {
        fs::read_dir(self.s3.bucket("ledger").join("here/runs")).map_or(0, Iterator::count)
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (source, target) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if source.is_dir() {
            copy(&source, &target);
        } else {
            fs::copy(source, target).unwrap();
        }
    }
}

/// The calls that a whole command makes, in order: whether each writes.
fn calls(scene: &Scene, command: &[&str]) -> Vec<bool> {
    let workspace = scene.again();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = std::sync::Arc::clone(&seen);
    scene.s3.fail(move |call: &Call| {
        noted.lock().unwrap().push(call.writes());
        None
    });
    workspace.json(command).done();
    scene.s3.heal();
    let seen = seen.lock().unwrap().clone();
    assert!(seen.iter().any(|writes| *writes), "{command:?} writes");
    seen
}

/// The calls to try.
fn chosen(calls: &[bool]) -> Vec<u64> {
    let all = std::env::var_os("MARSAD_EVERY_CALL").is_some();
    let numbered = (0_u64..).zip(calls);
    numbered.filter(|(n, writes)| all || **writes || n % READS == 0).map(|(n, _)| n).collect()
}

fn kill_when_held(s3: &S3, mut child: Child) {
    s3.wait_until_held(|| child.try_wait().unwrap().is_some());
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Kills the command at each chosen call; gives what became of the release, and how often.
fn killed(scene: &Scene, command: &[&str]) -> BTreeMap<String, usize> {
    let mut ends = BTreeMap::new();
    for n in chosen(&calls(scene, command)) {
        for hang in [Fault::HangBefore, Fault::HangAfter] {
            let workspace = scene.again();
            scene.s3.fail(move |call: &Call| (call.number == n).then_some(hang));
            kill_when_held(&scene.s3, workspace.start(command));
            scene.s3.heal();
            let end = aftermath::check(&workspace, command, || scene.results());
            *ends.entry(end).or_default() += 1;
        }
    }
    println!("{}: {ends:?}", command.join(" "));
    ends
}

#[test]
fn a_run_killed_at_any_call_is_untouched_or_drawn_and_paid_once() {
    let ends = killed(&Scene::new(false), &RUN);
    for end in ["untouched, then released", "reserved, then forfeited", "reserved, then released"] {
        assert!(ends.contains_key(end), "{ends:?}");
    }
}

#[test]
fn a_publication_killed_at_any_call_is_completed() {
    let ends = killed(&Scene::new(true), &PUBLISH);
    for end in ["released, then published", "published, then published"] {
        assert!(ends.contains_key(end), "{ends:?}");
    }
}

#[test]
fn a_call_that_fails_once_is_tried_again_or_told() {
    let scene = Scene::new(false);
    for fault in [Fault::Unavailable, Fault::Lost, Fault::Truncated] {
        for n in chosen(&calls(&scene, &RUN)) {
            let workspace = scene.again();
            scene.s3.fail(move |call: &Call| (call.number == n).then_some(fault));
            let run = workspace.json(&RUN);
            scene.s3.heal();
            if run.code != 0 {
                // What breaks off in the middle of an answer is not always asked for again: the command says which object.
                let told = ["L04", "D08"].contains(&run.error());
                assert!(fault == Fault::Truncated && told, "{fault:?} at call {n}: {run:?}");
            }
            aftermath::check(&workspace, &RUN, || scene.results());
        }
    }
}
