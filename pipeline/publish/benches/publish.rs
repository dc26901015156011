//! How long publishing takes: 100 000 cells in every format, and the memory it needs.
//!
//! `cargo bench -p marsad-publish --features testing`. It measures the writers alone: no ledger, no signature.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "figures are its purpose")]

use std::fs;
use std::time::Instant;

use marsad_publish::testing::Fixture;

const DATAFLOWS: usize = 20;
const QUARTERS: u16 = 38;
const RUNS: usize = 5;

fn main() {
    let fixture = Fixture::shared();
    let edition = fixture.wide(DATAFLOWS, QUARTERS);
    let cells: usize = edition.dataflows.iter().map(|flow| flow.rows.len()).sum();
    let before = peak();
    let mut seconds: Vec<f64> = (0..RUNS)
        .map(|_| {
            let dir = tempfile::tempdir().unwrap();
            let start = Instant::now();
            fixture.write(dir.path(), &edition);
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    println!(
        "{cells} cells in {DATAFLOWS} dataflows, all formats: {:.2} s (median of {RUNS})",
        seconds[RUNS / 2]
    );
    println!("memory: {before} MiB held by the release itself, at most {} MiB while writing", peak());
}

/// The most memory that the process ever held, in MiB; 0 where the system does not tell.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}
