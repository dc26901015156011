//! TOML as definitions are read: each key is taken once, by name, with its place; what nobody took is unknown.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use marsad_terms::{Language, Text};
use toml::de::{DeTable, DeValue};

use crate::decimal::Decimal;
use crate::error::{Kind, Place};
use crate::page::{At, Page};

/// A value and where it stands.
pub(crate) struct Value<'a> {
    pub(crate) page: Page<'a>,
    pub(crate) at: Place,
    inner: DeValue<'a>,
}

impl<'a> Value<'a> {
    fn wrong<T>(&self, wanted: &str) -> Option<T> {
        self.refuse(
            format!("a value of type {} stands here", self.inner.type_str()),
            format!("write {wanted}"),
        )
    }

    fn refuse<T>(&self, what: String, remedy: impl Into<String>) -> Option<T> {
        self.page.fault(self.at, Kind::WrongValue, what, remedy);
        None
    }

    /// A text that is not empty.
    pub(crate) fn text(self) -> Option<At<String>> {
        let at = self.at;
        match &self.inner {
            DeValue::String(text) if text.is_empty() => {
                self.refuse("an empty text stands here".to_owned(), "write a text or leave the key out")
            }
            DeValue::String(text) => Some(At { value: text.clone().into_owned(), at }),
            _ => self.wrong("a text in quotes"),
        }
    }

    /// A header, or the empty text for columns without one.
    fn header(self) -> Option<String> {
        match &self.inner {
            DeValue::String(text) if text.is_empty() => Some(String::new()),
            _ => self.text().map(|text| text.value),
        }
    }

    /// A text or a whole number, as text.
    pub(crate) fn text_or_number(self) -> Option<At<String>> {
        match &self.inner {
            DeValue::Integer(number) => Some(At { value: number.to_string(), at: self.at }),
            _ => self.text(),
        }
    }

    /// A whole number of a range.
    pub(crate) fn whole(self, range: RangeInclusive<i64>) -> Option<i64> {
        let wanted = || format!("a whole number from {} to {}", range.start(), range.end());
        let DeValue::Integer(number) = &self.inner else { return self.wrong(&wanted()) };
        match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) if range.contains(&number) => Some(number),
            _ => self.refuse(format!("{number} is out of range"), format!("write {}", wanted())),
        }
    }

    /// A whole number of a range that fits 32 bits.
    pub(crate) fn count(self, range: RangeInclusive<u32>) -> Option<u32> {
        let (low, high) = range.into_inner();
        self.whole(i64::from(low)..=i64::from(high)).and_then(|number| u32::try_from(number).ok())
    }

    /// A decimal number, bare or in quotes.
    pub(crate) fn decimal(self) -> Option<At<Decimal>> {
        let text = match &self.inner {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            DeValue::Float(number) => number.as_str(),
            DeValue::String(text) => text,
            _ => return self.wrong("a decimal number such as 0.5"),
        };
        match Decimal::parse(text) {
            Some(value) => Some(At { value, at: self.at }),
            None => self.refuse(
                "the number is no plain decimal of at most six decimals".to_owned(),
                "write a number such as 0.5",
            ),
        }
    }

    /// True or false.
    pub(crate) fn boolean(self) -> Option<bool> {
        match self.inner {
            DeValue::Boolean(value) => Some(value),
            _ => self.wrong("true or false"),
        }
    }

    /// A date or a time as TOML writes it, bare or in quotes.
    pub(crate) fn date_text(self) -> Option<At<String>> {
        match &self.inner {
            DeValue::Datetime(date) => Some(At { value: date.to_string(), at: self.at }),
            DeValue::String(_) => self.text(),
            _ => self.wrong("a date such as 2026-11-15T09:00:00Z"),
        }
    }

    /// Whether it is an array without members.
    pub(crate) fn is_empty_list(&self) -> bool {
        matches!(&self.inner, DeValue::Array(members) if members.is_empty())
    }

    /// The members of an array.
    pub(crate) fn list(self) -> Option<Vec<Value<'a>>> {
        match self.inner {
            DeValue::Array(members) => {
                let page = self.page;
                Some(members.into_iter().map(|member| value(page, member)).collect())
            }
            _ => self.wrong("a list in brackets"),
        }
    }

    /// The texts of an array; faulty members are told and left out.
    pub(crate) fn texts(self) -> Option<Vec<At<String>>> {
        Some(self.list()?.into_iter().filter_map(Value::text).collect())
    }

    /// The texts of an array that must not be empty.
    pub(crate) fn some_texts(self) -> Option<Vec<At<String>>> {
        let (page, at) = (self.page, self.at);
        let members = self.list()?;
        if members.is_empty() {
            page.fault(at, Kind::WrongValue, "the list is empty", "write at least one entry");
        }
        Some(members.into_iter().filter_map(Value::text).collect())
    }

    /// The texts of an array, without their places.
    pub(crate) fn plain_texts(self) -> Option<Vec<String>> {
        Some(self.texts()?.into_iter().map(|text| text.value).collect())
    }

    /// Headers; the empty text stands for columns without one.
    pub(crate) fn headers(self) -> Option<Vec<String>> {
        Some(self.list()?.into_iter().filter_map(Value::header).collect())
    }

    /// A table.
    pub(crate) fn table(self) -> Option<Table<'a>> {
        match self.inner {
            DeValue::Table(table) => Some(Table::new(self.page, self.at, table)),
            _ => self.wrong("a table"),
        }
    }

    /// A text in all three languages.
    pub(crate) fn translated(self) -> Option<Text> {
        let mut table = self.table()?;
        let [fr, ar, en] = Language::ALL.map(|language| table.translation(language));
        table.finish();
        Some(Text { fr: fr?, ar: ar?, en: en? })
    }
}

