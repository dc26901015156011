//! `demo`: the whole way on a fictitious programme, by the commands that a user would type.

use std::fs;
use std::path::{Path, PathBuf};

use marsad_catalog::Catalog;
use marsad_landing::keys::Keys;
use marsad_ledger::ScopeUse;
use marsad_ledger::sign::SigningKey;
use marsad_publish::ReleasedTable;
use marsad_publish::dataflow::{Dataflow, Row, dataflows};
use marsad_simulate::{Extract, Programme};
use marsad_terms::{Digest, Explanation, Language, Period};
use serde_json::{Value, json};

use super::release::{Answers, approve_with, plan, publish, run_release};
use super::{Quiet, init, land, ledger, policy, verify};
use crate::args::{DemoArgs, LandArgs, LedgerCommand, PolicyCommand, WishArgs};
use crate::progress::Bar;
use crate::report::{Failure, Report, decimal, say, table};
use crate::settings::FILE;
use crate::workspace::Workspace;

/// The release that the definitions carry for the demonstration.
const RELEASE: &str = "2024-Q4";
/// The people of the demonstration and what their keys may do.
const PEOPLE: [(&str, &str); 4] = [
    ("analyst", "\"analyst\""),
    ("steward", "\"steward\""),
    ("officer", "\"privacy-officer\", \"steward\""),
    ("publisher", "\"publisher\""),
];
/// The name of the demonstration's workspace.
const NAME: &str = "marsad-demo";
/// The file by which a folder is known as a demonstration that may be removed: it holds the hash of the settings that the
/// demonstration wrote, so that a programme that somebody made of it is none.
const MARK: &str = ".demonstration";

/// Goes the whole way.
///
/// # Errors
/// A folder that holds something, and whatever stops a step.
pub(super) async fn run(args: &DemoArgs, quiet: Quiet) -> Result<Report, Failure> {
    if !(0.001..=50.0).contains(&args.scale) {
        return Err(Failure::usage(
            format!("--scale {} is outside 0.001 to 50", args.scale),
            "1 is the plan's size",
        ));
    }
    clear(&args.dir, args.force)?;
    let demo = Demo { dir: args.dir.clone(), quiet };
    demo.found()?;
    let workspace = Workspace::open(Some(&args.dir))?;
    let catalog = workspace.catalog()?;
    let extracts = demo.simulate(&catalog, args)?;
    demo.found_ledger(&workspace).await?;
    let before = workspace.ledger()?.state().await?.scopes();
    let landed = demo.land(&workspace, &extracts).await?;
    let proposal = demo.release(&workspace).await?;
    let after = workspace.ledger()?.state().await?.scopes();
    let figures = Figures::read(&workspace, &catalog).await?;
    let bundle = args.dir.join("releases").join(RELEASE);
    demo.say(&budget(&before, &after));
    demo.say(&figures.by_region());
    demo.say(&figures.against_targets());
    let text = closing(&args.dir, &bundle);
    let json = json!({
        "workspace": args.dir, "release": RELEASE, "proposal": proposal, "bundle": bundle,
        "report": bundle.join("report.html"), "records": landed.0, "reasons": landed.1,
    });
    Ok(Report::new(text, json))
}

/// An empty place, or one that a demonstration left and `--force` may remove.
fn clear(dir: &Path, force: bool) -> Result<(), Failure> {
    let holds_nothing = fs::read_dir(dir).map_or(true, |mut entries| entries.next().is_none());
    if holds_nothing {
        return Ok(());
    }
    let is_demo = is_untouched(dir);
    if is_demo && force {
        return fs::remove_dir_all(dir).map_err(|error| Failure::file(dir, "be removed", &error));
    }
    let there = if is_demo { what_is_there(dir) } else { "other files".to_owned() };
    let remedy = match is_demo {
        true => format!("look at it, or begin anew with `marsad demo --dir {} --force`", dir.display()),
        false => "choose another folder with --dir; only a demonstration is ever removed".to_owned(),
    };
    let what = format!("{} holds {there}", dir.display());
    Err(Failure::new(Explanation::new("W17", what, "a demonstration starts in an empty folder", remedy)))
}

/// Whether a demonstration made the folder, and its settings are as it wrote them.
fn is_untouched(dir: &Path) -> bool {
    let settings = fs::read(dir.join(FILE)).map(|settings| Digest::of(&settings).to_string());
    settings.is_ok_and(|hash| fs::read_to_string(dir.join(MARK)).is_ok_and(|mark| mark == hash))
}

fn what_is_there(dir: &Path) -> String {
    let report = dir.join("releases").join(RELEASE).join("report.html");
    match report.is_file() {
        true => format!("an earlier demonstration, with its report {}", report.display()),
        false => "an earlier demonstration that did not end".to_owned(),
    }
}

