//! Before spending: what the price buys, what half, twice and more of it would, and what it means in plain words.
//!
//! From the proposal's shapes alone, at no cost, so that it can be asked again at any time.

use marsad_ledger::RequestState;
use marsad_privacy::accuracy::{self, Offer};
use marsad_privacy::shape::{Aggregate, StatisticShape};
use marsad_privacy::{Joint, accounting};
use marsad_terms::{Language, NanoRho, Text};
use serde_json::{Value, json};

use crate::report::{decimal, table};

/// δ at which ε is listed.
pub(super) const DELTAS: [f64; 3] = [1e-6, 1e-8, 1e-10];
/// Characters of the longest bar.
const BAR: f64 = 16.0;

/// What more or less ρ would buy of one proposal.
pub(super) struct Outlook {
    /// Of the joint vector.
    price: NanoRho,
    /// Of the release, with the series that it opens.
    whole: NanoRho,
    offers: Vec<Offer>,
    signed: bool,
}

impl Outlook {
    /// None for organisations only.
    pub(super) fn of(request: &RequestState) -> Option<Self> {
        let proposal = &request.proposal;
        let statistics = proposal.request.statistics.iter();
        let shapes: Vec<StatisticShape> = statistics.filter_map(|one| one.shape.clone()).collect();
        if shapes.is_empty() {
            return None;
        }
        let signed = shapes.iter().any(can_be_negative);
        let joint = Joint::with_f(shapes, proposal.request.f).ok()?;
        // A series that the release opens has a price of its own, whatever the joint vector's.
        let (price, whole) = (proposal.request.nano_rho, proposal.nano_rho);
        let offers = accuracy::curve(&joint, price).ok()?;
        Some(Self { price, whole, offers, signed })
    }

    /// The margins at half the price and at twice, by table in the proposal's order.
    pub(super) fn half_and_double(&self) -> Vec<[Option<f64>; 2]> {
        let nano = self.price.get();
        let at = |wanted: u64| self.offers.iter().find(|offer| offer.price.get() == wanted);
        let sides = [at(nano.div_ceil(2)), at(nano.saturating_mul(2))];
        let n = self.offers.first().map_or(0, |offer| offer.tables.len());
        let margin = |table: usize| sides.map(|offer| offer.and_then(|offer| offer.tables[table].margin));
        (0..n).map(margin).collect()
    }

    /// The curve as a table with bars: margins relative to those at the price, and what each price means.
    pub(super) fn curve(&self, left: Option<NanoRho>) -> String {
        let relative = |offer: &Offer| (self.price.rho() / offer.price.rho()).sqrt();
        let most = self.offers.iter().map(relative).fold(1.0, f64::max);
        let rows = self.offers.iter().map(|offer| {
            let mark = if offer.price == self.price { "→" } else { "" };
            let beside = self.whole.checked_sub(self.price).unwrap_or(NanoRho::ZERO);
            let fits = left.is_none_or(|left| offer.price.checked_add(beside).is_some_and(|all| all <= left));
            let guess = accounting::guess(offer.price);
            vec![
                mark.to_owned(),
                bar(relative(offer) / most),
                decimal(offer.price),
                format!("× {:.2}", relative(offer)),
                accounting::epsilon(offer.price, DELTAS[0]).to_string(),
                format!("{} %", guess.membership_percent),
                format!("{} %", self.attribute(offer.price)),
                if fits { "yes" } else { "no" }.to_owned(),
            ]
        });
        let header =
            ["", "margins", "ρ", "of these", "ε at δ = 10⁻⁶", "membership ≤", "attribute ≤", "fits lifetime"];
        format!(
            "what more or less ρ would buy: margins of the tables, against those above (series have their own price)\n{}",
            table(&header, rows, 2)
        )
    }

