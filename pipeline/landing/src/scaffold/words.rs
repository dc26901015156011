//! Words of headers in French, Arabic and English, and what a column under them seems to hold.

use marsad_catalog::{Catalog, Mapping, fold};

/// What a header promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Hint {
    /// Name, contact, place, document, full date of birth: never read.
    Identifying,
    FreeText,
    Identifier,
    Event,
    Age,
    BirthYear,
    Consent,
    /// A landed column.
    Column(&'static str),
}

use Hint::{Age, BirthYear, Column, Consent, Event, FreeText, Identifier, Identifying};

/// Folded; the first line with a word that the header holds decides. Words stand alone in the header.
const WORDS: [(Hint, &[&str]); 22] = [
    (
        BirthYear,
        &[
            "annee de naissance",
            "annee naissance",
            "year of birth",
            "birth year",
            "yob",
            "سنه الميلاد",
            "سنه الازدياد",
        ],
    ),
    (
        Identifying,
        &[
            "date de naissance",
            "naissance",
            "date of birth",
            "birth date",
            "birthdate",
            "birthday",
            "dob",
            "تاريخ الميلاد",
            "تاريخ الازدياد",
        ],
    ),
    (
        Identifying,
        &[
            "nom",
            "noms",
            "prenom",
            "prenoms",
            "name",
            "names",
            "surname",
            "firstname",
            "lastname",
            "fullname",
            "mother",
            "father",
            "mere",
            "pere",
            "الاسم",
            "اسم",
            "النسب",
            "اللقب",
        ],
    ),
    (
        Identifying,
        &[
            "telephone",
            "tel",
            "phone",
            "mobile",
            "gsm",
            "whatsapp",
            "facebook",
            "email",
            "mail",
            "courriel",
            "adresse",
            "address",
            "هاتف",
            "الهاتف",
            "البريد",
            "العنوان",
            "عنوان",
        ],
    ),
    (
        Identifying,
        &[
            "gps",
            "latitude",
            "longitude",
            "lat",
            "lon",
            "lng",
            "altitude",
            "geolocation",
            "geopoint",
            "coordinates",
            "coordonnees",
            "الاحداثيات",
        ],
    ),
    (
        Identifying,
        &[
            "passeport",
            "passport",
            "cin",
            "cnie",
            "carte",
            "document",
            "iban",
            "rib",
            "photo",
            "image",
            "signature",
            "audio",
            "جواز",
            "البطاقه",
            "صوره",
        ],
    ),
    (
        Identifying,
        &["submitted by", "enumerator", "enqueteur", "username", "deviceid", "subscriberid", "simid"],
    ),
    (
        FreeText,
        &[
            "observation",
            "observations",
            "note",
            "notes",
            "remark",
            "remarks",
            "remarque",
            "remarques",
            "comment",
            "comments",
            "commentaire",
            "commentaires",
            "description",
            "details",
            "precisez",
            "other specify",
            "ملاحظات",
            "ملاحظه",
        ],
    ),
    (Consent, &["consentement", "consent", "accord", "الموافقه", "موافقه"]),
    (Column("training_type"), &["type de formation", "training type", "formation", "نوع التكوين"]),
    (
        Column("service_type"),
        &["type de service", "service type", "prestation", "type de prestation", "نوع الخدمه", "الخدمه"],
    ),
    (Column("need_type"), &["besoins", "besoin", "needs", "need", "الاحتياجات", "الحاجيات"]),
    (
        Column("vulnerability"),
        &["vulnerabilite", "vulnerabilites", "vulnerability", "specific needs", "الهشاشه"],
    ),
    (Event, &["date", "start", "التاريخ", "تاريخ"]),
    (
        Identifier,
        &[
            "dossier",
            "identifiant",
            "code beneficiaire",
            "beneficiary code",
            "beneficiary id",
            "individual id",
            "respondent code",
            "case id",
            "case number",
            "unique identifier",
            "رقم الملف",
            "رمز المستفيد",
            "رقم المستفيد",
        ],
    ),
    (Age, &["age", "العمر", "السن"]),
    (Column("sex"), &["sexe", "sex", "genre", "gender", "الجنس"]),
    (Column("region"), &["region", "regions", "admin1", "location 1", "الجهه", "جهه"]),
    (
        Column("nationality_group"),
        &[
            "nationalite",
            "nationality",
            "nationality iso3",
            "coo",
            "country of origin",
            "pays d origine",
            "الجنسيه",
        ],
    ),
    (
        Column("beneficiary_category"),
        &["categorie", "category", "statut", "legal status", "الفئه", "الوضعيه"],
    ),
    (Column("units"), &["quantite", "quantity", "units", "unites", "العدد"]),
    (Column("amount_mad"), &["montant", "amount", "المبلغ"]),
];

/// Landed columns beside those with lists of their own: by words that stand for them alone.
const OWN: [(&str, &[&str]); 10] = [
    ("hours", &["heures", "hours", "duree", "عدد الساعات", "الساعات"]),
    ("completed", &["acheve", "achevee", "complete", "completed", "مكتمل"]),
    ("urgent", &["urgent", "urgence", "مستعجل"]),
    ("assessment_round", &["round", "tour", "الجوله"]),
    ("household_size", &["size", "taille", "taille du menage", "household size"]),
    ("migration_status", &["legal status", "statut", "migration status"]),
    ("return_stage", &["etape", "stage", "المرحله"]),
    ("destination_group", &["destination", "pays de destination", "الوجهه"]),
    ("participants", &["participants", "participant", "المشاركون"]),
    ("moroccan", &["marocain", "moroccan", "مغربي"]),
];

/// All that a header promises, the strongest first.
pub(super) fn hints(header: &str) -> Vec<Hint> {
    let words: String = fold(header).chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let words = format!(" {} ", words.split_whitespace().collect::<Vec<_>>().join(" "));
    let holds = |known: &&[&str]| known.iter().any(|word| words.contains(&format!(" {word} ")));
    let own = OWN.iter().filter(|(_, known)| holds(known)).map(|(name, _)| Column(name));
    let found = WORDS.iter().filter(|(_, known)| holds(known)).map(|(hint, _)| *hint);
    found.chain(own).collect()
}

/// Whether any mapping or any word knows the header.
pub(super) fn is_known(catalog: &Catalog, header: &str) -> bool {
    !hints(header).is_empty() || catalog.mappings.values().any(|mapping| names(mapping, header))
}

fn names(mapping: &Mapping, header: &str) -> bool {
    let folded = fold(header);
    mapping.headers().iter().chain(&mapping.scan).chain(&mapping.ignore).any(|name| fold(name) == folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_three_languages_are_understood() {
        for (header, expected) in [
            ("N° dossier", Identifier),
            ("رقم الملف", Identifier),
            ("group_id/beneficiary_code", Identifier),
            ("Individual / Individual ID", Identifier),
            ("Année de naissance", BirthYear),
            ("Date de naissance", Identifying),
            ("Prénom", Identifying),
            ("Numéro de téléphone", Identifying),
            ("_geolocation", Identifying),
            ("gps_lat", Identifying),
            ("تاريخ الميلاد", Identifying),
            ("التاريخ", Event),
            ("Date du service", Event),
            ("Observations", FreeText),
            ("الجنس", Column("sex")),
            ("Household / Specific Needs", Column("need_type")),
        ] {
            assert_eq!(hints(header).first(), Some(&expected), "{header}");
        }
        assert_eq!(hints("Aminata Diallo"), []);
        assert_eq!(hints("nombre"), []);
    }
}
