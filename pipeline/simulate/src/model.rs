//! The numbers of the fictitious programme: shares by region, nationality, season, service. All invented; `record-types.md` gives
//! the regional shares and the overlaps. Codes are those of `schemas/code_lists`.

/// Share of assistance by region.
pub(crate) const REGIONS: [(&str, u32); 8] = [
    ("MA-01", 22),
    ("MA-02", 20),
    ("MA-04", 18),
    ("MA-06", 17),
    ("MA-03", 8),
    ("MA-09", 7),
    ("MA-07", 5),
    ("MA-05", 3),
];

/// Weight of entry by quarter: a programme that grows, with more arrivals in winter.
pub(crate) const SEASON: [(usize, u32); 8] =
    [(0, 8), (1, 9), (2, 10), (3, 14), (4, 16), (5, 13), (6, 13), (7, 17)];

/// A country as partners write it, and what lands of it.
pub(crate) struct Country {
    pub(crate) iso2: &'static str,
    pub(crate) iso3: &'static str,
    pub(crate) fr: &'static str,
    pub(crate) ar: &'static str,
    pub(crate) en: &'static str,
    pub(crate) group: &'static str,
}

const fn country(codes: [&'static str; 2], names: [&'static str; 3], group: &'static str) -> Country {
    Country { iso2: codes[0], iso3: codes[1], fr: names[0], ar: names[1], en: names[2], group }
}

/// The countries that occur; positions are used below.
pub(crate) const COUNTRIES: [Country; 19] = [
    country(["MA", "MAR"], ["Maroc", "المغرب", "morocco"], "MAR"),
    country(["GN", "GIN"], ["Guinée", "غينيا", "guinea"], "WAF"),
    country(["CM", "CMR"], ["Cameroun", "الكاميرون", "cameroon"], "MAF"),
    country(["CI", "CIV"], ["Côte d'Ivoire", "كوت ديفوار", "cote_d_ivoire"], "WAF"),
    country(["SN", "SEN"], ["Sénégal", "السنغال", "senegal"], "WAF"),
    country(["ML", "MLI"], ["Mali", "مالي", "mali"], "WAF"),
    country(["NG", "NGA"], ["Nigéria", "نيجيريا", "nigeria"], "WAF"),
    country(
        ["CD", "COD"],
        [
            "République démocratique du Congo",
            "جمهورية الكونغو الديمقراطية",
            "democratic_republic_of_the_congo",
        ],
        "MAF",
    ),
    country(["CG", "COG"], ["Congo", "الكونغو", "congo"], "MAF"),
    country(["SD", "SDN"], ["Soudan", "السودان", "sudan"], "NAF"),
    country(["SY", "SYR"], ["Syrie", "سوريا", "syria"], "WAS"),
    country(["GM", "GMB"], ["Gambie", "غامبيا", "gambia"], "WAF"),
    country(["BF", "BFA"], ["Burkina Faso", "بوركينا فاسو", "burkina_faso"], "WAF"),
    country(["GH", "GHA"], ["Ghana", "غانا", "ghana"], "WAF"),
    country(["TD", "TCD"], ["Tchad", "تشاد", "chad"], "MAF"),
    country(["YE", "YEM"], ["Yémen", "اليمن", "yemen"], "WAS"),
    country(["SS", "SSD"], ["Soudan du Sud", "جنوب السودان", "south_sudan"], "EAF"),
    country(["ER", "ERI"], ["Érythrée", "إريتريا", "eritrea"], "EAF"),
    country(["BD", "BGD"], ["Bangladesh", "بنغلاديش", "bangladesh"], "ASI"),
];

/// Weight of each foreign nationality, by position in [`COUNTRIES`].
pub(crate) const FOREIGN: [(usize, u32); 18] = [
    (1, 16),
    (2, 14),
    (3, 13),
    (4, 11),
    (5, 9),
    (6, 6),
    (7, 6),
    (8, 2),
    (9, 7),
    (10, 4),
    (11, 3),
    (12, 2),
    (13, 2),
    (14, 1),
    (15, 2),
    (16, 1),
    (17, 1),
    (18, 1),
];

