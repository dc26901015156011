//! The definitions compiled into the program: `init` and `demo` write them out, a workspace may extend its copy.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

static SCHEMAS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../schemas");
static QUERIES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../queries");
static PURPOSES: &str = include_str!("../../../purposes.toml");

/// Writes `schemas/`, `queries/` and `purposes.toml` below `dir`; a file that exists already stays as it is.
///
/// Gives the files written, in order.
///
/// # Errors
/// A folder or a file cannot be written.
pub fn write(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    for (relative, bytes) in files() {
        let path = dir.join(relative);
        if path.exists() {
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, bytes)?;
        written.push(path);
    }
    Ok(written)
}

fn files() -> Vec<(PathBuf, &'static [u8])> {
    let mut files = vec![(PathBuf::from("purposes.toml"), PURPOSES.as_bytes())];
    for (name, folder) in [("schemas", &SCHEMAS), ("queries", &QUERIES)] {
        collect(Path::new(name), folder, &mut files);
    }
    files.sort();
    files
}

fn collect(root: &Path, folder: &'static Dir<'static>, files: &mut Vec<(PathBuf, &'static [u8])>) {
    files.extend(folder.files().map(|file| (root.join(file.path()), file.contents())));
    for inner in folder.dirs() {
        collect(root, inner, files);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalog;

    #[test]
    fn the_definitions_carried_load_without_a_fault() {
        let dir = tempfile::tempdir().unwrap();
        let written = write(dir.path()).unwrap();
        assert!(written.contains(&dir.path().join("schemas/code_lists/REF_AREA.csv")));
        let faults = Catalog::load(dir.path()).err().unwrap_or_default();
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(faults, Vec::<String>::new());
    }

    #[test]
    fn a_file_of_the_user_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("purposes.toml"), "mine").unwrap();
        write(dir.path()).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("purposes.toml")).unwrap(), "mine");
        assert_eq!(write(dir.path()).unwrap(), Vec::<PathBuf>::new());
    }
}
