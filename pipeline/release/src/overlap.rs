//! Cells that an earlier release has estimated already (C13): the same population measured again, at a further cost.

use marsad_ledger::State;
use marsad_ledger::proposal::{Overlap, StatisticRequest};
use marsad_privacy::shape::StatisticShape;
use marsad_terms::{Digest, Name, flow_id};

use crate::forecast::columns;

/// What earlier requests of the ledger, this one apart, have in common with these statistics.
pub(crate) fn overlap(state: &State, own: &Digest, statistics: &[StatisticRequest]) -> Vec<Overlap> {
    let mut found = Vec::new();
    for request in state.requests() {
        if request.f == *own || !request.state.holds_the_release_id() {
            continue;
        }
        for earlier in &request.proposal.request.statistics {
            let same = statistics.iter().find(|statistic| statistic.id == earlier.id);
            // A step of a series is never measured twice.
            let shapes = same.and_then(|s| s.shape.as_ref()).zip(earlier.shape.as_ref());
            let cells = shapes.map_or(0, |(new, old)| common_cells(new, old));
            if cells > 0 {
                let release = request.proposal.release.clone();
                found.push(Overlap { release, dataflow: flow_id(earlier.id.as_str()), cells });
            }
        }
    }
    found
}

fn common_cells(new: &StatisticShape, old: &StatisticShape) -> u64 {
    let mut cells = 0;
    for table in &new.tables {
        let name = columns(new, table.grain, &table.dimensions);
        let again = old.tables.iter().any(|t| columns(old, t.grain, &t.dimensions) == name);
        let periods = new.periods_of(table.grain).into_iter().filter(|p| old.periods.contains(p)).count();
        let keys: usize = table.dimensions.iter().map(|d| new.dimensions[*d].codes.len()).product();
        cells += if again { (periods * keys) as u64 } else { 0 };
    }
    cells
}
