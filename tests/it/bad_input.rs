//! Bad input at every door: what, where, why, what to do, an exit code, and never a value of a record.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::workspace::{Output, RELEASE, SERVICES, Workspace, latin, marsad_in, services};

/// Planted into every field of bad extracts; it must never be printed.
const CANARY: &str = "K4N4R1";

/// Runs a command with and without `--json`: the same error, told in text on stderr and as a document on stdout.
#[track_caller]
fn check(workspace: &Workspace, args: &[&str], code: &str, words: &[&str]) -> Output {
    let text = workspace.marsad(args);
    let output = workspace.json(args);
    assert_eq!((output.error(), output.code), (code, text.code), "{output:?}");
    assert!(output.json["error"]["where"] != "", "{output:?}");
    for part in ["why    ", "do     ", "where  ", &format!("error [{code}]: ")] {
        assert!(text.stderr.contains(part), "{part} is missing in {text:?}");
    }
    for word in words {
        assert!(output.stdout.contains(word) && text.stderr.contains(word), "{word} is missing in {text:?}");
    }
    for printed in [output.printed(), text.printed()] {
        assert!(!printed.contains(CANARY) && !printed.contains("panicked"), "{printed}");
    }
    output
}

/// Tries to land bytes as the partner's services; nothing of them may land.
#[track_caller]
fn refuses(workspace: &Workspace, bytes: impl AsRef<[u8]>, code: &str, words: &[&str]) {
    workspace.write("bad.csv", bytes);
    for command in [&["land"][..], &["extract", "check"]] {
        let output =
            check(workspace, &[command, &["bad.csv", "--as", "partner_assistance"]].concat(), code, words);
        assert_eq!(output.code, 1);
        assert_eq!(output.json["error"]["where"], "bad.csv");
    }
    let batches = workspace.json(&["batch", "list"]).done();
    assert_eq!(batches.at("batches").as_array().unwrap().len(), 0);
}

/// One good record with the canary in its free text and number.
fn row() -> String {
    format!("P-{CANARY};02/11/2024;TTA;Femme;1980;Sénégal;régulière;Santé;1;;oui;{CANARY}\r\n")
}

#[test]
fn a_file_that_is_not_the_mappings_is_refused_whole() {
    let workspace = Workspace::new();
    let good = SERVICES.to_owned() + &row();
    refuses(&workspace, "", "F02", &["header"]);
    refuses(&workspace, latin(SERVICES), "F09", &[]);
    refuses(&workspace, (0..=255).cycle().take(9000).collect::<Vec<u8>>(), "F01", &[]);
    refuses(&workspace, format!("\u{feff}{good}"), "F01", &["UTF-8"]);
    refuses(&workspace, latin(&good.replace("Sexe", "Genre")), "F03", &["Sexe"]);
    refuses(&workspace, latin(&row().repeat(3)), "F02", &["header row on top"]);
    refuses(&workspace, latin(&good.replace(";Sexe", "").replace(";Femme", "")), "F03", &["Sexe"]);
    let two = good.replacen("Observations", "Observations;No dossier", 1).replace("oui;", "oui;;");
    refuses(&workspace, latin(&two), "F06", &["No dossier"]);
    let more = good.replacen("Observations", "Observations;Téléphone", 1).replace("oui;", "oui;;");
    refuses(&workspace, latin(&more), "F04", &["Téléphone"]);
    refuses(&workspace, latin(&good.replace(';', ",")), "F02", &["delimiter"]);
    refuses(&workspace, latin(&(SERVICES.to_owned() + "\"" + &row())), "F08", &[]);
}

#[test]
fn a_line_of_a_megabyte_costs_one_record() {
    let workspace = Workspace::new();
    let long = format!("{}{}\r\n", CANARY.repeat(10), "x".repeat(1 << 20));
    let wide = row().replace("TTA", &"x".repeat(1 << 20));
    let good = String::from_utf8_lossy(&services(3)).lines().count() - 1;
    let text = [services(3), latin(&long), latin(&wide)].concat();
    workspace.write("long.csv", text);
    let output = workspace.json(&["land", "long.csv", "--as", "partner_assistance"]).done();
    assert_eq!(*output.at("records.landed"), good);
    assert_eq!(*output.at("records.quarantined"), 2);
    assert_eq!(output.at("rejected").as_array().unwrap()[0]["line"], 5);
    assert!(!output.printed().contains(CANARY));
}

