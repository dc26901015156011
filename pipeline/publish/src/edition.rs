//! One release as all writers see it: its dataflows and the facts that every format repeats.
//!
//! The only time in it is `published`. It deliberately lacks any format.

use marsad_privacy::accounting;
use marsad_terms::{Digest, NanoRho, ReleaseId, Text};

use crate::dataflow::Dataflow;
use crate::form::isolated;
use crate::versions::Versions;

/// A release with its dataflows.
#[derive(Clone, Debug)]
pub struct Edition {
    /// Public id.
    pub release: ReleaseId,
    /// Title.
    pub title: Text,
    /// Name of the workspace.
    pub workspace: String,
    /// Where the public store is served, as the workspace declares it.
    pub served_at: Option<String>,
    /// SDMX agency.
    pub agency: String,
    /// RFC 3339, UTC, whole seconds: the only time in the bundle.
    pub published: String,
    /// The release that it revises.
    pub replaces: Option<ReleaseId>,
    /// Proposal id.
    pub proposal: Digest,
    /// Head of the ledger when it was built.
    pub ledger_head: Digest,
    /// The number of that entry.
    pub ledger_sequence: u64,
    /// Where readers write to.
    pub contact: String,
    /// Coverage as the custodian declared it.
    pub coverage: Text,
    /// Distinct approvers that the policy asked for.
    pub approvals: u32,
    /// Cost of this release.
    pub nano_rho: NanoRho,
    /// What the first-time series that it continues cost when they were opened, before this release was charged.
    pub series_nano_rho: NanoRho,
    /// Spent before it.
    pub used_before: NanoRho,
    /// Lifetime budget of the policy in force.
    pub lifetime: NanoRho,
    /// The budget that no policy can pass.
    pub ceiling: NanoRho,
    /// δ of the (ε, δ) that is shown.
    pub delta: f64,
    /// Versions of its code lists and concepts.
    pub versions: Versions,
    /// Its dataflows in order.
    pub dataflows: Vec<Dataflow>,
}

/// How often the best guess from even odds is right, in per cent, rounded up to one decimal (algorithms 5.3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Odds {
    /// Whether a person is in the data.
    pub membership: f64,
    /// Which of two values an attribute of a person has.
    pub attribute: f64,
}

impl Edition {
    /// Version of the bundle: content of an address never changes.
    pub const VERSION: &'static str = "1.0.0";

    /// The day of publication.
    pub fn date(&self) -> &str {
        self.published.get(..10).unwrap_or(&self.published)
    }

    /// Where the release lies; below the address that serves the public store, where none is declared.
    pub fn address(&self) -> String {
        let base = self.served_at.as_deref().unwrap_or("releases");
        format!("{}/{}/", base.trim_end_matches('/'), self.release)
    }

    /// What its figures together reveal at most: this release's charge and that of the series it continues.
    pub fn loss(&self) -> NanoRho {
        self.nano_rho.checked_add(self.series_nano_rho).unwrap_or(self.ceiling)
    }

    /// ε of [`Self::loss`] at δ, rounded up; 0 where nothing was spent.
    pub fn epsilon(&self) -> f64 {
        if self.loss() == NanoRho::ZERO { 0.0 } else { accounting::epsilon(self.loss(), self.delta) }
    }

    /// e^ε rounded up to one decimal; `None` beyond any use.
    pub fn factor(&self) -> Option<f64> {
        accounting::e_to(self.epsilon())
            .filter(|factor| *factor < 1e12)
            .map(|factor| (factor * 10.0).ceil() / 10.0)
    }

    /// The best guess about a person from this release, and from all that the ceiling allows.
    pub fn odds(&self) -> [Odds; 2] {
        let signed = self.dataflows.iter().any(Dataflow::has_negative_sums);
        [self.loss(), self.ceiling].map(|rho| {
            let guess = accounting::guess(rho);
            let attribute = if signed { guess.signed_attribute_percent } else { guess.attribute_percent };
            Odds { membership: guess.membership_percent, attribute }
        })
    }

    /// What is left of the lifetime budget after this release.
    pub fn left(&self) -> NanoRho {
        let used = self.used_before.checked_add(self.nano_rho);
        used.and_then(|used| self.lifetime.checked_sub(used)).unwrap_or(NanoRho::ZERO)
    }

    /// How to cite it (publication 7).
    pub fn citation(&self) -> Text {
        let Self { title, release, .. } = self;
        let (date, address) = (self.date(), self.address());
        Text {
            fr: format!(
                "Marsad, « {} », publication {release}, {date}, CC BY 4.0, {address}. Estimations protégées par \
                 confidentialité différentielle ; citer la marge avec la valeur.",
                title.fr
            ),
            ar: format!(
                "مرصد، «{}»، الإصدار {}، {}، {}، {}. تقديرات محمية بالخصوصية التفاضلية؛ تُذكر القيمة مع هامش الحماية.",
                title.ar,
                isolated(release),
                isolated(date),
                isolated("CC BY 4.0"),
                isolated(&address)
            ),
            en: format!(
                "Marsad, \"{}\", release {release}, {date}, CC BY 4.0, {address}. Estimates protected by differential \
                 privacy; quote the margin with the value.",
                title.en
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use marsad_terms::Language;

    use crate::testing::Fixture;

    #[test]
    fn a_release_is_cited_where_it_is_served() {
        let mut edition = Fixture::shared().edition();
        assert_eq!(edition.address(), "releases/2024-Q4/");
        edition.served_at = Some("https://data.example.org/marsad/".to_owned());
        let address = "https://data.example.org/marsad/2024-Q4/";
        let citation = edition.citation();
        assert!(Language::ALL.iter().all(|language| citation.get(*language).contains(address)));
    }
}
