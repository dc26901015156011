//! Duplicates, corrections, withdrawals, plausible numbers of rows, organisations.

use marsad_terms::Month;

use super::{CATALOG, Room, services};
use crate::{Error, Report};

const MAPPING: &str = "partner_assistance";
const TYPE: &str = "assistance_service";
/// Of an export of surveys, whose records have a number of their own.
const SURVEYS: &str = "survey_id,instrument,survey_date,admin1,flow_point,gps_lat,gps_lon,respondent_code,sex,age,\
                       nationality_iso3,legal_status,priority_needs,urgent,n_people,consent,comments\n";

async fn land(room: &Room, rows: &[&str]) -> Report {
    room.land(MAPPING, services(rows)).await.unwrap()
}

#[tokio::test]
async fn a_withdrawal_takes_effect_with_the_batch_that_carries_it() {
    let room = Room::new();
    land(&room, &["A-1;12/07/2025;Oriental;HEALTH;1;oui", "A-2;12/07/2025;Oriental;HEALTH;1;oui"]).await;
    let twice = ["A-1;12/07/2025;Oriental;HEALTH;1;oui", "A-1;12/07/2025;Oriental;HEALTH;1;non"];
    let report = land(&room, &twice).await;
    assert_eq!((report.landed, report.duplicate, report.withdrawn, report.rows), (0, 2, 1, 1));
    let rows = room.rows(TYPE).await;
    let withdrawn: Vec<_> = rows.iter().filter(|row| row["consent_reporting"] == "false").collect();
    assert_eq!((rows.len(), withdrawn.len()), (3, 1));
    let same = rows.iter().filter(|row| row["record_id"] == withdrawn[0]["record_id"]).count();
    assert_eq!(same, 2, "the withdrawal stands under the record's own id");
    let again = land(&room, &["A-1;12/07/2025;Oriental;HEALTH;1;non"]).await;
    assert_eq!((again.duplicate, again.withdrawn, again.rows), (1, 0, 0));
    let files = room.landing().snapshot().await.unwrap().files(&TYPE.parse().unwrap());
    assert_eq!(files.iter().filter(|file| file.withdraws).count(), 1, "one file says that it hides a row");
    let back =
        land(&room, &["A-1;12/07/2025;Oriental;HEALTH;1;oui", "A-1;12/07/2025;Oriental;HEALTH;1;oui"]).await;
    assert_eq!((back.duplicate, back.rows), (2, 0), "consent does not come back by a duplicate");
}

#[tokio::test]
async fn records_of_closed_quarters_are_counted_where_they_land() {
    let room = Room::new();
    let april = Month { year: 2025, month: 4 };
    let landing = room.landing().telling_late(Some(april));
    let rows = ["A-1;31/03/2025;Oriental;HEALTH;1;oui", "A-1;01/04/2025;Oriental;HEALTH;1;oui"];
    let late = async |name: &str, rows: &[&str]| {
        let file = room.desk.file(name, services(rows));
        let checked = landing.check(&CATALOG, (MAPPING, &file), None, &|_, _| {}).await.unwrap();
        let landed = landing.land(&CATALOG, MAPPING, &file, &|_, _| {}).await.unwrap();
        assert_eq!(checked.late, landed.late);
        (landed.landed, landed.late)
    };
    assert_eq!(late("1.csv", &rows).await, (2, 1));
    let more =
        [rows[0], rows[1], "A-2;30/06/2024;Oriental;HEALTH;1;non", "A-3;01/01/2025;Nowhere;HEALTH;1;oui"];
    assert_eq!(late("2.csv", &more).await, (1, 1), "duplicates and records kept out are none");
    assert_eq!(
        land(&room, &["A-4;31/03/2025;Oriental;HEALTH;1;oui"]).await.late,
        0,
        "where nothing ever closes"
    );
}

#[tokio::test]
async fn the_stricter_consent_wins_whichever_came_first() {
    for rows in [
        ["A-1;12/07/2025;Oriental;HEALTH;1;non", "A-1;12/07/2025;Oriental;HEALTH;1;oui"],
        ["A-1;12/07/2025;Oriental;HEALTH;1;oui", "A-1;12/07/2025;Oriental;HEALTH;1;non"],
    ] {
        let room = Room::new();
        let report = land(&room, &rows).await;
        assert_eq!((report.landed, report.duplicate), (1, 1));
        assert_eq!(room.rows(TYPE).await[0]["consent_reporting"], "false");
    }
}