#[test]
fn rejected_records_are_told_by_place_and_never_by_value() {
    let workspace = Workspace::new();
    let bad = [
        ("P-K4N4R1", ""),
        ("02/11/2024", CANARY),
        ("02/11/2024", "02/11/2031"),
        ("TTA", CANARY),
        ("1980", CANARY),
        (";1;", ";K4N4R1;"),
        ("oui;K4N4R1", "oui;appeler le 0612345678"),
        (";oui;", ";oui;K4N4R1;"),
    ];
    let rows: String = bad.iter().map(|(from, to)| row().replacen(from, to, 1)).collect();
    workspace.write("bad.csv", latin(&(SERVICES.to_owned() + &rows)));
    let land = ["land", "bad.csv", "--as", "partner_assistance"];
    let check = workspace.marsad(&["extract", "check", "bad.csv", "--as", "partner_assistance"]).done();
    let output = workspace.json(&land).done();
    let reasons = output.at("reasons").as_object().unwrap();
    for reason in ["R01", "R02", "R03", "R04", "R06", "R07", "R08"] {
        assert!(reasons.contains_key(reason), "{reason} of {reasons:?}");
    }
    let told = workspace.marsad(&land).done();
    let shown = workspace.marsad(&["batch", "list"]).done();
    for printed in [check.printed(), output.printed(), told.printed(), shown.printed()] {
        assert!(!printed.contains(CANARY) && !printed.contains("0612345678"), "{printed}");
    }
}

#[test]
fn a_wrong_name_gets_the_nearest_right_one() {
    let workspace = Workspace::new();
    workspace.write("services.csv", services(3));
    let land = ["land", "services.csv", "--as", "partner_asistance"];
    check(&workspace, &land, "D01", &["did you mean `partner_assistance`?"]);
    check(&workspace, &["land", "absent.csv", "--as", "partner_assistance"], "D04", &["absent.csv"]);
    check(&workspace, &["land", ".", "--as", "partner_assistance"], "D04", &[]);
    check(&workspace, &["query", "show", "assisted_person"], "W15", &["did you mean `assisted_persons`?"]);
    check(&workspace, &["release", "plan", "2024-Q4-TT"], "E01", &["did you mean `2024-Q4-T`?"]);
    check(&workspace, &["verify", "absent"], "W03", &["absent"]);
    check(&workspace, &["verify", "."], "W19", &["no bundle", "release.json"]);
    let elsewhere = marsad_in(&workspace.beside(""), &["verify", ".", "--json"]);
    assert_eq!((elsewhere.code, elsewhere.error()), (1, "W19"), "before a key is looked for");
    check(&workspace, &["release", "plan", RELEASE, "--key", "keys/absent"], "B60", &["keys/absent"]);
    let outside = marsad_in(&workspace.beside(""), &["budget", "--json"]);
    assert_eq!((outside.code, outside.error()), (1, "W01"));
}

#[test]
fn an_unknown_key_names_its_line_and_the_nearest_right_one() {
    let workspace = Workspace::new();
    let checks = [
        ("marsad.toml", "agency", "agncy", &["budget"][..], "W02", "did you mean `agency`?"),
        (
            "queries/assisted_persons.toml",
            "answers",
            "anwsers",
            &["query", "list"],
            "K04",
            "write `answers` instead of `anwsers`",
        ),
        ("queries/releases/2024-Q4-T.toml", "contact", "contect", &["query", "list"], "K04", "contact"),
        (
            "queries/releases/2024-Q4.toml",
            "frozen",
            "forzen",
            &["query", "list"],
            "K03",
            "did you mean `frozen`?",
        ),
        (
            "schemas/mappings/partner_youth.toml",
            "[file]",
            "[fiel]",
            &["query", "list"],
            "K03",
            "did you mean `file`?",
        ),
    ];
    for (file, key, wrong, command, code, words) in checks {
        let text = workspace.read(file);
        let line = 1 + text.lines().position(|line| line.starts_with(key)).unwrap();
        workspace.edit(file, &format!("\n{key}"), &format!("\n{wrong}"));
        let output = check(&workspace, command, code, &[words]);
        assert!(output.stdout.contains(&format!("{file}:{line}")), "{file}:{line} in {output:?}");
        assert_eq!(output.code, 1);
        workspace.write(file, text);
    }
    workspace.marsad(&["query", "list"]).done();
}

