//! Figures that earlier releases have estimated as well, estimated from all of them (algorithms 3.1): dataflows
//! `<id>_combined`, beside the release's own and never in their place (publication 2).
//!
//! It reads released noise and public facts alone, so it costs nothing. Releases are combined where they measured the same
//! thing: the same bound, plan, code lists and selection key, in periods that both declare frozen and that the policy's
//! calendar rule, one and the same for both, had closed when they were proposed. It deliberately lacks a remedy where they
//! did not: 1 000 ± 20 and, after late rows, 1 100 ± 20 stay two estimates.

use marsad_catalog::Catalog;
use marsad_ledger::proposal::{Proposal, Request, StatisticRequest};
use marsad_privacy::estimate::{self, Combined, Measured};
use marsad_privacy::shape::Bound;
use marsad_terms::{Digest, Period, ReleaseId, Text};

use crate::dataflow::{self, Dataflow, Heading, Protection};
use crate::error::Result;
use crate::form::isolated;
use crate::released::ReleasedTable;

/// What the id of such a dataflow ends with.
pub const SUFFIX: &str = "_combined";

/// The calendar rule under which a release was proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// A period is closed so many months after its end; absent: never.
    pub months: Option<u32>,
    /// When the release was proposed, RFC 3339.
    pub proposed: String,
}

/// An earlier release that is published.
#[derive(Clone, Debug)]
pub struct Earlier {
    /// What was approved.
    pub proposal: Proposal,
    /// Its rule.
    pub rule: Rule,
    /// Hash of its `release.json`.
    pub manifest: Digest,
    /// Its noise.
    pub released: ReleasedTable,
}

/// A released dataflow that a combined one is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The release.
    pub release: ReleaseId,
    /// The stem of its files there.
    pub dataflow: String,
    /// Hash of its `release.json`; none for the release itself.
    pub manifest: Option<Digest>,
}

impl Rule {
    /// The periods that a proposal declares frozen and that had closed by then.
    pub fn closed(&self, proposal: &Proposal) -> Vec<Period> {
        let Some(months) = self.months else { return Vec::new() };
        let day = self.proposed.get(..10).unwrap_or_default();
        let has_closed = |period: &Period| period.last_open_day(months).as_str() < day;
        proposal.frozen.iter().copied().filter(has_closed).collect()
    }
}

/// The combined dataflows of a release, in the order of its own.
///
/// # Errors
/// As [`dataflow::dataflows`].
pub fn dataflows(
    catalog: &Catalog,
    own: (&Proposal, &Rule, &ReleasedTable),
    earlier: &[Earlier],
    flows: &[Dataflow],
) -> Result<Vec<Dataflow>> {
    let (proposal, rule, _) = own;
    let mut found = Vec::new();
    if rule.closed(proposal).is_empty() {
        return Ok(found);
    }
    for request in &proposal.request.statistics {
        let Some((combined, used)) = combine(own, earlier, request)? else { continue };
        let agency = flows.first().map_or("", |flow| flow.agency.as_str());
        let heading = Heading::new(catalog, &request.id, agency)?;
        for flow in dataflow::of_figures(&heading, &combined.shape, &combined.figures)? {
            // A name that SDMX would refuse is no reason to publish nothing.
            if flow.id.len() + SUFFIX.len() <= dataflow::LONGEST_ID {
                found.push(marked(flow, &proposal.release, &used));
            }
        }
    }
    Ok(found)
}

/// One statistic with all earlier releases that measured the same.
fn combine<'a>(
    (proposal, rule, released): (&Proposal, &Rule, &ReleasedTable),
    earlier: &'a [Earlier],
    request: &StatisticRequest,
) -> Result<Option<(Combined, Vec<&'a Earlier>)>> {
    let Some(own) = measured(released, request, rule.closed(proposal)) else { return Ok(None) };
    let mut all = vec![own];
    let mut used = Vec::new();
    for other in earlier.iter().filter(|other| other.rule.months == rule.months) {
        let requests = &other.proposal.request.statistics;
        let same = requests
            .iter()
            .find(|asked| measure_the_same((&proposal.request, request), (&other.proposal.request, asked)));
        let found =
            same.and_then(|asked| measured(&other.released, asked, other.rule.closed(&other.proposal)));
        let shared = |one: &Measured<'_>| one.periods.iter().any(|period| all[0].periods.contains(period));
        if let Some(found) = found.filter(shared) {
            all.push(found);
            used.push(other);
        }
    }
    Ok(estimate::combine(&all)?.map(|combined| (combined, used)))
}

