//! One statistic checked on its own, outside the catalogue's folder.

use std::fs;

use crate::{BoundMode, Catalog, builtin};

const TOML: &str = r#"id = "draft"
version = "1.0.0"
title = { fr = "Essai", ar = "تجربة", en = "Draft" }
note = { fr = "Essai", ar = "تجربة", en = "Draft" }
unit = "PERSONS"
purpose = "P-2099-99"
smallest_area = "region"
answers = []
"#;
const SQL: &str = "SELECT quarter, COUNT(DISTINCT person_key) AS n FROM training GROUP BY quarter";

#[test]
fn a_draft_beside_its_sql_is_read_with_the_default_bound_and_any_purpose() {
    let dir = tempfile::tempdir().unwrap();
    builtin::write(&dir.path().join("workspace")).unwrap();
    let catalog = Catalog::load(&dir.path().join("workspace")).unwrap();
    let toml = dir.path().join("draft.toml");
    fs::write(&toml, TOML).unwrap();
    fs::write(dir.path().join("draft.sql"), SQL).unwrap();
    let statistic = catalog.statistic_from(&toml).unwrap();
    assert_eq!(statistic.bound.mode, BoundMode::HomeCell);
    assert_eq!(statistic.sql, SQL);

    fs::write(&toml, TOML.replace("PERSONS", "PERSON")).unwrap();
    let faults = catalog.statistic_from(&toml).unwrap_err();
    assert_eq!((faults.len(), faults[0].code, faults[0].line, faults[0].column), (1, "K15", 5, Some(8)));
    assert!(faults[0].file.ends_with("draft.toml"));

    fs::remove_file(dir.path().join("draft.sql")).unwrap();
    assert_eq!(catalog.statistic_from(&toml).unwrap_err()[0].code, "K19");
}
