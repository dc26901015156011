//! Faults planted on purpose: copies of good records with one thing wrong, each with the reason that landing must give.
//!
//! The good record stands before its bad copy, so that a fault never takes anybody out of the truth. Numbers, addresses
//! and places in them are obviously invented and none of the canaries.

use super::form::Form;

/// One kind of fault.
pub(crate) struct Fault {
    /// The code of `extracts.md` section 3.
    pub(crate) reason: &'static str,
    /// The columns that are overwritten.
    pub(crate) set: &'static [(&'static str, &'static str)],
    /// How many cells are missing (below 0) or too many at the line's end.
    pub(crate) cells: isize,
}

impl Fault {
    /// The bad copy of a line.
    pub(crate) fn spoil(&self, form: Form, mut cells: Vec<String>) -> Vec<String> {
        for (column, text) in self.set {
            if let Some(position) = form.header().iter().position(|name| name == column) {
                (*text).clone_into(&mut cells[position]);
            }
        }
        let n = cells.len().saturating_add_signed(self.cells);
        cells.resize(n, "vu au centre".to_owned());
        cells
    }
}

const fn fault(reason: &'static str, set: &'static [(&'static str, &'static str)]) -> Fault {
    Fault { reason, set, cells: 0 }
}

const SHORT: Fault = Fault { reason: "R08", set: &[], cells: -4 };
const LONG: Fault = Fault { reason: "R08", set: &[], cells: 1 };

/// The faults of a form, planted in this order and again from the start.
pub(crate) fn faults(form: Form) -> &'static [Fault] {
    match form {
        Form::Assistance => ASSISTANCE,
        Form::Kobo => KOBO,
        Form::ArabicTraining => ARABIC,
        Form::Registration => REGISTRATION,
        Form::Needs => NEEDS,
        Form::Training => TRAINING,
        Form::Youth => YOUTH,
        Form::Return => RETURN,
        Form::Child => CHILD,
        Form::Trafficking => TRAFFICKING,
        Form::OrgActivity => ORG_ACTIVITY,
    }
}

const ASSISTANCE: &[Fault] = &[
    fault("R07", &[("Région", "Agadir")]),
    fault("R01", &[("N° dossier", "inconnu")]),
    fault("R02", &[("Observations", "tél. 06 00 00 00 00")]),
    fault("R03", &[("Date du service", "31/02/2024")]),
    fault("R04", &[("Date du service", "15/08/2099")]),
    fault("R05", &[("Année de naissance", "1813")]),
    fault("R06", &[("Quantité", "deux")]),
    SHORT,
    fault("R09", &[("Quantité", "")]),
    fault("R10", &[("Sexe", "#N/A")]),
    fault("R13", &[("Type de service", "Santé"), ("Montant (MAD)", "300,00")]),
    fault("R02", &[("Région", "+212 600 00 00 00")]),
    fault("R03", &[("Date du service", "8/2024")]),
    fault("R07", &[("Sexe", "x")]),
    fault("R06", &[("Quantité", "999")]),
    fault("R09", &[("Type de service", "Aide financière"), ("Montant (MAD)", "")]),
    fault("R02", &[("Type de service", "personne.fictive@example.org")]),
    fault("R04", &[("Date du service", "01/01/1970")]),
    LONG,
    fault("R01", &[("N° dossier", "")]),
    fault("R07", &[("Nationalité", "Atlantide")]),
    fault("R02", &[("Observations", "passeport ZZ000000")]),
    fault("R06", &[("Quantité", "1,5")]),
    fault("R10", &[("Région", "Oriental\u{7}")]),
    fault("R02", &[("Observations", "vu à 31.0000, -7.0000")]),
];

