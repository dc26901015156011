//! How long publishing takes: 100 000 cells in every format, and the memory it needs.
//!
//! `cargo bench -p marsad-publish --features testing`. It measures the writers alone: no ledger, no signature. Two threads
//! write, so on two free cores a run takes little more than half of its processor time. Measured on two free cores of an
//! AMD EPYC: 1.37 s by the clock, 2.26 s of processor time for 102 600 cells.

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
    let (before, idle) = (peak(), processor());
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
    let used = (processor() - idle) / RUNS as f64;
    println!("processor time of a run, all threads: {used:.2} s");
    println!("memory: {before} MiB held by the release itself, at most {} MiB while writing", peak());
}

/// Seconds of processor time that all threads have used; 0 where the system does not tell.
fn processor() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name in brackets: 11 fields, then user and system time in hundredths (proc(5), USER_HZ).
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u32>().ok());
    ticks.map(f64::from).sum::<f64>() / 100.0
}

/// The most memory that the process ever held, in MiB; 0 where the system does not tell.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}