/// A table whose keys are taken one by one.
pub(crate) struct Table<'a> {
    pub(crate) page: Page<'a>,
    pub(crate) at: Place,
    entries: BTreeMap<String, (Place, Value<'a>)>,
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    /// The root table of a file; a fault where the file is no TOML.
    pub(crate) fn parse(page: Page<'a>) -> Option<Self> {
        match DeTable::parse(page.text) {
            Ok(table) => Some(Self::new(page, Place::top(), table.into_inner())),
            Err(error) => {
                let at = page.place(error.span().map_or(0, |span| span.start));
                let (kind, remedy) = if error.message().starts_with("duplicate key") {
                    (Kind::Duplicate, "keep one of the two")
                } else {
                    (Kind::Syntax, "correct the line; the file is TOML")
                };
                page.fault(at, kind, error.message(), remedy);
                None
            }
        }
    }

    fn new(page: Page<'a>, at: Place, table: DeTable<'a>) -> Self {
        let entries = table.into_iter().map(|(key, inner)| {
            let key_at = page.place(key.span().start);
            let mut inner = value(page, inner);
            // A table under its own header begins where its name stands.
            if matches!(inner.inner, DeValue::Table(_)) {
                inner.at = key_at;
            }
            (key.into_inner().into_owned(), (key_at, inner))
        });
        Self { page, at, entries: entries.collect(), known: Vec::new() }
    }

    /// Takes a key that may be absent.
    pub(crate) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(Value<'a>) -> Option<T>,
    ) -> Option<T> {
        self.known.push(key);
        self.entries.remove(key).and_then(|(_, value)| read(value))
    }

    /// Takes a key that must be there.
    pub(crate) fn required<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(Value<'a>) -> Option<T>,
    ) -> Option<T> {
        if !self.entries.contains_key(key) {
            self.missing(key, Kind::MissingKey);
        }
        self.optional(key, read)
    }

    /// Whether a key is there and not taken yet.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Keeps the fault that a key is absent.
    pub(crate) fn missing(&self, key: &str, kind: Kind) {
        let written: Vec<&str> = self.entries.keys().map(String::as_str).collect();
        let remedy = match marsad_terms::nearest(key, written) {
            Some(near) => format!("write `{key}` instead of `{near}`"),
            None => format!("add `{key}`"),
        };
        self.page.fault(self.at, kind, format!("`{key}` is missing"), remedy);
    }

    fn translation(&mut self, language: Language) -> Option<String> {
        let key = language.tag();
        if !self.has(key) {
            self.missing(key, Kind::Translation);
        }
        let text = self.optional(key, |value| match &value.inner {
            DeValue::String(text) if text.trim().is_empty() => {
                value.page.fault(value.at, Kind::Translation, format!("`{key}` is empty"), "write the text");
                None
            }
            _ => value.text(),
        })?;
        Some(text.value)
    }

    /// All entries of a table whose keys are free.
    pub(crate) fn into_entries(self) -> impl Iterator<Item = (At<String>, Value<'a>)> {
        self.entries.into_iter().map(|(key, (at, value))| (At { value: key, at }, value))
    }

    /// Keeps a fault for every key that nobody took.
    pub(crate) fn finish(self) {
        for (key, (at, _)) in &self.entries {
            let key = At { value: key.clone(), at: *at };
            self.page.unknown(&key, Kind::UnknownKey, "key of this table", self.known.iter().copied());
        }
    }
}

fn value<'a>(page: Page<'a>, inner: toml::Spanned<DeValue<'a>>) -> Value<'a> {
    Value { page, at: page.place(inner.span().start), inner: inner.into_inner() }
}
