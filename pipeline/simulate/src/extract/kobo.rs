//! The cells of a survey tool's export: XML names, slugs, a multi-select as text and one-hot, nationalities in three manners.

use super::desk::Line;
use crate::model::COUNTRIES;
use crate::random::Dice;
use crate::record::Own;

/// The needs that have a one-hot column, in the order of the columns.
const CHOICES: [(&str, &str); 9] = [
    ("HEALTH", "health"),
    ("SHELTER", "shelter"),
    ("FOOD", "food"),
    ("LEGAL", "legal"),
    ("LIVELIHOOD", "livelihood"),
    ("EDUCATION", "education"),
    ("MHPSS", "mhpss"),
    ("PROTECTION", "protection"),
    ("RETURN", "return"),
];

pub(crate) const HEADER: [&str; 30] = [
    "start",
    "end",
    "group_id/beneficiary_code",
    "group_id/region",
    "group_profile/sex",
    "group_profile/age",
    "group_profile/nationality",
    "group_profile/category",
    "group_profile/vulnerability",
    "group_needs/needs",
    "group_needs/needs/health",
    "group_needs/needs/shelter",
    "group_needs/needs/food",
    "group_needs/needs/legal",
    "group_needs/needs/livelihood",
    "group_needs/needs/education",
    "group_needs/needs/mhpss",
    "group_needs/needs/protection",
    "group_needs/needs/return",
    "group_needs/urgent",
    "group_needs/round",
    "group_needs/notes",
    "consent",
    "_geolocation",
    "_id",
    "_uuid",
    "meta/rootUuid",
    "_submission_time",
    "_submitted_by",
    "_index",
];

/// The cells of one submission; none for a record that is no assessment.
pub(crate) fn cells(line: &Line<'_>, dice: &mut Dice) -> Vec<String> {
    let Own::Needs { needs, vulnerability, round, urgent } = &line.record.own else { return Vec::new() };
    let record = line.record;
    let day = record.day.date();
    let (hour, minute) = (dice.between(0, 23), dice.between(0, 59));
    let uuid = format!("5{:07x}-0001-4000-8000-{round:012x}", line.person.index);
    let mut cells = vec![
        // The tablet writes local time; the day as written counts.
        format!("{day}T{hour:02}:{minute:02}:44.123+01:00"),
        format!("{day}T23:59:00.000+01:00"),
        identifier(&line.person.identifier(), dice),
        region(record.region).to_owned(),
        sex(record.sex).to_owned(),
        age(record.age(), dice),
        nationality(record.country, dice),
        category(record.category).to_owned(),
        vulnerable(vulnerability).to_owned(),
    ];
    let chosen = |code: &&str| needs.contains(code);
    let text: Vec<&str> = CHOICES.iter().filter(|(code, _)| chosen(code)).map(|(_, name)| *name).collect();
    cells.push(text.join(" "));
    cells.extend(CHOICES.iter().map(|(code, _)| u8::from(chosen(code)).to_string()));
    cells.extend([
        if *urgent { "yes" } else { "no" }.to_owned(),
        round.to_string(),
        note(dice).to_owned(),
        if line.consents { "yes" } else { dice.one_of(&["no", "no", ""]) }.to_owned(),
        String::new(),
        (500_000 + line.serial).to_string(),
        uuid.clone(),
        root(&uuid, dice),
        format!("{day}T23:59:30"),
        "enum_sim_05".to_owned(),
        line.serial.to_string(),
    ]);
    cells
}

fn identifier(identifier: &str, dice: &mut Dice) -> String {
    match dice.between(0, 49) {
        0 => identifier.to_lowercase(),
        1 => format!("\u{200f}{identifier}\u{200e}"),
        2 => format!("{identifier} "),
        _ => identifier.to_owned(),
    }
}

/// With the prefix of newer exports, without it, or absent as in old ones.
fn root(uuid: &str, dice: &mut Dice) -> String {
    match dice.between(0, 19) {
        0 => String::new(),
        1 => uuid.to_owned(),
        _ => format!("uuid:{uuid}"),
    }
}

fn region(code: &str) -> &'static str {
    match code {
        "MA-01" => "tanger_tetouan_al_hoceima",
        "MA-02" => "oriental",
        "MA-03" => "fes_meknes",
        "MA-04" => "rabat_sale_kenitra",
        "MA-05" => "beni_mellal_khenifra",
        "MA-06" => "casablanca_settat",
        "MA-07" => "marrakech_safi",
        "MA-09" => "souss_massa",
        "_O" => "draa_tafilalet",
        _ => "",
    }
}

fn sex(code: &str) -> &'static str {
    match code {
        "F" => "female",
        "M" => "male",
        "_O" => "other",
        _ => "",
    }
}

fn age(age: Option<i32>, dice: &mut Dice) -> String {
    let Some(age) = age else { return String::new() };
    match dice.between(0, 59) {
        0 => format!("{age}.0"),
        1 => super::arabic::digits(&age.to_string(), '\u{660}'),
        _ => age.to_string(),
    }
}

fn nationality(country: Option<usize>, dice: &mut Dice) -> String {
    let Some(position) = country else { return "XX".to_owned() };
    let country = &COUNTRIES[position];
    dice.one_of(&[country.iso2, country.iso3, country.iso3, country.en]).to_owned()
}

fn category(code: &str) -> &'static str {
    match code {
        "IRREG" => "irregular",
        "REG" => "reg",
        "UASC" => "uasc",
        "SEASONAL" => "seasonal",
        "HOST" => "host",
        "_O" => "other",
        _ => "",
    }
}

fn vulnerable(code: &str) -> &'static str {
    match code {
        "NONE" => "none",
        "PREG" => "pregnant",
        "SPF" => "single_parent",
        "MED" => "med",
        "DIS" => "dis",
        "GBV" => "gbv",
        "ELD" => "eld",
        "_O" => "other",
        _ => "",
    }
}

fn note(dice: &mut Dice) -> &'static str {
    match dice.between(0, 79) {
        0 => "voir la fiche;\nrevient lundi",
        1 => "orientée vers le centre",
        _ => "",
    }
}