/// A statistic's part of a release, over closed periods that it holds.
fn measured<'a>(
    released: &'a ReleasedTable,
    request: &StatisticRequest,
    closed: Vec<Period>,
) -> Option<Measured<'a>> {
    let noisy = released.noisy()?;
    let statistic = noisy.shapes().iter().position(|shape| shape.id == request.id)?;
    let shape = &noisy.shapes()[statistic];
    let periods: Vec<Period> = closed.into_iter().filter(|period| shape.periods.contains(period)).collect();
    (shape.strategy.is_tables() && !periods.is_empty()).then_some(Measured { noisy, statistic, periods })
}

/// Whether two requests have the same bound id: all that decides what is measured, price and precision apart. Under a clip
/// a person's weight depends on all tables, periods and multipliers together.
fn measure_the_same(
    (one, own): (&Request, &StatisticRequest),
    (two, other): (&Request, &StatisticRequest),
) -> bool {
    let Some((shape, beside)) = own.shape.as_ref().zip(other.shape.as_ref()) else { return false };
    let clips = matches!(shape.bound, Bound::NormClip { .. });
    let requests = (&one.mechanism, &one.selection_key) == (&two.mechanism, &two.selection_key);
    let statements = own.plan.is_some()
        && (&own.id, own.plan, &own.record_types, &own.code_lists)
            == (&other.id, other.plan, &other.record_types, &other.code_lists);
    let weights =
        !clips || (one.f, &shape.tables, &shape.periods) == (two.f, &beside.tables, &beside.periods);
    requests && statements && shape.has_tables_of(beside) && weights
}

/// The dataflow with its id, words and sources.
fn marked(flow: Dataflow, release: &ReleaseId, used: &[&Earlier]) -> Dataflow {
    let of_earlier = used.iter().map(|earlier| (&earlier.proposal.release, Some(earlier.manifest)));
    let all: Vec<_> = std::iter::once((release, None)).chain(of_earlier).collect();
    let sources = all.iter().map(|(release, manifest)| Source {
        release: (*release).clone(),
        dataflow: flow.id.clone(),
        manifest: *manifest,
    });
    let ids: Vec<&ReleaseId> = all.iter().map(|(release, _)| *release).collect();
    Dataflow {
        id: format!("{}{SUFFIX}", flow.id),
        title: title(&flow.title),
        note: note(&ids),
        protection: Protection::Combined(sources.collect()),
        ..flow
    }
}

fn title(own: &Text) -> Text {
    Text {
        fr: format!("{} : estimation combinée de plusieurs publications", own.fr),
        ar: format!("{}: تقدير مركب من عدة إصدارات", own.ar),
        en: format!("{}: combined estimate of several releases", own.en),
    }
}

