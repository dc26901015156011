//! The forms that extracts come in: for each mapping its columns, its manner, how many files it is cut into.

use super::csv::{Encoding, Manner};
use crate::population::{Person, Register};
use crate::record::{Kind, Record};

/// A form of extract; in the order in which the files are landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    Registration,
    Kobo,
    Needs,
    Assistance,
    Training,
    ArabicTraining,
    Youth,
    Return,
    Child,
    Trafficking,
    OrgActivity,
}

/// How time is cut into files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slice {
    Semester,
    Year,
    Whole,
}

const EXCEL: Manner = Manner { delimiter: ';', encoding: Encoding::Windows1252, newline: "\r\n" };
const LIBRE_OFFICE: Manner = Manner { delimiter: ';', encoding: Encoding::Utf8, newline: "\n" };
const SURVEY_TOOL: Manner = Manner { delimiter: ';', encoding: Encoding::Utf8Marked, newline: "\r\n" };
const ARABIC_LIST: Manner = Manner { delimiter: ',', encoding: Encoding::Utf8, newline: "\n" };

impl Form {
    pub(crate) const ALL: [Self; 11] = [
        Self::Registration,
        Self::Kobo,
        Self::Needs,
        Self::Assistance,
        Self::Training,
        Self::ArabicTraining,
        Self::Youth,
        Self::Return,
        Self::Child,
        Self::Trafficking,
        Self::OrgActivity,
    ];

    /// The form in which that person's record arrives.
    pub(crate) fn of(person: &Person, record: &Record) -> Self {
        match record.kind() {
            Kind::Registration => Self::Registration,
            Kind::Needs if person.roles.register == Register::SurveyTool => Self::Kobo,
            Kind::Needs => Self::Needs,
            Kind::Assistance => Self::Assistance,
            Kind::Training if person.roles.register == Register::TrainingCentre => Self::ArabicTraining,
            Kind::Training => Self::Training,
            Kind::Youth => Self::Youth,
            Kind::Return => Self::Return,
            Kind::Child => Self::Child,
            Kind::Trafficking => Self::Trafficking,
        }
    }

    /// The mapping that reads it, and its record type.
    pub(crate) fn mapping(self) -> (&'static str, &'static str) {
        match self {
            Self::Registration => ("partner_registration", "person_registration"),
            Self::Kobo => ("kobo_needs_assessment", "needs_assessment"),
            Self::Needs => ("partner_needs", "needs_assessment"),
            Self::Assistance => ("partner_assistance", "assistance_service"),
            Self::Training => ("partner_training", "training"),
            Self::ArabicTraining => ("training_arabic", "training"),
            Self::Youth => ("partner_youth", "youth_action"),
            Self::Return => ("partner_return", "return_reintegration"),
            Self::Child => ("partner_child", "child_protection"),
            Self::Trafficking => ("partner_trafficking", "vot_identification"),
            Self::OrgActivity => ("partner_org_activity", "org_activity"),
        }
    }

    pub(crate) fn manner(self) -> Manner {
        match self {
            Self::Registration | Self::Assistance | Self::Training | Self::Child => EXCEL,
            Self::Kobo => SURVEY_TOOL,
            Self::ArabicTraining => ARABIC_LIST,
            Self::Needs | Self::Youth | Self::Return | Self::Trafficking | Self::OrgActivity => LIBRE_OFFICE,
        }
    }

    pub(crate) fn slice(self) -> Slice {
        match self {
            Self::Assistance => Slice::Semester,
            Self::Registration | Self::Kobo | Self::Needs | Self::Youth => Slice::Year,
            _ => Slice::Whole,
        }
    }

    /// Only services come from two partners.
    pub(crate) fn n_partners(self) -> usize {
        if self == Self::Assistance { 2 } else { 1 }
    }

