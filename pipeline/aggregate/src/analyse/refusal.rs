//! Refusals: a statement that cannot be bounded by person, with the reason and what to write instead (algorithms 12.4).
//!
//! They quote the statement, which is public; there is no data here that they could quote.

use std::borrow::Cow;

use datafusion::common::Span;
use datafusion::logical_expr::Expr;
use serde::Serialize;

/// Why a statement is refused, `P01` to `P22`: P19 and P20 are found where its shape is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// LIMIT, OFFSET, inner sort.
    P01,
    /// Window that compares persons.
    P02,
    /// DISTINCT or set operation that merges persons' rows.
    P03,
    /// Inner GROUP BY without the person.
    P04,
    /// Records joined other than on the person.
    P05,
    /// Reference join off its key.
    P06,
    /// Sub-query over records.
    P07,
    /// HAVING.
    P08,
    /// Key without a code list.
    P09,
    /// Final aggregate of unbounded influence.
    P10,
    /// COUNT(DISTINCT) of another column.
    P11,
    /// SUM or AVG without declared bounds.
    P12,
    /// Expression that can fail or depends on row order.
    P13,
    /// Clock, chance, user-defined function.
    P14,
    /// No final aggregate.
    P15,
    /// The person as output.
    P16,
    /// A construct that is not proven.
    P17,
    /// A total from the parts of a multi-valued dimension.
    P18,
    /// A text that is no code of the list that it is compared with.
    P21,
    /// Rows of one person that multiply more than once.
    P22,
}

impl Code {
    /// `P01` …
    pub fn as_str(self) -> &'static str {
        match self {
            Self::P01 => "P01",
            Self::P02 => "P02",
            Self::P03 => "P03",
            Self::P04 => "P04",
            Self::P05 => "P05",
            Self::P06 => "P06",
            Self::P07 => "P07",
            Self::P08 => "P08",
            Self::P09 => "P09",
            Self::P10 => "P10",
            Self::P11 => "P11",
            Self::P12 => "P12",
            Self::P13 => "P13",
            Self::P14 => "P14",
            Self::P15 => "P15",
            Self::P16 => "P16",
            Self::P17 => "P17",
            Self::P18 => "P18",
            Self::P21 => "P21",
            Self::P22 => "P22",
        }
    }

    fn why_and_write(self) -> (&'static str, &'static str) {
        match self {
            Self::P01 => (
                "other persons would decide which rows survive",
                "filter on the row's own values, or ROW_NUMBER() OVER (PARTITION BY person_key ORDER BY …, record_id)",
            ),
            Self::P02 => ("the window compares persons", "PARTITION BY person_key, a key that is never NULL"),
            Self::P03 => (
                "rows of several persons would merge into one",
                "select person_key too, in the same place of each branch and never NULL; or COUNT(DISTINCT person_key)",
            ),
            Self::P04 => (
                "persons are mixed before they are bounded",
                "GROUP BY person_key, … with a key that is never NULL, or make this GROUP BY the final one",
            ),
            Self::P05 => (
                "one person could multiply the rows of another",
                "join the records ON a.person_key = b.person_key, keys of one key space that are never NULL",
            ),
            Self::P06 => (
                "its rows belong to nobody",
                "INNER or LEFT JOIN from the records on the reference table's unique key; zeros appear anyway",
            ),
            Self::P07 => (
                "it would be an unprotected figure of other persons",
                "WHERE t.person_key = a.person_key AND …, person_key IN (SELECT person_key …), a literal, or a released figure",
            ),
            Self::P08 => {
                ("exact counts would decide what is shown", "leave it out: flags mark the weak cells")
            }
            Self::P09 => (
                "the set of keys would itself tell who is there",
                "group by a column with a code list, or declare the list of a derived column under [codes]",
            ),
            Self::P10 => (
                "the influence of one person on it has no bound",
                "counts over bands, SUM or AVG with bounds",
            ),
            Self::P11 => ("it is not a sum over persons", "count persons by the codes of that column"),
            Self::P12 => (
                "one row could add any amount",
                "declare lower, upper and step under [measures.<column>], and sum the bare column",
            ),
            Self::P13 => (
                "an error or a tie caused by one row would reveal it",
                "TRY_CAST, CAST(… AS DOUBLE) before / and *, literal arguments, patterns of at most 256 characters; ORDER BY …, record_id of every record type",
            ),
            Self::P14 => ("the figure could not be reproduced nor proven", "write a literal"),
            Self::P15 => ("it would print rows of persons", "COUNT, SUM or AVG with GROUP BY"),
            Self::P16 => ("it would print persons", "COUNT(DISTINCT person_key)"),
            Self::P17 => (
                "only constructs with a proof are accepted",
                "one SELECT: joins on person_key, GROUP BY person_key inside, GROUP BY GROUPING SETS at the end",
            ),
            Self::P18 => (
                "a person with several codes would be counted several times",
                "name the total as its own grouping set",
            ),
            Self::P21 => ("no record has such a code", "a code of the column's list"),
            Self::P22 => FAN,
        }
    }
}

