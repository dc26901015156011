//! Why a record does not land: the codes R01 to R15 and their texts (extracts 3). Codes are stable.

use std::fmt;

use marsad_terms::Text;

/// One reason of a record's quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// R01: no identifier, a placeholder, or not of the mapping's pattern.
    NoIdentifier,
    /// R02: content that identifies somebody.
    Identifies,
    /// R03: no date, or none in a declared form.
    Date,
    /// R04: a date in the future or before the programme.
    DateOutside,
    /// R05: an impossible age, or age and birth year that disagree.
    Age,
    /// R06: a number that is unreadable, out of range, off its step.
    Number,
    /// R07: a value that is not in the code list.
    UnknownCode,
    /// R08: a wrong number of fields.
    FieldCount,
    /// R09: a required value is empty.
    Empty,
    /// R10: control characters, undecodable bytes, a spreadsheet's error, a field above 1 MiB.
    Unreadable,
    /// R11: contradicts a landed record of the same identity.
    Contradicts,
    /// R12: more rows of one person in a quarter than plausible.
    TooManyRows,
    /// R13: two statements of the record exclude each other.
    Exclusive,
    /// R14: not one person's record.
    NotOnePerson,
    /// R15: of a person who was erased on its request, and not of later.
    Erased,
}

impl Reason {
    /// All reasons, in the order of their codes.
    pub const ALL: [Self; 15] = [
        Self::NoIdentifier,
        Self::Identifies,
        Self::Date,
        Self::DateOutside,
        Self::Age,
        Self::Number,
        Self::UnknownCode,
        Self::FieldCount,
        Self::Empty,
        Self::Unreadable,
        Self::Contradicts,
        Self::TooManyRows,
        Self::Exclusive,
        Self::NotOnePerson,
        Self::Erased,
    ];

    /// The stable code, such as `R07`.
    pub fn code(self) -> &'static str {
        const CODES: [&str; 15] = [
            "R01", "R02", "R03", "R04", "R05", "R06", "R07", "R08", "R09", "R10", "R11", "R12", "R13", "R14",
            "R15",
        ];
        CODES[self as usize]
    }

    /// The reason of that code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// The reason in words, for people.
    pub fn text(self) -> Text {
        let (fr, ar, en) = match self {
            Self::NoIdentifier => ("pas d'identifiant valable", "لا يوجد معرّف صالح", "no valid identifier"),
            Self::Identifies => (
                "contenu qui identifie une personne",
                "محتوى يكشف هوية شخص",
                "content that identifies a person",
            ),
            Self::Date => ("date absente ou illisible", "تاريخ غائب أو غير مقروء", "no readable date"),
            Self::DateOutside => (
                "date future ou antérieure au programme",
                "تاريخ مستقبلي أو سابق للبرنامج",
                "date in the future or before the programme",
            ),
            Self::Age => ("âge impossible", "عمر غير ممكن", "impossible age"),
            Self::Number => (
                "nombre illisible ou hors limites",
                "عدد غير مقروء أو خارج الحدود",
                "number unreadable or out of range",
            ),
            Self::UnknownCode => {
                ("valeur hors nomenclature", "قيمة خارج القائمة", "value not in the code list")
            }
            Self::FieldCount => {
                ("nombre de champs incorrect", "عدد الحقول غير صحيح", "wrong number of fields")
            }
            Self::Empty => ("valeur obligatoire absente", "قيمة إلزامية غائبة", "required value empty"),
            Self::Unreadable => ("cellule illisible", "خلية غير مقروءة", "unreadable cell"),
            Self::Contradicts => (
                "contredit un enregistrement déjà reçu",
                "يناقض سجلا سبق استلامه",
                "contradicts a record that landed before",
            ),
            Self::TooManyRows => (
                "trop de lignes pour une personne dans un trimestre",
                "صفوف كثيرة لشخص واحد في الفصل نفسه",
                "too many rows of one person in a quarter",
            ),
            Self::Exclusive => {
                ("deux indications qui s'excluent", "بيانان متعارضان", "two statements exclude each other")
            }
            Self::NotOnePerson => {
                ("pas la fiche d'une seule personne", "ليس سجل شخص واحد", "not one person's record")
            }
            Self::Erased => (
                "effacé à la demande de la personne",
                "مُحي بطلب من الشخص المعني",
                "erased on the person's request",
            ),
        };
        Text::new(fr, ar, en)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
