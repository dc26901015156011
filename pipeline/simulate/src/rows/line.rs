//! The bytes of one service: every spelling is encoded once, a line is copied together from them.

use encoding_rs::WINDOWS_1252;

use crate::calendar::Day;
use crate::extract::{HEADER_OF_ASSISTANCE, assistance_spellings};
use crate::model::{CATEGORIES, COUNTRIES, FOREIGN, REGIONS, SERVICES, SEXES};
use crate::random::Dice;

/// Regions by position: those of [`REGIONS`], then outside and unknown.
pub(super) const N_REGIONS: usize = REGIONS.len() + 2;

/// The code of a region's position.
pub(super) fn region_code(region: usize) -> &'static str {
    REGIONS.get(region).map_or(if region == REGIONS.len() { "_O" } else { "_U" }, |(code, _)| code)
}

/// A person as far as these lines tell.
pub(super) struct Person {
    pub(super) consents: bool,
    number: u64,
    regions: [usize; 2],
    sex: usize,
    birth_year: i32,
    country: usize,
    category: usize,
}

/// One service; region and kind by position.
pub(super) struct Service {
    pub(super) day: Day,
    pub(super) region: usize,
    pub(super) kind: usize,
}

/// Ready spellings by position of the code.
struct Cells(Vec<Vec<Vec<u8>>>);

impl Cells {
    fn new(column: &str, codes: impl Iterator<Item = &'static str>) -> Self {
        Self(
            codes
                .map(|code| assistance_spellings(column, code).iter().map(|text| encoded(text)).collect())
                .collect(),
        )
    }

    fn push(&self, line: &mut Vec<u8>, code: usize, dice: &mut Dice) {
        let all = &self.0[code];
        let spelling = if all.len() == 1 || dice.chance(700) { 0 } else { dice.between(1, last(all)) };
        line.extend_from_slice(&all[usize::try_from(spelling).unwrap_or(0)]);
        line.push(b';');
    }
}

fn last<T>(all: &[T]) -> i32 {
    i32::try_from(all.len()).unwrap_or(i32::MAX) - 1
}

fn encoded(text: &str) -> Vec<u8> {
    WINDOWS_1252.encode(text).0.into_owned()
}

/// Everything that lines are copied from.
pub(super) struct Lines {
    dates: Vec<[Vec<u8>; 2]>,
    regions: Cells,
    sexes: Cells,
    countries: Vec<Vec<u8>>,
    categories: Cells,
    services: Cells,
    region_choices: Vec<(usize, u32)>,
    service_choices: Vec<(usize, u32)>,
}

impl Lines {
    pub(super) fn new() -> Self {
        let date = |day| {
            ["%d/%m/%Y", "%Y-%m-%d"].map(|form| Day::new(day).date().format(form).to_string().into_bytes())
        };
        Self {
            dates: (0..=crate::calendar::LAST_DAY).map(date).collect(),
            regions: Cells::new("region", (0..N_REGIONS).map(region_code)),
            sexes: Cells::new("sex", SEXES.iter().map(|(code, _)| *code)),
            countries: COUNTRIES.iter().map(|country| encoded(country.fr)).collect(),
            categories: Cells::new("beneficiary_category", CATEGORIES.iter().map(|(code, _)| *code)),
            services: Cells::new("service_type", SERVICES.iter().map(|(code, _)| *code)),
            region_choices: REGIONS.iter().enumerate().map(|(i, (_, weight))| (i, *weight)).collect(),
            service_choices: SERVICES.iter().enumerate().map(|(i, (_, weight))| (i, *weight)).collect(),
        }
    }

    /// The first line of the file.
    pub(super) fn header() -> Vec<u8> {
        encoded(&(HEADER_OF_ASSISTANCE.join(";") + "\r\n"))
    }

    /// A new person; one in seven moves between two regions.
    pub(super) fn person(&self, number: u64, dice: &mut Dice) -> Person {
        let home = dice.pick(&self.region_choices);
        let other = if dice.chance(150) { dice.pick(&self.region_choices) } else { home };
        Person {
            consents: !dice.chance(60),
            number,
            regions: [home, other],
            sex: position(&SEXES, dice),
            birth_year: dice.between(1950, 2018),
            country: if dice.chance(50) { 0 } else { dice.pick(&FOREIGN) },
            category: position(&CATEGORIES, dice),
        }
    }

    /// A service of that day.
    pub(super) fn service(&self, person: &Person, day: i32, dice: &mut Dice) -> Service {
        let region = match dice.between(0, 199) {
            0 | 1 => N_REGIONS - 1,
            2 => N_REGIONS - 2,
            odd => person.regions[usize::from(odd % 2 == 1)],
        };
        Service { day: Day::new(day), region, kind: dice.pick(&self.service_choices) }
    }

    pub(super) fn write(&self, line: &mut Vec<u8>, person: &Person, service: &Service, dice: &mut Dice) {
        line.extend_from_slice(b"P-51");
        push_number(line, person.number, 7);
        line.push(b';');
        let date = &self.dates[usize::try_from(service.day.number()).unwrap_or(0)];
        line.extend_from_slice(&date[usize::from(dice.chance(240))]);
        line.push(b';');
        self.regions.push(line, service.region, dice);
        self.sexes.push(line, person.sex, dice);
        push_number(line, u64::from(person.birth_year.unsigned_abs()), 4);
        line.push(b';');
        line.extend_from_slice(&self.countries[person.country]);
        line.push(b';');
        self.categories.push(line, person.category, dice);
        self.services.push(line, service.kind, dice);
        line.push(if dice.chance(800) { b'1' } else { b'3' });
        line.push(b';');
        if SERVICES[service.kind].0 == "CASH" {
            push_number(line, u64::from(dice.between(2, 60).unsigned_abs()) * 50, 1);
            line.extend_from_slice(if dice.chance(500) { b",00" } else { b",50" });
        }
        line.extend_from_slice(if person.consents { b";oui;\r\n" } else { b";non;\r\n" });
    }
}

fn position(weighted: &[(&str, u32)], dice: &mut Dice) -> usize {
    let code = dice.pick(weighted);
    weighted.iter().position(|(other, _)| *other == code).unwrap_or(0)
}

/// Decimal digits, with zeros in front up to that width.
fn push_number(line: &mut Vec<u8>, number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let (mut left, mut first) = (number, digits.len());
    while left > 0 || digits.len() - first < width {
        first -= 1;
        digits[first] = b"0123456789"[usize::try_from(left % 10).unwrap_or(0)];
        left /= 10;
    }
    line.extend_from_slice(&digits[first..]);
}

#[cfg(test)]
mod tests {
    use super::push_number;

    #[test]
    fn numbers_are_written_with_their_zeros() {
        for (number, width, text) in
            [(0, 1, "0"), (17, 7, "0000017"), (12_345_678, 7, "12345678"), (50, 1, "50")]
        {
            let mut line = Vec::new();
            push_number(&mut line, number, width);
            assert_eq!(line, text.as_bytes());
        }
    }
}
