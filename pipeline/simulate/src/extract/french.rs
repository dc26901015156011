//! The cells of a French-speaking partner's sheets.

use super::csv::Encoding;
use super::desk::Line;
use super::form::{self, Form};
use super::spelling::{country, spelled, spellings, typed};
use crate::calendar::Day;
use crate::random::Dice;
use crate::record::Own;

/// The columns of services, for whoever writes many.
pub(crate) const HEADER_OF_ASSISTANCE: [&str; 12] = form::ASSISTANCE;

/// All spellings of a code in the partner's services.
pub(crate) fn assistance_spellings(column: &str, code: &str) -> &'static [&'static str] {
    spellings(column, code)
}

/// The cells of one line, in the order of the form's header.
pub(crate) fn cells(form: Form, line: &Line<'_>, dice: &mut Dice) -> Vec<String> {
    let encoding = form.manner().encoding;
    let mut pen = Pen { encoding, dice };
    let record = line.record;
    let mut cells = vec![pen.identifier(&line.person.identifier())];
    if form.has_identity() {
        cells.push(format!("{:05}/{}", line.serial, record.day.year()));
    }
    cells.push(pen.date(record.day));
    cells.push(pen.code("region", record.region));
    cells.push(pen.code("sex", record.sex));
    cells.push(match form {
        Form::Child => optional(record.age()),
        _ => optional(record.birth_year),
    });
    cells.push(country(record.country, encoding, pen.dice));
    if !matches!(form, Form::Child | Form::Trafficking) {
        cells.push(pen.code("beneficiary_category", record.category));
    }
    pen.own(&record.own, record.country, &mut cells);
    cells.push(pen.consent(line.consents));
    cells.push(pen.note());
    cells
}

/// An activity of organisations, under its number.
pub(crate) fn activity_cells(number: u64, activity: &super::desk::Activity, dice: &mut Dice) -> Vec<String> {
    let mut pen = Pen { encoding: Form::OrgActivity.manner().encoding, dice };
    vec![
        format!("{number:04}"),
        pen.date(activity.day),
        pen.code("region", activity.region),
        pen.code("org_type", activity.organisation),
        pen.code("activity_type", activity.purpose),
        activity.participants.to_string(),
        activity.organisations.to_string(),
        pen.note(),
    ]
}

fn optional(number: Option<i32>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

/// Hours from halves, with a decimal comma.
fn hours(halves: i32) -> String {
    match halves % 2 {
        0 => (halves / 2).to_string(),
        _ => format!("{},5", halves / 2),
    }
}

struct Pen<'a> {
    encoding: Encoding,
    dice: &'a mut Dice,
}

impl Pen<'_> {
    fn identifier(&mut self, identifier: &str) -> String {
        match self.dice.between(0, 49) {
            0 => identifier.to_lowercase(),
            1 => identifier.replace('-', "–"),
            2 => format!(" {identifier} "),
            _ => identifier.to_owned(),
        }
    }

    fn date(&mut self, day: Day) -> String {
        let form = if self.dice.chance(240) { "%Y-%m-%d" } else { "%d/%m/%Y" };
        day.date().format(form).to_string()
    }

    fn code(&mut self, column: &str, code: &str) -> String {
        spelled(column, code, self.encoding, self.dice)
    }

    fn boolean(&mut self, value: bool) -> String {
        let text = if value {
            self.dice.one_of(&["oui", "oui", "Oui", "1"])
        } else {
            self.dice.one_of(&["non", "non", "Non", "0"])
        };
        typed(text, self.encoding, self.dice)
    }

    fn consent(&mut self, consents: bool) -> String {
        let text = if consents {
            self.dice.one_of(&["oui", "oui", "oui", "Oui", "O", "1"])
        } else {
            self.dice.one_of(&["non", "non", "Non", "", "refus"])
        };
        text.to_owned()
    }

    fn note(&mut self) -> String {
        const NOTES: [&str; 5] = [
            "vue au centre",
            "revient lundi",
            "rdv @ 10 h",
            "orientée; à rappeler",
            "orientée vers le centre de santé;\r\nrevient lundi",
        ];
        if self.dice.chance(60) { self.dice.one_of(&NOTES).to_owned() } else { String::new() }
    }

    fn whole(&mut self, number: i32) -> String {
        match self.dice.between(0, 59) {
            0 => format!("{number},0"),
            1 => format!(" {number}"),
            _ => number.to_string(),
        }
    }

    fn money(&mut self, centimes: i32) -> String {
        let (dirhams, rest) = (centimes / 100, centimes % 100);
        let (thousands, units) = (dirhams / 1_000, dirhams % 1_000);
        match self.dice.between(0, 2) {
            _ if thousands == 0 => format!("{units},{rest:02}"),
            0 => format!("{dirhams},{rest:02}"),
            1 => format!("{thousands} {units:03},{rest:02}"),
            _ => format!("{thousands}\u{a0}{units:03},{rest:02}"),
        }
    }

    fn own(&mut self, own: &Own, nationality: Option<usize>, cells: &mut Vec<String>) {
        match own {
            Own::Registration { status, vulnerability, household } => cells.extend([
                self.code("migration_status", status),
                self.code("vulnerability", vulnerability),
                self.whole(*household),
            ]),
            Own::Needs { needs, vulnerability, round, urgent } => cells.extend([
                self.code("need_type", needs.first().copied().unwrap_or("_U")),
                self.code("vulnerability", vulnerability),
                round.to_string(),
                self.boolean(*urgent),
            ]),
            Own::Assistance { service, units, centimes } => cells.extend([
                self.code("service_type", service),
                self.whole(*units),
                centimes.map(|centimes| self.money(centimes)).unwrap_or_default(),
            ]),
            Own::Training { training, half_hours, completed } => cells.extend([
                self.code("training_type", training),
                hours(*half_hours),
                self.boolean(*completed),
            ]),
            Own::Youth { action, half_hours } => {
                cells.extend([self.code("youth_action_type", action), hours(*half_hours)]);
            }
            Own::Return { stage, destination } => cells
                .extend([self.code("return_stage", stage), country(*destination, self.encoding, self.dice)]),
            Own::Child { action } => {
                cells.extend([self.code("child_action", action), self.boolean(nationality == Some(0))]);
            }
            Own::Trafficking { exploitation } => cells.push(self.code("exploitation_type", exploitation)),
        }
    }
}
