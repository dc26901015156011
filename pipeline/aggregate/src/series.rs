//! First-time series: who enters now, and whose entries count (algorithms 6).
//!
//! Rows are read twice at most: those that statistics may see, to find who enters and who still counts; and all of them, to
//! tell whoever withdrew from whoever has no rows left. It deliberately lacks the register, which the landing keeps, and any
//! way to compute an entry again.

use std::ops::RangeInclusive;
use std::sync::Arc;

use datafusion::error::{DataFusionError, Result as EngineResult};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use marsad_landing::{Entry, Register};
use marsad_privacy::bound::{Row, SelectionKey};
use marsad_privacy::series::{Counts, Entrants, SeriesShape};

use crate::analyse::Analysis;
use crate::error::Error;
use crate::landed_table::LandedTable;
use crate::operator::{ByPerson, Columns, is_sorted};
use crate::session;
use crate::tabulate::{Landed, partitions};

/// Steps of a series that are about to close.
pub struct Closing<'a> {
    /// Who has entered before.
    pub register: &'a Register,
    /// The steps, from the first one that is not closed.
    pub open: RangeInclusive<u32>,
    /// Decides ties of home values.
    pub key: &'a SelectionKey,
}

impl Landed<'_> {
    /// Who enters a series when steps close: persons with a visible event up to the last of them who are not in
    /// the register, sorted by person. `analysis` is that of the series' statement.
    ///
    /// Claim: whether, when and where a person enters depends on its own rows, on which steps are closed and on the selection
    /// key. Proof: a person's rows are adjacent and in one partition, [`Entrants`] keeps nothing from one person to the next,
    /// and a person in the register is passed over whatever its rows are. Attack: `tests::series`.
    ///
    /// Memory is one entry a person who enters: 40 bytes, and four for each table.
    ///
    /// # Errors
    /// Where files cannot be read or memory runs out; no figure is told.
    pub async fn entrants(
        &self,
        analysis: &Analysis,
        series: &SeriesShape,
        closing: &Closing<'_>,
    ) -> Result<Vec<Entry>, Error> {
        let Closing { register, open, key } = closing;
        let newcomers = || Newcomers::new(series, open.clone(), register, key);
        let failed = Error::engine(&series.statistic().id, "find who enters");
        let parts = self.persons(analysis, series, |table| table, newcomers).await.map_err(failed)?;
        Ok(joined(parts))
    }

    /// The entries of a register that count, added up by step and cell: all but those of persons who have withdrawn, which is
    /// to have rows of the statistic in some step, none of which statistics may see. A person without such rows counts: they
    /// were corrected, retracted or purged, and nobody was un-assisted by that.
    ///
    /// Claim: one person's part is its one entry or nothing, by its own rows. Proof: an entry is added once, and whether it is
    /// depends on the marks at its own place alone. Attack: `tests::series`.
    ///
    /// Memory is two bytes a person in the register and partition.
    ///
    /// # Errors
    /// Where files cannot be read or memory runs out, or the register is another series'; no figure is told.
    pub async fn counts(
        &self,
        analysis: &Analysis,
        series: &SeriesShape,
        register: &Register,
    ) -> Result<Counts, Error> {
        let failed = Error::engine(&series.statistic().id, "see whose entries count");
        let withdrawn = self.withdrawn(analysis, series, register).await.map_err(failed)?;
        let mut counts = Counts::new(series.clone());
        for ((_, step, cells), withdrawn) in register.entries().zip(withdrawn) {
            if !withdrawn {
                counts.enter(step, cells)?;
            }
        }
        Ok(counts)
    }

    /// For each entry of the register whether its person has withdrawn.
    pub(crate) async fn withdrawn(
        &self,
        analysis: &Analysis,
        series: &SeriesShape,
        register: &Register,
    ) -> EngineResult<Vec<bool>> {
        let visible = self.present(analysis, series, register, |table| table).await?;
        let landed = self.present(analysis, series, register, LandedTable::with_withdrawn).await?;
        Ok(landed.into_iter().zip(visible).map(|(landed, visible)| landed && !visible).collect())
    }

    /// For each entry of the register whether its person has rows of the statistic in the table as `shown` makes it.
    async fn present(
        &self,
        analysis: &Analysis,
        series: &SeriesShape,
        register: &Register,
        shown: fn(LandedTable) -> LandedTable,
    ) -> EngineResult<Vec<bool>> {
        let nobody = vec![false; register.entries().len()];
        let marks = || Marks { register: register.clone(), at: None, marked: nobody.clone() };
        let mut parts = self.persons(analysis, series, shown, marks).await?.into_iter();
        let mut marked = parts.next().map_or_else(|| nobody.clone(), |part| part.marked);
        for part in parts {
            marked.iter_mut().zip(part.marked).for_each(|(mark, more)| *mark |= more);
        }
        Ok(marked)
    }

    /// Shows the rows of each partition to a fresh `make()`, person by person.
    async fn persons<T: ByPerson + Send + 'static>(
        &self,
        analysis: &Analysis,
        series: &SeriesShape,
        shown: fn(LandedTable) -> LandedTable,
        make: impl Fn() -> T,
    ) -> EngineResult<Vec<T>> {
        let context = session::session(partitions(), &self.limits)?;
        let input = self.physical_with(&context.state(), analysis, shown).await?;
        poured(input, &context.task_ctx(), series, make).await
    }
}

