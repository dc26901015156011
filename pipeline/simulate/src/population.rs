//! Who the fictitious people are: how many there are of each kind, what they look like, what of the programme they meet.
//!
//! Person `i` is drawn from stream `2 i` of the seed and depends on nobody else, so that the population streams.
//! Kinds lie in blocks of `i`: the assisted first (some of them trained, young, returning, children), then those who
//! are only trained, only young, only returning, only children, only assessed, and victims of trafficking.

use crate::calendar::Day;
use crate::model::{AGES, CATEGORIES, FOREIGN, REGIONS, SEXES};
use crate::random::{Dice, is_spread, spread_before};

/// Persons of each kind, consent or not; participants for the last three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// With at least one service.
    pub assisted: u64,
    /// With at least one assessment; most are nothing else.
    pub assessed: u64,
    /// With at least one course.
    pub trained: u64,
    /// With at least one youth action.
    pub youth: u64,
    /// With at least one stage of a return.
    pub returned: u64,
    /// Of the returned, those whose reintegration began.
    pub reintegrated: u64,
    /// Children with an action of child protection.
    pub children: u64,
    /// Of the children, those reunified.
    pub reunified: u64,
    /// Identified as victims of trafficking.
    pub trafficked: u64,
    /// Participants in capacity building.
    pub stakeholders: u64,
    /// Participants in coordination.
    pub coordination: u64,
    /// Participants in teacher training; at least 5, since landing refuses smaller groups.
    pub teachers: u64,
}

impl Counts {
    /// The counts of the programme document times `scale`, rounded, and at least one of each.
    pub(crate) fn at(scale: f64) -> Self {
        let n = |count: f64| times(count, scale);
        let children = n(80.0);
        let returned = n(1_000.0);
        Self {
            assisted: n(15_200.0),
            assessed: n(50_000.0),
            trained: n(400.0),
            youth: n(3_500.0),
            returned,
            reintegrated: n(400.0).min(returned),
            children,
            reunified: n(50.0).min(children),
            trafficked: n(60.0),
            stakeholders: n(120.0),
            coordination: n(350.0),
            teachers: n(100.0).max(5),
        }
    }

    /// Assessed under their file number; the others through the survey tool, under a number of its own.
    fn assessed_by_partner(&self) -> u64 {
        (self.assisted * 4 / 5).min(self.assessed)
    }

    /// Of the assisted: children, returned, young, trained.
    fn within_assisted(&self) -> [u64; 4] {
        [self.children / 2, self.returned / 2, self.youth / 10, self.trained * 2 / 5]
    }

    fn blocks(&self) -> [(Block, u64); 7] {
        let [children, returned, youth, trained] = self.within_assisted();
        let by_partner = self.trained * 3 / 10;
        [
            (Block::Assisted, self.assisted),
            (Block::Trained, by_partner),
            (Block::TrainedInArabic, self.trained - trained - by_partner),
            (Block::Youth, self.youth - youth),
            (Block::Returned, self.returned - returned),
            (Block::Child, self.children - children),
            (Block::Assessed, self.assessed - self.assessed_by_partner()),
        ]
    }

    /// All persons.
    pub(crate) fn persons(&self) -> u64 {
        self.blocks().iter().map(|(_, n)| n).sum::<u64>() + self.trafficked
    }
}

/// Rounded, at least one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "both factors are positive and bounded"
)]
fn times(count: f64, scale: f64) -> u64 {
    ((count * scale).round() as u64).max(1)
}

#[derive(Clone, Copy)]
enum Block {
    Assisted,
    Trained,
    TrainedInArabic,
    Youth,
    Returned,
    Child,
    Assessed,
}

/// Who keeps a person's number: one person has one number under one scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    Partner,
    SurveyTool,
    TrainingCentre,
    Restricted,
}

/// What a person meets in the programme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not states of one machine")]
pub(crate) struct Roles {
    pub(crate) register: Register,
    pub(crate) assisted: bool,
    pub(crate) assessed: bool,
    pub(crate) trained: bool,
    pub(crate) youth: bool,
    pub(crate) returned: bool,
    pub(crate) reintegrated: bool,
    pub(crate) child: bool,
    pub(crate) reunified: bool,
    pub(crate) trafficked: bool,
}