struct Demo {
    dir: PathBuf,
    quiet: Quiet,
}

impl Demo {
    /// Tells a step, with the command that does the same.
    fn say(&self, text: &str) {
        if !self.quiet.0 {
            let _ = say(text);
        }
    }

    fn step(&self, command: &str, told: &str) {
        self.say(&format!("\n$ marsad {command}\n{told}"));
    }

    /// Settings, definitions, secret keys, and a signing key for each person.
    fn found(&self) -> Result<(), Failure> {
        self.say("Marsad: the whole way, on a fictitious programme. Nobody in it exists.");
        fs::create_dir_all(&self.dir).map_err(|error| Failure::file(&self.dir, "be made", &error))?;
        let files = init::make(&self.dir, "")?;
        let keys = self.dir.join("keys");
        Keys::generate(&keys)?;
        let mut signers = String::new();
        for (name, roles) in PEOPLE {
            let key = SigningKey::generate(&keys.join(name), name)?;
            let line = key.public_line().trim();
            signers +=
                &format!("\n[[policy.signer]]\nname = \"{name}\"\nroles = [{roles}]\nkey = \"{line}\"\n");
        }
        let settings = init::TEMPLATE
            .replace("{name}", NAME)
            .replace("custodian = \"\"  ", "custodian = \"demo\"")
            .replace("# author = ", "author = ")
            .replace("# publisher = ", "publisher = ");
        let settings = settings + &signers;
        // The mark first: a demonstration that is cut off here is none, and nothing else is ever one.
        init::write(&self.dir.join(MARK), &Digest::of(settings.as_bytes()).to_string())?;
        init::write(&self.dir.join(FILE), &settings)?;
        self.step("init", &format!("{} definitions, six secret keys, four signing keys", files.len()));
        Ok(())
    }

    fn simulate(&self, catalog: &Catalog, args: &DemoArgs) -> Result<Vec<Extract>, Failure> {
        let bar = Bar::new("simulating a programme", self.quiet.0);
        let programme = Programme::new(args.seed, args.scale, catalog)?;
        let extracts =
            programme.write_extracts(&self.dir.join("extracts"), &|done, total| bar.at(done, total))?;
        drop(bar);
        self.say(&format!(
            "\n{} extracts of partners in {}, as dirty as real ones",
            extracts.len(),
            self.dir.join("extracts").display()
        ));
        Ok(extracts)
    }

    async fn found_ledger(&self, workspace: &Workspace) -> Result<(), Failure> {
        let command = PolicyCommand::Set { key: Some(self.key("officer")) };
        let report = policy::run(workspace, &command).await?;
        self.step("policy set --key keys/officer", &report.text);
        Ok(())
    }

    fn key(&self, name: &str) -> PathBuf {
        self.dir.join("keys").join(name)
    }

    /// Lands every extract; gives the counts of all and the reasons.
    async fn land(&self, workspace: &Workspace, extracts: &[Extract]) -> Result<(Value, Value), Failure> {
        let mut rows = Vec::new();
        let mut counts = [0_u64; 3];
        let mut reasons = std::collections::BTreeMap::<String, u64>::new();
        for extract in extracts {
            let args = LandArgs { files: vec![extract.file.clone()], mapping: extract.mapping.clone() };
            let report = land::land(workspace, &args, self.quiet).await?;
            let own = ["landed", "duplicate", "quarantined"]
                .map(|k| report.json["records"][k].as_u64().unwrap_or(0));
            counts.iter_mut().zip(own).for_each(|(sum, n)| *sum += n);
            for (code, n) in report.json["reasons"].as_object().into_iter().flatten() {
                *reasons.entry(code.clone()).or_default() += n.as_u64().unwrap_or(0);
            }
            let name = extract.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            rows.push([vec![name, extract.mapping.clone()], own.map(|n| n.to_string()).to_vec()].concat());
        }
        let all = counts.map(|n| n.to_string()).to_vec();
        rows.push([vec!["all".to_owned(), String::new()], all].concat());
        self.step(
            "land extracts/FILE --as MAPPING",
            &table(&["extract", "mapping", "landed", "duplicate", "quarantined"], rows, 2),
        );
        let listed =
            reasons.iter().map(|(code, n)| vec![code.clone(), land::meaning(code).to_owned(), n.to_string()]);
        self.say(&table(&["quarantined for", "meaning", "records"], listed, 2));
        let records = json!({"landed": counts[0], "duplicate": counts[1], "quarantined": counts[2]});
        Ok((records, json!(reasons)))
    }

