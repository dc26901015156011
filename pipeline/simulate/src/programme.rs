//! A fictitious programme of eight quarters, drawn person by person: its extracts and its truth.

use std::fs;
use std::path::{Path, PathBuf};

use marsad_catalog::Catalog;

use marsad_terms::Progress;

use crate::calendar::{Day, quarter_days};
use crate::error::Error;
use crate::extract::{Activity, Desk, Form, Written};
use crate::life;
use crate::model::{ORG_TYPES, REGIONS};
use crate::population::{Counts, Person, Register, Roles};
use crate::random::Dice;
use crate::record::{Own, Record};
use crate::truth::Truth;

/// Streams of the seed beyond any person's.
const ORGANISATIONS: u64 = u64::MAX;
const CROWD: u64 = u64::MAX - 1;

/// A fictitious programme: the same for the same seed and scale, whatever the machine.
#[derive(Clone, Copy, Debug)]
pub struct Programme {
    seed: u64,
    counts: Counts,
}

/// An extract that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extract {
    /// The file.
    pub file: PathBuf,
    /// The mapping that reads it.
    pub mapping: String,
    /// The record type that it fills.
    pub record_type: String,
}

impl Programme {
    /// The programme of that seed. `scale` 1.0 is the size of the programme document; the catalogue must have the mappings
    /// that the extracts are written for.
    ///
    /// # Errors
    /// `Scale` outside 0.001 to 50, `Mapping` if the catalogue lacks one.
    pub fn new(seed: u64, scale: f64, catalog: &Catalog) -> Result<Self, Error> {
        if !(0.001..=50.0).contains(&scale) {
            return Err(Error::Scale(scale));
        }
        let missing =
            Form::ALL.map(Form::mapping).into_iter().find(|(id, _)| !catalog.mappings.contains_key(*id));
        match missing {
            Some((mapping, _)) => Err(Error::Mapping(mapping)),
            None => Ok(Self { seed, counts: Counts::at(scale) }),
        }
    }

    /// How many people there are of each kind.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Writes the extracts of all partners into a folder, over what has the same name there. They come back in the order in
    /// which [`Truth`] expects them to be landed. Progress counts persons.
    ///
    /// # Errors
    /// `Write` if the folder or a file cannot be written.
    pub fn write_extracts(&self, dir: &Path, progress: Progress<'_>) -> Result<Vec<Extract>, Error> {
        fs::create_dir_all(dir).map_err(Error::write(dir))?;
        let (written, _) = self.run(Some(dir), progress)?;
        let extract = |written: Written| {
            let (mapping, record_type) = written.form.mapping();
            Extract { file: dir.join(written.name), mapping: mapping.into(), record_type: record_type.into() }
        };
        Ok(written.into_iter().map(extract).collect())
    }

    /// What is true of the programme, and what must become of each record of its extracts.
    pub fn truth(&self) -> Truth {
        let (written, mut truth) =
            self.run(None, &|_, _| {}).expect("a desk without a folder writes nowhere");
        truth.outcomes = written.into_iter().map(|written| (written.name, written.outcomes)).collect();
        truth
    }

    fn run(&self, dir: Option<&Path>, progress: Progress<'_>) -> Result<(Vec<Written>, Truth), Error> {
        let mut desk = Desk::new(dir);
        let mut truth = Truth::new(self.counts);
        let n_persons = self.counts.persons();
        for index in 0..n_persons {
            self.person(index, &mut desk, &mut truth)?;
            if index % 1_024 == 0 {
                progress(index, n_persons);
            }
        }
        self.organisations(&mut desk, &mut truth)?;
        self.implausible(&mut desk)?;
        progress(n_persons, n_persons);
        Ok((desk.finish()?, truth))
    }

    /// Life and handwriting have streams of their own: how a record is spelled changes nothing that is true.
    fn person(&self, index: u64, desk: &mut Desk<'_>, truth: &mut Truth) -> Result<(), Error> {
        let mut dice = Dice::new(self.seed, 2 * index);
        let person = Person::draw(index, Roles::of(index, &self.counts), &mut dice);
        let records = life::records(&person, &mut dice);
        if person.consents {
            truth.add_person(&records);
        }
        let mut handwriting = Dice::new(self.seed, 2 * index + 1);
        records.iter().try_for_each(|record| desk.record(&person, record, &mut handwriting))
    }

    /// Capacity building and coordination in all quarters, teachers in a few larger groups.
    fn organisations(&self, desk: &mut Desk<'_>, truth: &mut Truth) -> Result<(), Error> {
        let mut dice = Dice::new(self.seed, ORGANISATIONS);
        let counts = &self.counts;
        let kinds =
            [("CAPACITY", counts.stakeholders), ("COORD", counts.coordination), ("TEACHER", counts.teachers)];
        for (purpose, participants) in kinds {
            // Groups of 10 to 20, so that none of teachers is below 5; at least one.
            let n = (participants / 12).max(1);
            for group in 0..n {
                let size = (group + 1) * participants / n - group * participants / n;
                let quarter = usize::try_from(group % 8).unwrap_or(0);
                let activity = organised(purpose, size, quarter, &mut dice);
                truth.add_activity(&activity);
                desk.activity(&activity, &mut dice)?;
            }
        }
        Ok(())
    }

    /// Persons with more rows in one quarter than are plausible: they belong to nobody in the truth.
    fn implausible(&self, desk: &mut Desk<'_>) -> Result<(), Error> {
        let mut dice = Dice::new(self.seed, CROWD);
        let mut crowds = vec![(Register::Partner, registrations(5)), (Register::SurveyTool, assessments(5))];
        // Forty-one services are too many faults for a small programme.
        if self.counts.assisted >= 1_500 {
            crowds.push((Register::Partner, services(41)));
        }
        for (index, (register, owns)) in (self.counts.persons()..).zip(crowds) {
            let roles = Roles { register, ..Roles::of(0, &self.counts) };
            let person = Person { consents: true, ..Person::draw(index, roles, &mut dice) };
            let records: Vec<Record> =
                owns.into_iter().zip(0..).map(|(own, day)| crowded(&person, Day::new(day), own)).collect();
            desk.implausible(&person, &records, &mut dice)?;
        }
        Ok(())
    }
}

fn organised(purpose: &'static str, participants: u64, quarter: usize, dice: &mut Dice) -> Activity {
    let (first, last) = quarter_days(quarter);
    let day = Day::new(dice.between(first, last));
    let organisation = if purpose == "TEACHER" { "SCHOOL" } else { dice.pick(&ORG_TYPES) };
    let organisations = dice.between(1, 6);
    Activity { day, region: dice.pick(&REGIONS), organisation, purpose, participants, organisations }
}

fn crowded(person: &Person, day: Day, own: Own) -> Record {
    Record {
        day,
        region: person.region,
        sex: person.sex,
        birth_year: person.birth_year,
        country: person.country,
        category: person.category,
        own,
    }
}

fn registrations(n: usize) -> Vec<Own> {
    vec![Own::Registration { status: "IRREG", vulnerability: "NONE", household: 2 }; n]
}

fn assessments(n: usize) -> Vec<Own> {
    let assessment = |round| Own::Needs {
        needs: vec!["HEALTH", "FOOD", "SHELTER"],
        vulnerability: "NONE",
        round,
        urgent: false,
    };
    (1..=n).map(assessment).collect()
}

fn services(n: usize) -> Vec<Own> {
    vec![Own::Assistance { service: "FOOD", units: 1, centimes: None }; n]
}

#[cfg(test)]
mod tests;