#[test]
fn an_address_that_nobody_can_open_is_refused() {
    let workspace = Workspace::new();
    let text = workspace.read("marsad.toml");
    for wrong in
        ["data.example.org", "https://", "https://data.example.org/<b>", "file:///srv", "https://a b"]
    {
        workspace.edit("marsad.toml", "agency", &format!("address = \"{wrong}\"\nagency"));
        check(&workspace, &["budget"], "W02", &["https://data.example.org/marsad"]);
        workspace.write("marsad.toml", &text);
    }
    workspace.edit("marsad.toml", "agency", "address = \"https://data.example.org/m\"\nagency");
    workspace.marsad(&["budget"]).done();
}

#[test]
fn a_file_in_which_nobody_consents_says_what_to_look_at() {
    let workspace = Workspace::new();
    let check = |name: &str, text: &str| {
        workspace.write(name, latin(text));
        let args = ["extract", "check", name, "--as", "partner_assistance"];
        let told = workspace.marsad(&args).done().stdout;
        (*workspace.json(&args).done().at("records.without_consent") == 30, told)
    };
    let all: String = services(30).into_iter().map(char::from).collect();
    let (none, told) = check("all.csv", &all);
    assert!(!none && !told.contains("withhold") && !told.contains("consents"), "{told}");
    let (none, told) = check("unknown.csv", &all.replace(";oui;", ";d'accord;"));
    assert!(
        none && told.contains("none of these 30 record(s) consents") && told.contains("[consent] yes"),
        "{told}"
    );
    let (none, told) = check("some.csv", &all.replacen(";oui;", ";non;", 3));
    assert!(!none && told.contains("3 of them withhold consent"), "{told}");
}

#[test]
fn a_number_that_is_none_is_wrong_usage() {
    let workspace = Workspace::new();
    for rho in ["nonsense", "0", "1e-3", "99999999999", ""] {
        let output =
            check(&workspace, &["query", "check", "assisted_persons", "--rho", rho], "W00", &["--rho"]);
        assert_eq!(output.code, 2, "{rho}");
        assert_eq!(workspace.json(&["release", "plan", RELEASE, "--rho", rho]).code, 2, "{rho}");
    }
    assert_eq!(
        check(&workspace, &["query", "check", "assisted_persons", "--margin", "x"], "W00", &[]).code,
        2
    );
    for args in
        [&["bogus"][..], &["release", "plan"], &["land"], &["release", "plan", RELEASE, "--rho", "-1"]]
    {
        assert_eq!(workspace.marsad(args).code, 2, "{args:?}");
        let output = workspace.json(args);
        assert_eq!((output.code, output.error()), (2, "W00"), "{args:?}");
    }
}

#[test]
fn sql_that_cannot_be_bounded_is_refused_with_its_place() {
    let workspace = Workspace::new();
    let by_region = "SELECT quarter, region, COUNT(DISTINCT person_key) AS n FROM assistance_service\n";
    let checks = [
        ("P01", 2, format!("{by_region}GROUP BY quarter, region LIMIT 3")),
        ("P08", 3, format!("{by_region}GROUP BY quarter, region\nHAVING COUNT(DISTINCT person_key) > 5")),
        ("P10", 1, "SELECT quarter, MAX(units) AS n FROM assistance_service GROUP BY quarter".to_owned()),
        ("P12", 1, "SELECT quarter, SUM(units) AS n FROM assistance_service GROUP BY quarter".to_owned()),
        ("P15", 1, "SELECT region, sex FROM assistance_service".to_owned()),
        ("P17", 1, "DROP TABLE assistance_service".to_owned()),
    ];
    for (code, line, sql) in checks {
        workspace.write("draft.sql", &sql);
        let output = workspace.json(&["query", "check", "draft.sql"]);
        assert_eq!((output.code, output.at("accepted")), (1, &false.into()), "{code}");
        let refusals = output.at("refusals").as_array().unwrap();
        let found =
            refusals.iter().find(|r| r["code"] == code).unwrap_or_else(|| panic!("{code}: {refusals:?}"));
        assert_eq!(found["line"], line, "{code}: {found}");
        for key in ["column", "text", "why", "write"] {
            assert!(found.get(key).is_some_and(|value| !value.is_null() && value != ""), "{key} of {found}");
        }
        let text = workspace.marsad(&["query", "check", "draft.sql"]);
        assert!(text.code == 1 && text.stdout.contains(&format!("refused [{code}] at {line}:")), "{text:?}");
    }
    workspace.write("draft.sql", "SELECT nothing FROM assistance_service");
    check(&workspace, &["query", "check", "draft.sql"], "E03", &["draft.sql:1"]);
    workspace.write("draft.sql", "SELEKT");
    check(&workspace, &["query", "check", "draft.sql"], "E03", &["draft.sql:1"]);
}