    /// Plan, approve, run, publish, verify; gives the proposal's id.
    async fn release(&self, workspace: &Workspace) -> Result<Value, Failure> {
        let nothing = WishArgs { rho: None, margin: Vec::new() };
        let planned = plan(workspace, RELEASE, &nothing, None).await?;
        self.step(&format!("release plan {RELEASE}"), &summary(&planned.json));
        let answers = answers(&planned.json);
        let text = toml::to_string(&answers).expect("texts by texts are TOML");
        init::write(&self.dir.join("answers.toml"), &text)?;
        // Children are among the statistics, so the policy asks for two.
        for approver in ["steward", "officer"] {
            let key = SigningKey::open(&self.key(approver))?;
            let approved = approve_with(workspace, RELEASE, answers.clone(), &key).await?;
            let command =
                format!("release approve {RELEASE} --key keys/{approver} --confirm-file answers.toml");
            self.step(&command, &approved.text);
        }
        let ran = run_release(workspace, RELEASE, true, false, self.quiet).await?;
        self.step(&format!("release run {RELEASE} --yes"), &ran.text);
        let published = publish(workspace, RELEASE, None).await?;
        self.step(&format!("release publish {RELEASE}"), &published.text);
        let bundle = self.dir.join("releases").join(RELEASE);
        let verified = verify::run(Some(&self.dir), &bundle, None)?;
        self.step(&format!("verify releases/{RELEASE}"), &verified.text);
        let replayed =
            ledger::run(workspace, &LedgerCommand::Verify { each: false, from: Vec::new() }).await?;
        self.step("ledger verify", &replayed.text);
        match verified.ok && replayed.ok {
            true => Ok(planned.json["proposal"].clone()),
            false => Err(Failure::new(Explanation::new(
                "W18",
                "the demonstration's release does not verify",
                "what is published must be checkable by anyone",
                "report it: this is a defect of the programme",
            ))),
        }
    }
}

/// A plan in four lines; `release show` has it all.
fn summary(plan: &Value) -> String {
    let tables = plan["tables"].as_array().map_or(0, Vec::len);
    let cells: u64 =
        plan["tables"].as_array().into_iter().flatten().filter_map(|t| t["cells"].as_u64()).sum();
    let failed =
        plan["checklist"].as_array().into_iter().flatten().filter(|item| item["state"] == "fail").count();
    let id = plan["proposal"].as_str().unwrap_or_default();
    format!(
        "proposal {}: {tables} tables, {cells} cells; cost ρ = {}, ε = {} at δ = 10⁻⁶\nguess of membership at best {} %; checklist: {failed} failed\nall of it: marsad release show {RELEASE}",
        id.get(3..11).unwrap_or(id),
        plan["nano_rho"].as_u64().unwrap_or(0) as f64 / 1e9,
        plan["epsilon"][0]["epsilon"],
        plan["guess"]["membership"],
    )
}

/// The answers of the demonstration's steward.
fn answers(plan: &Value) -> Answers {
    let items = plan["checklist"].as_array().into_iter().flatten();
    let asked = items.filter(|item| item["who"] != "M").filter_map(|item| item["id"].as_str());
    let answer = |id: &str| match id {
        "C18" => "no: fictitious people; quarters by region of a service, no status by place",
        "C22" => "simulated: all partners sent the year",
        "C23" => "yes, none overdue",
        "C25" => "the officer decides and tells all recipients",
        _ => "seen, in the demonstration",
    };
    asked.map(|id| (id.to_owned(), answer(id).to_owned())).collect()
}

fn budget(before: &[ScopeUse], after: &[ScopeUse]) -> String {
    let rows = after.iter().map(|scope| {
        let then = before
            .iter()
            .find(|s| s.scope == scope.scope)
            .map_or(marsad_terms::NanoRho::ZERO, ScopeUse::used);
        let cap = scope.cap.map_or_else(|| "–".to_owned(), decimal);
        let left = scope.left().map_or_else(|| "–".to_owned(), decimal);
        vec![scope.scope.clone(), decimal(then), decimal(scope.used()), cap, left]
    });
    format!("\nprivacy-loss budget, ρ\n{}", table(&["scope", "before", "after", "cap", "left"], rows, 1))
}

/// The published figures, read from the stored result as publication reads them.
struct Figures {
    flows: Vec<Dataflow>,
    period: Period,
}

impl Figures {
    async fn read(workspace: &Workspace, catalog: &Catalog) -> Result<Self, Failure> {
        let ledger = workspace.ledger()?;
        let state = ledger.state().await?;
        let request = state.find(RELEASE)?;
        let stored = ledger.receipt(request.f).await?;
        let (receipt, bytes) = stored.ok_or(marsad_ledger::Error::NoPolicy)?;
        let released = ReleasedTable::open(&bytes, &receipt)?;
        let agency = &workspace.settings.workspace.agency;
        let flows = dataflows(catalog, &released, &request.proposal, agency)?;
        Ok(Self { flows, period: Period::Quarter(2024, 4) })
    }

