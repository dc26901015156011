//! `marsad audit`: the installed build attacks itself and tells its figures.

use serde_json::Value;

use crate::workspace::{Output, RELEASE, Workspace};

#[test]
fn the_audit_tells_its_figures() {
    // Its verdict fails by chance once in about 700 audits, so the figures are read with more room.
    let workspace = Workspace::new();
    let mechanism = |plan: &Output| {
        let items = plan.at("checklist").as_array().unwrap().clone();
        items.into_iter().find(|item| item["id"] == "C07").unwrap()
    };
    assert_eq!(mechanism(&workspace.plan(RELEASE))["state"], "open", "nobody has audited this build here");
    let output = workspace.json(&["audit"]);
    let figure = |key: &str| output.json[key].as_f64().unwrap_or(f64::NAN);
    assert!((figure("mu_claimed") - 1.0).abs() < 1e-9, "{}", output.json);
    assert!((0.85..=1.08).contains(&figure("mu_estimated")), "{}", output.json);
    assert!((0.93..=0.97).contains(&figure("coverage")), "{}", output.json);
    assert!((0.0..=1.0).contains(&figure("sampler_p")), "{}", output.json);
    let verdict = mechanism(&workspace.plan(RELEASE));
    let expected = if output.code == 0 { "pass" } else { "fail" };
    assert_eq!(verdict["state"], expected, "{verdict}");
    let mut record: Value = serde_json::from_str(&workspace.read("state/audit.json")).unwrap();
    record["build"] = format!("b3:{}", "0".repeat(64)).into();
    workspace.write("state/audit.json", record.to_string());
    assert_eq!(
        mechanism(&workspace.plan(RELEASE))["state"],
        "open",
        "the audit of another build says nothing"
    );
}
