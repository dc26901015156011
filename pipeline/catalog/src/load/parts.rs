//! Forms that several kinds of definition share: ids, areas, periods.

use std::fmt::Display;
use std::str::FromStr;

use marsad_terms::{NanoRho, Period};

use crate::error::Kind;
use crate::page::{At, Page, shown};
use crate::statistic::Area;
use crate::table::Value;

/// A text that parses as `T`; a fault with the parser's own words where it does not.
pub(crate) fn parsed<T>(value: Value<'_>) -> Option<At<T>>
where
    T: FromStr<Err: Display>,
{
    let page = value.page;
    let text = value.text()?;
    parse(page, &text, Kind::WrongValue).map(|value| At { value, at: text.at })
}

fn parse<T>(page: Page<'_>, text: &At<String>, kind: Kind) -> Option<T>
where
    T: FromStr<Err: Display>,
{
    match text.value.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            let (what, remedy) = split_error(&error.to_string());
            page.fault(text.at, kind, what, remedy);
            None
        }
    }
}

/// The errors of `terms` say what is wrong, then what to write.
fn split_error(text: &str) -> (String, String) {
    let cut = text.split_once("; ").or_else(|| text.split_once(": "));
    let (what, remedy) = cut.unwrap_or((text, "correct it"));
    (what.to_owned(), remedy.to_owned())
}

/// A period.
pub(crate) fn period(value: Value<'_>) -> Option<At<Period>> {
    let page = value.page;
    let text = value.text_or_number()?;
    parse(page, &text, Kind::Period).map(|value| At { value, at: text.at })
}

/// Periods, each once.
pub(crate) fn periods(value: Value<'_>) -> Option<Vec<Period>> {
    let page = value.page;
    let mut periods = Vec::new();
    for member in value.list()? {
        let Some(At { value: period, at }) = self::period(member) else { continue };
        if periods.contains(&period) {
            page.fault(at, Kind::Duplicate, format!("`{period}` stands here twice"), "keep it once");
        } else {
            periods.push(period);
        }
    }
    Some(periods)
}

/// One word of a few.
pub(crate) fn choice<T: Copy>(value: Value<'_>, choices: &[(&str, T)]) -> Option<T> {
    let page = value.page;
    let word = value.text()?;
    let found = choices.iter().find(|(name, _)| *name == word.value).map(|(_, choice)| *choice);
    if found.is_none() {
        let known: Vec<String> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
        let what = format!("`{}` is not possible here", shown(&word.value));
        page.fault(word.at, Kind::WrongValue, what, format!("choose one of: {}", known.join(", ")));
    }
    found
}

/// `region` or `national`.
pub(crate) fn area(value: Value<'_>) -> Option<Area> {
    choice(value, &[Area::Region, Area::National].map(|area| (area.as_str(), area)))
}

/// Whether a text is a column's name: lower-case letters, digits and `_`.
pub(crate) fn is_column_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// A privacy-loss budget ρ as decimal text, rounded up to whole nano-ρ.
pub(crate) fn rho(value: Value<'_>) -> Option<NanoRho> {
    let page = value.page;
    let text = value.text()?;
    let parsed = text.value.parse();
    if let Err(error) = &parsed {
        let remedy = "write a decimal in quotes, such as \"0.04\"";
        page.fault(text.at, Kind::Price, format!("{error}"), remedy);
    }
    parsed.ok()
}
