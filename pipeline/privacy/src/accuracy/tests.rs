//! V9, and that a price buys what was asked for.

use marsad_terms::Period;
use serde_json::Value;

use super::*;
use crate::estimate::family::base_axes;
use crate::shape::{Bound, HomeRule};
use crate::testing;

fn vector() -> Value {
    serde_json::from_str(include_str!("../../testdata/V09_rho_for_margin.json")).unwrap()
}

/// E1 and E2 of algorithms 3.3, with the figures of V2.
pub(crate) fn examples() -> Vec<Value> {
    let vector: Value = serde_json::from_str(include_str!("../../testdata/V02_m1_estimator.json")).unwrap();
    vector["structural_examples"].as_array().unwrap().clone()
}

/// One period of home-cell tables, as the cases of V9 and [`examples`] have them.
pub(crate) fn shape(case: &Value) -> (StatisticShape, Vec<usize>) {
    let sizes = case["sizes"].as_object().unwrap();
    let names: Vec<&String> = sizes.keys().collect();
    let index = |name: &str| names.iter().position(|known| *known == name).unwrap();
    let dimension = |(name, n): (&String, &Value)| {
        testing::dimension(name, usize::try_from(n.as_u64().unwrap()).unwrap(), Some(HomeRule::Priority))
    };
    let tables = case["b"].as_object().unwrap().iter().map(|(set, b)| {
        let mut dimensions: Vec<usize> = set.split('*').map(index).collect();
        dimensions.sort_unstable();
        let b = u32::try_from(b.as_u64().unwrap()).unwrap();
        TableSpec { aggregate: 0, grain: Grain::Quarter, dimensions, b }
    });
    let wanted = case["table"].as_array().into_iter().flatten();
    let wanted = wanted.map(|name| index(name.as_str().unwrap())).collect();
    let shape = StatisticShape {
        dimensions: sizes.iter().map(dimension).collect(),
        periods: vec![Period::Quarter(2026, 1)],
        tables: tables.collect(),
        ..testing::plain(Bound::HomeCell)
    };
    (shape, wanted)
}

#[test]
fn prices_are_those_of_v9() {
    for case in vector()["cases"].as_array().unwrap() {
        let number = |name: &str| case[name].as_f64().unwrap();
        let (shape, wanted) = shape(case);
        // The vector also asks for sets that were not measured themselves.
        let family = &base_axes(&shape)[0];
        let axes = wanted.iter().map(|d| 1 << family.iter().position(|axis| axis == d).unwrap()).sum();
        let k = Family::all(&shape, 0)[0].workload(1.0).variance(axes) * number("c_squared");
        assert!((k - number("K")).abs() <= 1e-9 * number("K"), "{case}: {k}");
        let rho = closed_form(k, number("wanted_margin"));
        assert!((rho - number("rho")).abs() <= 1e-9 * number("rho"), "{case}: {rho}");
        let whole = case["nano_rho"].as_u64().unwrap();
        assert!(nano(rho).unwrap().get().abs_diff(whole) <= 1);
    }
}

#[test]
fn a_price_buys_the_margin_that_was_asked_for() {
    let cases = vector();
    let (shape, wanted) = shape(&cases["cases"][4]);
    let joint = Joint::new(vec![testing::plain(Bound::HomeCell), shape.clone()]).unwrap();
    assert_eq!(joint.f(), 16);
    for margin in [0.5, 25.0, 500.0] {
        let price = price_for(&joint, 1, 0, Grain::Quarter, &wanted, margin).unwrap();
        let of = |price| {
            let tables = forecast(&joint, price).unwrap();
            assert_eq!(tables.len(), 1 + shape.tables.len());
            let table = tables
                .into_iter()
                .find(|t| t.statistic == 1 && joint.shapes()[1].tables[t.table].dimensions == wanted);
            assert_eq!(table.unwrap().cells, 120);
            table.unwrap().margin.unwrap()
        };
        assert!(of(price) <= margin * (1.0 + 1e-12) && of(price) > margin * 0.999);
    }
}

#[test]
fn counts_that_stand_alone_are_priced_by_their_exact_interval() {
    for case in vector()["single_counts"].as_array().unwrap() {
        let h = case["half_width"].as_f64().unwrap();
        let expected = case["largest_sigma2"].as_f64().unwrap();
        let found = largest_variance(h);
        assert!((found - expected).abs() <= 1e-6 * expected, "{found} for {expected}");
        let mut shape = testing::plain(Bound::HomeCell);
        shape.periods.truncate(1);
        let joint = Joint::new(vec![shape]).unwrap();
        let price = price_for(&joint, 0, 0, Grain::Quarter, &[0], h).unwrap();
        let rho = case["rho_at_sensitivity_1"].as_f64().unwrap();
        assert!((price.rho() - rho).abs() <= 1e-6 * rho, "{price}");
        let margin = |price| forecast(&joint, price).unwrap()[0].margin.unwrap();
        assert!((margin(price) - h).abs() < 1e-12);
        assert!(margin(NanoRho::new(price.get() - price.get() / 100)) > h);
    }
}

#[test]
fn what_cannot_be_priced_is_refused() {
    let joint = Joint::new(vec![testing::plain(Bound::HomeCell)]).unwrap();
    let price = |output, dimensions: &[usize], margin| {
        price_for(&joint, 0, output, Grain::Quarter, dimensions, margin)
    };
    assert!(matches!(price(0, &[], 5.0), Err(Error::Unknown { .. })));
    assert!(matches!(price(1, &[0], 5.0), Err(Error::Unknown { .. })));
    for margin in [0.0, -1.0, f64::NAN] {
        assert_eq!(price(0, &[0], margin), Err(Error::Unreachable));
    }
    assert_eq!(forecast(&joint, NanoRho::ZERO), Err(Error::ZeroPrice));
}

#[test]
fn a_curve_holds_half_and_twice_the_price_and_falls_as_its_root() {
    let (shape, _) = shape(&examples()[1]);
    let joint = Joint::new(vec![shape]).unwrap();
    let price = NanoRho::new(20_000_001);
    let offers = curve(&joint, price).unwrap();
    assert_eq!(offers.len(), 9);
    let prices: Vec<u64> = offers.iter().map(|offer| offer.price.get()).collect();
    assert_eq!([prices[0], prices[2], prices[4]], [5_000_001, 10_000_001, 20_000_001]);
    assert_eq!([prices[6], prices[8]], [40_000_002, 80_000_004]);
    assert!(prices.is_sorted());
    for offer in &offers {
        assert_eq!(offer.tables, forecast(&joint, offer.price).unwrap());
        let fall = offers[4].tables[0].sd.unwrap() / offer.tables[0].sd.unwrap();
        assert!((fall - (offer.price.rho() / price.rho()).sqrt()).abs() < 1e-9);
    }
    let step = prices[5] as f64 / prices[4] as f64;
    assert!((step - 2.0_f64.sqrt()).abs() < 1e-7);
    assert_eq!(curve(&joint, NanoRho::ZERO), Err(Error::ZeroPrice));
    // Tiny prices fall together, huge ones are left out.
    assert_eq!(curve(&joint, NanoRho::new(1)).unwrap().len(), 4);
    assert_eq!(curve(&joint, NanoRho::new(u64::MAX)).unwrap().len(), 5);
}
