//! Rebuilds the catalogue when a definition that it carries is added, changed or removed.

fn main() {
    for path in ["schemas", "queries", "purposes.toml"] {
        println!("cargo:rerun-if-changed=../../{path}");
    }
}
