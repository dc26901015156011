//! Statistics over two record types, from extracts with known persons to figures: who was assessed, and served later?
//!
//! ρ is so high that noise is far below one person; what is compared is the way of the rows through buckets and joins.

use std::fmt::Write as _;

use marsad_aggregate::Analysis;
use marsad_aggregate::tabulate::Landed;
use marsad_catalog::Catalog;
use marsad_privacy::estimate::{EstimatedTable, estimate};
use marsad_privacy::sampler::measure;
use marsad_terms::NanoRho;

use crate::census::snapshot;
use crate::workspace::Workspace;

/// ρ = 10⁶: the standard deviation of a count is below 0.002 persons.
const PRICE: u64 = 1_000_000_000_000_000;
/// Codes of region in the list's order, as the extracts write them.
const REGIONS: [&str; 3] = ["Oriental", "TTA", "RSK"];
const N_PERSONS: u32 = 400;

/// What happens to one person in 2024 and 2025, in months since the start of 2024.
struct Person {
    assessed: Vec<u32>,
    served: Vec<u32>,
    region: usize,
}

fn person(i: u32) -> Person {
    let first = i % 12;
    let assessed = if i.is_multiple_of(5) { vec![first, (first + 3).min(11)] } else { vec![first] };
    let served = match i % 4 {
        0 => vec![],
        1 => vec![first + i % 9, first + 12],
        2 => first.checked_sub(1).into_iter().collect(),
        _ => vec![first],
    };
    Person { assessed, served, region: (i % 3) as usize }
}

/// Months from the first assessment to the first service since then.
fn waited(person: &Person) -> Option<u32> {
    person.served.iter().filter_map(|month| month.checked_sub(person.assessed[0])).min()
}

/// Whether some service stands at or after some assessment: it then does so after the first.
fn was_served(person: &Person) -> bool {
    waited(person).is_some()
}

fn day(month: u32) -> String {
    format!("15/{:02}/{}", month % 12 + 1, 2024 + month / 12)
}

/// The two partners' extracts.
fn extracts(workspace: &Workspace) {
    let mut needs =
        "dossier;N° fiche;Date de l'évaluation;Région;Sexe;Année de naissance;Nationalité;Catégorie;\
                     Besoin;Vulnérabilité;Tour;Urgent;Consentement;Observations\n"
            .to_owned();
    let mut services = "dossier;Date du service;Région;Sexe;Année de naissance;Nationalité;Catégorie;\
                        Type de service;Quantité;Montant (MAD);Consentement;Observations\n"
        .to_owned();
    for i in 0..N_PERSONS {
        let person = person(i);
        let region = REGIONS[person.region];
        for (n, month) in person.assessed.iter().enumerate() {
            let (file, day) = (100 * i + u32::try_from(n).unwrap(), day(*month));
            writeln!(
                needs,
                "P-{i:09};F{file};{day};{region};Femme;1990;Maroc;régulière;Hébergement;aucune;1;non;oui;"
            )
            .unwrap();
        }
        for month in &person.served {
            let day = day(*month);
            writeln!(services, "P-{i:09};{day};{region};Femme;1990;Maroc;régulière;Santé;1;;oui;").unwrap();
        }
    }
    workspace.write("needs.csv", needs);
    let latin: Vec<u8> = services.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    std::fs::write(workspace.path("services.csv"), latin).unwrap();
}

fn landed() -> Workspace {
    let workspace = Workspace::new();
    extracts(&workspace);
    for (file, mapping) in [("needs.csv", "partner_needs"), ("services.csv", "partner_assistance")] {
        let report = workspace.json(&["land", file, "--as", mapping]).done();
        assert_eq!(report.at("records")["quarantined"].as_u64(), Some(0), "{report:?}");
    }
    let release = workspace.read("queries/releases/2024-Q4.toml");
    let start = release.find("statistics = [").unwrap();
    let end = start + release[start..].find(']').unwrap() + 1;
    let named = "statistics = [\"needs_to_service\", \"waiting_time\"]";
    let release = format!("{}{named}{}", &release[..start], &release[end..]);
    // Shares are of statistics that it no longer names.
    let release = release.split("[statistic.").next().unwrap().to_owned();
    let release =
        release.replace("id = \"2024-Q4\"", "id = \"joins\"").replace("\"2024-Q4\", \"2024\"", "\"2024\"");
    workspace.write("queries/releases/joins.toml", release);
    workspace
}

/// Estimates of a statistic's first column, by table.
async fn tables(workspace: &Workspace) -> [Vec<EstimatedTable>; 2] {
    let catalog = Catalog::load(&workspace.dir()).unwrap();
    let (snapshot, key) = snapshot(&workspace.dir()).await;
    let release = catalog.releases.values().find(|release| release.id.to_string() == "joins").unwrap();
    let prepared = marsad_release::prepare(&catalog, release).unwrap();
    let types: Vec<String> = prepared.record_types().iter().map(ToString::to_string).collect();
    assert_eq!(types, ["assistance_service", "needs_assessment"], "both are charged");
    let analyses: Vec<&Analysis> = prepared.statistics.iter().filter_map(|s| s.analysis.as_ref()).collect();
    let landed = Landed::new(&catalog, &snapshot);
    let exact = landed.tabulate(prepared.joint.clone().unwrap(), &analyses, &key, &|_, _| ()).await.unwrap();
    let noisy = measure(exact, NanoRho::new(PRICE)).unwrap();
    [0, 1].map(|statistic| estimate(&noisy, statistic).unwrap().columns.remove(0).tables)
}

fn persons() -> Vec<Person> {
    (0..N_PERSONS).map(person).collect()
}

fn near(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() < 0.05, "{what}: {found} instead of {expected}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn need_to_service_and_waiting_time_are_those_of_the_persons() {
    let workspace = landed();
    let [shares, waiting] = tables(&workspace).await;
    let persons = persons();
    let served = persons.iter().filter(|person| was_served(person)).count() as f64;
    near(shares[0].cells[0].estimate, 100.0 * served / persons.len() as f64, "the share of all");
    let bands = |wait: Option<u32>| match wait {
        Some(0) => 0,
        Some(1) => 1,
        Some(2..=3) => 2,
        Some(4..=6) => 3,
        Some(_) => 4,
        None => 5,
    };
    for band in 0..6 {
        let expected = persons.iter().filter(|person| bands(waited(person)) == band).count() as f64;
        assert!(expected > 0.0);
        near(waiting[0].cells[band].estimate, expected, "a band");
    }
    let all: f64 = waiting[1].cells.iter().map(|cell| cell.estimate).sum();
    near(all, f64::from(N_PERSONS), "all regions and bands");
    let largest = shares[1].cells.iter().filter(|cell| cell.estimate.is_finite()).count();
    assert!(largest >= REGIONS.len());
}