/// Shows the rows of each partition of an input to a fresh `make()`, person by person, all partitions at once.
pub(crate) async fn poured<T: ByPerson + Send + 'static>(
    input: Arc<dyn ExecutionPlan>,
    context: &Arc<TaskContext>,
    series: &SeriesShape,
    make: impl Fn() -> T,
) -> EngineResult<Vec<T>> {
    if !is_sorted(&input)? {
        return Err(DataFusionError::Plan("the input is not sorted by person".to_owned()));
    }
    let columns = Arc::new(Columns::new(series.statistic())?);
    let n = input.properties().output_partitioning().partition_count();
    let mut tasks = Vec::with_capacity(n);
    for partition in 0..n {
        let rows = input.execute(partition, context.clone())?;
        let (columns, mut part) = (columns.clone(), make());
        tasks.push(tokio::spawn(async move { columns.pour(rows, &mut part).await.map(|()| part) }));
    }
    let mut parts = Vec::with_capacity(n);
    for task in tasks {
        let died = |_| DataFusionError::Execution("a partition died".to_owned());
        parts.push(task.await.map_err(died)??);
    }
    Ok(parts)
}

/// Passes the rows of persons on who are not in the register.
pub(crate) struct Newcomers {
    entrants: Entrants,
    register: Register,
    is_new: bool,
}

impl Newcomers {
    pub(crate) fn new(
        series: &SeriesShape,
        open: RangeInclusive<u32>,
        register: &Register,
        key: &SelectionKey,
    ) -> Self {
        Self { entrants: Entrants::new(series, open, key), register: register.clone(), is_new: false }
    }
}

/// The entries of all partitions, sorted by person.
pub(crate) fn joined(parts: Vec<Newcomers>) -> Vec<Entry> {
    let entries = parts.into_iter().flat_map(|part| part.entrants.into_entries());
    let mut entries: Vec<Entry> =
        entries.map(|entry| Entry { person: entry.person, step: entry.step, cells: entry.cells }).collect();
    entries.sort_unstable_by_key(|entry| entry.person);
    entries
}

impl ByPerson for Newcomers {
    fn begin(&mut self, person: &[u8; 16]) {
        self.is_new = !self.register.holds(person);
        if self.is_new {
            self.entrants.begin(person);
        }
    }

    fn row(&mut self, row: &Row<'_>) {
        if self.is_new {
            self.entrants.row(row);
        }
    }
}

/// Marks the entries of the register whose persons have a row that counts.
struct Marks {
    register: Register,
    at: Option<usize>,
    marked: Vec<bool>,
}

impl ByPerson for Marks {
    fn begin(&mut self, person: &[u8; 16]) {
        self.at = self.register.place(person);
    }

    fn row(&mut self, row: &Row<'_>) {
        if let Some(at) = self.at.filter(|_| row.counted.iter().all(|counted| *counted)) {
            self.marked[at] = true;
        }
    }
}
