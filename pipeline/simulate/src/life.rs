//! What happens to a person in eight quarters: the records, by kind and in order of time.
//!
//! Claim used by the writers: two records of one person and kind never have the same day and the same codes, so that none is
//! a duplicate of another unless one was planted.

use std::collections::BTreeSet;

use crate::calendar::{Day, LAST_DAY, quarter_days};
use crate::model::{
    CHILD_ACTIONS, EXPLOITATIONS, N_NEEDS, NEEDS, REGIONS, RETURN_STAGES, SEASON, SERVICES, TRAININGS,
    VULNERABILITIES, YOUTH_ACTIONS,
};
use crate::population::{Change, Person, Register};
use crate::random::Dice;
use crate::record::{Own, Record};

/// All records of a person.
pub(crate) fn records(person: &Person, dice: &mut Dice) -> Vec<Record> {
    let roles = person.roles;
    let mut life = Life { person, entry: entry_day(person, dice), dice, records: Vec::new() };
    // Services and needs come first: a return begins where they end.
    if roles.assisted {
        life.services();
    }
    if roles.assessed {
        life.assessments();
    }
    if roles.trained {
        life.courses();
    }
    if roles.youth {
        life.youth_actions();
    }
    if roles.returned {
        life.return_home();
    }
    if roles.child {
        life.child_protection();
    }
    if roles.trafficked {
        life.identification();
    }
    if roles.is_registered() {
        life.registration();
    }
    life.records
}

fn entry_day(person: &Person, dice: &mut Dice) -> Day {
    let (first, last) = quarter_days(dice.pick(&SEASON));
    let day = dice.between(first, last);
    // Who returns, or is looked after through several stages, must have come early enough.
    let latest = if person.roles.returned || person.roles.child { LAST_DAY - 120 } else { LAST_DAY };
    Day::new(if day > latest { day - 240 } else { day })
}

struct Life<'a> {
    person: &'a Person,
    entry: Day,
    dice: &'a mut Dice,
    records: Vec<Record>,
}

