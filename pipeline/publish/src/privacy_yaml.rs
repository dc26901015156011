//! `privacy.yaml`: a record of the OpenDP deployments registry, and under `marsad` the exact integers (publication 4).

pub(crate) mod words;
mod yaml;

use marsad_privacy::estimate::{Bounding, Interval};
use marsad_privacy::shape::Bound;
use marsad_terms::{Grain, Text};

use crate::combined::Source;
use crate::dataflow::{Dataflow, MeasuredResidual, MeasuredTable, Noise, Protection, Series};
use crate::edition::{Edition, Odds};
use crate::form;
use yaml::Yaml;

/// Its place in the bundle.
pub const PATH: &str = "privacy.yaml";

/// The bytes of the statement.
pub fn write(edition: &Edition) -> Vec<u8> {
    let head = "# Privacy statement of one release. Everything but `marsad` follows the OpenDP deployments registry's fields.\n";
    let document = Yaml::Map(vec![
        ("url_slug", Yaml::text(slug(edition))),
        ("status", Yaml::text("Draft")),
        ("tier", Yaml::bare(3)),
        ("deployment", deployment(edition)),
        ("marsad", marsad(edition)),
    ]);
    format!("{head}{}", document.document()).into_bytes()
}

pub(crate) fn slug(edition: &Edition) -> String {
    format!("marsad-{}", edition.release).to_ascii_lowercase().replace('_', "-")
}