/// Why rows may multiply once only, and what to write instead.
const FAN: (&str, &str) = (
    "the rows of one person would multiply more than once, and the time of a run would tell who has many",
    "one row a person on all sides but two: GROUP BY person_key, or DISTINCT, before the join",
);

/// Why an order without a key is refused, and what to write instead.
const TIE: (&str, &str) = (
    "which of two equal rows comes first would depend on other persons' rows",
    "ORDER BY …, record_id of every record type that is joined, all columns of an inner GROUP BY, and a literal for each branch of a UNION ALL",
);

/// One refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// `P01` to `P18`, `P21` or `P22`.
    pub code: &'static str,
    /// Line of the statement, from 1.
    pub line: u64,
    /// Character of the line, from 1.
    pub column: u64,
    /// The construct.
    pub text: String,
    /// Why it is refused.
    pub why: Cow<'static, str>,
    /// What to write instead.
    pub write: Cow<'static, str>,
}

/// What kind of text an offence is, to be found in the statement: plan nodes know no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Construct {
    Join,
    Distinct,
    SetOperation,
    GroupBy,
    Having,
    Window,
    Subquery,
    Expression,
    Statement,
}

/// An offence against the rules as the plan shows it, before its text is found.
#[derive(Clone, Debug)]
pub(crate) struct Offence {
    pub(crate) code: Code,
    pub(crate) construct: Construct,
    /// Where its columns stand.
    pub(crate) columns: Vec<Span>,
    /// What it is in the plan's words.
    pub(crate) text: String,
    /// Why, and what to write, where the code alone says too little.
    pub(super) words: Option<(String, String)>,
}

impl Offence {
    pub(crate) fn new(code: Code, construct: Construct, text: impl Into<String>) -> Self {
        Self { code, construct, columns: Vec::new(), text: text.into(), words: None }
    }

    /// At the columns of these expressions.
    pub(crate) fn at<'e>(mut self, exprs: impl IntoIterator<Item = &'e Expr>) -> Self {
        self.columns.extend(exprs.into_iter().flat_map(spans));
        self
    }

    /// In words of its own.
    pub(crate) fn saying(self, why: String, write: String) -> Self {
        Self { words: Some((why, write)), ..self }
    }

    pub(crate) fn expression(code: Code, expr: &Expr) -> Self {
        Self::new(code, Construct::Expression, expr.to_string()).at([expr])
    }
}

/// The places of an expression's columns.
fn spans(expr: &Expr) -> Vec<Span> {
    expr.column_refs().into_iter().filter_map(|column| column.spans.first()).collect()
}

/// Line and column, from 1; zero where unknown.
pub(crate) type Place = (u64, u64);

impl Refusal {
    pub(crate) fn new(code: Code, place: Place, text: impl Into<String>) -> Self {
        Self::of(code, Construct::Statement, place, text)
    }

    /// In the words for that construct.
    pub(crate) fn of(code: Code, construct: Construct, place: Place, text: impl Into<String>) -> Self {
        let (why, write) = match (code, construct) {
            (Code::P13, Construct::Window) => TIE,
            _ => code.why_and_write(),
        };
        let text: String = text.into();
        let text =
            if text.chars().count() > 120 { text.chars().take(119).chain(['…']).collect() } else { text };
        let (why, write) = (Cow::Borrowed(why), Cow::Borrowed(write));
        Self { code: code.as_str(), line: place.0.max(1), column: place.1.max(1), text, why, write }
    }

    /// The refusal of an offence that stands there, with its text in the statement's words.
    pub(crate) fn found(offence: Offence, place: Place, text: String) -> Self {
        let refusal = Self::of(offence.code, offence.construct, place, text);
        match offence.words {
            Some((why, write)) => Self { why: why.into(), write: write.into(), ..refusal },
            None => refusal,
        }
    }
}
