//! What can go wrong while a programme is simulated: the wish is out of range, the catalogue is another one, the disk refuses.

use std::path::{Path, PathBuf};

use marsad_terms::{Explain, Explanation};

/// A simulation that did not happen, or not to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The scale is not a number that a programme can have.
    #[error("no programme has the scale {0}")]
    Scale(f64),
    /// No record was asked for, or more than files can number.
    #[error("{0} records cannot be simulated")]
    Rows(u64),
    /// The catalogue lacks a mapping that an extract is written for.
    #[error("mapping `{0}` is not in the catalogue")]
    Mapping(&'static str),
    /// An extract cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The truth cannot be written.
    #[error("cannot write {path}")]
    Truth {
        /// The file.
        path: PathBuf,
        /// The writer's reason.
        #[source]
        source: parquet::errors::ParquetError,
    },
}

impl Error {
    pub(crate) fn write(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Write { path: path.to_owned(), source }
    }

    pub(crate) fn truth(path: &Path) -> impl FnOnce(parquet::errors::ParquetError) -> Self {
        move |source| Self::Truth { path: path.to_owned(), source }
    }
}

impl Explain for Error {
    fn explain(&self) -> Explanation {
        let what = self.to_string();
        match self {
            Self::Scale(_) => Explanation::new(
                "S01",
                what,
                "1 is the size of the programme document; the simulator takes 0.001 to 50",
                "choose a scale between 0.001 and 50",
            ),
            Self::Rows(_) => Explanation::new(
                "S02",
                what,
                "an extract has at least one record, and file numbers reach to 1 000 000 000",
                "ask for 1 to 1 000 000 000 records",
            ),
            Self::Mapping(mapping) => Explanation::new(
                "S03",
                what,
                "the extracts are written to be read by the built-in mappings",
                "restore the file, or start from a fresh workspace",
            )
            .at(format!("schemas/mappings/{mapping}.toml")),
            Self::Write { path, source } => Explanation::new(
                "S04",
                what,
                source.to_string(),
                "choose a folder that you may write to, on a disk with room",
            )
            .at(path.display().to_string()),
            Self::Truth { path, source } => Explanation::new(
                "S04",
                what,
                source.to_string(),
                "choose a folder that you may write to, on a disk with room",
            )
            .at(path.display().to_string()),
        }
    }
}