/// Longer than the runs that workers are dealt.
#[tokio::test]
async fn records_of_a_long_file_keep_their_numbers_and_know_each_other() {
    let good = |n: usize, consent: &str| format!("A-{n};12/07/2025;Oriental;HEALTH;1;{consent}");
    let row = |n: usize| {
        if n.is_multiple_of(7) { format!("A-{n};12/07/2025;Oujda;HEALTH;1;oui") } else { good(n, "oui") }
    };
    let mut rows: Vec<String> = (1..=5000).map(row).collect();
    rows.push(good(1, "non"));
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let room = Room::new();
    let report = land(&room, &rows).await;
    assert_eq!((report.landed, report.duplicate, report.quarantined), (4286, 1, 714));
    let places: Vec<(u64, u64)> = report.rejected.iter().map(|record| (record.record, record.line)).collect();
    assert_eq!(places, (1..=714).map(|n| (7 * n, 7 * n + 1)).collect::<Vec<_>>());
    assert_eq!(report.spellings[0].records, 714);
    let landed = room.rows(TYPE).await;
    let withheld = landed.iter().filter(|row| row["consent_reporting"] == "false").count();
    assert_eq!((landed.len(), withheld), (4286, 1), "the last record withholds what the first gave");
    let again = land(&room, &rows[..5000]).await;
    assert_eq!((again.landed, again.duplicate, again.rejected), (0, 4286, report.rejected));
}

#[tokio::test]
async fn a_second_batch_of_the_same_table_gives_duplicates_only() {
    let room = Room::new();
    let file = std::fs::read(super::sample("kobo_needs_assessment.csv")).unwrap();
    let first = room.land("kobo_needs_assessment", &file).await.unwrap();
    let unix = String::from_utf8(file).unwrap().replace("\r\n", "\n") + "\n";
    let again = room.land("kobo_needs_assessment", unix).await.unwrap();
    assert!(!again.already);
    assert_eq!((again.landed, again.duplicate), (0, first.landed + first.duplicate));
    assert_eq!((again.rejected, again.rows), (first.rejected, 0));
}

#[tokio::test]
async fn a_landed_record_contradicted_later_stays() {
    let room = Room::new();
    let row = |needs: &str| {
        format!("{SURVEYS}S-9,FMS,2025-11-03,Oriental,,,,R-1,Male,27,GIN,Regular,\"{needs}\",No,1,Yes,\n")
    };
    assert_eq!(room.land("dtm_flow", row("Shelter")).await.unwrap().landed, 1);
    for needs in ["Food", "Shelter, Food"] {
        let report = room.land("dtm_flow", row(needs)).await.unwrap();
        assert_eq!(report.reasons.get("R11"), Some(&1), "{needs}");
    }
    assert_eq!(room.rows("needs_assessment").await.len(), 1);
}

#[tokio::test]
async fn a_withdrawal_holds_whatever_else_the_record_says_anew() {
    let row = |survey: &str, day: &str, needs: &str, consent: &str| {
        format!("{survey},FMS,{day},Oriental,,,,R-1,Male,27,GIN,Regular,\"{needs}\",No,1,{consent},\n")
    };
    let landed = "Shelter, Food, Health";
    let before = SURVEYS.to_owned()
        + &row("S-9", "2025-11-03", landed, "Yes")
        + &row("S-8", "2025-11-03", landed, "Yes");
    // Another day, fewer, more and other needs; what landed and its other form in one file, in either order.
    let again = [
        vec![("2025-02-03", landed, "No")],
        vec![("2025-11-03", "Food", "No")],
        vec![("2025-11-03", "Shelter, Food, Health, Education", "No")],
        vec![("2025-11-03", landed, "Yes"), ("2025-11-03", "Food", "No")],
        vec![("2025-11-03", "Food", "No"), ("2025-11-03", landed, "Yes")],
        vec![("2025-11-03", "Food", "No"), ("2025-11-03", landed, "No"), ("2025-02-03", "Food", "No")],
    ];
    for again in again {
        let room = Room::new();
        room.land("dtm_flow", &before).await.unwrap();
        let first = room.rows("needs_assessment").await;
        let rows: String =
            again.iter().map(|(day, needs, consent)| row("S-9", day, needs, consent)).collect();
        let file = room.desk.file("again.csv", SURVEYS.to_owned() + &rows);
        let checked = room.landing().check(&CATALOG, ("dtm_flow", &file), None, &|_, _| {}).await.unwrap();
        let report = room.land_file("dtm_flow", &file).await.unwrap();
        assert_eq!((report.landed, report.withdrawn, report.rows), (0, 1, 3), "{again:?}");
        let n_other = again.iter().filter(|(day, needs, _)| (*day, *needs) != ("2025-11-03", landed)).count();
        assert_eq!(report.reasons.get("R11"), Some(&(n_other as u64)), "{again:?}");
        assert_eq!((checked.withdrawn, checked.rows, checked.reasons), (1, 3, report.reasons));
        // Nothing but consent is other than it was, and nobody else's.
        let now = room.rows("needs_assessment").await;
        let (yes, no): (Vec<_>, Vec<_>) = now.into_iter().partition(|row| row["consent_reporting"] == "true");
        assert_eq!(yes, first);
        let but_consent = |rows: Vec<super::LandedRow>| -> Vec<super::LandedRow> {
            rows.into_iter().map(|mut row| row.remove("consent_reporting").map(|_| row).unwrap()).collect()
        };
        let (hidden, mut was) = (but_consent(no), but_consent(first));
        was.retain(|row| hidden.contains(row));
        assert_eq!((hidden.len(), &was), (3, &hidden));
        let file = room.desk.file("again.csv", SURVEYS.to_owned() + &rows + "\n");
        let twice = room.land_file("dtm_flow", &file).await.unwrap();
        assert_eq!((twice.withdrawn, twice.rows), (0, 0), "once is enough: {again:?}");
    }
}

