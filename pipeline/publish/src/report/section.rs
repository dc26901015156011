//! The whole report in one language, as the template wants it.

use marsad_catalog::Catalog;
use marsad_terms::{Language, NanoRho};

use super::number::decimal;
use super::statistic::StatisticView;
use super::targets::Targets;
use super::words::{self, Words};
use crate::day;
use crate::edition::Edition;
use crate::form;
use crate::privacy_yaml::words as privacy;

/// One language.
pub(super) struct Section {
    pub(super) tag: &'static str,
    pub(super) direction: &'static str,
    pub(super) w: &'static Words,
    pub(super) title: String,
    /// The day of publication, in words.
    pub(super) published: String,
    pub(super) coverage: String,
    pub(super) targets: Option<Targets>,
    pub(super) statistics: Vec<StatisticView>,
    pub(super) guess: String,
    pub(super) plain_words: String,
    pub(super) unit: String,
    pub(super) budget: String,
    pub(super) citation: String,
}

impl Section {
    pub(super) fn new(catalog: &Catalog, edition: &Edition, language: Language) -> Self {
        let w = words::of(language);
        let percent = |number: f64| decimal(number, usize::from(number.fract() > 0.0), language);
        let [this, all] = edition.odds().map(|odds| percent(odds.membership));
        // Indicators stand among the key figures, against their targets.
        let flows = edition.dataflows.iter().filter(|flow| !Targets::are_in(flow));
        Self {
            tag: language.tag(),
            direction: language.direction(),
            w,
            title: edition.title.get(language).to_owned(),
            published: day::in_words(edition.date(), language),
            coverage: edition.coverage.get(language).to_owned(),
            targets: Targets::new(catalog, edition, language),
            statistics: flows.map(|flow| StatisticView::new(catalog, flow, language)).collect(),
            guess: words::guess(language, &this, &all),
            plain_words: privacy::plain(edition).get(language).to_owned(),
            unit: privacy::unit().get(language).to_owned(),
            budget: budget(edition, w, language),
            citation: edition.citation().get(language).to_owned(),
        }
    }
}

impl Section {
    /// Whether any figure is what is left after capping.
    pub(super) fn is_capped(&self) -> bool {
        self.statistics.iter().any(|statistic| {
            statistic.is_capped || statistic.breakdowns.iter().any(|breakdown| breakdown.is_capped)
        })
    }
}

/// Cost, and what is left of the lifetime budget.
fn budget(edition: &Edition, w: &Words, language: Language) -> String {
    let rho = |nano: NanoRho| {
        let text = form::rho(nano);
        if language == Language::En { text } else { text.replace('.', ",") }
    };
    let (stop, comma) = match language {
        Language::Fr => ("\u{202F}:", "\u{202F};"),
        Language::Ar => (":", "؛"),
        Language::En => (":", ";"),
    };
    let cost = format!("ρ = {}", rho(edition.loss()));
    let left = format!("{} / {}", rho(edition.left()), rho(edition.lifetime));
    let [cost, left] =
        [cost, left].map(|text| if language == Language::Ar { form::isolated(text) } else { text });
    // The guesses above are of the whole; the series were paid once, by the first release that shows them.
    let of_series = match edition.series_nano_rho {
        NanoRho::ZERO => String::new(),
        series => format!(" ({}{stop} {})", w.of_series, rho(series)),
    };
    format!("{}{stop} {cost}{of_series}{comma} {}{stop} {left}.", w.cost, w.left)
}
