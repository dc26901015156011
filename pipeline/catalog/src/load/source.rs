//! The bytes of definition files, by folder.

use std::fs;
use std::path::Path;

use crate::error::{Faults, Kind, Place};

/// One file as read.
pub(crate) struct Source {
    /// Relative to the workspace, with `/`.
    pub(crate) file: String,
    pub(crate) bytes: Vec<u8>,
}

/// All files of a folder with that ending, by name; a fault where the folder or a file cannot be read.
pub(crate) fn files(dir: &Path, folder: &str, ending: &str, faults: &Faults) -> Vec<Source> {
    let mut names = Vec::new();
    match fs::read_dir(dir.join(folder)) {
        Ok(entries) => {
            for entry in entries.flatten() {
                names.extend(entry.file_name().into_string());
            }
        }
        Err(error) => unreadable(folder, &error, faults),
    }
    names.retain(|name| {
        !name.starts_with('.') && name.strip_suffix(ending).is_some_and(|stem| stem.ends_with('.'))
    });
    names.sort();
    names.iter().filter_map(|name| file(dir, &format!("{folder}/{name}"), faults)).collect()
}

/// One file.
pub(crate) fn file(dir: &Path, file: &str, faults: &Faults) -> Option<Source> {
    match fs::read(dir.join(file)) {
        Ok(bytes) => Some(Source { file: file.to_owned(), bytes }),
        Err(error) => {
            unreadable(file, &error, faults);
            None
        }
    }
}

fn unreadable(file: &str, error: &std::io::Error, faults: &Faults) {
    let what = format!("`{file}` cannot be read: {error}");
    let remedy = "`marsad init` writes a complete set".to_owned();
    faults.add(file, Place::top(), Kind::Unreadable, (what, remedy));
}
