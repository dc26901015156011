//! Spellings to codes: the mapping's own translations, then the code list's names, then countries (extracts 5, 8).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use marsad_catalog::{Catalog, CodeList, Countries, MappedColumn, Names, NationalityScheme, fold};

use crate::Reason;

/// Cells whose lookup is remembered: short ones, and not many of them.
const REMEMBERED_LENGTH: usize = 64;
const REMEMBERED: usize = 4096;

/// What a spelling stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The code of that index in the list.
    Code(i64),
    /// A declared spelling of unknown.
    Unknown,
}

/// One choice of a multi-select cell, with its folded spelling, for the comparison with one-hot columns.
#[derive(Clone)]
pub(crate) struct Picked {
    pub(crate) folded: String,
    pub(crate) choice: Choice,
}

/// How the cells of one code column are read.
pub(crate) struct Codes<'a> {
    pub(crate) list: &'a CodeList,
    names: &'a Names,
    own: BTreeMap<String, i64>,
    unknown_spellings: BTreeSet<String>,
    countries: Option<(&'a Countries, NationalityScheme)>,
    dropped: Vec<String>,
    split: Vec<char>,
    index: HashMap<&'a str, i64>,
    unknown: Option<i64>,
    none: Option<i64>,
    remembered: Mutex<HashMap<String, Option<Choice>>>,
}

impl<'a> Codes<'a> {
    /// Codes of a list as a mapped column spells them; what does not fit is returned in words.
    pub(crate) fn new(catalog: &'a Catalog, list: &str, column: &MappedColumn) -> Result<Self, String> {
        let list = catalog.code_lists.get(list).ok_or_else(|| format!("there is no code list `{list}`"))?;
        let names = catalog.names.get(&list.id);
        let names = names.ok_or_else(|| format!("the code list `{}` has no names", list.id))?;
        let index: HashMap<&str, i64> = list.codes.iter().map(|code| code.id.as_str()).zip(0..).collect();
        let mut own = BTreeMap::new();
        for (spelling, code) in &column.codes {
            let code = index.get(code.as_str());
            let code = code.ok_or_else(|| format!("`{spelling}` leads to no code of `{}`", list.id))?;
            own.insert(fold(spelling), *code);
        }
        let countries = (list.id == "NATIONALITY_GROUP")
            .then(|| (&catalog.countries, column.scheme.unwrap_or(NationalityScheme::Iso)));
        let (unknown, none) = (index.get("_U").copied(), index.get("NONE").copied());
        Ok(Self {
            list,
            names,
            own,
            unknown_spellings: column.unknown.iter().map(|spelling| fold(spelling)).collect(),
            countries,
            dropped: column.drop_prefix.iter().map(|word| format!("{} ", fold(word))).collect(),
            split: column.split.iter().flat_map(|marks| marks.chars()).collect(),
            index,
            unknown,
            none,
            remembered: Mutex::default(),
        })
    }

    /// The index of a code.
    pub(crate) fn index(&self, code: &str) -> Option<i64> {
        self.index.get(code).copied()
    }