/// Sexes of adults who migrate alone or with family.
pub(crate) const SEXES: [(&str, u32); 4] = [("M", 610), ("F", 370), ("_O", 5), ("_U", 15)];

/// Ages at the start of the programme: first and last year of a band.
pub(crate) const AGES: [((i32, i32), u32); 5] =
    [((0, 11), 8), ((12, 17), 8), ((18, 29), 47), ((30, 59), 34), ((60, 78), 3)];

/// Categories of those who are not nationals.
pub(crate) const CATEGORIES: [(&str, u32); 5] =
    [("IRREG", 58), ("REG", 31), ("SEASONAL", 4), ("_O", 3), ("_U", 4)];

pub(crate) const SERVICES: [(&str, u32); 12] = [
    ("HEALTH", 24),
    ("FOOD", 14),
    ("CASH", 12),
    ("NFI", 11),
    ("SHELTER", 9),
    ("MHPSS", 8),
    ("LEGAL", 6),
    ("ADMIN", 5),
    ("INFO", 5),
    ("REFERRAL", 4),
    ("_O", 1),
    ("_U", 1),
];

pub(crate) const NEEDS: [(&str, u32); 9] = [
    ("HEALTH", 24),
    ("FOOD", 18),
    ("SHELTER", 16),
    ("LIVELIHOOD", 13),
    ("LEGAL", 11),
    ("PROTECTION", 6),
    ("MHPSS", 6),
    ("EDUCATION", 4),
    ("RETURN", 2),
];

/// How many needs one assessment finds.
pub(crate) const N_NEEDS: [(usize, u32); 5] = [(0, 4), (1, 36), (2, 31), (3, 20), (4, 9)];

pub(crate) const VULNERABILITIES: [(&str, u32); 9] = [
    ("NONE", 62),
    ("PREG", 6),
    ("SPF", 8),
    ("MED", 6),
    ("DIS", 3),
    ("GBV", 4),
    ("ELD", 2),
    ("_O", 3),
    ("_U", 6),
];

pub(crate) const TRAININGS: [(&str, u32); 5] =
    [("LANG", 35), ("VOC", 30), ("ENT", 18), ("LIFE", 15), ("_O", 2)];

pub(crate) const YOUTH_ACTIONS: [(&str, u32); 5] =
    [("SOCIAL", 30), ("ECON", 22), ("EDU", 24), ("SPORT", 22), ("_O", 2)];

pub(crate) const CHILD_ACTIONS: [(&str, u32); 3] = [("BIA", 50), ("TRACING", 30), ("SOCIOECO", 20)];

pub(crate) const EXPLOITATIONS: [(&str, u32); 4] = [("LABOUR", 45), ("SEXUAL", 40), ("_O", 10), ("_U", 5)];

pub(crate) const RETURN_STAGES: [&str; 5] = ["COUNSEL", "PREDEP", "DEPARTED", "REINTEG", "REINTEG_DONE"];

pub(crate) const ORG_TYPES: [(&str, u32); 8] =
    [("MIN", 22), ("CNDH", 8), ("LAW", 12), ("CSO", 28), ("FOCAL", 14), ("OBS", 6), ("PRIV", 4), ("UN", 6)];

/// The band of a child's age in years; none for who is of age.
pub(crate) fn age_child(age: Option<i32>) -> &'static str {
    match age {
        Some(..=11) => "Y0T11",
        Some(12..=14) => "Y12T14",
        Some(15..=17) => "Y15T17",
        _ => "_U",
    }
}

/// The age group of an age in years.
pub(crate) fn age_group(age: Option<i32>) -> &'static str {
    match age {
        None => "_U",
        Some(..=11) => "Y0T11",
        Some(12..=17) => "Y12T17",
        Some(18..=29) => "Y18T29",
        Some(30..=59) => "Y30T59",
        Some(60..) => "Y_GE60",
    }
}
