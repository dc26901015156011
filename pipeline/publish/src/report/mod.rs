//! `report.html`: the release for readers, in one file that needs nothing else: no script, no font, no image from outside.
//!
//! French first; Arabic and English behind links, by CSS alone (without it, one after the other). It deliberately lacks most
//! crossed cells: those are in the data files.

mod figure;
mod map;
mod names;
mod number;
mod section;
mod statistic;
mod targets;
mod trend;
mod words;

use askama::Template;
use marsad_catalog::Catalog;
use marsad_terms::Language;

use crate::edition::Edition;
use crate::error::{Error, Result};
use section::Section;

/// Its place in the bundle.
pub const PATH: &str = "report.html";

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    edition: &'a Edition,
    sections: Vec<Section>,
}

/// The bytes of the page.
///
/// # Errors
/// `Write` where the template fails.
pub fn write(catalog: &Catalog, edition: &Edition) -> Result<Vec<u8>> {
    let sections = Language::ALL.map(|language| Section::new(catalog, edition, language)).into();
    let page = Page { edition, sections };
    let mut text = page.render().map_err(|source| Error::write(PATH, source))?;
    text.truncate(text.trim_end().len());
    text.push('\n');
    Ok(text.into_bytes())
}
