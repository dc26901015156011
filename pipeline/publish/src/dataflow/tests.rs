//! What becomes of a released table on its way to rows: codes, totals, flags, values.

use marsad_privacy::Joint;
use marsad_privacy::accuracy::with_residuals;
use marsad_privacy::estimate::estimate;
use marsad_privacy::exact_table::ExactTable;
use marsad_privacy::sampler::measure;
use marsad_privacy::shape::StatisticShape;

use super::*;
use crate::released::Estimated;
use crate::testing::{Fixture, PRICE};

fn flow<'a>(flows: &'a [Dataflow], id: &str) -> &'a Dataflow {
    flows.iter().find(|flow| flow.id == id).unwrap()
}

#[test]
fn one_dataflow_an_output_column_in_the_release_s_order() {
    let edition = Fixture::shared().edition();
    let ids: Vec<&str> = edition.dataflows.iter().map(|flow| flow.id.as_str()).collect();
    assert_eq!(
        ids[..6],
        [
            "indicators",
            "assisted_persons",
            "assisted_by_category",
            "urgent_needs_share",
            "services_delivered",
            "cash_assistance"
        ]
    );
    assert_eq!(ids[6], "cash_assistance_average");
    assert_eq!(ids.last(), Some(&"org_activities"));
    let flow = flow(&edition.dataflows, "cash_assistance_average");
    assert_eq!(flow.reference(), "MARSAD:DF_CASH_ASSISTANCE_AVERAGE(1.0.0)");
    assert_eq!((flow.measure, flow.unit.as_str()), (Measure::Average, "MAD"));
}

#[test]
fn rows_stand_by_period_then_by_list_totals_first() {
    let edition = Fixture::shared().edition();
    let keys = |flow: &Dataflow| -> Vec<(String, Vec<String>)> {
        let code = |(d, code): (&Dimension, &usize)| d.codes[*code].id.clone();
        flow.rows
            .iter()
            .map(|r| (r.period.to_string(), flow.dimensions.iter().zip(&r.codes).map(code).collect()))
            .collect()
    };
    let assisted = keys(flow(&edition.dataflows, "assisted_persons"));
    assert_eq!(assisted[0], ("2024-Q3".into(), vec!["MA".into(), "_T".into(), "_T".into()]));
    assert_eq!(assisted[1].1, ["MA", "F", "Y0T11"]);
    let first_region = assisted.iter().position(|(_, codes)| codes[0] == "MA-01").unwrap();
    assert_eq!(assisted[first_region].1, ["MA-01", "_T", "_T"]);
    assert_eq!(assisted.len(), 2 * (1 + 10 + 40 + 60 + 24));
    let types = keys(flow(&edition.dataflows, "trained_persons"));
    assert!(types.is_sorted_by(|a, b| a.0 <= b.0) && types[0].1 == ["_T"]);
}

#[test]
fn structural_zeros_are_rows_without_figures() {
    let edition = Fixture::shared().edition();
    let flow = flow(&edition.dataflows, "assisted_by_category");
    let empty: Vec<&Row> = flow.rows.iter().filter(|row| row.cell.is_none()).collect();
    assert_eq!(empty.len(), 11 * 4);
    assert!(empty.iter().all(|row| row.status() == "M" && row.value().is_none()));
    assert_eq!(flow.rows.len(), 1 + 11 * 10);
}

#[test]
fn costs_add_up_to_the_release() {
    let edition = Fixture::shared().edition();
    let sum: u64 = edition.dataflows.iter().map(|flow| flow.nano_rho.get()).sum();
    assert_eq!(sum, PRICE.get());
    for free in ["org_activities", "indicators", "first_time_direct"] {
        assert_eq!(flow(&edition.dataflows, free).nano_rho, NanoRho::ZERO);
    }
    assert!(flow(&edition.dataflows, "cash_assistance_average").nano_rho > NanoRho::ZERO);
}

#[test]
fn only_what_adds_up_is_declared_additive() {
    let edition = Fixture::shared().edition();
    let additive = |id: &str| flow(&edition.dataflows, id).additive_over.join(" ");
    assert_eq!(additive("assisted_persons"), "REF_AREA SEX AGE_GROUP");
    assert_eq!(additive("services_delivered"), "REF_AREA SERVICE_TYPE");
    assert_eq!(additive("urgent_needs_share"), "");
    assert_eq!(additive("trained_persons"), "TRAINING_TYPE");
    assert_eq!(additive("indicators"), "");
}

#[test]
fn exact_figures_are_their_own_interval() {
    let edition = Fixture::shared().edition();
    let flow = flow(&edition.dataflows, "org_activities");
    assert!(flow.is_exact());
    let cell = flow.rows.iter().find(|row| row.codes == [0, 2]).unwrap().cell.unwrap();
    assert_eq!(
        (cell.estimate, cell.lower, cell.upper, cell.margin, cell.value),
        (0.0, 0.0, 0.0, 0.0, Some(0))
    );
    assert!(
        flow.rows.iter().all(|row| row.status() == "A" && row.cell.is_some_and(|cell| cell.raw.is_none()))
    );
}

