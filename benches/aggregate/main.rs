//! What does privacy cost? The bounded aggregate beside plain DataFusion on the same landed files, in one run.
//!
//! Each time is the best of several rounds in which all take turns, so that a busy machine slows all alike; the most memory
//! that each holds is taken in a process of its own. It prints ratios and deliberately asserts none: times differ from
//! machine to machine. The last line is one JSON object (interfaces 3).
//!
//! `MARSAD_BENCH_ROWS` sets the size, `MARSAD_BENCH_BATCHES` deals the rows into so many batches that land one after the other, as
//! partners send them, so that each bucket has as many files, `MARSAD_BENCH_FOLDER` keeps the landed rows and takes them again,
//! `MARSAD_BENCH_EXPORT` names a Parquet file that gets them in clear, for `benches/peers`.

#![allow(clippy::print_stdout, reason = "a benchmark is read on the terminal")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

mod engines;

use engines::Bench;

/// Rows where nothing is said.
const ROWS: u64 = 10_000_000;
/// Rounds, the first of which only warms up.
const ROUNDS: u32 = 6;
/// How a process is called that runs one contender and tells its memory.
const ALONE: &str = "--alone";

type Failure = Box<dyn std::error::Error>;

/// Who reads the rows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contender {
    /// DataFusion's rows by group.
    CountStar,
    /// DataFusion's persons by group.
    CountDistinct,
    /// Marsad's persons by group, bounded.
    One,
    /// The same by five groupings.
    Five,
    /// By one grouping under a norm clip.
    Clip,
}

impl Contender {
    const ALL: [Self; 5] = [Self::CountStar, Self::CountDistinct, Self::One, Self::Five, Self::Clip];

    fn name(self) -> &'static str {
        match self {
            Self::CountStar => "count_star",
            Self::CountDistinct => "count_distinct",
            Self::One => "one_grouping",
            Self::Five => "five_groupings",
            Self::Clip => "norm_clip",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::CountStar => "DataFusion, count(*): rows, no privacy",
            Self::CountDistinct => "DataFusion, count(distinct): no privacy",
            Self::One => "Marsad, one grouping",
            Self::Five => "Marsad, five groupings",
            Self::Clip => "Marsad, one grouping, norm clip",
        }
    }
}

/// What was measured of one contender.
struct Taken {
    contender: Contender,
    seconds: f64,
    peak_mib: u64,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, alone, name, rows, dir] = arguments.as_slice()
        && alone == ALONE
    {
        return run_alone(name, rows.parse()?, Path::new(dir)).await;
    }
    let rows = std::env::var("MARSAD_BENCH_ROWS").map_or(Ok(ROWS), |text| text.parse())?;
    let temporary = tempfile::tempdir()?;
    let kept = std::env::var_os("MARSAD_BENCH_FOLDER").map(PathBuf::from);
    let batches = std::env::var("MARSAD_BENCH_BATCHES").map_or(Ok(1), |text| text.parse())?;
    let dir = kept.unwrap_or_else(|| temporary.path().to_owned()).join(format!("{rows}-{batches}"));
    if !dir.join("landing").is_dir() {
        engines::land(rows, batches, &dir).await?;
    }
    let bench = Bench::open(&dir, rows).await?;
    if let Ok(file) = std::env::var("MARSAD_BENCH_EXPORT") {
        bench.export(&file).await?;
    }
    let taken = best(&bench, rows, &dir).await?;
    report(rows, &taken);
    Ok(())
}

/// The best time of each contender, and its memory alone.
async fn best(bench: &Bench, rows: u64, dir: &Path) -> Result<Vec<Taken>, Failure> {
    let mut best = [Duration::MAX; Contender::ALL.len()];
    for round in 0..ROUNDS {
        for (best, contender) in best.iter_mut().zip(Contender::ALL) {
            let time = bench.time(contender).await?;
            if round > 0 {
                *best = time.min(*best);
            }
        }
    }
    let taken = best.into_iter().zip(Contender::ALL).map(|(best, contender)| {
        let mut command = Command::new(std::env::current_exe()?);
        let told = command.args([ALONE, contender.name(), &rows.to_string()]).arg(dir).output()?;
        let peak_mib = String::from_utf8(told.stdout)?.trim().parse()?;
        Ok(Taken { contender, seconds: best.as_secs_f64(), peak_mib })
    });
    taken.collect()
}

/// Runs one contender and prints the most memory that this process ever held, in MiB.
async fn run_alone(name: &str, rows: u64, dir: &Path) -> Result<(), Failure> {
    let contender = Contender::ALL.into_iter().find(|c| c.name() == name).ok_or("no such contender")?;
    Bench::open(dir, rows).await?.time(contender).await?;
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no peak of memory")?;
    let kib: u64 = peak.trim().trim_end_matches("kB").trim().parse()?;
    println!("{}", kib / 1024);
    Ok(())
}

fn report(rows: u64, taken: &[Taken]) {
    let seconds = |contender: Contender| {
        taken.iter().find(|one| one.contender == contender).map_or(f64::NAN, |one| one.seconds)
    };
    let count_star = seconds(Contender::CountStar);
    let what = "persons by region × category × quarter";
    println!("{what:<42} {:>10} {:>8} {:>12}", format!("best of {}", ROUNDS - 1), "ratio", "peak memory");
    for Taken { contender, seconds, peak_mib } in taken {
        let ratio = seconds / count_star;
        println!("{:<42} {seconds:>8.3} s {ratio:>8.2} {peak_mib:>8} MiB", contender.title());
    }
    let one = seconds(Contender::One);
    let each = |value: fn(&Taken) -> Value| -> Value {
        taken
            .iter()
            .map(|one| (one.contender.name().to_owned(), value(one)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let ratios = json!({
        "rows": rows,
        "over_count_star": rounded(one / count_star),
        "count_distinct_over": rounded(seconds(Contender::CountDistinct) / one),
        "five_groupings_over_one": rounded(seconds(Contender::Five) / one),
        "norm_clip_over": rounded(seconds(Contender::Clip) / one),
        "seconds": each(|one| json!(rounded(one.seconds))),
        "peak_mib": each(|one| json!(one.peak_mib)),
    });
    println!("\n{ratios}");
}

fn rounded(ratio: f64) -> f64 {
    (ratio * 1000.0).round() / 1000.0
}
