//! Exact figures of people who do not exist: what a bound would keep of a simulated programme (governance C05).
//!
//! The one place where sums come out of this room. It can only tell of a programme that it simulates itself, into stores in
//! memory under keys of the moment: it deliberately has no constructor that takes a landing, a snapshot or rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::NaiveDate;
use marsad_catalog::Catalog;
use marsad_landing::keys::Keys;
use marsad_landing::{Landing, Options, Snapshot};
use marsad_log::Store;
use marsad_privacy::bound::SelectionKey;
use marsad_privacy::shape::StatisticShape;
use marsad_simulate::Programme;
use marsad_terms::{Progress, RecordTypeId};

use crate::analyse::Analysis;
use crate::error::Error;
use crate::operator::Work;
use crate::tabulate::Landed;

/// The first day of the simulated programme.
const START: (i32, u32, u32) = (2023, 1, 1);

/// A simulated programme, landed in memory.
pub struct Rehearsal<'a> {
    catalog: &'a Catalog,
    snapshot: Snapshot,
    key: SelectionKey,
}

impl<'a> Rehearsal<'a> {
    /// Simulates the programme of a seed at a scale and lands the extracts of these record types, as any extract is landed.
    ///
    /// Nothing of it touches a workspace: extracts lie in a temporary folder that goes at the end.
    ///
    /// # Errors
    /// A scale outside 0.001 to 50, a temporary folder that cannot be written, a catalogue without the mappings.
    pub async fn new(
        catalog: &'a Catalog,
        (seed, scale): (u64, f64),
        record_types: &BTreeSet<RecordTypeId>,
        progress: Progress<'_>,
    ) -> Result<Self, Error> {
        let folder = tempfile::tempdir().map_err(Error::Folder)?;
        let programme = Programme::new(seed, scale, catalog)?;
        let extracts = programme.write_extracts(&folder.path().join("extracts"), progress)?;
        let keys = folder.path().join("keys");
        Keys::generate(&keys)?;
        let keys = Keys::load(&keys)?;
        let key = SelectionKey::new(*keys.selection());
        let (year, month, day) = START;
        let programme_start = NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
        let options = Options { bucket_bits: 0, custodian: "rehearsal".to_owned(), programme_start };
        let landing = Landing::open(Store::memory(), Store::memory(), keys, options);
        let wanted = |record_type: &str| record_types.iter().any(|wanted| wanted.to_string() == record_type);
        for extract in extracts.iter().filter(|extract| wanted(&extract.record_type)) {
            landing.land(catalog, &extract.mapping, &extract.file, &|_, _| {}).await?;
        }
        Ok(Self { catalog, snapshot: landing.snapshot().await?, key })
    }

    /// The exact sums of one statistic under any bound, in the layout of [`StatisticShape::n_coordinates`].
    ///
    /// # Errors
    /// Where the engine fails.
    pub async fn sums(
        &self,
        analysis: &Analysis,
        shape: &StatisticShape,
        f: u32,
    ) -> Result<Vec<i128>, Error> {
        let landed = Landed::new(self.catalog, &self.snapshot);
        let work = Work { shape: Arc::new(shape.clone()), f, key: self.key.clone() };
        landed.sums(analysis, work).await.map_err(Error::engine(&shape.id, "rehearse its rows"))
    }
}
