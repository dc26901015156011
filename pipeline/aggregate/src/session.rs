//! The engine's settings: order and partitions of the landed files are kept, and nothing is ever spilled in clear.

use std::sync::Arc;

use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};

/// A session that reads `partitions` runs of buckets at once.
pub(crate) fn session(partitions: usize) -> Result<SessionContext, datafusion::error::DataFusionError> {
    let mut config = SessionConfig::new()
        .with_target_partitions(partitions.max(1))
        .with_round_robin_repartition(false)
        .with_repartition_file_scans(false)
        .with_information_schema(false);
    config.options_mut().sql_parser.collect_spans = true;
    config.options_mut().sql_parser.map_string_types_to_utf8view = false;
    let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    let runtime = RuntimeEnvBuilder::new().with_disk_manager_builder(disk).build()?;
    Ok(SessionContext::new_with_config_rt(config, Arc::new(runtime)))
}