fn texts(members: &[(&'static str, &str)]) -> Yaml {
    Yaml::Map(members.iter().map(|(key, text)| (*key, Yaml::text(*text))).collect())
}

fn labels(text: Text) -> Yaml {
    Yaml::Map(vec![("fr", Yaml::Text(text.fr)), ("ar", Yaml::Text(text.ar)), ("en", Yaml::Text(text.en))])
}

fn deployment(edition: &Edition) -> Yaml {
    Yaml::Map(vec![
        ("basic", basic(edition)),
        ("dp_variant", texts(&DP_VARIANT)),
        ("privacy_loss", privacy_loss(edition)),
        ("deployment_model", texts(&MODEL)),
        ("accounting", texts(&ACCOUNTING)),
        ("implementation", texts(&IMPLEMENTATION)),
        ("administrative", administrative(edition)),
    ])
}

fn basic(edition: &Edition) -> Yaml {
    Yaml::Map(vec![
        ("name", Yaml::Text(format!("Marsad, release {}", edition.release))),
        ("data_curators", Yaml::texts([&edition.workspace])),
        (
            "intended_use",
            Yaml::text("Public regional statistics for observatories, partners and researchers."),
        ),
        ("data_product_type", Yaml::text("Summary statistics")),
        ("data_product_region", Yaml::text("Morocco")),
        ("description", Yaml::Text(format!("{} ({} tables).", edition.title.en, edition.dataflows.len()))),
        ("publication_date", Yaml::text(edition.date())),
        ("data_product_sector", Yaml::text("Government")),
    ])
}

const DP_VARIANT: [(&str, &str); 3] = [
    ("variant_name", "Zero-concentrated DP"),
    ("data_domain", "All sets of case records of the programme; a person may be absent."),
    (
        "unprotected_quantities",
        "Activities of organisations, which hold no person. Periods, code lists and structural zeros are public and fixed \
         before the data are read.",
    ),
];

const MODEL: [(&str, &str); 9] = [
    ("model_name", "Central"),
    ("model_name_details", "Pseudonymised records stay with the programme; only noisy tables leave."),
    (
        "actors",
        "Data custodians, the programme, its approvers, the public. Every recipient gets the same bytes.",
    ),
    ("release_type", "Many releases"),
    ("release_type_details", "All releases are charged to one lifetime budget; it never resets."),
    ("data_source_type", "Dynamic"),
    ("data_source_type_details", "Cases are added, corrected and erased between releases."),
    ("access_type", "Non-interactive"),
    (
        "access_type_details",
        "Statistics are proposed, approved and published; there is no query interface to the records.",
    ),
];

const ACCOUNTING: [(&str, &str); 2] = [
    (
        "post_processing",
        "Weighted least squares over all noisy tables; whole non-negative display values; flags from noisy values.",
    ),
    ("composition", "zCDP composition over all releases, fully adaptive, in integer nano-rho rounded up."),
];

const IMPLEMENTATION: [(&str, &str); 3] = [
    (
        "preprocessing_and_hyperparameter_tuning",
        "Code lists and bounds are fixed before the data are read; the cost is computed without the data.",
    ),
    (
        "mechanisms",
        "Exact discrete Gaussian on integers; one person's contribution is bounded before aggregation; no floating point \
         before the noise.",
    ),
    ("justification", "The cost was proposed with its margins and approved against the lifetime budget."),
];

fn privacy_loss(edition: &Edition) -> Yaml {
    let parameters = Yaml::Map(vec![
        ("rho", Yaml::bare(form::rho(edition.loss()))),
        ("epsilon", Yaml::bare(form::real(edition.epsilon()))),
        ("delta", Yaml::bare(form::real(edition.delta))),
    ]);
    let details = "rho is this release's charge (marsad.nano_rho) plus that of the first-time series it continues, charged \
                   when they were opened; (epsilon, delta) is a conversion for reading (Canonne, Kamath, Steinke 2020), \
                   rounded up.";
    Yaml::Map(vec![
        ("privacy_unit", Yaml::text("Person")),
        (
            "privacy_unit_details",
            Yaml::text(
                "Neighbouring data sets differ by adding or removing all rows of one person in all tables.",
            ),
        ),
        ("privacy_parameters", parameters),
        ("privacy_parameters_details", Yaml::text(details)),
    ])
}

fn administrative(edition: &Edition) -> Yaml {
    Yaml::Map(vec![
        ("sources", Yaml::text(edition.address())),
        ("notes", Yaml::Text(format!("Contact: {}", edition.contact))),
        ("registry_authors", Yaml::texts([&edition.workspace])),
    ])
}

fn marsad(edition: &Edition) -> Yaml {
    let [release, ceiling] = edition.odds().map(odds);
    Yaml::Map(vec![
        ("release", Yaml::text(edition.release.to_string())),
        ("nano_rho", Yaml::bare(edition.nano_rho.get())),
        ("nano_rho_before", Yaml::bare(edition.used_before.get())),
        ("nano_rho_lifetime", Yaml::bare(edition.lifetime.get())),
        ("nano_rho_ceiling", Yaml::bare(edition.ceiling.get())),
        ("confidence_level", Yaml::bare(95)),
        ("guess_percent", Yaml::Map(vec![("release", release), ("ceiling", ceiling)])),
        ("plain_words", labels(words::plain(edition))),
        ("privacy_unit", labels(words::unit())),
        ("statistics", Yaml::List(edition.dataflows.iter().map(statistic).collect())),
    ])
}

fn odds(odds: Odds) -> Yaml {
    Yaml::Map(vec![
        ("membership", Yaml::bare(form::real(odds.membership))),
        ("attribute", Yaml::bare(form::real(odds.attribute))),
    ])
}

fn statistic(flow: &Dataflow) -> Yaml {
    let mut members = vec![
        ("id", Yaml::text(flow.id.as_str())),
        ("dataflow", Yaml::Text(flow.reference())),
        ("nano_rho", Yaml::bare(flow.nano_rho.get())),
        ("bounding", Yaml::text(mode(&flow.protection))),
    ];
    let words = labels(words::bounding(&flow.protection));
    match &flow.protection {
        Protection::Noise(noise) => {
            members.extend(bound(noise).map(|bound| ("bound", bound)));
            members.push(("bounding_words", words));
            members.extend(noise.negative.then(|| ("negative_sums", Yaml::bare(true))));
            members.extend(mechanism(noise));
            members.extend(noise.series.as_ref().map(|own| ("series", series(own))));
            members.extend(left_out(noise).map(|left_out| ("left_out", left_out)));
            members.push(("tables", Yaml::List(noise.tables.iter().map(|t| table(t, noise)).collect())));
        }
        Protection::Exact(tables) => {
            members.push(("bounding_words", words));
            members.push(("mechanism", Yaml::text("exact")));
            members.push(("tables", Yaml::List(tables.iter().map(|t| exact_table(t, tables)).collect())));
        }
        Protection::Derived(sources) => {
            members.push(("bounding_words", words));
            members.push(("mechanism", Yaml::text("derived")));
            members.push(("sources", Yaml::texts(sources)));
        }
        Protection::Combined(sources) => {
            members.push(("bounding_words", words));
            members.push(("mechanism", Yaml::text("derived")));
            let name = |source: &Source| format!("{}/{}", source.release, source.dataflow);
            members.push(("sources", Yaml::texts(sources.iter().map(name))));
        }
    }
    members.push(("periods", Yaml::texts(flow.periods())));
    Yaml::Map(members)
}

fn series(series: &Series) -> Yaml {
    Yaml::Map(vec![
        ("id", Yaml::text(series.id.to_string())),
        ("nano_rho", Yaml::bare(series.nano_rho.get())),
        ("opened", Yaml::text(series.start.to_string())),
        ("horizon", Yaml::bare(series.horizon)),
        ("steps", Yaml::List(series.steps.iter().map(Yaml::bare).collect())),
        // A person who is erased stays in the register as a pseudonym that no longer counts, so that nobody enters twice.
        ("tombstones", Yaml::bare(true)),
    ])
}

/// What got the noise: the tables, whose integers are published as `raw`, the steps of a series, or residuals, which are not
/// published.
fn mechanism(noise: &Noise) -> Vec<(&'static str, Yaml)> {
    let unit = ("sigma_unit", Yaml::bare(form::real(0.5_f64.powi(noise.f.cast_signed()))));
    if noise.residuals.is_empty() {
        let mechanism = if noise.series.is_some() { "toeplitz_gaussian" } else { "discrete_gaussian" };
        let sigma = ("sigma", Yaml::bare(form::real(noise.sigma)));
        return vec![("mechanism", Yaml::text(mechanism)), sigma, unit];
    }
    let residuals = noise.residuals.iter().map(|part| residual(part, noise)).collect();
    vec![
        ("mechanism", Yaml::text("discrete_gaussian_on_residuals")),
        ("mechanism_words", labels(words::residuals())),
        unit,
        ("residuals", Yaml::List(residuals)),
    ]
}

fn residual(part: &MeasuredResidual, noise: &Noise) -> Yaml {
    let mut members = Vec::new();
    members.extend(part.aggregate.as_ref().map(|name| ("aggregate", Yaml::text(name.as_str()))));
    members.extend(freq(part.grain, noise.tables.iter().map(|table| table.grain)));
    members.push(("dimensions", dimensions(&part.dimensions)));
    members.push(("nano_rho", Yaml::bare(part.nano_rho.get())));
    members.push(("sigma", Yaml::bare(form::real(part.sigma))));
    Yaml::Map(members)
}

fn mode(protection: &Protection) -> &'static str {
    match protection {
        Protection::Exact(_) | Protection::Derived(_) | Protection::Combined(_) => "none",
        Protection::Noise(noise) => match noise.bound {
            Bound::HomeCell => "home_cell",
            Bound::NormClip { .. } => "norm_clip",
            Bound::Truncate { .. } => "truncate",
            Bound::First { .. } => "first",
        },
    }
}

fn bound(noise: &Noise) -> Option<Yaml> {
    let (key, constant) = match noise.bound {
        Bound::NormClip { c_squared, .. } => ("c2", c_squared),
        Bound::Truncate { k, .. } => ("k", u64::from(k)),
        Bound::HomeCell | Bound::First { .. } => return None,
    };
    let mut members = vec![(key, Yaml::bare(constant))];
    members.extend(noise.source.as_ref().map(|source| ("source", Yaml::text(source.as_str()))));
    Some(Yaml::Map(members))
}

fn left_out(noise: &Noise) -> Option<Yaml> {
    let Bounding { cap, persons, contributions, share_percent } = noise.left_out.as_ref()?;
    Some(Yaml::Map(vec![
        ("cap", Yaml::bare(cap)),
        ("persons", interval(persons)),
        ("contributions", interval(contributions)),
        ("share_percent", share_percent.as_ref().map_or_else(|| Yaml::bare("null"), interval)),
    ]))
}

fn interval(interval: &Interval) -> Yaml {
    let number = |value: f64| Yaml::bare(form::real(form::rounded(value).unwrap_or_default()));
    Yaml::Map(vec![
        ("estimate", number(interval.estimate)),
        ("lower", number(interval.lower)),
        ("upper", number(interval.upper)),
    ])
}

fn table(table: &MeasuredTable, noise: &Noise) -> Yaml {
    let mut members = Vec::new();
    members.extend(table.aggregate.as_ref().map(|name| ("aggregate", Yaml::text(name.as_str()))));
    members.extend(freq(table.grain, noise.tables.iter().map(|table| table.grain)));
    members.push(("dimensions", dimensions(&table.dimensions)));
    if !noise.residuals.is_empty() {
        return Yaml::Map(members);
    }
    members.push(("b", Yaml::bare(table.b)));
    members.push(("f", Yaml::bare(noise.f)));
    members.extend(table.step.map(|step| ("step", Yaml::bare(form::real(step)))));
    members.extend(table.raw_unit.map(|unit| ("raw_unit", Yaml::bare(form::real(unit)))));
    Yaml::Map(members)
}

fn exact_table((grain, ids): &(Grain, Vec<String>), tables: &[(Grain, Vec<String>)]) -> Yaml {
    let mut members: Vec<(&'static str, Yaml)> = Vec::new();
    members.extend(freq(*grain, tables.iter().map(|(grain, _)| *grain)));
    members.push(("dimensions", dimensions(ids)));
    Yaml::Map(members)
}

/// The frequency of a table, where its dataflow has more than one: a table covers all periods of its own.
fn freq(own: Grain, mut all: impl Iterator<Item = Grain>) -> Option<(&'static str, Yaml)> {
    all.any(|grain| grain != own).then(|| ("freq", Yaml::text(own.freq())))
}

fn dimensions(ids: &[String]) -> Yaml {
    Yaml::texts(std::iter::once("TIME_PERIOD").chain(ids.iter().map(String::as_str)))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Fixture, PRICE};

    #[test]
    fn the_statement_says_what_was_charged_and_how_each_dataflow_is_bounded() {
        let edition = Fixture::shared().edition();
        let text = String::from_utf8(super::write(&edition)).unwrap();
        let has = |part: &str| assert!(text.contains(part), "{part}");
        has(&format!(
            "\nmarsad:\n  release: \"2024-Q4\"\n  nano_rho: {}\n  nano_rho_before: 300000000\n",
            PRICE.get()
        ));
        // Eight series at 0.01 each were paid before.
        has("      rho: 0.680000001\n");
        has("    mechanism: toeplitz_gaussian\n");
        has("      opened: \"2023-Q1\"\n      horizon: 20\n      steps:\n      - 0\n");
        has("      delta: 0.000001\n");
        has("    bounding: norm_clip\n    bound:\n      c2: 64\n");
        has("    left_out:\n      cap: 20\n");
        has("    bounding: truncate\n    bound:\n      k: 2\n");
        has(
            "    mechanism: exact\n    tables:\n    - dimensions:\n      - TIME_PERIOD\n      - ACTIVITY_TYPE\n",
        );
        has("    mechanism: derived\n    sources:\n    - first_time_assessed\n");
        // A dataflow of two grains says which table is of which.
        has(
            "    - aggregate: numerator of share\n      freq: Q\n      dimensions:\n      - TIME_PERIOD\n      b: 2\n",
        );
        has(
            "    - aggregate: denominator of share\n      freq: A\n      dimensions:\n      - TIME_PERIOD\n      b: 2\n",
        );
        has("    periods:\n    - \"2024\"\n    - \"2024-Q4\"\n");
        assert!(!text.to_lowercase().contains("anonym"));
    }

    #[test]
    fn a_release_of_organisations_costs_nothing_and_says_so() {
        let mut edition = Fixture::shared().edition();
        edition.dataflows.retain(crate::Dataflow::is_exact);
        edition.nano_rho = marsad_terms::NanoRho::ZERO;
        edition.series_nano_rho = marsad_terms::NanoRho::ZERO;
        let text = String::from_utf8(super::write(&edition)).unwrap();
        assert!(text.contains("      rho: 0.0\n      epsilon: 0.0\n"));
        assert!(text.contains("    release:\n      membership: 50.0\n      attribute: 50.0\n"));
    }
}
