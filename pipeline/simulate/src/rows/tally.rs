//! Exact counts of a stream of services: dense arrays, so that the memory does not depend on the stream's length.

use super::line::{N_REGIONS, Service, region_code};
use crate::calendar::QUARTERS;
use crate::model::SERVICES;

const N_QUARTERS: usize = QUARTERS.len();
const N_SERVICES: usize = SERVICES.len();

/// One figure of the truth; `None` stands for all.
pub(super) struct Fact {
    pub(super) statistic: &'static str,
    pub(super) quarter: Option<usize>,
    pub(super) region: Option<&'static str>,
    pub(super) service: Option<&'static str>,
    pub(super) value: u64,
}

/// Counts so far, and where the present person was seen.
pub(super) struct Tally {
    services: Box<[[[u64; N_SERVICES]; N_REGIONS]; N_QUARTERS]>,
    persons_by_both: [[u64; N_REGIONS]; N_QUARTERS],
    persons_by_quarter: [u64; N_QUARTERS],
    persons_by_region: [u64; N_REGIONS],
    persons_by_service: [[u64; N_SERVICES]; N_QUARTERS],
    persons: u64,
    seen: [[bool; N_REGIONS]; N_QUARTERS],
    seen_service: [[bool; N_SERVICES]; N_QUARTERS],
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            services: Box::new([[[0; N_SERVICES]; N_REGIONS]; N_QUARTERS]),
            persons_by_both: [[0; N_REGIONS]; N_QUARTERS],
            persons_by_quarter: [0; N_QUARTERS],
            persons_by_region: [0; N_REGIONS],
            persons_by_service: [[0; N_SERVICES]; N_QUARTERS],
            persons: 0,
            seen: [[false; N_REGIONS]; N_QUARTERS],
            seen_service: [[false; N_SERVICES]; N_QUARTERS],
        }
    }

    /// Counts a service of the present person.
    pub(super) fn add(&mut self, service: &Service) {
        let quarter = service.day.quarter();
        self.services[quarter][service.region][service.kind] += 1;
        self.seen[quarter][service.region] = true;
        self.seen_service[quarter][service.kind] = true;
    }

    /// Counts the present person once wherever they were seen, and turns to the next.
    pub(super) fn close_person(&mut self) {
        self.persons += 1;
        let mut regions = [false; N_REGIONS];
        for quarter in 0..N_QUARTERS {
            for (region, seen) in self.seen[quarter].iter().enumerate() {
                self.persons_by_both[quarter][region] += u64::from(*seen);
                regions[region] |= seen;
            }
            self.persons_by_quarter[quarter] += u64::from(self.seen[quarter].contains(&true));
            for (service, seen) in self.seen_service[quarter].iter().enumerate() {
                self.persons_by_service[quarter][service] += u64::from(*seen);
            }
        }
        for (region, seen) in regions.iter().enumerate() {
            self.persons_by_region[region] += u64::from(*seen);
        }
        self.seen = [[false; N_REGIONS]; N_QUARTERS];
        self.seen_service = [[false; N_SERVICES]; N_QUARTERS];
    }

    /// All services counted.
    pub(super) fn records(&self) -> u64 {
        self.services.iter().flatten().flatten().sum()
    }

    /// All persons counted.
    pub(super) fn persons(&self) -> u64 {
        self.persons
    }

    /// All figures, totals first.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let mut facts = vec![fact("records", None, None, None, self.records())];
        facts.push(fact("persons", None, None, None, self.persons));
        for region in 0..N_REGIONS {
            facts.push(fact("persons", None, Some(region), None, self.persons_by_region[region]));
        }
        for quarter in 0..N_QUARTERS {
            self.facts_of(quarter, &mut facts);
        }
        facts
    }

    fn facts_of(&self, quarter: usize, facts: &mut Vec<Fact>) {
        let at = Some(quarter);
        facts.push(fact("persons", at, None, None, self.persons_by_quarter[quarter]));
        for service in 0..N_SERVICES {
            facts.push(fact("persons", at, None, Some(service), self.persons_by_service[quarter][service]));
        }
        for region in 0..N_REGIONS {
            facts.push(fact("persons", at, Some(region), None, self.persons_by_both[quarter][region]));
            for (service, n) in self.services[quarter][region].iter().enumerate() {
                facts.push(fact("services", at, Some(region), Some(service), *n));
            }
        }
    }
}

fn fact(
    statistic: &'static str,
    quarter: Option<usize>,
    region: Option<usize>,
    service: Option<usize>,
    value: u64,
) -> Fact {
    let service = service.map(|service| SERVICES[service].0);
    Fact { statistic, quarter, region: region.map(region_code), service, value }
}
