//! A page for those who decide: headed tables in French, Arabic and English, in one file that needs nothing else.
//!
//! In the report's style: no script, nothing from outside, languages behind links. It deliberately knows neither proposals
//! nor logs: who asks for the page says what stands in it.

use askama::Template;
use marsad_terms::{Language, Text};

use crate::error::{Error, Result};

/// What a page says.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// Its title.
    pub title: Text,
    /// Name of the workspace.
    pub workspace: String,
    /// In order.
    pub blocks: Vec<Block>,
}

/// A heading with paragraphs and a table; each may be empty.
#[derive(Clone, Debug)]
pub struct Block {
    /// What it is about.
    pub heading: Text,
    /// Sentences before the table.
    pub paragraphs: Vec<Text>,
    /// Heads of the columns.
    pub head: Vec<Text>,
    /// As many cells as heads in each.
    pub rows: Vec<Vec<Shown>>,
}

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// In the page's language.
    Words(Text),
    /// A code, number, name or hash: the same in all, from left to right.
    Code(String),
    /// A sentence that exists in English alone, and says so.
    English(String),
}

#[derive(Template)]
#[template(path = "sheet.html")]
struct Page<'a> {
    title: &'a str,
    workspace: &'a str,
    languages: Vec<InLanguage<'a>>,
}

/// The page in one language.
struct InLanguage<'a> {
    tag: &'static str,
    direction: &'static str,
    name: &'static str,
    title: Vec<Piece<'a>>,
    blocks: Vec<InBlock<'a>>,
}

struct InBlock<'a> {
    heading: &'a str,
    paragraphs: Vec<Vec<Piece<'a>>>,
    head: Vec<&'a str>,
    rows: Vec<Vec<Cell<'a>>>,
}

struct Cell<'a> {
    /// Attributes of the element around it, fixed texts all.
    attributes: &'static str,
    text: Vec<Piece<'a>>,
}

/// A part of a text; periods and dates stay on one line, from left to right.
struct Piece<'a> {
    whole: bool,
    text: &'a str,
}

/// The text cut around its periods and dates, such as `2023-Q1`: no browser may break a line at their hyphens.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == ':';
    let mut pieces = Vec::new();
    let (mut from, mut rest) = (0, 0);
    while let Some(start) = text[rest..].find(is_part).map(|at| rest + at) {
        let end = text[start..].find(|c| !is_part(c)).map_or(text.len(), |at| start + at);
        let word = text[start..end].trim_end_matches([':', '-']);
        let dated = word.as_bytes().get(4) == Some(&b'-') && word.bytes().take(4).all(|b| b.is_ascii_digit());
        if dated {
            pieces.push(Piece { whole: false, text: &text[from..start] });
            pieces.push(Piece { whole: true, text: word });
            from = start + word.len();
        }
        rest = end;
    }
    pieces.push(Piece { whole: false, text: &text[from..] });
    pieces
}

impl<'a> InLanguage<'a> {
    fn new(sheet: &'a Sheet, language: Language) -> Self {
        let name = match language {
            Language::Fr => "Français",
            Language::Ar => "العربية",
            Language::En => "English",
        };
        Self {
            tag: language.tag(),
            direction: language.direction(),
            name,
            title: pieces(sheet.title.get(language)),
            blocks: sheet.blocks.iter().map(|block| InBlock::new(block, language)).collect(),
        }
    }
}

impl<'a> InBlock<'a> {
    fn new(block: &'a Block, language: Language) -> Self {
        let cell = |shown: &'a Shown| match shown {
            // By its language: a text that begins with a code would else run the other way.
            Shown::Words(text) => {
                let attributes = if language == Language::Ar { " dir=\"rtl\"" } else { " dir=\"ltr\"" };
                Cell { attributes, text: pieces(text.get(language)) }
            }
            Shown::Code(text) => Cell { attributes: " dir=\"ltr\"", text: pieces(text) },
            Shown::English(text) => Cell { attributes: " lang=\"en\" dir=\"ltr\"", text: pieces(text) },
        };
        Self {
            heading: block.heading.get(language),
            paragraphs: block.paragraphs.iter().map(|text| pieces(text.get(language))).collect(),
            head: block.head.iter().map(|text| text.get(language)).collect(),
            rows: block.rows.iter().map(|row| row.iter().map(cell).collect()).collect(),
        }
    }
}

/// The page's text.
///
/// # Errors
/// `Write` where the template fails.
pub fn write(sheet: &Sheet) -> Result<String> {
    let languages = Language::ALL.map(|language| InLanguage::new(sheet, language)).into();
    let page = Page { title: &sheet.title.fr, workspace: &sheet.workspace, languages };
    page.render().map_err(|source| Error::write("the page", source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_and_dates_are_kept_whole_and_nothing_is_lost() {
        let text = "Embargo : 2026-11-15T09:00:00Z. من 2023-Q1، إلى 2023-Q4: DF_A-B";
        let cut = pieces(text);
        let whole: Vec<&str> = cut.iter().filter(|piece| piece.whole).map(|piece| piece.text).collect();
        assert_eq!(whole, ["2026-11-15T09:00:00Z", "2023-Q1", "2023-Q4"]);
        assert_eq!(cut.iter().map(|piece| piece.text).collect::<String>(), text);
        assert_eq!(pieces("").iter().map(|piece| piece.text).collect::<String>(), "");
    }

    #[test]
    fn three_languages_nothing_from_outside_and_no_markup_from_a_cell() {
        let text = |word: &str| Text {
            fr: format!("{word} fr"),
            ar: format!("{word} ar"),
            en: format!("{word} en"),
        };
        let block = Block {
            heading: text("heading"),
            paragraphs: vec![text("said")],
            head: vec![text("head")],
            rows: vec![vec![Shown::Code("<script>".to_owned())], vec![Shown::English("as found".to_owned())]],
        };
        let sheet = Sheet { title: text("title"), workspace: "<b>".to_owned(), blocks: vec![block] };
        let page = write(&sheet).unwrap();
        for part in [
            "id=\"ar\" lang=\"ar\" dir=\"rtl\"",
            "heading ar",
            "said en",
            "head fr",
            "<bdi lang=\"en\" dir=\"ltr\">as found",
        ] {
            assert!(page.contains(part), "{part}");
        }
        for outside in ["http://", "https://", "<script", "<link", "<img", "@import", "<b>"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}