impl Roles {
    const NONE: Self = Self {
        register: Register::Partner,
        assisted: false,
        assessed: false,
        trained: false,
        youth: false,
        returned: false,
        reintegrated: false,
        child: false,
        reunified: false,
        trafficked: false,
    };

    /// The roles of the person of that number, which is below [`Counts::persons`].
    pub(crate) fn of(index: u64, counts: &Counts) -> Self {
        let mut i = index;
        for (block, n) in counts.blocks() {
            if i < n {
                return Self::in_block(block, i, counts);
            }
            i -= n;
        }
        Self { trafficked: true, register: Register::Restricted, ..Self::NONE }
    }

    fn in_block(block: Block, i: u64, counts: &Counts) -> Self {
        let [children, returned, ..] = counts.within_assisted();
        match block {
            Block::Assisted => Self::assisted(i, counts),
            Block::Trained => Self { trained: true, ..Self::NONE },
            Block::TrainedInArabic => {
                Self { trained: true, register: Register::TrainingCentre, ..Self::NONE }
            }
            Block::Youth => Self { youth: true, ..Self::NONE },
            Block::Returned => Self::NONE.returning(returned + i, counts),
            Block::Child => Self::NONE.protected(children + i, counts),
            Block::Assessed => Self { assessed: true, register: Register::SurveyTool, ..Self::NONE },
        }
    }

    fn assisted(i: u64, counts: &Counts) -> Self {
        let n = counts.assisted;
        let assessed = is_spread(i, n, counts.assessed_by_partner());
        let roles = Self { assisted: true, assessed, ..Self::NONE };
        let within = counts.within_assisted();
        let others: u64 = within.iter().sum::<u64>().min(n);
        // From the far end, so that the assessed are not favoured.
        let i = n - 1 - i;
        if !is_spread(i, n, others) {
            return roles;
        }
        let [children, returned, youth, _] = within;
        let place = shuffled(spread_before(i, n, others), others);
        if place < children {
            roles.protected(place, counts)
        } else if place < children + returned {
            roles.returning(place - children, counts)
        } else if place < children + returned + youth {
            Self { youth: true, ..roles }
        } else {
            Self { trained: true, ..roles }
        }
    }

    fn returning(self, i: u64, counts: &Counts) -> Self {
        Self { returned: true, reintegrated: is_spread(i, counts.returned, counts.reintegrated), ..self }
    }

    fn protected(self, i: u64, counts: &Counts) -> Self {
        Self { child: true, reunified: is_spread(i, counts.children, counts.reunified), ..self }
    }

    /// Direct beneficiaries of a partner are registered; those only assessed, and those of the training centre, are not.
    pub(crate) fn is_registered(self) -> bool {
        self.register == Register::Partner
    }
}

/// A permutation of the numbers below `n`.
fn shuffled(i: u64, n: u64) -> u64 {
    const PRIME: u64 = 7_919;
    if n.is_multiple_of(PRIME) { i } else { i * PRIME % n }
}

/// What changes between two records of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// From that day on the sex is not recorded.
    SexMissing(Day),
    /// From that day on the person's situation is another one.
    Status(Day),
    /// The birthday of 2024 leads into the next age group.
    Birthday,
}

/// One fictitious person.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) index: u64,
    pub(crate) roles: Roles,
    pub(crate) consents: bool,
    pub(crate) sex: &'static str,
    pub(crate) birth_year: Option<i32>,
    /// Position in `COUNTRIES`.
    pub(crate) country: Option<usize>,
    pub(crate) category: &'static str,
    pub(crate) region: &'static str,
    pub(crate) change: Option<Change>,
    /// The partner who sends the records: 0 or 1.
    pub(crate) partner: usize,
    /// Both partners send the services.
    pub(crate) sent_twice: bool,
}

impl Person {
    pub(crate) fn draw(index: u64, roles: Roles, dice: &mut Dice) -> Self {
        let change = draw_change(roles, dice);
        let country = draw_country(roles, dice);
        let birth_year = draw_birth_year(roles, change, dice);
        Self {
            index,
            roles,
            consents: !dice.chance(60),
            sex: dice.pick(&SEXES),
            birth_year: (!dice.chance(15)).then_some(birth_year),
            country: (!dice.chance(20)).then_some(country),
            category: draw_category(roles, country, dice),
            region: if roles.youth { "MA-01" } else { dice.pick(&REGIONS) },
            change,
            partner: usize::from(dice.chance(450)),
            sent_twice: roles.assisted && dice.chance(30),
        }
    }