    /// For programs: prices with their margins in the order of `tables`.
    pub(super) fn document(&self) -> Vec<Value> {
        let one = |offer: &Offer| {
            let margins: Vec<Option<f64>> = offer.tables.iter().map(|table| table.margin).collect();
            json!({
                "nano_rho": offer.price, "epsilon": accounting::epsilon(offer.price, DELTAS[0]),
                "membership": accounting::guess(offer.price).membership_percent,
                "attribute": self.attribute(offer.price), "margins": margins,
            })
        };
        self.offers.iter().map(one).collect()
    }

    /// The guess bounds of this release, and of all that will have been charged with it.
    pub(super) fn words(&self, after: NanoRho) -> Text {
        let [own, all] = [self.whole, after].map(|rho| {
            [accounting::guess(rho).membership_percent, self.attribute(rho)]
                .map(|percent| percent.to_string())
        });
        plain(&own, &all)
    }

    fn attribute(&self, rho: NanoRho) -> f64 {
        let guess = accounting::guess(rho);
        if self.signed { guess.signed_attribute_percent } else { guess.attribute_percent }
    }
}

fn can_be_negative(shape: &StatisticShape) -> bool {
    let negative = |aggregate: &Aggregate| matches!(aggregate, Aggregate::Sum(m) if m.lower.starts_with('-'));
    shape.aggregates.iter().any(negative)
}

/// Eighths of a character, so that steps of √2 can be told apart.
fn bar(part: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of the longest bar")]
    let eighths = (part.clamp(0.0, 1.0) * BAR * 8.0).round() as usize;
    let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    format!("{}{rest}", "█".repeat(eighths / 8))
}

fn plain([membership, attribute]: &[String; 2], [all, all_attributes]: &[String; 2]) -> Text {
    let comma = |number: &String| number.replace('.', ",");
    Text {
        fr: format!(
            "Qui devine, à pile ou face, si une personne figure dans les données a raison au mieux {} fois sur 100 grâce à \
             cette publication ({} avec tout ce qui est déjà dépensé) ; qui devine entre deux valeurs d'une de ses \
             caractéristiques, région ou sexe, au mieux {} fois ({}).",
            comma(membership),
            comma(all),
            comma(attribute),
            comma(all_attributes)
        ),
        ar: format!(
            "من يخمن، كمن يرمي قطعة نقدية، هل يوجد شخص في البيانات يصيب بفضل هذا الإصدار {} مرة على الأكثر من كل 100 ({} مع كل \
             ما سبق إنفاقه)؛ ومن يخمن بين قيمتين لإحدى خصائصه، كالجهة أو الجنس، {} مرة على الأكثر ({}).",
            comma(membership),
            comma(all),
            comma(attribute),
            comma(all_attributes)
        ),
        en: format!(
            "From even odds, whoever guesses whether a person is in the data is right at most {membership} times in 100 \
             thanks to this release ({all} with all that is spent already); whoever guesses between two values of a \
             person's attribute, region or sex, at most {attribute} times ({all_attributes})."
        ),
    }
}

/// The sentences in the workspace's languages, each on a line of its own.
pub(super) fn in_languages(text: &Text, languages: &[Language]) -> String {
    let line = |language: &Language| text.get(*language).to_owned();
    languages.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_have_eighths() {
        assert_eq!(bar(0.0), "");
        assert_eq!(bar(1.0).chars().count(), 16);
        assert_eq!(bar(0.5 + 0.5 / 16.0), format!("{}▌", "█".repeat(8)));
    }

    #[test]
    fn words_hold_their_numbers_in_each_language_and_promise_no_more() {
        let numbers = |own: &str, other: &str| [own.to_owned(), other.to_owned()];
        let text = plain(&numbers("61.2", "65.9"), &numbers("70.1", "75.3"));
        for (language, mark) in [(Language::Fr, ","), (Language::Ar, ","), (Language::En, ".")] {
            let words = text.get(language);
            for number in ["61.2", "65.9", "70.1", "75.3"] {
                assert!(words.contains(&number.replace('.', mark)), "{words}");
            }
            assert!(!words.to_lowercase().contains("anonym") && !words.contains("  "), "{words}");
        }
        let both = in_languages(&text, &[Language::Ar, Language::En]);
        assert_eq!(both.lines().count(), 2);
    }
}
