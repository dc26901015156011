//! Names of dimensions in three languages. A dimension that is not here shows its id.

use marsad_terms::Text;

const NAMES: [(&str, [&str; 3]); 21] = [
    ("REF_AREA", ["Région", "الجهة", "Region"]),
    ("SEX", ["Sexe", "الجنس", "Sex"]),
    ("AGE_GROUP", ["Groupe d'âges", "الفئة العمرية", "Age group"]),
    ("AGE_CHILD", ["Âge de l'enfant", "سن الطفل", "Age of the child"]),
    ("BENEFICIARY_CATEGORY", ["Catégorie", "الفئة", "Category"]),
    ("NATIONALITY_GROUP", ["Groupe de nationalités", "مجموعة الجنسيات", "Nationality group"]),
    ("DESTINATION_GROUP", ["Destination", "الوجهة", "Destination"]),
    ("MIGRATION_STATUS", ["Situation administrative", "الوضعية الإدارية", "Administrative situation"]),
    ("SERVICE_TYPE", ["Type de service", "نوع الخدمة", "Type of service"]),
    (
        "SNIA_AXIS",
        ["Axe de la stratégie nationale", "محور الاستراتيجية الوطنية", "Axis of the national strategy"],
    ),
    ("NEED_TYPE", ["Type de besoin", "نوع الاحتياج", "Type of need"]),
    ("VULNERABILITY", ["Vulnérabilité", "الهشاشة", "Vulnerability"]),
    ("TRAINING_TYPE", ["Type de formation", "نوع التكوين", "Type of training"]),
    ("YOUTH_ACTION_TYPE", ["Type d'action", "نوع النشاط", "Type of action"]),
    ("RETURN_STAGE", ["Étape du retour", "مرحلة العودة", "Stage of return"]),
    ("CHILD_ACTION", ["Action", "الإجراء", "Action"]),
    ("EXPLOITATION_TYPE", ["Type d'exploitation", "نوع الاستغلال", "Type of exploitation"]),
    ("ACTIVITY_TYPE", ["Type d'activité", "نوع النشاط", "Type of activity"]),
    ("ORG_TYPE", ["Type d'organisation", "نوع المنظمة", "Type of organisation"]),
    ("BAND", ["Délai", "المدة", "Waiting time"]),
    ("INDICATOR", ["Indicateur", "المؤشر", "Indicator"]),
];

/// The name of a dimension.
pub fn dimension(id: &str) -> Text {
    let known = NAMES.iter().find(|(name, _)| *name == id);
    known.map_or_else(|| Text::same(id), |(_, [fr, ar, en])| Text::new(*fr, *ar, *en))
}
