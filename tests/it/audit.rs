//! `marsad audit`: the installed build attacks itself and tells its figures.

use std::path::Path;

use crate::workspace::marsad_in;

#[test]
fn the_audit_tells_its_figures() {
    // Its verdict fails by chance once in about 700 audits, so the figures are read with more room.
    let output = marsad_in(Path::new("."), &["audit", "--json"]);
    let figure = |key: &str| output.json[key].as_f64().unwrap_or(f64::NAN);
    assert!((figure("mu_claimed") - 1.0).abs() < 1e-9, "{}", output.json);
    assert!((0.85..=1.08).contains(&figure("mu_estimated")), "{}", output.json);
    assert!((0.93..=0.97).contains(&figure("coverage")), "{}", output.json);
    assert!((0.0..=1.0).contains(&figure("sampler_p")), "{}", output.json);
}
