//! Mappings (`schemas/mappings/*.toml`): how one partner's files become records of one type.
//!
//! Everything a file may be read by stands here. It deliberately lacks any code that reads a file.

use std::collections::BTreeMap;

use marsad_terms::RecordTypeId;

/// The container that records arrive in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Delimited text.
    Csv,
    /// An Excel workbook.
    Xlsx,
    /// Apache Parquet.
    Parquet,
    /// One JSON object a line.
    JsonLines,
}

/// `[file]`: the container and where its header is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSpec {
    /// The container; `None`: by the ending of the file's name.
    pub format: Option<FileFormat>,
    /// Delimiter of CSV; `None`: `,`.
    pub delimiter: Option<char>,
    /// Label of the encoding as the WHATWG names it, such as `windows-1252`; `None`: `utf-8`.
    pub encoding: Option<String>,
    /// Sheet of a workbook; `None`: its first.
    pub sheet: Option<String>,
    /// The header's rows, counted from 1; several are joined by ` / `.
    pub header_rows: Vec<u32>,
}

/// `[identifier]`: whom a record is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentifierSpec {
    /// Written in front of the identifier, lower-case ASCII without `:`.
    pub scheme: String,
    /// The column's header and its synonyms.
    pub from: Vec<String>,
    /// Regular expression that the whole canonical identifier (without scheme) must match.
    pub pattern: Option<String>,
    /// Digits are padded with zeros to this length.
    pub pad: Option<u32>,
    /// Placeholders beside those of R01: they would merge strangers into one person.
    pub placeholders: Vec<String>,
}

/// The columns that make a record the same record when it arrives again (extracts 7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentitySpec {
    /// Headers, all part of the identity; empty: the landed values and the day.
    pub columns: Vec<String>,
    /// By position in `columns`: the column to take where that one is absent or empty.
    pub otherwise: Vec<String>,
    /// Text removed from the front of such a cell, where it is there.
    pub prefix: Option<String>,
}

/// A form of date that a mapping declares; tried in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DateForm {
    /// `rfc3339`: the calendar date as written, whatever the offset.
    Rfc3339,
    /// `excel`: a cell formatted as a date.
    Excel,
    /// `serial`: a number of days in the workbook's date system.
    Serial,
    /// A strftime pattern of `%Y %m %d %b`, a time of day `%H %M %S` that says nothing, and plain characters.
    Pattern(String),
}

/// Which codes stand for countries beside their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NationalityScheme {
    /// ISO 3166-1 alpha-2 and alpha-3.
    Iso,
    /// The refugee agency's own codes, which look like ISO codes and are not.
    Unhcr,
}

/// `[columns.NAME]`: where one column's values come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MappedColumn {
    /// The header and its synonyms, folded like codes; empty with `constant` and with ages.
    pub from: Vec<String>,
    /// One value for every record.
    pub constant: Option<String>,
    /// Spelling → code, beside the code list's own codes and labels.
    pub codes: BTreeMap<String, String>,
    /// Spellings that stand for unknown (`_U`).
    pub unknown: Vec<String>,
    /// Forms of date, of `event_month`.
    pub dates: Vec<DateForm>,
    /// Headers of the declared age in years, of age groups.
    pub from_age: Vec<String>,
    /// Headers of the birth year, of age groups.
    pub from_birth_year: Vec<String>,
    /// Codes of countries, of `nationality_group`.
    pub scheme: Option<NationalityScheme>,
    /// Each of these characters separates codes of a multi-select cell.
    pub split: Option<String>,
    /// Prefix of the headers that repeat a multi-select as yes or no.
    pub one_hot: Option<String>,
    /// Words dropped from the front of a spelling, folded like codes.
    pub drop_prefix: Vec<String>,
    /// The decimal mark of numbers (`,` or `.`); `None`: a point.
    pub decimal: Option<char>,
}

/// `[consent]`: which column says yes, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentSpec {
    /// The header and its synonyms.
    pub from: Vec<String>,
    /// Spellings of yes, folded like codes; anything else is no.
    pub yes: Vec<String>,
}

/// One mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The stem of its file.
    pub id: String,
    /// The record type that it fills.
    pub record_type: RecordTypeId,
    /// The source, part of `record_id`.
    pub source: String,
    /// The partner's agreement or another note for the custodian; never interpreted.
    pub note: Option<String>,
    /// The container.
    pub file: FileSpec,
    /// Whom a record is about; `None` for organisations.
    pub identifier: Option<IdentifierSpec>,
    /// What makes a record the same record.
    pub identity: IdentitySpec,
    /// By the record type's column (and `event_month`, `legal_basis`).
    pub columns: BTreeMap<String, MappedColumn>,
    /// Consent; `None` for organisations.
    pub consent: Option<ConsentSpec>,
    /// By header: the value (folded) without which a row is not one person's record (R14).
    pub one_person: BTreeMap<String, String>,
    /// Headers read by the detectors and never stored.
    pub scan: Vec<String>,
    /// Headers not read at all.
    pub ignore: Vec<String>,
}

impl Mapping {
    /// Whether the identity is a number of the source's own, which no two persons share; a date or a code is none.
    pub fn numbers_records(&self) -> bool {
        let is_mapped = |header: &String| self.columns.values().any(|column| column.from.contains(header));
        !self.identity.columns.is_empty() && !self.identity.columns.iter().any(is_mapped)
    }

    /// Every header that the mapping names for something it reads, synonyms included.
    pub fn headers(&self) -> Vec<String> {
        let columns = self.columns.values();
        let of_columns = columns.flat_map(|c| c.from.iter().chain(&c.from_age).chain(&c.from_birth_year));
        let of_identifier = self.identifier.iter().flat_map(|identifier| &identifier.from);
        let of_consent = self.consent.iter().flat_map(|consent| &consent.from);
        of_columns.chain(of_identifier).chain(of_consent).cloned().collect()
    }
}