    /// The code of an index.
    pub(crate) fn code(&self, index: i64) -> &'a str {
        usize::try_from(index).ok().and_then(|at| self.list.codes.get(at)).map_or("", |code| &code.id)
    }

    /// `_U`, or R09 where the list has none.
    pub(crate) fn unknown(&self) -> Result<i64, Reason> {
        self.unknown.ok_or(Reason::Empty)
    }

    /// List, names and countries in words, for the hash of definitions.
    pub(crate) fn definitions(&self) -> String {
        format!("{:?}\n{:?}\n{:?}\n", self.list, self.names, self.countries)
    }

    pub(crate) fn is_split(&self) -> bool {
        !self.split.is_empty()
    }

    pub(crate) fn is_unknown_spelling(&self, text: &str) -> bool {
        !self.unknown_spellings.is_empty() && self.unknown_spellings.contains(&fold(text))
    }

    /// The code of a canonical cell.
    pub(crate) fn one(&self, text: &str) -> Result<i64, Reason> {
        if text.is_empty() {
            return self.unknown();
        }
        match self.remembered(text).ok_or(Reason::UnknownCode)? {
            Choice::Code(index) => Ok(index),
            Choice::Unknown => self.unknown(),
        }
    }

    /// The choices of a multi-select cell in order of first mention: one that the whole cell spells, else one a part.
    pub(crate) fn many(&self, text: &str) -> Result<Vec<Picked>, Reason> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(choice) = self.remembered(text) {
            return Ok(vec![Picked { folded: fold(text), choice }]);
        }
        let mut picked: Vec<Picked> = Vec::new();
        for part in self.parts(text) {
            let choice = self.remembered(part).ok_or(Reason::UnknownCode)?;
            if !picked.iter().any(|other| other.choice == choice) {
                picked.push(Picked { folded: fold(part), choice });
            }
        }
        Ok(picked)
    }

    fn parts<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        text.split(|c| self.split.contains(&c)).map(str::trim).filter(|part| !part.is_empty())
    }

    /// Every spelling of an accepted cell, with the code that it stands for.
    pub(crate) fn spelled<'t>(&self, text: &'t str) -> Vec<(&'t str, &'a str)> {
        let code = |choice| match choice {
            Choice::Code(index) => self.code(index),
            Choice::Unknown => "_U",
        };
        if let Some(choice) = self.remembered(text) {
            return vec![(text, code(choice))];
        }
        self.parts(text).filter_map(|part| Some((part, code(self.remembered(part)?)))).collect()
    }

    /// Whether a spelling stands in the code list or in the mapping itself; countries, which never land, do not count.
    pub(crate) fn is_declared(&self, text: &str) -> bool {
        self.forms(&fold(text)).any(|folded| {
            self.own.contains_key(folded)
                || self.unknown_spellings.contains(folded)
                || self.names.code(folded).is_some()
        })
    }

    /// The codes of choices; that nothing was chosen stands alone (R13).
    pub(crate) fn chosen(&self, picked: &[Picked]) -> Result<Vec<i64>, Reason> {
        let codes: Vec<i64> = picked
            .iter()
            .filter_map(|picked| match picked.choice {
                Choice::Code(code) => Some(code),
                Choice::Unknown => None,
            })
            .collect();
        let denied = codes.len() < picked.len() || self.none.is_some_and(|none| codes.contains(&none));
        match codes.as_slice() {
            [] => Ok(vec![self.unknown()?]),
            [_] if picked.len() == 1 => Ok(codes),
            _ if denied => Err(Reason::Exclusive),
            _ => Ok(codes),
        }
    }

    fn remembered(&self, text: &str) -> Option<Choice> {
        if text.len() > REMEMBERED_LENGTH {
            return self.look_up(text);
        }
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(choice) = remembered.get(text) {
            return *choice;
        }
        let choice = self.look_up(text);
        if remembered.len() < REMEMBERED {
            remembered.insert(text.to_owned(), choice);
        }
        choice
    }

    /// What a spelling stands for: as it is written, then without a prefix that the mapping drops.
    pub(crate) fn look_up(&self, text: &str) -> Option<Choice> {
        self.forms(&fold(text)).find_map(|folded| self.folded(folded))
    }

    /// A folded spelling as it is, then without each prefix that the mapping drops.
    fn forms<'t>(&self, folded: &'t str) -> impl Iterator<Item = &'t str> {
        let shorter = self.dropped.iter().filter_map(move |prefix| folded.strip_prefix(prefix.as_str()));
        std::iter::once(folded).chain(shorter)
    }

    fn folded(&self, folded: &str) -> Option<Choice> {
        if let Some(code) = self.own.get(folded) {
            return Some(Choice::Code(*code));
        }
        if self.unknown_spellings.contains(folded) {
            return Some(Choice::Unknown);
        }
        let country = self.countries.and_then(|(countries, scheme)| countries.group(folded, scheme));
        let code = country.or_else(|| self.names.code(folded))?;
        self.index(code).map(Choice::Code)
    }
}
