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
    title: &'a str,
    blocks: Vec<InBlock<'a>>,
}

struct InBlock<'a> {
    heading: &'a str,
    paragraphs: Vec<&'a str>,
    head: Vec<&'a str>,
    rows: Vec<Vec<Cell<'a>>>,
}

struct Cell<'a> {
    /// Attributes of the element around it, fixed texts all.
    attributes: &'static str,
    text: &'a str,
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
            title: sheet.title.get(language),
            blocks: sheet.blocks.iter().map(|block| InBlock::new(block, language)).collect(),
        }
    }
}

impl<'a> InBlock<'a> {
    fn new(block: &'a Block, language: Language) -> Self {
        let cell = |shown: &'a Shown| match shown {
            Shown::Words(text) => Cell { attributes: "", text: text.get(language) },
            Shown::Code(text) => Cell { attributes: " dir=\"ltr\"", text },
            Shown::English(text) => Cell { attributes: " lang=\"en\" dir=\"ltr\"", text },
        };
        Self {
            heading: block.heading.get(language),
            paragraphs: block.paragraphs.iter().map(|text| text.get(language)).collect(),
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
