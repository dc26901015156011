//! The desk where records are written down: it chooses file and spelling, plants copies and faults, and counts what it wrote.
//!
//! Files are open side by side and written as the population streams; nothing is kept but the last line of each form.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::csv::Csv;
use super::fault::faults;
use super::form::{Form, Slice};
use super::{arabic, french, kobo};
use crate::calendar::Day;
use crate::error::Error;
use crate::population::Person;
use crate::random::Dice;
use crate::record::{Own, Record};
use crate::truth::Outcomes;

/// Bad copies in a thousand records.
const FAULTS: u32 = 12;
/// Second copies in a thousand records.
const COPIES: u32 = 7;

/// What one line says.
pub(crate) struct Line<'a> {
    pub(crate) person: &'a Person,
    pub(crate) record: &'a Record,
    /// The record's number in its file.
    pub(crate) serial: u64,
    /// As this line has it.
    pub(crate) consents: bool,
}

/// An activity of organisations.
pub(crate) struct Activity {
    pub(crate) day: Day,
    pub(crate) region: &'static str,
    pub(crate) organisation: &'static str,
    /// Code of ACTIVITY_TYPE.
    pub(crate) purpose: &'static str,
    pub(crate) participants: u64,
    pub(crate) organisations: i32,
}

/// The place of a file among the others, in the order of landing.
type Slot = (Form, usize, usize);

struct Sheet {
    name: String,
    csv: Csv,
    serial: u64,
    outcomes: Outcomes,
}

/// Open files by their place.
pub(crate) struct Desk<'a> {
    dir: Option<&'a Path>,
    sheets: BTreeMap<Slot, Sheet>,
    planted: BTreeMap<Form, usize>,
    last: BTreeMap<Form, (Slot, Vec<String>)>,
}

/// A file that was written.
pub(crate) struct Written {
    pub(crate) form: Form,
    pub(crate) name: String,
    pub(crate) outcomes: Outcomes,
}

impl<'a> Desk<'a> {
    /// A desk that writes into a folder, or only counts.
    pub(crate) fn new(dir: Option<&'a Path>) -> Self {
        Self { dir, sheets: BTreeMap::new(), planted: BTreeMap::new(), last: BTreeMap::new() }
    }

    /// Writes down a record, and perhaps a copy of it, and perhaps a bad copy.
    pub(crate) fn record(&mut self, person: &Person, record: &Record, dice: &mut Dice) -> Result<(), Error> {
        let form = Form::of(person, record);
        if form == Form::Assistance && person.sent_twice {
            return self.twice(person, record, dice);
        }
        let slot = slot(form, record.day, person.partner);
        let copied = dice.chance(COPIES);
        let serial = self.next_serial(slot)?;
        // Who withdraws consent sends the same service again with a no: the stricter line counts.
        let withdrawn = copied && !form.has_identity();
        let mut line = Line { person, record, serial, consents: person.consents || withdrawn };
        let cells = cells(form, &line, dice);
        self.land(slot, &cells, n_rows(record))?;
        if copied {
            line.consents = person.consents;
            let copy =
                if dice.chance(500) && !withdrawn { cells.clone() } else { self::cells(form, &line, dice) };
            self.write(slot, &copy)?.duplicate += 1;
        }
        self.last.insert(form, (slot, cells));
        if dice.chance(FAULTS) { self.plant(form) } else { Ok(()) }
    }

    /// Both partners send the service: the first file's lands, the second's is the duplicate.
    fn twice(&mut self, person: &Person, record: &Record, dice: &mut Dice) -> Result<(), Error> {
        for partner in [0, 1] {
            let slot = slot(Form::Assistance, record.day, partner);
            let line = Line { person, record, serial: self.next_serial(slot)?, consents: person.consents };
            let cells = cells(Form::Assistance, &line, dice);
            if partner == 0 {
                self.land(slot, &cells, 1)?;
            } else {
                self.write(slot, &cells)?.duplicate += 1;
            }
        }
        Ok(())
    }

    /// Writes down more records of one person than are plausible in a quarter.
    pub(crate) fn implausible(
        &mut self,
        person: &Person,
        records: &[Record],
        dice: &mut Dice,
    ) -> Result<(), Error> {
        for record in records {
            let form = Form::of(person, record);
            let slot = slot(form, record.day, person.partner);
            let line = Line { person, record, serial: self.next_serial(slot)?, consents: person.consents };
            let cells = cells(form, &line, dice);
            *self.write(slot, &cells)?.quarantined.entry("R12").or_default() += 1;
        }
        Ok(())
    }

    /// Writes down an activity of organisations.
    pub(crate) fn activity(&mut self, activity: &Activity, dice: &mut Dice) -> Result<(), Error> {
        let slot = slot(Form::OrgActivity, activity.day, 0);
        let number = self.next_serial(slot)?;
        let cells = french::activity_cells(number, activity, dice);
        self.land(slot, &cells, 1)?;
        self.last.insert(Form::OrgActivity, (slot, cells));
        Ok(())
    }