#[tokio::test]
async fn of_two_forms_in_one_file_that_contradict_each_other_the_stricter_consent_holds() {
    let row = |needs: &str, consent: &str| {
        format!("S-9,FMS,2025-11-03,Oriental,,,,R-1,Male,27,GIN,Regular,{needs},No,1,{consent},\n")
    };
    let room = Room::new();
    let file = SURVEYS.to_owned() + &row("Shelter", "Yes") + &row("Food", "No");
    let report = room.land("dtm_flow", file).await.unwrap();
    assert_eq!((report.landed, report.reasons.get("R11")), (1, Some(&1)));
    assert_eq!(room.rows("needs_assessment").await[0]["consent_reporting"], "false");
}

#[tokio::test]
async fn rows_beyond_plausibility_stay_out_and_landed_ones_stay() {
    let room = Room::new();
    let many: Vec<String> =
        (0..41).map(|n| format!("A-1;{:02}/07/2025;Oriental;HEALTH;{};oui", n % 31 + 1, n % 3 + 1)).collect();
    let mut rows: Vec<&str> = many.iter().map(String::as_str).collect();
    rows.push("A-1;12/10/2025;Oriental;HEALTH;1;oui");
    rows.push("A-2;12/07/2025;Oriental;HEALTH;1;oui");
    let report = land(&room, &rows).await;
    assert_eq!(
        (report.reasons.get("R12"), report.landed),
        (Some(&41), 2),
        "another quarter and another person land"
    );
    let some = land(&room, &rows[..40]).await;
    assert_eq!((some.landed, some.quarantined), (40, 0));
    let late = land(&room, &rows[40..41]).await;
    assert_eq!(late.reasons.get("R12"), Some(&1), "what landed counts, and stays");
}

#[tokio::test]
async fn organisations_land_without_person_and_consent() {
    let room = Room::new();
    let header = "N° activité;Date de l'activité;Région;Type d'organisation;Type d'activité;Participants;Organisations;Observations\n";
    let rows = "1;12/07/2025;Oriental;Association;COORD;20;4;\n2;12/07/2025;Oriental;MIN;TEACHER;3;1;\n";
    let report = room.land("partner_org_activity", format!("{header}{rows}")).await.unwrap();
    assert_eq!((report.landed, report.rejected[0].reason.as_str()), (1, "R06"));
    assert_eq!(report.rejected[0].column.as_deref(), Some("Participants"));
    let row = &room.rows("org_activity").await[0];
    assert!(!row.contains_key("person_key") && !row.contains_key("consent_reporting"));
    assert_eq!((row["participants"].as_str(), row["snia_axis"].as_str()), ("20", "9"));
    let again = room.land("partner_org_activity", format!("{header}{rows}\n")).await.unwrap();
    assert_eq!((again.duplicate, again.landed), (1, 0));
}

#[tokio::test]
async fn frequent_harmless_spellings_are_told_and_no_others() {
    let room = Room::new();
    let row = |n: usize, region: &str| format!("A-{n};12/07/2025;{region};HEALTH;1;oui");
    let mut rows: Vec<String> = (0..10).map(|n| row(n, "Oujda")).collect();
    rows.extend((10..19).map(|n| row(n, "Agadir")));
    rows.extend((20..40).map(|n| row(n, "+212 661 23 45 67")));
    let report = land(&room, &rows.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let told: Vec<_> =
        report.spellings.iter().map(|spelling| (spelling.text.as_str(), spelling.records)).collect();
    assert_eq!(told, [("Oujda", 10)]);
    assert_eq!(report.reasons.get("R02"), Some(&20));
}

#[tokio::test]
async fn other_containers_and_mappings_are_refused_clearly() {
    let room = Room::new();
    let Err(Error::Refused { refusals, .. }) = room.land("progres_registration", "").await else {
        panic!("this is no workbook")
    };
    assert_eq!((refusals[0].code, refusals[0].what.as_str()), ("F08", "the file is no workbook"));
    let Err(error) = room.land("partner_asistance", "").await else { panic!("there is no such mapping") };
    let explanation = marsad_terms::Explain::explain(&error);
    assert!(explanation.remedy.contains("partner_assistance"), "{explanation:?}");
    for mapping in CATALOG.mappings.keys() {
        let plan = crate::validate::Plan::new(&CATALOG, mapping);
        assert!(plan.is_ok(), "{mapping}");
    }
}