const KOBO: &[Fault] = &[
    fault("R01", &[("group_id/beneficiary_code", "test")]),
    fault("R11", &[("group_needs/round", "12")]),
    fault("R05", &[("group_profile/age", "212")]),
    fault("R07", &[("group_needs/needs", "teleport")]),
    fault(
        "R13",
        &[
            ("group_needs/needs", "health food"),
            ("group_needs/needs/health", "1"),
            ("group_needs/needs/food", "0"),
        ],
    ),
    fault("R03", &[("start", "2024-13-01T09:12:44.123+01:00")]),
    fault("R02", &[("group_needs/notes", "GPS 31.00000 -7.00000")]),
    fault("R09", &[("group_needs/urgent", "")]),
    fault("R06", &[("group_needs/round", "13")]),
    fault("R04", &[("start", "1970-01-01T00:00:12.000+00:00")]),
    fault("R07", &[("group_needs/urgent", "maybe")]),
    fault("R10", &[("group_id/region", "#REF!")]),
    SHORT,
    fault("R05", &[("group_profile/age", "-3")]),
];

const ARABIC: &[Fault] = &[
    fault("R07", &[("الجهة", "وجدة")]),
    fault("R03", &[("التاريخ", "")]),
    fault("R05", &[("العمر", "٢١٢")]),
    fault("R06", &[("عدد الساعات", "2.25")]),
    fault("R01", &[("رقم الملف", "غير معروف")]),
    fault("R02", &[("الجهة", "٠٦٠٠٠٠٠٠٠٠")]),
    fault("R09", &[("مكتمل", "")]),
    LONG,
];

const REGISTRATION: &[Fault] = &[
    fault("R07", &[("Situation administrative", "en cours")]),
    fault("R11", &[("Date d'enregistrement", "15/03/2025")]),
    fault("R01", &[("N° dossier", "?")]),
    fault("R06", &[("Taille du ménage", "35")]),
    fault("R02", &[("Observations", "écrire à personne.fictive@example.org")]),
    fault("R03", &[("Date d'enregistrement", "30/02/2023")]),
    fault("R09", &[("Taille du ménage", "")]),
    fault("R05", &[("Année de naissance", "2090")]),
];

const NEEDS: &[Fault] = &[
    fault("R07", &[("Besoin", "Voiture")]),
    fault("R11", &[("Tour", "12")]),
    fault("R01", &[("N° dossier", "aucun")]),
    fault("R06", &[("Tour", "20")]),
    fault("R02", &[("Observations", "appeler le 07 00 00 00 00")]),
    fault("R04", &[("Date de l'évaluation", "2099-01-01")]),
    fault("R09", &[("Urgent", "")]),
    SHORT,
];

const TRAINING: &[Fault] = &[
    fault("R07", &[("Type de formation", "Yoga")]),
    fault("R06", &[("Heures", "2,25")]),
    fault("R11", &[("Date de la formation", "15/03/2025")]),
    fault("R03", &[("Date de la formation", "")]),
    fault("R09", &[("Terminée", "")]),
];

const YOUTH: &[Fault] = &[
    fault("R07", &[("Région", "Tanger")]),
    fault("R11", &[("Heures", "99,5")]),
    fault("R06", &[("Heures", "300")]),
    fault("R01", &[("N° dossier", "sans")]),
    fault("R05", &[("Année de naissance", "1801")]),
    fault("R02", &[("Observations", "CIN ZZ000000")]),
    fault("R03", &[("Date de l'action", "le 3 mai")]),
];

const RETURN: &[Fault] = &[
    fault("R07", &[("Étape", "en attente")]),
    fault("R11", &[("Pays de destination", "Haïti")]),
    fault("R04", &[("Date de l'étape", "01/06/2099")]),
    fault("R01", &[("N° dossier", "n/a")]),
    LONG,
];

const CHILD: &[Fault] = &[
    fault("R07", &[("Action", "Sortie")]),
    fault("R05", &[("Âge", "160")]),
    fault("R11", &[("Date de l'action", "15/03/2025")]),
    fault("R09", &[("Marocain", "")]),
];

const TRAFFICKING: &[Fault] =
    &[fault("R07", &[("Type d'exploitation", "dette")]), fault("R01", &[("N° dossier", "inconnue")])];

const ORG_ACTIVITY: &[Fault] = &[
    fault("R07", &[("Type d'activité", "Fête")]),
    fault("R06", &[("Participants", "900")]),
    fault("R09", &[("Organisations", "")]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_name_columns_of_their_form() {
        for form in Form::ALL {
            for (column, _) in faults(form).iter().flat_map(|fault| fault.set) {
                assert!(form.header().contains(column), "{form:?}: {column}");
            }
        }
    }
}