#[test]
fn a_key_that_guards_nothing_stops_everything() {
    let workspace = Workspace::new();
    workspace.write("services.csv", services(3));
    let land = ["land", "services.csv", "--as", "partner_assistance"];
    let mode = |file: &str, mode: u32| {
        fs::set_permissions(workspace.path(file), fs::Permissions::from_mode(mode)).unwrap();
    };
    let secret = workspace.read("keys/pseudonym.key");
    let stops = |code: &str, words: &[&str]| {
        let output = check(&workspace, &land, code, words);
        assert_eq!(output.code, 1);
        assert!(!output.printed().contains(secret.trim()));
    };
    mode("keys/pseudonym.key", 0o644);
    stops("D21", &["0644", "pseudonym.key", "chmod 600"]);
    mode("keys/pseudonym.key", 0o600);
    mode("keys", 0o755);
    stops("D21", &["0755", "chmod"]);
    mode("keys", 0o700);
    workspace.write("keys/pseudonym.key", workspace.read("keys/selection.key"));
    stops("D23", &["pseudonym", "selection"]);
    workspace.write("keys/pseudonym.key", "not a key\n");
    stops("D22", &["pseudonym"]);
    fs::remove_file(workspace.path("keys/pseudonym.key")).unwrap();
    stops("D20", &["pseudonym", "MARSAD_KEY_PSEUDONYM"]);
    workspace.write("keys/pseudonym.key", &secret);
    mode("keys/pseudonym.key", 0o600);
    workspace.marsad(&land).done();
    check(&workspace, &["keys", "generate"], "D24", &["exists"]);
}

#[test]
fn a_store_begun_with_other_keys_takes_nothing() {
    let workspace = Workspace::new();
    workspace.land_services(3);
    let other = Workspace::new();
    for key in ["pseudonym", "landing", "custody"] {
        let file = format!("keys/{key}.key");
        let right = workspace.read(&file);
        workspace.write(&file, other.read(&file));
        workspace.write("more.csv", services(5));
        check(&workspace, &["land", "more.csv", "--as", "partner_assistance"], "D26", &[key]);
        workspace.write(&file, right);
    }
    assert_eq!(
        *workspace.json(&["land", "more.csv", "--as", "partner_assistance"]).done().at("records.landed"),
        2
    );
}

#[test]
fn a_wrong_signing_key_signs_nothing() {
    let workspace = Workspace::new();
    workspace.land_services(3);
    let plan = |key: &str, code: &str| {
        check_place_free(&workspace, &["release", "plan", RELEASE, "--key", key], code);
    };
    workspace.write("nonsense", CANARY);
    plan("nonsense", "B63");
    workspace.marsad(&["keys", "generate", "--signing", "stranger"]).done();
    plan("keys/stranger", "W09");
    plan("keys/publisher", "B20");
    let reader = ["policy", "set", "--key", "keys/analyst"];
    workspace.edit("marsad.toml", "year_rho = \"0.3\"", "year_rho = \"0.4\"");
    check_place_free(&workspace, &reader, "B20");
    assert_eq!(workspace.ledger_is_right().at("entries"), 1, "nothing was appended");
}

/// As `check`, for errors that concern no place.
#[track_caller]
fn check_place_free(workspace: &Workspace, args: &[&str], code: &str) {
    let output = workspace.json(args);
    assert_eq!((output.error(), output.code), (code, 1), "{output:?}");
    assert!(!output.printed().contains(CANARY));
}

#[test]
fn answers_that_do_not_read_name_their_line() {
    let workspace = Workspace::new();
    workspace.plan(RELEASE);
    workspace.write("answers.toml", "C05 = \"none\"\nC06 = 3\n");
    let approve = ["release", "approve", RELEASE, "--key", "keys/steward", "--confirm-file", "answers.toml"];
    assert_eq!(check(&workspace, &approve, "W00", &["answers.toml:2"]).code, 2);
    let pair = ["release", "approve", RELEASE, "--key", "keys/steward", "--confirm", "C05"];
    assert_eq!(check(&workspace, &pair, "W00", &["C05=TEXT"]).code, 2);
    let answers: String = workspace.read("answers.toml").replace("C05 = \"none\"\nC06 = 3\n", "");
    workspace.plan(RELEASE);
    let right = workspace.read("answers.toml");
    workspace.write("answers.toml", format!("{answers}{right}C99 = \"seen\"\n"));
    let strange = workspace.json(&approve);
    assert_eq!((strange.code, strange.error()), (1, "W10"));
    assert!(strange.at("error.do").as_str().unwrap().contains("did you mean `C09`?"), "{strange:?}");
    assert_eq!(workspace.ledger_is_right().at("entries"), 2);
}

