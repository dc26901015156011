//! How fast an extract lands, and in how much memory: CSV to checked, pseudonymised, sorted, encrypted Parquet, beside DuckDB
//! that only hashes the identifier, sorts by it and writes Parquet, on the same file in the same run.
//!
//! `cargo bench -p marsad-landing`; `MARSAD_BENCH_ROWS` sets the size. Each contestant runs in a process of its own, so that
//! peaks of memory are its own; they take turns, and the best of several rounds counts, so that a busy machine slows both
//! alike. It asserts nothing: times differ from machine to machine. DuckDB comes from `scripts/readers`; without it there is
//! no ratio. The last line is one JSON object.

#![allow(clippy::print_stdout, reason = "a benchmark is read on the terminal")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use chrono::NaiveDate;
use marsad_catalog::{Catalog, builtin};
use marsad_landing::keys::Keys;
use marsad_landing::{Landing, Options};
use marsad_log::Store;
use marsad_simulate::rows;
use serde_json::{Value, json};

/// Rows where nothing is said.
const ROWS: u64 = 1_000_000;
const ROUNDS: u32 = 3;
/// How the process is called that lands.
const LANDS: &str = "--lands";

/// Keyed hash of the identifier, sorted by it; what a plain engine does without checks, codes, duplicates and encryption. It is
/// spared the decoding too: it knows no Windows-1252, and gets the file as UTF-8.
const DUCKDB: &str = r#"
import duckdb, json, resource, sys, time
file, out = sys.argv[1:]
text = out + ".csv"
with open(file, encoding="cp1252", newline="") as read, open(text, "w", encoding="utf-8", newline="") as write:
    for piece in iter(lambda: read.read(1 << 20), ""):
        write.write(piece)
def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
duckdb.execute("SET enable_progress_bar = false")    # it would stand before the result
started, before = time.monotonic(), cpu()
duckdb.execute(f"""
  COPY (SELECT md5('key' || "N° dossier") AS person_key, * EXCLUDE ("N° dossier")
        FROM read_csv('{text}', delim = ';', header = true) ORDER BY person_key)
  TO '{out}' (FORMAT parquet, COMPRESSION zstd)""")
seconds, peak = time.monotonic() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"seconds": seconds, "cpu": cpu() - before, "peak_mib": peak}))
"#;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, lands, file, folder] = arguments.as_slice()
        && lands == LANDS
    {
        return land(Path::new(file), Path::new(folder));
    }
    let rows = std::env::var("MARSAD_BENCH_ROWS").map_or(Ok(ROWS), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let written = rows::write(rows, folder.path(), 7, &|_, _| ())?;
    println!("{rows} rows of {} persons, {:.1} MB\n", written.persons, written.bytes as f64 / 1e6);
    let python = python();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let out = folder.path().join(round.to_string());
        fs::create_dir(&out)?;
        let mut landing = Command::new(std::env::current_exe()?);
        ours.push(timed(landing.arg(LANDS).arg(&written.file).arg(&out))?);
        if let Some(python) = &python {
            let duckdb = &mut Command::new(python);
            theirs
                .push(timed(duckdb.args(["-c", DUCKDB]).arg(&written.file).arg(out.join("plain.parquet")))?);
        }
        fs::remove_dir_all(&out)?;
    }
    report(rows, written.bytes, &best(&ours), theirs.first().map(|_| best(&theirs)).as_ref());
    Ok(())
}

/// Lands the file into a fresh store of files, and says how long that took.
fn land(file: &Path, folder: &Path) -> Result<(), Failure> {
    builtin::write(folder)?;
    let catalog = Catalog::load(folder).map_err(|faults| format!("{faults:?}"))?;
    Keys::generate(&folder.join("keys"))?;
    let keys = Keys::load(&folder.join("keys"))?;
    let [programme, restricted] = [Store::open("landing", folder)?, Store::open("restricted", folder)?];
    let programme_start = NaiveDate::from_ymd_opt(2023, 1, 1).ok_or("no such day")?;
    let options = Options { bucket_bits: 4, custodian: "bench".to_owned(), programme_start };
    let landing = Landing::open(programme, restricted, keys, options);
    let runtime = tokio::runtime::Runtime::new()?;
    let started = Instant::now();
    let report = runtime.block_on(landing.land(&catalog, "partner_assistance", file, &|_, _| ()))?;
    let seconds = started.elapsed().as_secs_f64();
    if report.quarantined > 0 || report.duplicate > 0 {
        return Err("every simulated record is good and stands once".into());
    }
    println!("{}", json!({ "seconds": seconds, "cpu": cpu_seconds(), "peak_mib": peak_mib() }));
    Ok(())
}

/// The most memory that this process ever held; 0 where the system does not tell.
fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Time on all cores, in the hundredths that Linux counts; 0 where the system does not tell.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    after_name.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// The Python that has DuckDB, as `scripts/readers` prints it.
fn python() -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/readers");
    let printed = Command::new(script).output().ok().filter(|made| made.status.success());
    printed.map(|made| PathBuf::from(String::from_utf8_lossy(&made.stdout).trim()))
}

/// What a contestant's process tells of itself.
fn timed(contestant: &mut Command) -> Result<Value, Failure> {
    let ended = contestant.output()?;
    if !ended.status.success() {
        return Err(String::from_utf8_lossy(&ended.stderr).into());
    }
    Ok(serde_json::from_slice(&ended.stdout)?)
}

fn best(rounds: &[Value]) -> Value {
    let seconds = |round: &&Value| round["seconds"].as_f64().unwrap_or(f64::MAX);
    rounds.iter().min_by(|a, b| seconds(a).total_cmp(&seconds(b))).cloned().unwrap_or_default()
}

fn report(rows: u64, bytes: u64, ours: &Value, theirs: Option<&Value>) {
    let number = |of: &Value, what: &str| of[what].as_f64().unwrap_or_default();
    let line = |who: &str, of: &Value| {
        let seconds = number(of, "seconds");
        let (rate, speed) = (rows as f64 / seconds, bytes as f64 / 1e6 / seconds);
        let (cpu, peak) = (number(of, "cpu"), number(of, "peak_mib"));
        println!("{who:<34} {seconds:>8.2} s {rate:>12.0} {speed:>8.1} {cpu:>8.2} s {peak:>9.0} MiB");
    };
    println!(
        "{:<34} {:>10} {:>12} {:>8} {:>10} {:>13}",
        "CSV to sorted Parquet", "best of 3", "rows/s", "MB/s", "cpu", "peak"
    );
    line("Marsad, checked and encrypted", ours);
    if let Some(theirs) = theirs {
        line("DuckDB, hashed and sorted", theirs);
    }
    let seconds = number(ours, "seconds");
    println!(
        "\n{}",
        json!({
            "rows": rows,
            "mb_per_s": rounded(bytes as f64 / 1e6 / seconds),
            "rows_per_s": (rows as f64 / seconds).round(),
            "peak_mib": ours["peak_mib"],
            "duckdb_time_over_ours": theirs.map(|theirs| rounded(number(theirs, "seconds") / seconds)),
            "duckdb_peak_over_ours":
                theirs.map(|theirs| rounded(number(theirs, "peak_mib") / number(ours, "peak_mib"))),
        })
    );
}

fn rounded(ratio: f64) -> f64 {
    (ratio * 100.0).round() / 100.0
}
