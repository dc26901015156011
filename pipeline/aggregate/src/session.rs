//! The engine's settings: order and partitions of the landed files are kept, memory has a limit, and nothing is ever spilled
//! in clear.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::DiskManagerBuilder;
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::spill::SealedFiles;

/// What the engine may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes for sums, sorts and joins. Sorts beyond it spill; joins and sums beyond it are refused.
    pub memory: usize,
    /// Where sorts spill, encrypted, into files without a name.
    pub spill: PathBuf,
}

impl Default for Limits {
    /// Two gibibytes, and the folder for temporary files.
    fn default() -> Self {
        Self { memory: 2 << 30, spill: std::env::temp_dir() }
    }
}

/// How many consumers an error names that found no memory.
const NAMED_CONSUMERS: std::num::NonZeroUsize = std::num::NonZeroUsize::new(3).unwrap();

/// A session that reads `partitions` runs of buckets at once.
pub(crate) fn session(partitions: usize, limits: &Limits) -> Result<SessionContext, DataFusionError> {
    let mut config = SessionConfig::new()
        .with_target_partitions(partitions.max(1))
        .with_round_robin_repartition(false)
        .with_repartition_file_scans(false)
        .with_information_schema(false);
    let kept_for_merging = &mut config.options_mut().execution.sort_spill_reservation_bytes;
    *kept_for_merging = (limits.memory / 8).min(*kept_for_merging);
    config.options_mut().sql_parser.collect_spans = true;
    config.options_mut().sql_parser.map_string_types_to_utf8view = false;
    let files = Arc::new(SealedFiles::new(limits.spill.clone()));
    let pool = TrackConsumersPool::new(FairSpillPool::new(limits.memory), NAMED_CONSUMERS);
    let runtime = RuntimeEnvBuilder::new()
        .with_disk_manager_builder(DiskManagerBuilder::default().with_temp_file_factory(files))
        .with_memory_pool(Arc::new(pool))
        .build()?;
    Ok(SessionContext::new_with_config_rt(config, Arc::new(runtime)))
}
