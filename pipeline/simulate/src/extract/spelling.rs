//! How French-speaking partners spell codes. The first spelling is the usual one. Every spelling is one that the mappings accept:
//! what they do not accept is planted on purpose, in `fault`.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::csv::Encoding;
use crate::model::COUNTRIES;
use crate::random::Dice;

/// A cell for a code, in one of its spellings, as carelessly typed as cells are.
pub(crate) fn spelled(column: &str, code: &str, encoding: Encoding, dice: &mut Dice) -> String {
    let all = spellings(column, code);
    let spelling = if all.len() == 1 || dice.chance(600) { all[0] } else { dice.one_of(all) };
    typed(spelling, encoding, dice)
}

/// A cell for a country.
pub(crate) fn country(position: Option<usize>, encoding: Encoding, dice: &mut Dice) -> String {
    let Some(position) = position else { return String::new() };
    let country = &COUNTRIES[position];
    let name = match dice.between(0, 39) {
        0 => country.iso2,
        1 => country.iso3,
        2..12 if country.iso2 == "CD" => "RDC",
        _ => country.fr,
    };
    typed(name, encoding, dice)
}

/// The text with another case, without accents, with spaces around it; as it is in five of six cells.
pub(crate) fn typed(text: &str, encoding: Encoding, dice: &mut Dice) -> String {
    if text.is_empty() {
        return String::new();
    }
    match dice.between(0, 29) {
        0 => text.to_uppercase(),
        1 => text.to_lowercase(),
        2 => text.nfd().filter(|c| !is_combining_mark(*c)).collect(),
        3 => format!("{text} "),
        4 => format!("\u{a0}{text}"),
        5 if encoding != Encoding::Windows1252 => text.nfd().collect(),
        _ => text.to_owned(),
    }
}

/// The spellings of a code in a column, by the mappings' name of the column.
pub(crate) fn spellings(column: &str, code: &str) -> &'static [&'static str] {
    match column {
        "region" => region(code),
        "sex" => sex(code),
        "beneficiary_category" => category(code),
        "service_type" => service(code),
        "need_type" => need(code),
        "vulnerability" => vulnerability(code),
        "migration_status" => status(code),
        "training_type" => training(code),
        "youth_action_type" => youth(code),
        "return_stage" => stage(code),
        "child_action" => child(code),
        "exploitation_type" => exploitation(code),
        "org_type" => organisation(code),
        "activity_type" => activity(code),
        _ => &[""],
    }
}

fn region(code: &str) -> &'static [&'static str] {
    match code {
        "MA-01" => {
            &["Tanger-Tétouan-Al Hoceïma", "Tanger Tetouan Al Hoceima", "TTA", "Tanger–Tétouan–Al-Hoceima"]
        }
        "MA-02" => &["Oriental", "L'Oriental"],
        "MA-03" => &["Fès-Meknès", "Fes Meknes"],
        "MA-04" => &["Rabat-Salé-Kénitra", "RSK", "Rabat Sale Kenitra"],
        "MA-05" => &["Béni Mellal-Khénifra", "Beni Mellal - Khenifra"],
        "MA-06" => &["Casablanca-Settat", "Casablanca – Settat"],
        "MA-07" => &["Marrakech-Safi", "Marrakech/Safi"],
        "MA-09" => &["Souss-Massa", "Souss Massa"],
        "_O" => &["Drâa-Tafilalet", "Guelmim-Oued Noun", "MA-12"],
        _ => &["", "inconnu"],
    }
}

fn sex(code: &str) -> &'static [&'static str] {
    match code {
        "F" => &["Femme", "F", "féminin"],
        "M" => &["Homme", "M", "H", "masculin"],
        "_O" => &["Autre"],
        _ => &[""],
    }
}

fn category(code: &str) -> &'static [&'static str] {
    match code {
        "IRREG" => &["irrégulière", "IRREG"],
        "REG" => &["régulière", "Migrants en situation administrative régulière"],
        "UASC" => &["ENA"],
        "SEASONAL" => &["saisonnier"],
        "HOST" => &["Communauté hôte"],
        "_O" => &["Autre"],
        _ => &[""],
    }
}

fn service(code: &str) -> &'static [&'static str] {
    match code {
        "HEALTH" => &["Santé", "Soins de santé"],
        "MHPSS" => &["Psychosocial", "Santé mentale et soutien psychosocial"],
        "SHELTER" => &["Hébergement"],
        "CASH" => &["Aide financière"],
        "NFI" => &["Articles non alimentaires", "NFI"],
        "FOOD" => &["Alimentaire", "Aide alimentaire"],
        "LEGAL" => &["Juridique", "Assistance juridique"],
        "ADMIN" => &["Administratif"],
        "REFERRAL" => &["Référencement"],
        "INFO" => &["Information", "Information et orientation"],
        "_O" => &["Autre"],
        _ => &[""],
    }
}

