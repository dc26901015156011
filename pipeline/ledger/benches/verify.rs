//! How long `ledger verify` takes on a long ledger in a folder: from its segments, and from every single entry.
//!
//! `cargo bench -p marsad-ledger --features testing --bench verify [RELEASES]`; 20 000 releases are 100 001 entries.
//! The last line is a JSON object; nothing is asserted.
//!
//! Measured on two cores of an AMD EPYC: 100 001 entries, of which 60 001 are signed, take 3.7 to 3.8 s and 6.5 s of processors from
//! segments; when each body was read into a tree, 4.6 s and 8.3 s. One second is not reached. What bounds it: half of the
//! processors' time are the signatures (some 20 µs each with SHA-512 on a free core: two cores take 0.6 s for nothing else); then
//! JSON, checked to be canonical and read into types; then 20 000 results, an object each. Remembering what was verified
//! before would spare the signatures and still take 2.7 s, and a file beside the ledger would have to be trusted: not done.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench reports, and may panic")]

use std::fs;
use std::path::Path;
use std::time::Instant;

use marsad_ledger::testing::{Cast, LongLog};
use marsad_ledger::{Ledger, Verification};
use marsad_log::{SEGMENT_LENGTH, Store};

fn write(log: &LongLog, folder: &Path) {
    fs::create_dir_all(folder.join("runs")).unwrap();
    fs::create_dir_all(folder.join("_segments")).unwrap();
    for (name, bytes) in &log.results {
        fs::write(folder.join(name), bytes).unwrap();
    }
    for segment in log.entries.chunks(usize::try_from(SEGMENT_LENGTH).unwrap()) {
        let mut lines = Vec::new();
        for entry in segment {
            let bytes = entry.bytes().unwrap();
            fs::write(folder.join(format!("{:020}.json", entry.sequence)), &bytes).unwrap();
            lines.extend(bytes);
            lines.push(b'\n');
        }
        if segment.len() as u64 == SEGMENT_LENGTH {
            let name = format!("_segments/{:020}.jsonl", segment[0].sequence);
            fs::write(folder.join(name), lines).unwrap();
        }
    }
}

/// What all threads have spent so far, by Linux's hundredths of a second; a shared machine tells it better than the clock.
fn processor_seconds() -> f64 {
    let told = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = told.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let hundredths =
        [11, 12].map(|at| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0));
    (hundredths[0] + hundredths[1]) / 100.0
}

#[tokio::main]
async fn main() {
    let releases = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(20_000);
    let folder = tempfile::tempdir().unwrap();
    let log = LongLog::new(&Cast::new(folder.path()), releases);
    write(&log, &folder.path().join("ledger"));
    let signed = log.entries.iter().filter(|entry| entry.signature.is_some()).count();
    let store = Store::open("ledger", folder.path()).unwrap();
    let ledger = Ledger::open(store, &folder.path().join("state"));
    let mut timings = Vec::new();
    for (name, each) in [("first", false), ("again", false), ("each", true)] {
        let (start, before) = (Instant::now(), processor_seconds());
        let verdict = ledger.verify_with(&Verification { each, ..Verification::default() }).await.unwrap();
        let seconds = start.elapsed().as_secs_f64();
        let spent = processor_seconds() - before;
        println!(
            "{name}: {seconds:.3} s, {spent:.2} s of processors, ok = {}, {} faults",
            verdict.ok,
            verdict.faults.len()
        );
        timings.push(format!("\"{name}_seconds\": {seconds:.3}, \"{name}_processor_seconds\": {spent:.2}"));
    }
    println!("{{\"entries\": {}, \"signed\": {signed}, {}}}", log.entries.len(), timings.join(", "));
}