impl Life<'_> {
    fn add(&mut self, day: Day, region: &'static str, own: Own) {
        let person = self.person;
        let region = self.region_as_noted(region);
        let sex = match person.change {
            Some(Change::SexMissing(from)) if day >= from => "_U",
            _ => person.sex,
        };
        self.records.push(Record {
            day,
            region,
            sex,
            birth_year: person.birth_year,
            country: person.country,
            category: self.category(day),
            own,
        });
    }

    /// Some records lack the region, some lie outside the programme's.
    fn region_as_noted(&mut self, region: &'static str) -> &'static str {
        match self.dice.between(0, 199) {
            0 | 1 => "_U",
            2 => "_O",
            _ => region,
        }
    }

    fn category(&self, day: Day) -> &'static str {
        match (self.person.category, self.person.change) {
            ("IRREG", Some(Change::Status(from))) if day >= from => "REG",
            ("REG", Some(Change::Status(from))) if day >= from => "IRREG",
            (category, _) => category,
        }
    }

    fn services(&mut self) {
        let n = self.dice.n_services();
        // Of the 55 % with several services: 8 % of all in two regions within a quarter, 7 % later.
        let moves = if n == 1 { 999 } else { self.dice.between(0, 549) };
        let other = self.other_region();
        let days = match moves {
            0..80 => self.days_of_a_quick_move(n),
            80..150 => self.days_over(n, 300),
            _ => self.days_over(n, 25 * i32::try_from(n).unwrap_or(30)),
        };
        for (position, day) in days.iter().enumerate() {
            let moved = match moves {
                0..80 => position % 2 == 1,
                80..150 => day.quarter() > days[0].quarter(),
                _ => false,
            };
            let own = self.service();
            self.add(*day, if moved { other } else { self.person.region }, own);
        }
    }

    fn service(&mut self) -> Own {
        let service = self.dice.pick(&SERVICES);
        let centimes =
            (service == "CASH").then(|| self.dice.between(2, 60) * 5_000 + self.dice.between(0, 1) * 50);
        Own::Assistance {
            service,
            units: if self.dice.chance(800) { 1 } else { self.dice.between(2, 6) },
            centimes,
        }
    }

    fn other_region(&mut self) -> &'static str {
        loop {
            let region = self.dice.pick(&REGIONS);
            if region != self.person.region {
                return region;
            }
        }
    }

    /// So many different days, the first at entry, the others within a span.
    fn days_over(&mut self, n: u32, span: i32) -> Vec<Day> {
        let n = i32::try_from(n).unwrap_or(i32::MAX);
        let first = self.entry.number().min(LAST_DAY - 2 * n).max(0);
        let last = (first + span.max(2 * n)).min(LAST_DAY);
        self.distinct_days(&[first], n, last)
    }

    /// The first two on neighbouring days of one quarter.
    fn days_of_a_quick_move(&mut self, n: u32) -> Vec<Day> {
        let n = i32::try_from(n).unwrap_or(i32::MAX);
        let mut first = self.entry.number().min(LAST_DAY - 2 * n).max(0);
        if Day::new(first + 1).quarter() != Day::new(first).quarter() {
            first -= 1;
        }
        self.distinct_days(&[first, first + 1], n, (first + 25 * n).min(LAST_DAY))
    }

    fn distinct_days(&mut self, given: &[i32], n: i32, last: i32) -> Vec<Day> {
        let mut days: BTreeSet<i32> = given.iter().copied().collect();
        let latest_given = given.iter().copied().max().unwrap_or(0);
        while i32::try_from(days.len()).unwrap_or(i32::MAX) < n {
            days.insert(self.dice.between(latest_given + 1, last));
        }
        days.into_iter().map(Day::new).collect()
    }

    /// An assessment shortly before the first service, or at entry; some are repeated after four months or more.
    fn assessments(&mut self) {
        let lag = if self.person.roles.assisted { self.dice.between(0, 120) - 20 } else { 0 };
        let mut day = self.entry.number() - lag;
        for round in 1..=3 {
            self.assessment(Day::new(day), round);
            day += 120 + self.dice.between(0, 90);
            if day > LAST_DAY || !self.dice.chance(180) {
                break;
            }
        }
    }

    fn assessment(&mut self, day: Day, round: usize) {
        let mut needs: Vec<&str> = Vec::new();
        let n = self.dice.pick(&N_NEEDS);
        while needs.len() < n {
            let need = self.dice.pick(&NEEDS);
            if !needs.contains(&need) {
                needs.push(need);
            }
        }
        let (vulnerability, urgent) = (self.vulnerability(), self.dice.chance(220));
        let region = self.person.region;
        if self.person.roles.register == Register::SurveyTool {
            return self.add(day, region, Own::Needs { needs, vulnerability, round, urgent });
        }
        // A partner's sheet has one line a need, and one line where none was found.
        if needs.is_empty() {
            needs.push("_U");
        }
        for need in needs {
            self.add(day, region, Own::Needs { needs: vec![need], vulnerability, round, urgent });
        }
    }

    fn vulnerability(&mut self) -> &'static str {
        match self.dice.pick(&VULNERABILITIES) {
            "PREG" if self.person.sex != "F" => "NONE",
            "ELD" if self.person.birth_year.is_none_or(|year| year > 1963) => "NONE",
            vulnerability => vulnerability,
        }
    }

    fn courses(&mut self) {
        let n = 1 + self.dice.goes_on(250, 3);
        for day in self.days_over(n, 200) {
            let own = Own::Training {
                training: self.dice.pick(&TRAININGS),
                half_hours: self.dice.between(4, 120),
                completed: self.dice.chance(780),
            };
            self.add(day, self.person.region, own);
        }
    }

    fn youth_actions(&mut self) {
        let n = 1 + self.dice.goes_on(600, 23);
        for day in self.days_over(n, 180) {
            let own =
                Own::Youth { action: self.dice.pick(&YOUTH_ACTIONS), half_hours: self.dice.between(1, 12) };
            self.add(day, "MA-01", own);
        }
    }

    /// Stages of the return from the last service on; gaps shrink where little time is left.
    fn return_home(&mut self) {
        let stages = match (self.person.roles.reintegrated, self.dice.between(0, 99)) {
            (true, 0..60) => 5,
            (true, _) => 4,
            (false, 0..75) => 3,
            (false, _) => 2,
        };
        let since = self.records.iter().map(|record| record.day).max().unwrap_or(self.entry);
        let mut day = since.number().min(LAST_DAY - 30);
        let gap = ((LAST_DAY - day) / stages).min(70);
        let destination = self.person.country;
        for stage in RETURN_STAGES.into_iter().take(usize::try_from(stages).unwrap_or(5)) {
            self.add(Day::new(day), self.person.region, Own::Return { stage, destination });
            day += self.dice.between(3.min(gap), gap);
        }
    }

    fn child_protection(&mut self) {
        let n = self.dice.between(1, 4);
        let mut day = self.entry.number();
        for _ in 0..n {
            self.add_child_action(day);
            day += self.dice.between(5, 25);
        }
        if self.person.roles.reunified {
            self.add(Day::new(day), self.person.region, Own::Child { action: "REUNIFIED" });
        }
    }

    fn add_child_action(&mut self, day: i32) {
        let action = self.dice.pick(&CHILD_ACTIONS);
        self.add(Day::new(day), self.person.region, Own::Child { action });
    }

    fn identification(&mut self) {
        let n = if self.dice.chance(80) { 2 } else { 1 };
        for day in self.days_over(n, 150) {
            let exploitation = self.dice.pick(&EXPLOITATIONS);
            self.add(day, self.person.region, Own::Trafficking { exploitation });
        }
    }

    /// At the first record; once more when the situation changes later.
    fn registration(&mut self) {
        let Some(first) = self.records.iter().map(|record| record.day).min() else { return };
        let household = self.dice.between(1, 4) + self.dice.between(0, 3);
        let vulnerability = self.vulnerability();
        let days = match self.person.change {
            Some(Change::Status(day)) if day > first => vec![first, day],
            _ => vec![first],
        };
        for day in days {
            let status = self.status(day);
            self.add(day, self.person.region, Own::Registration { status, vulnerability, household });
        }
    }

    fn status(&mut self, day: Day) -> &'static str {
        let seeks_protection = self.dice.chance(110);
        match self.category(day) {
            "HOST" => "NAT",
            "IRREG" if seeks_protection => "ASY",
            "REG" if seeks_protection => "REF",
            "IRREG" | "UASC" => "IRREG",
            "REG" | "SEASONAL" => "REG",
            _ => "_U",
        }
    }
}
