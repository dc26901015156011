//! The programme: its counts, its shares, its files, its faults.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::truth::Outcomes;

fn programme(seed: u64, scale: f64) -> Programme {
    Programme { seed, counts: Counts::at(scale) }
}

fn files(seed: u64) -> BTreeMap<String, Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let extracts = programme(seed, 0.01).write_extracts(dir.path(), &|_, _| {}).unwrap();
    let name = |file: &Path| file.file_name().unwrap().to_str().unwrap().to_owned();
    extracts.iter().map(|extract| (name(&extract.file), fs::read(&extract.file).unwrap())).collect()
}

#[test]
fn the_seed_decides_the_bytes() {
    let (one, again, other) = (files(1), files(1), files(2));
    assert!(one == again);
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    assert!(one.iter().all(|(name, bytes)| other[name] != *bytes));
}

#[test]
fn a_catalogue_without_the_mappings_is_refused() {
    let error = Programme::new(1, 1.0, &Catalog::default()).unwrap_err();
    assert!(matches!(error, Error::Mapping("partner_registration")));
    for scale in [0.0, -1.0, f64::NAN, f64::INFINITY, 51.0] {
        assert!(matches!(Programme::new(1, scale, &Catalog::default()), Err(Error::Scale(_))), "{scale}");
    }
}

/// Lines of a file without line breaks inside quotes.
fn n_records(bytes: &[u8]) -> u64 {
    let (mut quoted, mut n) = (false, 0);
    for byte in bytes {
        quoted ^= *byte == b'"';
        n += u64::from(!quoted && *byte == b'\n');
    }
    n - 1
}

#[test]
fn the_truth_knows_every_record_that_was_written() {
    let truth = programme(3, 0.01).truth();
    let files = files(3);
    assert_eq!(files.keys().collect::<Vec<_>>(), truth.outcomes.keys().collect::<Vec<_>>());
    for (name, bytes) in &files {
        assert_eq!(n_records(bytes), truth.outcomes[name].records(), "{name}");
    }
}

#[test]
fn every_reason_is_planted_at_every_scale() {
    for scale in [0.001, 0.01] {
        let total = programme(4, scale).truth().total();
        let reasons: Vec<&str> = total.quarantined.keys().copied().collect();
        let all: Vec<String> = (1..=13).map(|n| format!("R{n:02}")).collect();
        assert_eq!(reasons, all, "{scale}");
    }
    let truth = programme(4, 0.1).truth();
    let mut services = Outcomes::default();
    for (name, outcomes) in &truth.outcomes {
        if name.starts_with("partner_assistance") {
            services.add(outcomes);
        }
    }
    // A service carries no number of its own, so that nothing can contradict it.
    assert_eq!(services.quarantined.len(), 12);
    assert_eq!(services.quarantined["R12"], 41);
    let total = truth.total();
    let faults: u64 = total.quarantined.values().sum();
    let share = faults as f64 / total.records() as f64;
    assert!((0.01..0.025).contains(&share), "{share}");
}

#[test]
fn tables_sum_to_the_consenting_part_of_the_counts() {
    let programme = programme(5, 0.1);
    let truth = programme.truth();
    let counts = programme.counts();
    for (statistic, n) in [
        ("first_time_assisted", counts.assisted),
        ("first_time_assessed", counts.assessed),
        ("first_time_youth", counts.youth),
        ("first_time_returned", counts.returned),
        ("first_time_reintegrated", counts.reintegrated),
    ] {
        let sum = truth.table(statistic, &["quarter"]).unwrap().sum() as f64;
        let share = sum / n as f64;
        assert!((0.85..=1.0).contains(&share), "{statistic}: {share}");
    }
    let by_activity = truth.table("org_activities", &["quarter", "activity_type"]).unwrap();
    assert_eq!(by_activity.sum(), counts.stakeholders + counts.coordination + counts.teachers);
    let services = |dimensions: &[&str]| truth.table("services_delivered", dimensions).unwrap().sum();
    assert_eq!(services(&["quarter"]), services(&["quarter", "region", "service_type"]));
    let persons = |dimensions: &[&str]| truth.table("assisted_persons", dimensions).unwrap().sum();
    assert!(persons(&["quarter", "region"]) > persons(&["quarter"]));
}

/// What the paper demands of the assisted, in thousandths.
#[derive(Default)]
struct Shape {
    n: usize,
    once: usize,
    two_regions_at_once: usize,
    two_regions: usize,
    changed: usize,
    refused: usize,
    sent_twice: usize,
    most: usize,
}

impl Shape {
    fn add(&mut self, person: &Person, services: &[&Record]) {
        let regions = |records: &[&Record]| {
            let regions: BTreeSet<&str> = records
                .iter()
                .map(|record| record.region)
                .filter(|region| region.starts_with("MA"))
                .collect();
            regions.len() > 1
        };
        let mut by_quarter: BTreeMap<usize, Vec<&Record>> = BTreeMap::new();
        for record in services {
            by_quarter.entry(record.day.quarter()).or_default().push(record);
        }
        self.n += 1;
        self.once += usize::from(services.len() == 1);
        self.two_regions_at_once += usize::from(by_quarter.values().any(|records| regions(records)));
        self.two_regions += usize::from(regions(services));
        self.changed += usize::from(person.change.is_some());
        self.refused += usize::from(!person.consents);
        self.sent_twice += usize::from(person.sent_twice);
        self.most = self.most.max(services.len());
    }
}

#[test]
fn the_assisted_overlap_as_the_paper_has_it() {
    let counts = Counts::at(1.0);
    let mut shape = Shape::default();
    let mut by_region: BTreeMap<&str, usize> = BTreeMap::new();
    for index in 0..counts.assisted {
        let mut dice = Dice::new(6, 2 * index);
        let person = Person::draw(index, Roles::of(index, &counts), &mut dice);
        let records = life::records(&person, &mut dice);
        let services: Vec<&Record> =
            records.iter().filter(|record| matches!(record.own, Own::Assistance { .. })).collect();
        shape.add(&person, &services);
        for service in services {
            *by_region.entry(service.region).or_default() += 1;
        }
    }
    let near = |n: usize, per_mille: usize, slack: usize| {
        let found = n * 1_000 / shape.n;
        assert!(found.abs_diff(per_mille) <= slack, "{found} instead of {per_mille}");
    };
    near(shape.once, 450, 15);
    near(shape.two_regions_at_once, 80, 12);
    near(shape.two_regions, 150, 20);
    near(shape.changed, 120, 12);
    near(shape.refused, 60, 8);
    near(shape.sent_twice, 30, 6);
    assert_eq!(shape.most, 30);
    let total: usize = by_region.values().sum();
    for (region, share) in REGIONS {
        let found = by_region[region] * 100 / total;
        assert!(found.abs_diff(share as usize) <= 2, "{region}: {found}");
    }
}

#[test]
fn no_canary_and_no_sample_identifier_is_written() {
    for (name, bytes) in files(8) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for canary in [
            "661 23 45 67",
            "aminata",
            "34.6814",
            "EH123456",
            "m.diallo",
            "61 00 11 22",
            "A04512345",
            "AB1234567",
        ]
        .into_iter()
        .chain([
            "e.kouassi",
            "61 98 76 54",
            "P-000",
            "751-",
            "CPP-1",
            "OUJ-",
            "ت-0",
            "\u{62a}-\u{660}",
        ]) {
            assert!(!text.contains(canary), "{name}: {canary}");
        }
    }
}
