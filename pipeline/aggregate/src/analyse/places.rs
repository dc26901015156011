//! Where an offence stands: plan nodes carry no places, so the constructs of the text are kept with theirs (algorithms 12.3).
//!
//! An offence knows its kind and the places of its columns; its text is the smallest construct of that kind around them.

use datafusion::common::Span;
use datafusion::sql::sqlparser;
use datafusion::sql::sqlparser::ast::Spanned;

use super::refusal::{Construct, Offence, Place, Refusal};

/// A construct of the statement.
struct Found {
    construct: Construct,
    span: Span,
    text: String,
}

/// All constructs of a statement.
#[derive(Default)]
pub(super) struct Places {
    found: Vec<Found>,
}

impl Places {
    /// Keeps a construct whose whole text is that of `node`.
    pub(super) fn keep(&mut self, construct: Construct, node: &impl Spanned, text: impl Into<String>) {
        self.keep_around(construct, [node.span()], text);
    }

    /// Keeps a construct that reaches over all of these.
    pub(super) fn keep_around(
        &mut self,
        construct: Construct,
        spans: impl IntoIterator<Item = sqlparser::tokenizer::Span>,
        text: impl Into<String>,
    ) {
        let spans = spans.into_iter().filter_map(Span::try_from_sqlparser_span);
        if let Some(span) = Span::union_iter(spans) {
            self.found.push(Found { construct, span, text: text.into() });
        }
    }

    /// The refusal of an offence, at its place.
    pub(super) fn refusal(&self, offence: Offence) -> Refusal {
        if let Some(found) = self.around(&offence) {
            let (place, text) = (start(&found.span), found.text.clone());
            return Refusal::found(offence, place, text);
        }
        let first = offence.columns.iter().map(start).min();
        let text = offence.text.clone();
        Refusal::found(offence, first.unwrap_or((1, 1)), text)
    }

    /// The smallest construct of the kind around all columns, or around one of them, or of that text, or the only kind.
    fn around(&self, offence: &Offence) -> Option<&Found> {
        let of_kind = || self.found.iter().filter(|found| found.construct == offence.construct);
        let holds = |found: &Found, span: &Span| found.span.start <= span.start && span.end <= found.span.end;
        let size = |found: &&Found| (lines(&found.span), found.text.len());
        let all = of_kind().filter(|found| offence.columns.iter().all(|span| holds(found, span)));
        let some = of_kind().filter(|found| offence.columns.iter().any(|span| holds(found, span)));
        let by_text = || of_kind().find(|found| found.text.eq_ignore_ascii_case(&offence.text));
        if offence.columns.is_empty() {
            let last = || of_kind().next_back().filter(|_| offence.construct != Construct::Expression);
            return by_text().or_else(last);
        }
        all.min_by_key(size).or_else(|| some.min_by_key(size))
    }
}

fn start(span: &Span) -> Place {
    (span.start.line, span.start.column)
}

fn lines(span: &Span) -> u64 {
    span.end.line - span.start.line
}
