//! Progress bars on stderr, on a terminal only.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// One bar; hidden where nobody looks.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// A bar for one piece of work.
    pub(crate) fn new(what: &str, quiet: bool) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(0);
        let style = ProgressStyle::with_template("  {msg:34} {wide_bar:.cyan/dim} {percent:>3} %  {elapsed}");
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