    fn flow(&self, id: &str) -> Option<&Dataflow> {
        self.flows.iter().find(|flow| flow.id == id)
    }

    /// Regions down, figures across.
    fn by_region(&self) -> String {
        let columns = [
            ("assisted_persons", "persons assisted"),
            ("needs_by_type", "persons with needs"),
            ("first_time_assisted", "assisted since 2023"),
        ];
        let flows: Vec<(&Dataflow, &str)> =
            columns.iter().filter_map(|(id, title)| Some((self.flow(id)?, *title))).collect();
        let Some((first, _)) = flows.first() else { return String::new() };
        let areas = first.dimensions.iter().find(|d| d.id == "REF_AREA");
        let rows = areas.into_iter().flat_map(|areas| &areas.codes).filter_map(|area| {
            let figures: Vec<String> = flows.iter().map(|(flow, _)| self.figure(flow, &area.id)).collect();
            let any = figures.iter().any(|figure| figure != "–");
            any.then(|| [vec![area.label.get(Language::En).to_owned()], figures].concat())
        });
        let header: Vec<&str> =
            std::iter::once("region").chain(flows.iter().map(|(_, title)| *title)).collect();
        format!(
            "\nfourth quarter of 2024, value ± margin or (interval), 95 %, flag: A reliable, U use with care, Q not shown\n{}",
            table(&header, rows, 1)
        )
    }

    fn figure(&self, flow: &Dataflow, area: &str) -> String {
        let place = |d: &marsad_publish::dataflow::Dimension| {
            if d.id == "REF_AREA" { d.index(area) } else { Some(0) }
        };
        let codes: Option<Vec<usize>> = flow.dimensions.iter().map(place).collect();
        let row = codes.and_then(|codes| flow.row(self.period, &codes));
        row.map_or_else(|| "–".to_owned(), figure)
    }

    /// Indicators of the programme beside their targets.
    fn against_targets(&self) -> String {
        let Some(flow) = self.flow("indicators") else { return String::new() };
        let rows = flow.rows.iter().filter(|row| row.period == self.period).filter_map(|row| {
            let published = &flow.dimensions.first()?.codes[*row.codes.first()?];
            let target = published.target?;
            let shown = row.cell.filter(|_| row.value().is_some());
            let share = shown.map(|cell| format!("{:.0} %", 100.0 * cell.estimate / target as f64));
            Some(vec![
                published.id.clone(),
                published.label.get(Language::En).to_owned(),
                figure(row),
                grouped(target),
                share.unwrap_or_default(),
            ])
        });
        let shown = table(&["indicator", "what", "reached", "target", "share"], rows, 2);
        format!(
            "\nindicators of the programme, end of 2024; statistics see those who consent, about 94 %\n{shown}"
        )
    }
}

fn figure(row: &Row) -> String {
    match row.cell {
        None => "M".to_owned(),
        Some(cell) if !cell.margin.is_finite() => "Q".to_owned(),
        Some(cell) => {
            let shown = row.value().map_or_else(|| "–".to_owned(), grouped);
            if row.is_off_centre() {
                let ends =
                    [cell.lower.floor(), cell.upper.ceil()].map(|end| grouped_text(&format!("{end:.0}")));
                return format!("{shown} ({}–{}) {}", ends[0], ends[1], row.status());
            }
            format!("{shown} ± {} {}", grouped_text(&format!("{:.0}", cell.margin.ceil())), row.status())
        }
    }
}

/// Groups of three by a narrow no-break space, as in Morocco.
fn grouped(number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", grouped_text(&number.unsigned_abs().to_string()))
}

fn grouped_text(digits: &str) -> String {
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|g| std::str::from_utf8(g).ok()).collect();
    groups.join("\u{202f}")
}

fn closing(dir: &Path, bundle: &Path) -> String {
    let here = dir.display();
    format!(
        "\nbundle  {}\nreport  {}\n\nwhat to try next, in {here}\n  \
         marsad release show {RELEASE}                    the proposal as its steward read it\n  \
         marsad budget --svg budget.svg                what is left, as a picture\n  \
         marsad query new my_statistic                 a statistic of your own, then `query check`\n  \
         marsad release new 2025-Q4 --like {RELEASE}      the next one of a year and its last quarter\n  \
         marsad release run {RELEASE}                     the same bytes again, at no cost\n  \
         ssh-keygen -Y verify -f allowed_signers -I publisher -n marsad-release -s releases/{RELEASE}/release.json.sig < releases/{RELEASE}/release.json",
        bundle.display(),
        bundle.join("report.html").display(),
    )
}
