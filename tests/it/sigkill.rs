//! SIGKILL at random instants of `release run` and `release publish`, over the whole time that they take here.
//!
//! By default 16 of each from a fixed seed; `MARSAD_KILLS=500` kills each 500 times, `MARSAD_SEED=n` takes other instants.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::aftermath;
use crate::workspace::{RELEASE, Workspace};

const RUN: [&str; 4] = ["release", "run", RELEASE, "--yes"];
const PUBLISH: [&str; 3] = ["release", "publish", RELEASE];

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The `n`-th of a series of fractions in [0, 1): splitmix64 (Steele, Lea, Flood 2014).
fn fraction(seed: u64, n: u64) -> f64 {
    let mut z = seed.wrapping_add((n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Results in their place; a name with `#` was written aside and never put there.
fn results(workspace: &Workspace) -> usize {
    let Ok(files) = fs::read_dir(workspace.path("ledger/runs")) else { return 0 };
    files.filter(|file| !file.as_ref().unwrap().file_name().to_string_lossy().contains('#')).count()
}

/// How long the whole command takes in a copy.
fn whole(first: &Workspace, command: &[&str]) -> Duration {
    let copy = first.copy_without(&[]);
    let start = Instant::now();
    copy.json(command).done();
    start.elapsed()
}

/// Kills the command in so many copies, on all processors; gives what became of the release, and how often.
fn killed(first: &Workspace, command: &[&str]) -> BTreeMap<String, usize> {
    let (kills, seed) = (number("MARSAD_KILLS", 16), number("MARSAD_SEED", 1));
    let whole = whole(first, command);
    let (next, ends) = (AtomicU64::new(0), Mutex::new(BTreeMap::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let kill = || loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        if n >= kills {
            return;
        }
        let copy = first.copy_without(&[]);
        let mut child = copy.start(command);
        std::thread::sleep(whole.mul_f64(fraction(seed, n) * 1.1));
        child.kill().unwrap();
        child.wait().unwrap();
        let end = aftermath::check(&copy, command, || results(&copy));
        *ends.lock().unwrap().entry(end).or_default() += 1;
    };
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(kill))));
    let ends = ends.into_inner().unwrap();
    println!("{} killed {kills} times within {whole:?}: {ends:?}", command.join(" "));
    assert_eq!(ends.values().sum::<usize>() as u64, kills);
    ends
}

#[test]
fn at_random_instants_of_a_run_and_of_a_publication() {
    let first = Workspace::new();
    first.land_services(300);
    first.approved(RELEASE);
    let ends = killed(&first, &RUN);
    assert!(ends.contains_key("untouched, then released"), "the first instants: {ends:?}");
    first.json(&RUN).done();
    killed(&first, &PUBLISH);
}
