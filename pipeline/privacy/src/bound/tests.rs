//! Attacks on the bound (T1, T2, T6): the vectors of V14, adversarial persons, shuffles, partitions, extremes.

use std::sync::Arc;

use marsad_terms::{Grain, Period};
use proptest::prelude::*;
use serde_json::Value;

use super::naive::block;
use super::*;
use crate::error::Error;
use crate::sensitivity::{self, FigureWeights};
use crate::series::SeriesShape;
use crate::shape::{
    Aggregate, Bound, Dimension, Expression, HomeRule, Measure, Output, StatisticShape, TableSpec,
};
use crate::testing::{self, OwnedRow};

fn vector_14() -> Value {
    serde_json::from_str(include_str!("../../testdata/V14_joint_bound.json")).unwrap()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().map_or_else(Vec::new, |items| items.iter().map(text).collect())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn number(value: &Value) -> u32 {
    value.as_u64().unwrap().try_into().unwrap()
}

/// A case of V14 as a shape; the aggregates are told apart by the tables' names.
struct Case {
    shape: StatisticShape,
    f: u32,
    weights: FigureWeights,
    filters: Vec<Value>,
    sums: Vec<bool>,
}

fn read_case(vector: &Value, statistic: &Value) -> Case {
    let mode = text(&statistic["mode"]);
    let homes = texts(&statistic["home"]);
    let is_grain = |name: &String| name == "quarter" || name == "year";
    let names: Vec<String> =
        texts(&statistic["attributes"]).into_iter().filter(|name| !is_grain(name)).collect();
    let dimension = |name: &String| Dimension {
        name: name.clone(),
        code_list: name.to_uppercase(),
        codes: texts(&vector["code_lists"][name]),
        zeros: Vec::new(),
        home: (mode == "home_cell" || mode == "first" || homes.contains(name))
            .then_some(HomeRule::MostFrequent),
    };
    let mut labels: Vec<String> = Vec::new();
    let (mut filters, mut sums, mut tables) = (Vec::new(), Vec::new(), Vec::new());
    for table in statistic["tables"].as_array().unwrap() {
        let label = table["name"].as_str().unwrap_or("all").to_owned();
        let aggregate = labels.iter().position(|seen| *seen == label).unwrap_or_else(|| {
            labels.push(label);
            filters.push(table["filter"].clone());
            sums.push(table["sum"].is_string());
            labels.len() - 1
        });
        let attributes = texts(&table["attributes"]);
        let grain = if attributes.contains(&"year".to_owned()) { Grain::Year } else { Grain::Quarter };
        let used = (0..names.len()).filter(|d| attributes.contains(&names[*d])).collect();
        tables.push(TableSpec { aggregate, grain, dimensions: used, b: number(&table["b"]) });
    }
    let events = statistic["unit"] == "events";
    let kind = |sum: &bool| match (events, sum) {
        (_, true) => Aggregate::Sum(testing::measure("0", "5000", "1")),
        (true, false) => Aggregate::Rows,
        (false, false) => Aggregate::Persons,
    };
    let mut periods: Vec<Period> = ["quarter", "year"]
        .iter()
        .flat_map(|grain| texts(&statistic["periods"][grain]))
        .map(|period| period.parse().unwrap())
        .collect();
    periods.sort_unstable();
    let bound = read_bound(statistic, periods[0]);
    let weight = |name: &str| statistic["bounding"][name].as_u64().unwrap_or(0).try_into().unwrap();
    let weights = FigureWeights { b_c: weight("b_c"), b_l: weight("b_l") };
    let shape = StatisticShape {
        id: text(&statistic["id"]).parse().unwrap(),
        bound,
        dimensions: names.iter().map(dimension).collect(),
        periods,
        aggregates: sums.iter().map(kind).collect(),
        tables,
        outputs: vec![Output { name: "n".into(), expression: Expression::Aggregate { aggregate: 0 } }],
        strategy: crate::shape::Strategy::Tables,
    };
    Case { shape, f: number(&statistic["f"]), weights, filters, sums }
}

fn read_bound(statistic: &Value, start: Period) -> Bound {
    let cap = || number(&statistic["bounding"]["left_out_cap"]);
    let has_figures = statistic["bounding"].is_object();
    match text(&statistic["mode"]).as_str() {
        "home_cell" => Bound::HomeCell,
        "first" => Bound::First { start },
        "truncate" => {
            Bound::Truncate { k: number(&statistic["k"]), left_out_cap: if has_figures { cap() } else { 20 } }
        }
        _ => Bound::NormClip { c_squared: statistic["c_squared"].as_u64().unwrap(), left_out_cap: cap() },
    }
}

fn read_rows(case: &Case, person: &Value) -> Vec<OwnedRow> {
    let shape = &case.shape;
    let mut rows = Vec::new();
    for row in person["rows"].as_array().unwrap() {
        let period = |grain: Grain| {
            let listed = shape.periods_of(grain);
            let index = listed.iter().position(|p| row[grain.column()] == p.to_string());
            index.map(|index| u32::try_from(index).unwrap())
        };
        let code = |d: &Dimension| {
            let index = d.codes.iter().position(|code| row[&d.name] == *code).unwrap();
            u16::try_from(index).unwrap()
        };
        let passes = |filter: &Value| match filter.as_object() {
            Some(filter) => filter.iter().all(|(name, wanted)| row[name] == *wanted),
            None => true,
        };
        let owned = OwnedRow {
            month: 1,
            periods: [period(Grain::Year), period(Grain::Quarter)],
            codes: shape.dimensions.iter().map(code).collect(),
            values: case.sums.iter().map(|sum| if *sum { row["q"].as_i64().unwrap() } else { 1 }).collect(),
            counted: case.filters.iter().map(passes).collect(),
        };
        rows.extend(std::iter::repeat_n(owned, row["times"].as_u64().unwrap().try_into().unwrap()));
    }
    rows
}

fn expected_vector(shape: &StatisticShape, person: &Value) -> Vec<i128> {
    let mut vector = vec![0; shape.n_coordinates()];
    for entry in person["vector"].as_array().unwrap() {
        let coordinate = match entry["table"].as_u64() {
            None if entry["table"] == "clipped" => vector.len() - 2,
            None => vector.len() - 1,
            Some(index) => {
                let index = usize::try_from(index).unwrap();
                let table = &shape.tables[index];
                let cell = texts(&entry["cell"]);
                let periods = shape.periods_of(table.grain);
                let mut place = periods.iter().position(|p| p.to_string() == cell[0]).unwrap();
                for (d, code) in table.dimensions.iter().zip(&cell[1..]) {
                    let codes = &shape.dimensions[*d].codes;
                    place = place * codes.len() + codes.iter().position(|c| c == code).unwrap();
                }
                shape.offset(index) + place
            }
        };
        vector[coordinate] = i128::from(entry["value"].as_i64().unwrap());
    }
    vector
}

#[test]
fn vectors_and_claims_are_those_of_v14() {
    let vector = vector_14();
    let key = SelectionKey::new(hex::decode(text(&vector["key"])).unwrap().try_into().unwrap());
    for statistic in vector["cases"].as_array().unwrap() {
        let case = read_case(&vector, &statistic["statistic"]);
        let delta_squared = sensitivity::with_weights(&case.shape, case.f, case.weights).unwrap();
        assert_eq!(
            delta_squared,
            u128::from(statistic["delta_squared"].as_u64().unwrap()),
            "{:?}",
            case.shape.id
        );
        if matches!(case.shape.bound, Bound::First { .. }) {
            statistic["persons"]
                .as_array()
                .unwrap()
                .iter()
                .for_each(|person| has_the_entry(&case, &key, person));
            continue;
        }
        let mut attained = false;
        for person in statistic["persons"].as_array().unwrap() {
            let mut tally = Tally::with_weights(Arc::new(case.shape.clone()), case.f, &key, case.weights);
            tally.begin(&hex::decode(text(&person["person_key"])).unwrap().try_into().unwrap());
            for row in read_rows(&case, person) {
                tally.row(&row.lend());
            }
            let sums = tally.into_sums();
            assert_eq!(sums, expected_vector(&case.shape, person), "{} {}", case.shape.id, person["name"]);
            let norm = testing::norm_squared(&sums);
            assert_eq!(norm, u128::from(person["norm_squared"].as_u64().unwrap()));
            assert!(norm <= delta_squared);
            attained |= norm == delta_squared;
        }
        assert!(attained, "the claim on {} is not tight", case.shape.id);
    }
}

/// A first-time person of V14: its one entry is the vector's one unit in each table.
#[track_caller]
fn has_the_entry(case: &Case, key: &SelectionKey, person: &Value) {
    let series = SeriesShape::new(case.shape.clone()).unwrap();
    let steps = 0..=series.horizon() - 1;
    let mut entrants = Entrants::new(&series, steps, key);
    entrants.begin(&hex::decode(text(&person["person_key"])).unwrap().try_into().unwrap());
    for row in read_rows(case, person) {
        entrants.row(&row.lend());
    }
    let mut sums = vec![0; case.shape.n_coordinates()];
    for entry in entrants.into_entries() {
        for (index, (table, cell)) in case.shape.tables.iter().zip(entry.cells).enumerate() {
            let place = entry.step as usize * series.n_cells(table) + cell as usize;
            sums[case.shape.offset(index) + place] += i128::from(table.b) << case.f;
        }
    }
    assert_eq!(sums, expected_vector(&case.shape, person), "{}", person["name"]);
    assert_eq!(testing::norm_squared(&sums), u128::from(person["norm_squared"].as_u64().unwrap()));
}

#[test]
fn statistics_of_one_release_add_up() {
    let vector = vector_14();
    let joint = &vector["joint_release"];
    let members = texts(&joint["statistics"]);
    let cases = vector["cases"].as_array().unwrap();
    let delta_squared: u128 = cases
        .iter()
        .map(|case| read_case(&vector, &case["statistic"]))
        .filter(|case| members.contains(&case.shape.id.to_string()))
        .map(|case| sensitivity::with_weights(&case.shape, number(&joint["f"]), case.weights).unwrap())
        .sum();
    assert_eq!(delta_squared, u128::from(joint["delta_squared"].as_u64().unwrap()));
}

#[test]
fn steps_are_those_of_v14() {
    let vector = vector_14();
    for case in vector["quantise"].as_array().unwrap() {
        let measure =
            Measure { lower: text(&case["lower"]), upper: text(&case["upper"]), step: text(&case["step"]) };
        let quantiser = Quantiser::new(&measure).unwrap();
        let expected = case["q"].as_i64().unwrap();
        let value = case["x"].as_str();
        let double = value.map(|x| x.parse::<f64>().unwrap());
        assert_eq!(quantiser.float(double), expected, "{case}");
        if double.is_none_or(f64::is_finite) {
            let scale = value.and_then(|x| x.split_once('.')).map_or(0, |(_, fraction)| fraction.len());
            let unscaled = value.map(|x| x.replace('.', "").parse::<i128>().unwrap());
            let scale = i8::try_from(scale).unwrap();
            assert_eq!(quantiser.decimal(unscaled, scale), expected, "{case}");
            // The same number with more decimals than the bounds have.
            let longer = unscaled.map(|u| u * 10_i128.pow(20));
            assert_eq!(quantiser.decimal(longer, scale + 20), expected, "{case}");
        }
    }
}

#[test]
fn no_measure_overflows() {
    let quantiser = Quantiser::new(&testing::measure("-100", "100", "0.25")).unwrap();
    for unscaled in [i128::MAX, i128::MAX - 1, i128::MIN, i128::MIN + 1] {
        let end = if unscaled > 0 { 400 } else { -400 };
        for scale in [i8::MIN, -30, -1, 0, 6, 9] {
            assert_eq!(quantiser.decimal(Some(unscaled), scale), end, "{scale}");
        }
        assert_eq!(quantiser.decimal(Some(unscaled), 127), 0);
    }
    for (value, end) in [(f64::MAX, 400), (f64::MIN, -400), (f64::MIN_POSITIVE, 0), (-0.0, 0), (f64::NAN, 0)]
    {
        assert_eq!(quantiser.float(Some(value)), end);
    }
    for (lower, upper, step) in
        [("0", "1", "0"), ("0", "1", "-1"), ("2", "1", "1"), ("0", "1e3", "1"), ("", "1", "1")]
    {
        assert!(matches!(Quantiser::new(&testing::measure(lower, upper, step)), Err(Error::Measure { .. })));
    }
    assert!(Quantiser::new(&testing::measure("0", "99999999999999999999", "0.000000001")).is_err());
}

#[test]
fn a_decimal_and_its_double_agree() {
    let quantiser = Quantiser::new(&testing::measure("-50", "200", "0.5")).unwrap();
    for eighths in -2000_i32..2000 {
        let decimal = quantiser.decimal(Some(i128::from(eighths) * 125), 3);
        assert_eq!(quantiser.float(Some(f64::from(eighths) / 8.0)), decimal, "{eighths}/8");
    }
}

fn bounded(shape: &StatisticShape, f: u32, rows: &[OwnedRow]) -> Vec<i128> {
    let mut tally = Tally::new(Arc::new(shape.clone()), f, testing::key());
    tally.begin(&[7; 16]);
    for row in rows {
        tally.row(&row.lend());
    }
    tally.into_sums()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn no_person_passes_the_claim(
        (shape, rows) in testing::shape().prop_flat_map(|shape| {
            let rows = prop::collection::vec(testing::row(&shape), 0..40);
            (Just(shape), rows)
        }),
        f in 0_u32..=20,
        repeat in 1_usize..30,
    ) {
        let claim = sensitivity::statistic(&shape, f).unwrap();
        prop_assert!(testing::norm_squared(&bounded(&shape, f, &rows)) <= claim);
        let repeated: Vec<OwnedRow> = std::iter::repeat_n(&rows, repeat).flatten().cloned().collect();
        prop_assert!(testing::norm_squared(&bounded(&shape, f, &repeated)) <= claim);
    }

    #[test]
    fn the_order_of_rows_does_not_matter(
        (shape, rows, shuffled) in testing::shape().prop_flat_map(|shape| {
            let rows = prop::collection::vec(testing::row(&shape), 0..30);
            (Just(shape), rows)
        }).prop_flat_map(|(shape, rows)| {
            let shuffled = Just(rows.clone()).prop_shuffle();
            (Just(shape), Just(rows), shuffled)
        }),
    ) {
        prop_assert_eq!(bounded(&shape, 16, &rows), bounded(&shape, 16, &shuffled));
    }

    #[test]
    fn persons_add_up_in_any_partition(
        (shape, persons) in testing::shape().prop_flat_map(|shape| {
            let rows = prop::collection::vec(testing::row(&shape), 0..8);
            (Just(shape), prop::collection::vec(rows, 1..20))
        }),
        partitions in 1_usize..64,
    ) {
        let shape = Arc::new(shape);
        let tally = || Tally::new(Arc::clone(&shape), 16, testing::key());
        let mut whole = tally();
        let mut parts: Vec<Tally> = (0..partitions).map(|_| tally()).collect();
        for (number, rows) in persons.iter().enumerate() {
            for tally in [&mut whole, &mut parts[number * 7 % partitions]] {
                tally.begin(&(number as u128).to_le_bytes());
                for row in rows {
        tally.row(&row.lend());
    }
                tally.end();
            }
        }
        let merged = parts.into_iter().rev().reduce(|mut a, b| { a.merge(b); a }).unwrap();
        // One person alone adds the same, whoever else is there.
        let alone = persons.iter().enumerate().map(|(number, rows)| {
            let mut tally = tally();
            tally.begin(&(number as u128).to_le_bytes());
            for row in rows {
        tally.row(&row.lend());
    }
            tally.into_sums()
        });
        let added = alone.reduce(|a, b| a.iter().zip(&b).map(|(a, b)| a + b).collect()).unwrap();
        let whole = whole.into_sums();
        prop_assert_eq!(&merged.into_sums(), &whole);
        prop_assert_eq!(&added, &whole);
    }
}

/// The rows of a few persons who mostly keep to a few rows, so that both ways are taken.
fn persons(shape: &StatisticShape) -> impl Strategy<Value = Vec<Vec<OwnedRow>>> + use<> {
    let rows = prop::collection::vec(testing::row(shape), 1..4);
    let person = (rows, prop::collection::vec(0_usize..3, 0..6));
    let person = person.prop_map(|(rows, again)| {
        let again: Vec<OwnedRow> = again.into_iter().map(|i| rows[i % rows.len()].clone()).collect();
        if again.is_empty() { rows } else { again }
    });
    prop::collection::vec(person, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn a_block_adds_what_its_rows_add(
        (shape, persons) in testing::shape().prop_flat_map(|shape| {
            let persons = persons(&shape);
            (Just(shape), persons)
        }),
        f in 0_u32..=20,
        not_offered in [0_usize..3, 0_usize..3],
    ) {
        let shape = Arc::new(shape);
        let offered = not_offered[0].min(persons.len())..persons.len().saturating_sub(not_offered[1]);
        let mut one_by_one = Tally::new(Arc::clone(&shape), f, testing::key());
        let mut at_once = Tally::new(Arc::clone(&shape), f, testing::key());
        // What other blocks left behind must not matter.
        let (before, after) = persons.split_at(persons.len() / 2);
        let mut left = at_once.take_all(&block(&shape, before), 0..before.len());
        left.extend(at_once.take_all(&block(&shape, after), 0..after.len()));
        let again = at_once.take_all(&block(&shape, &persons), offered.clone());
        prop_assert!(again.iter().enumerate().all(|(number, left)| *left || offered.contains(&number)));
        let twice = persons.iter().zip(left).chain(persons.iter().zip(again));
        for (number, (rows, is_left)) in twice.enumerate() {
            let key = (number as u128).to_le_bytes();
            let tallies: &mut [&mut Tally] =
                if is_left { &mut [&mut one_by_one, &mut at_once] } else { &mut [&mut one_by_one] };
            for tally in tallies {
                tally.begin(&key);
                for row in rows {
                    tally.row(&row.lend());
                }
            }
        }
        prop_assert_eq!(at_once.into_sums(), one_by_one.into_sums());
    }
}

#[test]
fn rows_that_no_bound_touches_are_taken_at_once_and_no_others() {
    let (home, other) = (testing::plain_row(), OwnedRow { codes: vec![1], ..testing::plain_row() });
    let later = OwnedRow { periods: [None, Some(1)], ..other.clone() };
    let taken = |bound, rows: &[&OwnedRow]| {
        let shape = testing::plain(bound);
        let rows = vec![rows.iter().map(|row| (*row).clone()).collect()];
        let block = block(&shape, &rows);
        let mut tally = Tally::new(Arc::new(shape), 16, testing::key());
        tally.take_all(&block, 0..1) == [false]
    };
    let truncate = |k| Bound::Truncate { k, left_out_cap: 20 };
    let clip = |c_squared| Bound::NormClip { c_squared, left_out_cap: 20 };
    for bound in [Bound::HomeCell, truncate(2), clip(2)] {
        assert!(taken(bound.clone(), &[&home, &home, &later]));
        assert!(!taken(bound, &[&home, &other, &later]), "two homes in one period");
    }
    assert!(!taken(truncate(1), &[&home, &home]));
    assert!(!taken(clip(1), &[&home, &later]));
}

#[test]
fn a_million_equal_rows_and_the_largest_sums_hold() {
    let mut shape = testing::plain(Bound::NormClip { c_squared: 1, left_out_cap: 1 });
    shape.aggregates = vec![Aggregate::Sum(testing::measure("-1", "1", "1"))];
    let claim = sensitivity::statistic(&shape, 20).unwrap();
    for value in [i64::MAX, i64::MIN, 1, -1] {
        let row = OwnedRow { values: vec![value], ..testing::plain_row() };
        let rows = vec![row; 1_000_000];
        let norm = testing::norm_squared(&bounded(&shape, 20, &rows));
        assert!(norm <= claim);
    }
    for bound in [Bound::HomeCell, Bound::Truncate { k: 3, left_out_cap: 20 }] {
        let shape = testing::plain(bound);
        let rows = vec![testing::plain_row(); 1_000_000];
        let norm = testing::norm_squared(&bounded(&shape, 20, &rows));
        assert!(norm <= sensitivity::statistic(&shape, 20).unwrap());
    }
}

#[test]
fn a_person_beyond_128_bits_counts_nothing_but_as_clipped() {
    let mut shape = testing::plain(Bound::NormClip { c_squared: 100, left_out_cap: 20 });
    shape.aggregates = vec![Aggregate::Sum(testing::measure("0", "1", "1"))];
    shape.tables[0].b = 1000;
    let rows = vec![OwnedRow { values: vec![i64::MAX], ..testing::plain_row() }; 4];
    let sums = bounded(&shape, 16, &rows);
    let (figures, cells) = (&sums[sums.len() - 2..], &sums[..sums.len() - 2]);
    assert!(cells.iter().all(|cell| *cell == 0));
    assert_eq!(figures, [1 << 16, 4 * (1 << 16) / 20]);
}

#[test]
fn a_row_without_a_listed_period_or_code_has_no_cell() {
    let shape = testing::plain(Bound::HomeCell);
    let strangers = [
        OwnedRow { periods: [None, None], ..testing::plain_row() },
        OwnedRow { periods: [None, Some(99)], ..testing::plain_row() },
        OwnedRow { codes: vec![u16::MAX], ..testing::plain_row() },
    ];
    assert!(bounded(&shape, 0, &strangers).iter().all(|sum| *sum == 0));
    assert!(bounded(&shape, 0, &[]).iter().all(|sum| *sum == 0));
}