    /// Plants the faults that have not occurred yet, and closes all files, in the order of landing.
    pub(crate) fn finish(mut self) -> Result<Vec<Written>, Error> {
        let forms: Vec<Form> = self.last.keys().copied().collect();
        for form in forms {
            while self.planted.get(&form).copied().unwrap_or(0) < faults(form).len() {
                self.plant(form)?;
            }
        }
        let dir = self.dir;
        let close = |((form, ..), sheet): (Slot, Sheet)| {
            sheet.csv.finish().map_err(Error::write(&path(dir, &sheet.name)))?;
            Ok(Written { form, name: sheet.name, outcomes: sheet.outcomes })
        };
        self.sheets.into_iter().map(close).collect()
    }

    /// A bad copy of the form's last record, in the same file.
    fn plant(&mut self, form: Form) -> Result<(), Error> {
        let Some((slot, cells)) = self.last.get(&form) else { return Ok(()) };
        let (slot, turn) = (*slot, self.planted.entry(form).or_default());
        let fault = &faults(form)[*turn % faults(form).len()];
        *turn += 1;
        let cells = fault.spoil(form, cells.clone());
        *self.write(slot, &cells)?.quarantined.entry(fault.reason).or_default() += 1;
        Ok(())
    }

    fn land(&mut self, slot: Slot, cells: &[String], rows: u64) -> Result<(), Error> {
        let outcomes = self.write(slot, cells)?;
        outcomes.landed += 1;
        outcomes.rows += rows;
        Ok(())
    }

    fn write(&mut self, slot: Slot, cells: &[String]) -> Result<&mut Outcomes, Error> {
        let dir = self.dir;
        let sheet = self.sheet(slot)?;
        sheet.csv.write(cells).map_err(Error::write(&path(dir, &sheet.name)))?;
        Ok(&mut sheet.outcomes)
    }

    fn next_serial(&mut self, slot: Slot) -> Result<u64, Error> {
        let sheet = self.sheet(slot)?;
        sheet.serial += 1;
        Ok(sheet.serial)
    }

    /// The file of that place, begun when its first record comes.
    fn sheet(&mut self, slot: Slot) -> Result<&mut Sheet, Error> {
        if !self.sheets.contains_key(&slot) {
            let name = name(slot);
            let sheet = start(self.dir, slot, name.clone()).map_err(Error::write(&path(self.dir, &name)))?;
            self.sheets.insert(slot, sheet);
        }
        Ok(self.sheets.get_mut(&slot).expect("inserted just above where it was missing"))
    }
}

fn start(dir: Option<&Path>, slot: Slot, name: String) -> io::Result<Sheet> {
    let out: Box<dyn Write> = match dir {
        Some(dir) => Box::new(BufWriter::with_capacity(1 << 16, File::create(dir.join(&name))?)),
        None => Box::new(io::sink()),
    };
    let (form, _, partner) = slot;
    let csv = Csv::start(out, form.manner(), &form.header_of(partner))?;
    Ok(Sheet { name, csv, serial: 0, outcomes: Outcomes::default() })
}

fn path(dir: Option<&Path>, name: &str) -> PathBuf {
    dir.unwrap_or(Path::new("")).join(name)
}

fn slot(form: Form, day: Day, partner: usize) -> Slot {
    let slice = match form.slice() {
        Slice::Semester => day.quarter() / 2,
        Slice::Year => day.quarter() / 4,
        Slice::Whole => 0,
    };
    (form, slice, if form.n_partners() == 2 { partner } else { 0 })
}

/// Such as `partner_assistance_2023-S2_partenaire-1.csv`: the mapping comes first.
fn name((form, slice, partner): Slot) -> String {
    let (mapping, _) = form.mapping();
    let period = match form.slice() {
        Slice::Semester => format!("{}-S{}", 2023 + slice / 2, slice % 2 + 1),
        Slice::Year => (2023 + slice).to_string(),
        Slice::Whole => "2023-2024".to_owned(),
    };
    match form.n_partners() {
        1 => format!("{mapping}_{period}.csv"),
        _ => format!("{mapping}_{period}_partenaire-{}.csv", partner + 1),
    }
}

fn cells(form: Form, line: &Line<'_>, dice: &mut Dice) -> Vec<String> {
    match form {
        Form::Kobo => kobo::cells(line, dice),
        Form::ArabicTraining => arabic::cells(line, dice),
        _ => french::cells(form, line, dice),
    }
}

/// A multi-select gives a row a code, or one row where nothing was chosen.
fn n_rows(record: &Record) -> u64 {
    match &record.own {
        Own::Needs { needs, .. } => needs.len().max(1) as u64,
        _ => 1,
    }
}