    /// The number that stands for the person, in ranges that no real or sample file uses.
    pub(crate) fn identifier(&self) -> String {
        let number = self.index + 1;
        match self.roles.register {
            Register::Partner if self.roles.youth && !self.roles.assisted => format!("TNG-5{number:06}"),
            Register::Partner => format!("P-50{number:06}"),
            Register::SurveyTool => format!("CPP-5{number:06}"),
            Register::TrainingCentre => format!("ت-5{number:06}"),
            Register::Restricted => format!("P-58{number:06}"),
        }
    }
}

fn draw_change(roles: Roles, dice: &mut Dice) -> Option<Change> {
    if roles.child || !dice.chance(120) {
        return None;
    }
    let day = Day::new(dice.between(120, 600));
    Some(dice.one_of(&[Change::SexMissing(day), Change::Status(day), Change::Birthday]))
}

fn draw_country(roles: Roles, dice: &mut Dice) -> usize {
    let moroccan = match roles {
        Roles { returned: true, .. } => 0,
        Roles { assisted: true, .. } => 50,
        Roles { youth: true, .. } => 550,
        Roles { child: true, .. } => 200,
        _ => 20,
    };
    if dice.chance(moroccan) { 0 } else { dice.pick(&FOREIGN) }
}

fn draw_birth_year(roles: Roles, change: Option<Change>, dice: &mut Dice) -> i32 {
    if change == Some(Change::Birthday) {
        let ages: &[i32] = if roles.youth { &[17] } else { &[17, 29, 59] };
        return 2023 - dice.one_of(ages);
    }
    let (low, high) = match roles {
        Roles { child: true, .. } => (5, 16),
        Roles { youth: true, .. } => (14, 28),
        Roles { trained: true, .. } => (17, 49),
        _ => dice.pick(&AGES),
    };
    2023 - dice.between(low, high)
}

fn draw_category(roles: Roles, country: usize, dice: &mut Dice) -> &'static str {
    match roles {
        Roles { child: true, .. } => "UASC",
        Roles { trafficked: true, .. } => "VOT",
        _ if country == 0 => "HOST",
        _ => dice.pick(&CATEGORIES),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(counts: &Counts, has: impl Fn(Roles) -> bool) -> u64 {
        (0..counts.persons()).filter(|index| has(Roles::of(*index, counts))).count() as u64
    }

    #[test]
    fn every_scale_has_its_counts() {
        for scale in [0.001, 0.01, 0.37, 1.0] {
            let counts = Counts::at(scale);
            assert_eq!(count(&counts, |roles| roles.assisted), counts.assisted, "{scale}");
            assert_eq!(count(&counts, |roles| roles.assessed), counts.assessed, "{scale}");
            assert_eq!(count(&counts, |roles| roles.trained), counts.trained, "{scale}");
            assert_eq!(count(&counts, |roles| roles.youth), counts.youth, "{scale}");
            assert_eq!(count(&counts, |roles| roles.returned), counts.returned, "{scale}");
            assert_eq!(count(&counts, |roles| roles.reintegrated), counts.reintegrated, "{scale}");
            assert_eq!(count(&counts, |roles| roles.child), counts.children, "{scale}");
            assert_eq!(count(&counts, |roles| roles.reunified), counts.reunified, "{scale}");
            assert_eq!(count(&counts, |roles| roles.trafficked), counts.trafficked, "{scale}");
        }
    }

    #[test]
    fn the_programmes_size_is_the_documents() {
        let counts = Counts::at(1.0);
        let direct = [
            counts.assisted,
            counts.trained,
            counts.reunified,
            counts.youth,
            counts.returned,
            counts.stakeholders,
            counts.coordination,
            counts.teachers,
        ];
        assert_eq!(direct.iter().sum::<u64>(), 20_720);
        assert_eq!((counts.assessed, counts.reintegrated), (50_000, 400));
        assert_eq!(count(&counts, |roles| roles.assisted && roles.returned), 500);
        assert_eq!(count(&counts, |roles| roles.assisted && roles.assessed), 12_160);
    }
}