#[test]
fn who_founds_the_ledger_is_told_what_the_draft_lacks() {
    let workspace = Workspace::new();
    let fresh = workspace.copy_without(&["ledger", "state"]);
    let set = |args: &[&str], code: &str, words: &str| {
        let refused = fresh.json(&[&["policy", "set"][..], args].concat());
        assert_eq!((refused.code, refused.error()), (1, code));
        assert!(refused.at("error.do").as_str().unwrap().contains(words), "{refused:?}");
    };
    set(&[], "W04", "privacy-officer");
    fresh.marsad(&["keys", "generate", "--signing", "stranger"]).done();
    let line = fresh.read("keys/stranger.pub");
    set(&["--key", "keys/stranger"], "B20", line.trim());
    set(&["--key", "keys/analyst"], "B20", "\"privacy-officer\" to the roles");
    fresh.marsad(&["policy", "set", "--key", "keys/officer"]).done();
}

#[test]
fn a_draft_or_another_mapping_half_written_keeps_nobody_from_landing() {
    let workspace = Workspace::new();
    workspace.write("queries/bad1.sql", "SELECT 1");
    workspace.edit("schemas/mappings/partner_youth.toml", "[file]", "[fiel]");
    workspace.write("services.csv", services(3));
    workspace.json(&["extract", "check", "services.csv", "--as", "partner_assistance"]).done();
    workspace.json(&["land", "services.csv", "--as", "partner_assistance"]).done();
    check(&workspace, &["land", "services.csv", "--as", "partner_youth"], "K03", &["partner_youth.toml"]);
    assert_eq!(workspace.json(&["query", "list"]).error(), "K19");
    let listed = workspace.json(&["release", "list"]).done();
    assert_eq!(listed.at("drafts"), false);
    let listed = workspace.marsad(&["release", "list"]).done().stdout;
    assert!(listed.contains("marsad query list"), "{listed}");
}

#[test]
fn a_filter_of_the_log_that_matches_nothing_names_the_nearest() {
    let workspace = Workspace::new();
    workspace.plan(RELEASE);
    let note = |args: &[&str]| workspace.marsad(&[&["ledger", "log"][..], args].concat()).done().stdout;
    let person = note(&["--person", "analist"]);
    assert!(person.contains("`analist`") && person.contains("did you mean `analyst`?"), "{person}");
    let release = note(&["--release", "2024-Q4-TT"]);
    assert!(release.contains("did you mean `2024-Q4-T`?"), "{release}");
    assert!(!note(&["--person", "analyst", "--release", RELEASE]).contains("note:"));
}

#[test]
fn what_has_no_end_is_not_read() {
    let workspace = Workspace::new();
    for file in ["/dev/zero", "/dev/stdin"] {
        check(&workspace, &["land", file, "--as", "partner_assistance"], "D04", &["save it as a file"]);
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let workspace = Workspace::new();
    workspace.write("services.csv", services(3));
    workspace.write("landing", "a file where a folder should be");
    check(&workspace, &["land", "services.csv", "--as", "partner_assistance"], "L04", &["landing"]);
    fs::remove_file(workspace.path("landing")).unwrap();
    workspace.marsad(&["land", "services.csv", "--as", "partner_assistance"]).done();
    workspace.write("occupied", "a file");
    for args in [
        &["init", "occupied/ws"][..],
        &["man", "occupied/man"],
        &["demo", "--dir", "occupied/demo"],
        &["simulate", "--rows", "10", "--out", "occupied/out"],
        &["budget", "--svg", "occupied/b.svg"],
    ] {
        let output = workspace.json(args);
        assert_eq!(output.code, 1, "{args:?}");
        assert!(output.at("error.what").as_str().unwrap().contains("occupied"), "{output:?}");
    }
    workspace.approved(RELEASE);
    workspace.write("releases", "a file where a folder should be");
    workspace.json(&["release", "run", RELEASE, "--yes"]).done();
    assert_eq!(workspace.json(&["release", "publish", RELEASE]).code, 1);
    fs::remove_file(workspace.path("releases")).unwrap();
    workspace.json(&["release", "publish", RELEASE]).done();
    workspace.ledger_is_right();
}