    /// Whether a record carries a number of its own, so that a later version of it can contradict.
    pub(crate) fn has_identity(self) -> bool {
        !matches!(self, Self::Assistance | Self::ArabicTraining)
    }

    /// The columns.
    pub(crate) fn header(self) -> &'static [&'static str] {
        match self {
            Self::Registration => &REGISTRATION,
            Self::Kobo => &super::kobo::HEADER,
            Self::Needs => &NEEDS,
            Self::Assistance => &ASSISTANCE,
            Self::Training => &TRAINING,
            Self::ArabicTraining => &super::arabic::HEADER,
            Self::Youth => &YOUTH,
            Self::Return => &RETURN,
            Self::Child => &CHILD,
            Self::Trafficking => &TRAFFICKING,
            Self::OrgActivity => &ORG_ACTIVITY,
        }
    }

    /// The columns as that partner names them.
    pub(crate) fn header_of(self, partner: usize) -> Vec<String> {
        let name = |column: &&str| match *column {
            "N° dossier" if partner == 1 => "No dossier".to_owned(),
            "Région" if partner == 1 => "Region".to_owned(),
            column => column.to_owned(),
        };
        self.header().iter().map(name).collect()
    }
}

pub(crate) const ASSISTANCE: [&str; 12] = [
    "N° dossier",
    "Date du service",
    "Région",
    "Sexe",
    "Année de naissance",
    "Nationalité",
    "Catégorie",
    "Type de service",
    "Quantité",
    "Montant (MAD)",
    "Consentement",
    "Observations",
];

const REGISTRATION: [&str; 13] = [
    "N° dossier",
    "N° fiche",
    "Date d'enregistrement",
    "Région",
    "Sexe",
    "Année de naissance",
    "Nationalité",
    "Catégorie",
    "Situation administrative",
    "Vulnérabilité",
    "Taille du ménage",
    "Consentement",
    "Observations",
];

const NEEDS: [&str; 14] = [
    "N° dossier",
    "N° fiche",
    "Date de l'évaluation",
    "Région",
    "Sexe",
    "Année de naissance",
    "Nationalité",
    "Catégorie",
    "Besoin",
    "Vulnérabilité",
    "Tour",
    "Urgent",
    "Consentement",
    "Observations",
];

const TRAINING: [&str; 13] = [
    "N° dossier",
    "N° fiche",
    "Date de la formation",
    "Région",
    "Sexe",
    "Année de naissance",
    "Nationalité",
    "Catégorie",
    "Type de formation",
    "Heures",
    "Terminée",
    "Consentement",
    "Observations",
];

const YOUTH: [&str; 12] = [
    "N° dossier",
    "N° fiche",
    "Date de l'action",
    "Région",
    "Sexe",
    "Année de naissance",
    "Nationalité",
    "Catégorie",
    "Type d'action",
    "Heures",
    "Consentement",
    "Observations",
];

const RETURN: [&str; 12] = [
    "N° dossier",
    "N° fiche",
    "Date de l'étape",
    "Région",
    "Sexe",
    "Année de naissance",
    "Nationalité",
    "Catégorie",
    "Étape",
    "Pays de destination",
    "Consentement",
    "Observations",
];

const CHILD: [&str; 11] = [
    "N° dossier",
    "N° fiche",
    "Date de l'action",
    "Région",
    "Sexe",
    "Âge",
    "Nationalité",
    "Action",
    "Marocain",
    "Consentement",
    "Observations",
];

const TRAFFICKING: [&str; 10] = [
    "N° dossier",
    "N° fiche",
    "Date de l'identification",
    "Région",
    "Sexe",
    "Année de naissance",
    "Nationalité",
    "Type d'exploitation",
    "Consentement",
    "Observations",
];

const ORG_ACTIVITY: [&str; 8] = [
    "N° activité",
    "Date de l'activité",
    "Région",
    "Type d'organisation",
    "Type d'activité",
    "Participants",
    "Organisations",
    "Observations",
];