fn note(releases: &[&ReleaseId]) -> Text {
    let listed = |between: &str| releases.iter().map(ToString::to_string).collect::<Vec<_>>().join(between);
    let isolates: Vec<String> = releases.iter().map(isolated).collect();
    Text {
        fr: format!(
            "Moyenne des mesures bruitées des publications {}, pondérées par l'inverse de leur variance : même définition, mêmes \
             bornes, périodes closes. Plus précise que chacune, elle n'en remplace aucune et ne coûte rien. Effacements et retraits \
             de consentement ont pu retirer des personnes entre deux publications.",
            listed(", ")
        ),
        ar: format!(
            "متوسط القياسات المشوشة في الإصدارات {}، مرجحا بمقلوب تباينها: التعريف نفسه والحدود نفسها وفترات مغلقة. وهو أدق من كل \
             منها ولا يحل محل أي منها ولا كلفة له. وقد يكون محو بيانات أو سحب موافقة أخرج أشخاصا بين إصدار وآخر.",
            isolates.join("، ")
        ),
        en: format!(
            "The mean of the noisy measurements of releases {}, weighed by the inverse of their variance: the same definition, the \
             same bounds, closed periods. More precise than each, it replaces none of them and costs nothing. Erasures and withdrawn \
             consent may have taken persons out between releases.",
            listed(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use marsad_terms::Name;

    use super::*;
    use crate::testing::Fixture;

    #[test]
    fn a_frozen_period_counts_as_closed_from_the_day_after() {
        let rule = |months, proposed: &str| Rule { months, proposed: proposed.to_owned() };
        let mut proposal = Fixture::shared().proposal.clone();
        proposal.frozen = vec![Period::Quarter(2024, 4), Period::Year(2023), Period::Quarter(2025, 1)];
        let closed = |rule: Rule| rule.closed(&proposal);
        assert_eq!(closed(rule(Some(6), "2025-06-30T23:59:59Z")), [Period::Year(2023)]);
        assert_eq!(closed(rule(Some(6), "2025-07-01T00:00:00Z")), proposal.frozen[..2]);
        assert_eq!(closed(rule(None, "2030-01-01T00:00:00Z")), []);
    }

    #[test]
    fn only_the_same_measurement_is_combined() {
        let request = Fixture::revised(0).0.request;
        let find = |id: &str| request.statistics.iter().find(|own| own.id.as_str() == id).unwrap();
        let same = |id: &str, change: &dyn Fn(&mut Request, &mut StatisticRequest)| {
            let (mut changed, mut statistic) = (request.clone(), find(id).clone());
            change(&mut changed, &mut statistic);
            measure_the_same((&request, find(id)), (&changed, &statistic))
        };
        let shape = |statistic: &mut StatisticRequest| statistic.shape.take().unwrap();
        for id in ["assisted_persons", "services_delivered", "trained_persons"] {
            assert!(same(id, &|request, _| request.revision += 1), "{id}");
            assert!(!same(id, &|request, _| request.selection_key = "other".into()), "{id}");
            assert!(!same(id, &|request, _| request.mechanism = "other".into()), "{id}");
            assert!(!same(id, &|_, own| own.plan = None), "{id}");
            assert!(!same(id, &|_, own| own.plan = Some(Digest::of(b"other"))), "{id}");
            assert!(
                !same(id, &|_, own| own.code_lists.extend([("SEX".into(), Digest::of(b"other"))])),
                "{id}"
            );
            assert!(!same(id, &|_, own| drop(shape(own))), "{id}");
            let without_a_code = |_: &mut Request, own: &mut StatisticRequest| {
                let mut other = shape(own);
                drop(other.dimensions[0].codes.pop());
                own.shape = Some(other);
            };
            assert!(!same(id, &without_a_code), "{id}");
        }
        let more_precise = |_: &mut Request, own: &mut StatisticRequest| {
            let mut other = shape(own);
            other.tables[0].b += 1;
            own.shape = Some(other);
        };
        let later = |_: &mut Request, own: &mut StatisticRequest| {
            let mut other = shape(own);
            other.periods.push(Period::Quarter(2025, 1));
            own.shape = Some(other);
        };
        // A home cell is one whatever else is asked; a clip's weight is not.
        assert!(same("assisted_persons", &more_precise) && same("assisted_persons", &later));
        assert!(!same("services_delivered", &more_precise) && !same("services_delivered", &later));
        assert!(!same("services_delivered", &|request, _| request.f = 17));
        let other_bound = |_: &mut Request, own: &mut StatisticRequest| {
            let mut other = shape(own);
            other.bound = Bound::NormClip { c_squared: 65, left_out_cap: 20 };
            own.shape = Some(other);
        };
        assert!(!same("services_delivered", &other_bound));
    }

    #[test]
    fn a_revision_shows_the_combined_estimate_beside_its_own() {
        let edition = Fixture::combined();
        let of = |id: &str| edition.dataflows.iter().find(|flow| flow.id == id).unwrap();
        let (own, both) = (of("assisted_persons"), of("assisted_persons_combined"));
        // Both quarters are declared frozen, the last alone had closed.
        assert_eq!((own.periods().len(), both.periods()), (2, vec![Period::Quarter(2024, 3)]));
        let Protection::Combined(sources) = &both.protection else { panic!() };
        assert_eq!(
            sources.iter().map(|source| source.release.as_str()).collect::<Vec<_>>(),
            ["2024-Q4-B", "2024-Q4"]
        );
        assert!(sources[0].manifest.is_none() && sources[1].manifest.is_some());
        assert_eq!((both.nano_rho.get(), &both.additive_over), (0, &own.additive_over));
        for row in &both.rows {
            let cell = row.cell.unwrap();
            let beside = own.row(row.period, &row.codes).unwrap().cell.unwrap();
            assert!(cell.margin < beside.margin && cell.raw.is_none());
        }
        assert!(edition.dataflows.iter().all(|flow| flow.id != "first_time_direct_combined"));
        assert_eq!(edition.nano_rho, Fixture::shared().edition().nano_rho);
    }
}
