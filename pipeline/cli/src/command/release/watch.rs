//! `release run --stats`: time and memory by step, to two digits. Nothing of it is stored.
//!
//! It deliberately counts neither rows nor bytes (decision 091): one person changes those, and terminals are recorded.

use std::cell::RefCell;
use std::fs;
use std::time::{Duration, Instant};

use marsad_release::Step;

use crate::report::table;

/// What each step took so far.
pub(super) struct Watch(RefCell<State>);

struct State {
    since: Instant,
    steps: Vec<Taken>,
}

struct Taken {
    step: Step,
    time: Duration,
    /// The most memory that the process held, in KiB; `None` where the system does not tell.
    peak: Option<u64>,
}

impl Watch {
    pub(super) fn new() -> Self {
        forget_peak();
        Self(RefCell::new(State { since: Instant::now(), steps: Vec::new() }))
    }

    /// A step is done; the next one begins.
    pub(super) fn done(&self, step: Step) {
        let mut state = self.0.borrow_mut();
        let time = state.since.elapsed();
        state.steps.push(Taken { step, time, peak: peak() });
        state.since = Instant::now();
        forget_peak();
    }

    /// A line a step.
    pub(super) fn table(&self) -> String {
        let state = self.0.borrow();
        let rows = state.steps.iter().map(|taken| {
            let peak = taken.peak.map_or_else(|| "?".to_owned(), |kib| two_digits(kib as f64 / 1024.0));
            vec![name(taken.step).to_owned(), two_digits(taken.time.as_secs_f64()), peak]
        });
        table(&["step", "seconds", "peak MiB"], rows, 1)
    }
}

fn name(step: Step) -> &'static str {
    match step {
        Step::Reserved => "reserve",
        Step::AddedUp => "add up",
        Step::Measured => "draw the noise",
        Step::Stored => "store",
    }
}

/// Two digits of a number, the rest zeros; nothing for zero.
fn two_digits(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return String::new();
    }
    // In this notation one digit stands before the point and one behind it.
    let rounded = format!("{number:.1e}").parse::<f64>().unwrap_or(number);
    rounded.to_string()
}

/// KiB held at most since [`forget_peak`].
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Lets the system begin its count of memory anew, where it can.
fn forget_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_to_two_digits() {
        let told =
            [0.0, 0.001_234, 0.0999, 1.26, 12.6, 145_417.0, 9_961_234.0, f64::INFINITY].map(two_digits);
        assert_eq!(told, ["", "0.0012", "0.1", "1.3", "13", "150000", "10000000", ""]);
    }
}
