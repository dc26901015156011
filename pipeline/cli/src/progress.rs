//! Progress bars on stderr, on a terminal only.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// One bar; hidden where nobody looks.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// A bar for one piece of work.
    pub(crate) fn new(what: &str, quiet: bool) -> Self {
        Self::with(what, quiet, "{elapsed}")
    }

    /// A bar for a file that is read: with its speed, and the time that is left.
    pub(crate) fn of_file(what: &str, quiet: bool) -> Self {
        Self::with(what, quiet, "{decimal_bytes_per_sec}  {eta} left")
    }

    /// A bar for landed rows, which are read bucket by bucket.
    pub(crate) fn of_buckets(what: &str, quiet: bool) -> Self {
        Self::with(what, quiet, "bucket {pos} of {len}  {eta} left")
    }

    fn with(what: &str, quiet: bool, after: &str) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(0);
        let template = format!("  {{msg:34}} {{wide_bar:.cyan/dim}} {{percent:>3}} %  {after}");
        let style = ProgressStyle::with_template(&template);
        if let Ok(style) = style {
            bar.set_style(style.progress_chars("━━╌"));
        }
        bar.set_message(what.to_owned());
        Self(bar)
    }

    /// Done of total.
    pub(crate) fn at(&self, done: u64, total: u64) {
        self.0.set_length(total.max(done).max(1));
        self.0.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