/// Half of a release measured by residuals: what publication says of them is what was paid and drawn.
#[test]
fn residuals_are_published_with_their_own_prices_and_without_raw() {
    let fixture = Fixture::shared();
    let shapes: Vec<StatisticShape> =
        fixture.proposal.request.statistics.iter().filter_map(|one| one.shape.clone()).collect();
    let joint = Joint::new(shapes).unwrap();
    let place = joint.shapes().iter().position(|shape| shape.id.to_string() == "assisted_persons").unwrap();
    let joint = with_residuals(&joint, place, &[]).unwrap();
    let sums = joint.shapes().iter().map(|shape| vec![0; shape.n_coordinates()]).collect();
    let noisy = measure(ExactTable::from_sums(joint, sums).unwrap(), PRICE).unwrap();
    let costs = |statistic: usize| cost::of_columns(&noisy, statistic).unwrap();
    let all: u64 = (0..noisy.shapes().len()).flat_map(costs).map(NanoRho::get).sum();
    assert_eq!(all, PRICE.get());
    assert_eq!(costs(place), [noisy.spend().of_residuals(place)]);
    let figures = estimate(&noisy, place).unwrap();
    let estimated = Estimated { figures, bounding: None };
    let heading = Heading::new(&fixture.catalog, &noisy.shapes()[place].id, "MARSAD").unwrap();
    let flows = measured::dataflows(&heading, &noisy, place, &estimated).unwrap();
    let [flow] = flows.as_slice() else { panic!() };
    assert!(
        flow.rows.iter().all(|row| row.raw_unit.is_none() && row.cell.is_none_or(|cell| cell.raw.is_none()))
    );
    let Protection::Noise(noise) = &flow.protection else { panic!() };
    assert_eq!(noise.residuals.len(), 7);
    assert_eq!(noise.residuals.iter().map(|part| part.nano_rho.get()).sum::<u64>(), flow.nano_rho.get());
    let mut edition = fixture.edition();
    edition.dataflows = flows;
    let statement = String::from_utf8(crate::privacy_yaml::write(&edition)).unwrap();
    assert!(statement.contains("    mechanism: discrete_gaussian_on_residuals\n"));
    assert!(statement.contains("    residuals:\n    - dimensions:\n      - TIME_PERIOD\n      nano_rho: "));
    assert!(!statement.contains("raw_unit") && !statement.contains("mechanism: discrete_gaussian\n"));
}

/// The rows of all parts of a total along one dimension, that are not further broken down into a hierarchy.
fn parts<'a>(flow: &'a Dataflow, whole: &Row, dimension: usize) -> Vec<&'a Row> {
    let codes = &flow.dimensions[dimension].codes;
    let is_part = |code: &usize| {
        let parent = codes[*code].parent.as_ref();
        parent.is_none_or(|parent| *parent == codes[0].id)
    };
    let of = |code: usize| {
        let mut key = whole.codes.clone();
        key[dimension] = code;
        flow.row(whole.period, &key)
    };
    (1..codes.len()).filter(is_part).filter_map(of).collect()
}

/// Checks one total against its parts; tells whether their values were compared to the last unit.
fn adds_up(flow: &Dataflow, whole: &Row, dimension: usize) -> Option<bool> {
    let cell = whole.cell?;
    let parts = parts(flow, whole, dimension);
    if parts.is_empty() {
        return None;
    }
    let name = format!("{} {} {:?} over {dimension}", flow.id, whole.period, whole.codes);
    let sum: f64 = parts.iter().filter_map(|part| part.cell).map(|part| part.estimate).sum();
    assert!((sum - cell.estimate).abs() < 1e-9 * cell.estimate.abs().max(1.0), "{name}");
    let all = parts.iter().all(|part| part.cell.is_none() || part.value().is_some());
    let shown: i64 = parts.iter().filter_map(|part| part.value()).sum();
    let value = whole.value().unwrap_or(i64::MAX);
    assert!(shown <= value && (!all || value == i64::MAX || shown == value), "{name}");
    Some(all && value < i64::MAX)
}

#[test]
fn totals_add_up_to_a_billionth_in_estimates_and_exactly_in_values() {
    let mut checked = Vec::new();
    for flow in &Fixture::combined().dataflows {
        let is_additive = |d: &usize| flow.additive_over.contains(&flow.dimensions[*d].id);
        for dimension in (0..flow.dimensions.len()).filter(is_additive) {
            let totals = flow.rows.iter().filter(|row| row.codes[dimension] == 0);
            checked.extend(totals.filter_map(|whole| adds_up(flow, whole, dimension)));
        }
    }
    let n_values = checked.iter().filter(|values| **values).count();
    assert!(checked.len() > 120 && n_values > 20, "{} sums, {n_values} of values", checked.len());
}
