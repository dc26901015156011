//! `report.html`: the release for readers, in one file that needs nothing else: no script, no font, no image from outside.
//!
//! French first; Arabic and English behind links, by CSS alone (without it, one after the other). It deliberately lacks most
//! crossed cells: those are in the data files.

mod figure;
mod map;
mod number;
mod section;
mod statistic;
mod targets;
mod trend;
pub(crate) mod words;

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

#[cfg(test)]
mod tests {
    use crate::testing::Fixture;

    #[test]
    fn three_languages_each_in_its_direction_and_nothing_from_outside() {
        let fixture = Fixture::shared();
        let edition = fixture.edition();
        let page = String::from_utf8(super::write(&fixture.catalog, &edition).unwrap()).unwrap();
        for start in [
            "id=\"fr\" lang=\"fr\" dir=\"ltr\"",
            "id=\"ar\" lang=\"ar\" dir=\"rtl\"",
            "id=\"en\" lang=\"en\" dir=\"ltr\"",
        ] {
            assert!(page.contains(start), "{start}");
        }
        let order = ["fr", "ar", "en"].map(|tag| page.find(&format!("id=\"{tag}\"")).unwrap());
        assert!(order.is_sorted());
        for outside in ["http://", "https://", "<script", "<link", "<img", "@import", "style=\""] {
            assert!(!page.contains(outside), "{outside}");
        }
        // Every chart says its finding in words, every map holds the twelve regions.
        assert_eq!(page.matches("role=\"img\"").count(), page.matches("<desc ").count());
        let maps = page.matches("<svg class=\"map\"").count();
        assert_eq!(page.matches("class=\"tile ").count(), 12 * maps);
        assert!(maps >= 3 && page.contains("20\u{202f}720") && page.contains("20,720"));
    }

    #[test]
    fn labels_cannot_bring_markup() {
        let mut fixture = Fixture::new();
        fixture.proposal.title.fr = "<script>alert(1)</script>".into();
        fixture.proposal.coverage.en = "\"><img src=x>".into();
        let edition = fixture.edition();
        let page = String::from_utf8(super::write(&fixture.catalog, &edition).unwrap()).unwrap();
        assert!(!page.contains("<script") && !page.contains("<img"));
    }
}