fn need(code: &str) -> &'static [&'static str] {
    match code {
        "HEALTH" => &["Santé"],
        "MHPSS" => &["Soutien psychosocial"],
        "SHELTER" => &["Logement", "Hébergement"],
        "FOOD" => &["Alimentation"],
        "LEGAL" => &["Juridique", "Aide juridique et administrative"],
        "LIVELIHOOD" => &["Moyens de subsistance"],
        "EDUCATION" => &["Éducation"],
        "PROTECTION" => &["Protection"],
        "RETURN" => &["Retour volontaire"],
        _ => &[""],
    }
}

fn vulnerability(code: &str) -> &'static [&'static str] {
    match code {
        "NONE" => &["aucune", "Aucune identifiée"],
        "PREG" => &["enceinte", "Femme enceinte ou allaitante"],
        "SPF" => &["Famille monoparentale"],
        "MED" => &["Condition médicale grave"],
        "DIS" => &["Handicap"],
        "GBV" => &["Risque de violence fondée sur le genre"],
        "ELD" => &["Personne âgée isolée"],
        "_O" => &["Autre"],
        _ => &[""],
    }
}

fn status(code: &str) -> &'static [&'static str] {
    match code {
        "IRREG" => &["Irrégulière"],
        "REG" => &["Régulière"],
        "ASY" => &["asile", "Demandeur d'asile"],
        "REF" => &["Réfugié"],
        "NAT" => &["Ressortissant marocain"],
        _ => &[""],
    }
}

fn training(code: &str) -> &'static [&'static str] {
    match code {
        "LANG" => &["Langues", "Langue"],
        "VOC" => &["Professionnelle", "Formation professionnelle"],
        "ENT" => &["Entrepreneuriat"],
        "LIFE" => &["Compétences de vie"],
        "_O" => &["Autre"],
        _ => &[""],
    }
}

fn youth(code: &str) -> &'static [&'static str] {
    match code {
        "SOCIAL" => &["Action sociale"],
        "ECON" => &["Insertion", "Insertion économique"],
        "EDU" => &["Soutien", "Soutien scolaire"],
        "SPORT" => &["Sport et culture"],
        "_O" => &["Autre"],
        _ => &[""],
    }
}

fn stage(code: &str) -> &'static [&'static str] {
    match code {
        "COUNSEL" => &["Conseil", "Conseil au retour"],
        "PREDEP" => &["Pré-départ", "Assistance pré-départ"],
        "DEPARTED" => &["Départ", "Départ effectué"],
        "REINTEG" => &["Réintégration entamée"],
        "REINTEG_DONE" => &["Réintégration achevée"],
        _ => &[""],
    }
}

fn child(code: &str) -> &'static [&'static str] {
    match code {
        "BIA" => &["BID", "Évaluation de l'intérêt supérieur"],
        "TRACING" => &["Recherche familiale"],
        "REUNIFIED" => &["Réunification", "Réunification familiale"],
        "SOCIOECO" => &["Soutien socio-économique"],
        _ => &[""],
    }
}

fn exploitation(code: &str) -> &'static [&'static str] {
    match code {
        "LABOUR" => &["Travail", "Travail forcé"],
        "SEXUAL" => &["Sexuelle", "Exploitation sexuelle"],
        "_O" => &["Autre"],
        _ => &[""],
    }
}

fn organisation(code: &str) -> &'static [&'static str] {
    match code {
        "MIN" => &["Ministère"],
        "CNDH" => &["CNDH", "Conseil national des droits de l'Homme"],
        "LAW" => &["Justice", "Organismes chargés de l'application des lois"],
        "CSO" => &["Association", "Organisations de la société civile"],
        "FOCAL" => &["Points focaux locaux et régionaux"],
        "OBS" => &["Observatoires de la migration"],
        "PRIV" => &["Secteur privé"],
        "UN" => &["Agences des Nations Unies"],
        "SCHOOL" => &["Établissements scolaires"],
        _ => &[""],
    }
}

fn activity(code: &str) -> &'static [&'static str] {
    match code {
        "CAPACITY" => &["Formation des acteurs", "Renforcement des capacités"],
        "COORD" => &["Réunion de coordination", "Coordination"],
        "TEACHER" => &["Formation d'enseignants"],
        _ => &[""],
    }
}
