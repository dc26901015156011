//! What each column of a published table is and means, in three languages: said once, repeated by every format.
//!
//! Ids and types are those of SDMX (publication 2); the plain table has names of its own. It deliberately lacks the
//! dimensions of a statistic: those come with their code lists.

use marsad_terms::Text;

/// A component that every dataflow has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Its id in SDMX.
    pub(crate) id: &'static str,
    /// Its name in the plain table, Parquet and the workbook; empty where they lack it.
    pub(crate) plain: &'static str,
    /// Its values.
    pub(crate) kind: Kind,
    /// Where it stands.
    pub(crate) place: Place,
    name: [&'static str; 3],
    meaning: [&'static str; 3],
}

/// The values of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Codes of the list of the column's own id.
    Codes,
    /// Of one of SDMX's types.
    Typed(&'static str),
}

/// The role of a column in a data structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// First dimension.
    Frequency,
    /// Last dimension.
    Time,
    /// The measure.
    Measure,
    /// An attribute of each observation that is always there.
    Observation,
    /// An attribute of each observation that may be absent.
    Optional,
    /// An attribute of the whole data set.
    DataSet,
}

const DOUBLE: Kind = Kind::Typed("Double");

/// All, in the order of SDMX data: the two fixed dimensions, the measure, the attributes.
pub(crate) const COLUMNS: [Column; 14] = [
    Column {
        id: "FREQ",
        plain: "",
        kind: Kind::Codes,
        place: Place::Frequency,
        name: ["Fréquence", "الدورية", "Frequency"],
        meaning: [
            "Ce qu'est la période : année, trimestre ou mois.",
            "نوع الفترة: سنة أو فصل أو شهر.",
            "What the period is: a year, a quarter or a month.",
        ],
    },
    Column {
        id: "TIME_PERIOD",
        plain: "TIME_PERIOD",
        kind: Kind::Typed("ObservationalTimePeriod"),
        place: Place::Time,
        name: ["Période", "الفترة", "Time period"],
        meaning: [
            "Année, trimestre ou mois. Une même personne peut compter dans plusieurs périodes : elles ne s'additionnent pas.",
            "سنة أو فصل أو شهر. قد يُحسب الشخص نفسه في عدة فترات: لا تُجمع الفترات.",
            "A year, a quarter or a month. One person may count in several periods: they do not add up.",
        ],
    },
    Column {
        id: "OBS_VALUE",
        plain: "value",
        kind: DOUBLE,
        place: Place::Measure,
        name: ["Valeur affichée", "القيمة المعروضة", "Displayed value"],
        meaning: [
            "Nombre entier à citer, avec sa marge, ou avec ses bornes là où il s'écarte de l'estimation ; pour un taux, citer l'estimation. Vide (NaN en SDMX) où le statut est Q ou M ; ce n'est jamais un zéro.",
            "عدد صحيح يُستشهد به مع هامشه، أو مع حديه حيث يبتعد عن التقدير؛ وللنسب يُستشهد بالتقدير. فارغ (NaN في SDMX) حيث تكون الحالة Q أو M؛ وليس صفرا أبدا.",
            "Whole number to quote, with its margin, or with its bounds where it is off the estimate; for a rate quote the estimate. Empty (NaN in SDMX) where the status is Q or M; that is never a zero.",
        ],
    },
    Column {
        id: "OBS_STATUS",
        plain: "OBS_STATUS",
        kind: Kind::Codes,
        place: Place::Observation,
        name: ["Statut", "الحالة", "Status"],
        meaning: [
            "A : fiable, marge d'au plus 20 % de l'estimation. U : à utiliser avec prudence, au plus 50 %. Q : trop incertain, la \
             valeur n'est pas affichée. M : ne peut pas exister.",
            "A: موثوق، الهامش لا يتجاوز 20 % من التقدير. U: يُستعمل بحذر، لا يتجاوز 50 %. Q: غير مؤكد، لا تُعرض القيمة. \
             M: لا يمكن أن يوجد.",
            "A: reliable, margin at most 20 % of the estimate. U: use with care, at most 50 %. Q: too uncertain, the value is not \
             shown. M: cannot exist.",
        ],
    },
    Column {
        id: "ESTIMATE",
        plain: "estimate",
        kind: DOUBLE,
        place: Place::Optional,
        name: ["Estimation", "التقدير", "Estimate"],
        meaning: [
            "La meilleure estimation, d'où partent sommes et rapports. Un nombre négatif n'est pas une erreur : c'est l'effet du \
             bruit.",
            "أفضل تقدير، ومنه تُحسب المجاميع والنسب. العدد السالب ليس خطأ: إنه أثر التشويش.",
            "The best estimate: start sums and ratios from it. A negative number is no mistake: it is the noise.",
        ],
    },
    Column {
        id: "CONF_LOWER",
        plain: "lower",
        kind: DOUBLE,
        place: Place::Optional,
        name: ["Borne inférieure (95 %)", "الحد الأدنى (95 %)", "Lower bound (95 %)"],
        meaning: [
            "Le vrai nombre, après plafonnement là où la note le dit, est entre les deux bornes 95 fois sur 100.",
            "يقع العدد الحقيقي، بعد تطبيق السقف حيث تذكره الملاحظة، بين الحدين 95 مرة من 100.",
            "The true number, after capping where the note says so, is between both bounds 95 times in 100.",
        ],
    },
    Column {
        id: "CONF_UPPER",
        plain: "upper",
        kind: DOUBLE,
        place: Place::Optional,
        name: ["Borne supérieure (95 %)", "الحد الأعلى (95 %)", "Upper bound (95 %)"],
        meaning: [
            "Le vrai nombre, après plafonnement là où la note le dit, est entre les deux bornes 95 fois sur 100. Coupées à 0 : une \
             borne de 0 dit « peu », jamais « aucun ».",
            "يقع العدد الحقيقي، بعد تطبيق السقف حيث تذكره الملاحظة، بين الحدين 95 مرة من 100. ويُقطعان عند 0: الحد 0 يعني \
             «قليلا» لا «لا أحد».",
            "The true number, after capping where the note says so, is between both bounds 95 times in 100. Both are cut at 0: a bound of 0 \
             says \"few\", never \"none\".",
        ],
    },
    Column {
        id: "MARGIN",
        plain: "margin",
        kind: DOUBLE,
        place: Place::Optional,
        name: ["Marge de protection (95 %)", "هامش الحماية (95 %)", "Protection margin (95 %)"],
        meaning: [
            "Ce que le bruit ajouté peut changer, 95 fois sur 100 : la moitié de l'intervalle avant sa coupure à 0. Ce n'est pas \
             une erreur d'échantillonnage.",
            "ما قد يغيره التشويش المضاف، 95 مرة من 100: نصف مجال الثقة قبل قطعه عند 0. ليس خطأ معاينة.",
            "What the added noise may change, 95 times in 100: half the interval before it is cut at 0. It is no sampling error.",
        ],
    },
    Column {
        id: "RAW_VALUE",
        plain: "raw",
        kind: Kind::Typed("Long"),
        place: Place::Optional,
        name: ["Mesure bruitée brute", "القياس الخام المشوش", "Raw noisy measurement"],
        meaning: [
            "L'entier tel qu'il a été mesuré, bruit compris ; multiplié par son unité (raw_unit dans privacy.yaml, RAW_UNIT en SDMX) \
             il devient un nombre. Pour agréger des cases d'une même table : additionner raw, multiplier par l'unité ; l'écart-type \
             est sigma × unité × racine du nombre de cases. Vide où la case n'a pas été mesurée elle-même.",
            "العدد الصحيح كما قيس، مع التشويش؛ وبضربه في وحدته (raw_unit في privacy.yaml وRAW_UNIT في SDMX) يصير عددا. لتجميع خانات \
             من جدول واحد: تُجمع قيم raw وتُضرب في الوحدة؛ والانحراف المعياري هو sigma × الوحدة × الجذر التربيعي لعدد الخانات. فارغ \
             حيث لم تُقس الخانة نفسها.",
            "The integer as it was measured, noise included; times its unit (raw_unit in privacy.yaml, RAW_UNIT in SDMX) it is a \
             number. To aggregate cells of one table: add up raw, multiply by the unit; the standard deviation is sigma × unit × \
             the square root of the number of cells. Empty where the cell was not measured itself.",
        ],
    },
    Column {
        id: "RAW_UNIT",
        plain: "",
        kind: DOUBLE,
        place: Place::Optional,
        name: ["Unité de la mesure brute", "وحدة القياس الخام", "Unit of the raw measurement"],
        meaning: [
            "Ce que vaut une unité de RAW_VALUE.",
            "ما تساويه وحدة واحدة من RAW_VALUE.",
            "What one unit of RAW_VALUE is worth.",
        ],
    },
    Column {
        id: "CONF_LEVEL",
        plain: "",
        kind: DOUBLE,
        place: Place::DataSet,
        name: ["Niveau de confiance (%)", "مستوى الثقة (%)", "Confidence level (%)"],
        meaning: [
            "De l'intervalle et de la marge.",
            "لمجال الثقة والهامش.",
            "Of the interval and the margin.",
        ],
    },
    Column {
        id: "UNIT_MEASURE",
        plain: "",
        kind: Kind::Codes,
        place: Place::DataSet,
        name: ["Unité de mesure", "وحدة القياس", "Unit of measure"],
        meaning: ["Ce qui est compté.", "ما يُحسب.", "What is counted."],
    },
    Column {
        id: "RELEASE_ID",
        plain: "",
        kind: Kind::Typed("String"),
        place: Place::DataSet,
        name: ["Publication", "الإصدار", "Release"],
        meaning: [
            "La publication dont viennent les chiffres ; elle mène à privacy.yaml et release.json.",
            "الإصدار الذي تأتي منه الأرقام؛ يقود إلى privacy.yaml وrelease.json.",
            "The release that the figures are of; it leads to privacy.yaml and release.json.",
        ],
    },
    Column {
        id: "PRIVACY_RHO",
        plain: "",
        kind: DOUBLE,
        place: Place::DataSet,
        name: ["Perte de confidentialité ρ", "فقدان الخصوصية ρ", "Privacy loss ρ"],
        meaning: [
            "Ce que ce tableau a coûté dans cette publication (zCDP).",
            "كلفة هذا الجدول في هذا الإصدار (zCDP).",
            "What this table cost in this release (zCDP).",
        ],
    },
];

/// The first dimension.
pub(crate) const FREQUENCY: &Column = &COLUMNS[0];
/// The last dimension.
pub(crate) const TIME: &Column = &COLUMNS[1];
/// The measure.
pub(crate) const MEASURE: &Column = &COLUMNS[2];

impl Column {
    /// What it is called.
    pub(crate) fn name(&self) -> Text {
        text(self.name)
    }

    /// How to read it.
    pub(crate) fn meaning(&self) -> Text {
        text(self.meaning)
    }

    /// The column of that name in the plain table.
    pub(crate) fn of_plain(name: &str) -> Option<&'static Self> {
        COLUMNS.iter().find(|column| column.plain == name && !name.is_empty())
    }
}

fn text([fr, ar, en]: [&str; 3]) -> Text {
    Text::new(fr, ar, en)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csv::MEASURES;
    use crate::sdmx::csv::COMPONENTS;

    #[test]
    fn every_column_of_the_tables_is_explained() {
        assert!(MEASURES.iter().all(|name| Column::of_plain(name).is_some()));
        assert!(COLUMNS[2..].iter().map(|column| column.id).eq(COMPONENTS));
    }
}
