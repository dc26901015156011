//! The home value: one code of a dimension for one person and period (algorithms 2.4).
//!
//! It looks at the person's rows of the period before any FILTER, and at nothing else.

use crate::shape::HomeRule;

/// Reusable memory: the distinct codes of the rows with their number and latest month.
#[derive(Default)]
pub(super) struct Candidates {
    seen: Vec<Candidate>,
}

struct Candidate {
    code: u16,
    rows: usize,
    latest: i32,
}

impl Candidates {
    /// The home code of `rows` (month, code): what the rule leaves, then what `key` puts first.
    ///
    /// `key` is the (tag, code) of a code and is asked only where the rule leaves several. No row: no code.
    pub(super) fn home<K: Ord>(
        &mut self,
        rule: Option<HomeRule>,
        rows: impl Iterator<Item = (i32, u16)>,
        key: impl Fn(u16) -> K,
    ) -> Option<u16> {
        self.collect(rows);
        match rule {
            Some(HomeRule::MostRecent) => self.keep_best(|candidate| i64::from(candidate.latest)),
            Some(HomeRule::MostFrequent) => self.keep_best(|candidate| candidate.rows as u64),
            Some(HomeRule::Priority) => self.keep_best(|candidate| std::cmp::Reverse(candidate.code)),
            None => {}
        }
        match self.seen.as_slice() {
            [] => None,
            [one] => Some(one.code),
            several => several.iter().map(|candidate| candidate.code).min_by_key(|code| key(*code)),
        }
    }

    fn collect(&mut self, rows: impl Iterator<Item = (i32, u16)>) {
        self.seen.clear();
        for (month, code) in rows {
            match self.seen.iter_mut().find(|candidate| candidate.code == code) {
                Some(candidate) => {
                    candidate.rows += 1;
                    candidate.latest = candidate.latest.max(month);
                }
                None => self.seen.push(Candidate { code, rows: 1, latest: month }),
            }
        }
    }

    fn keep_best<S: Ord>(&mut self, score: impl Fn(&Candidate) -> S) {
        if let Some(best) = self.seen.iter().map(&score).max() {
            self.seen.retain(|candidate| score(candidate) == best);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: Option<HomeRule>, rows: &[(i32, u16)], expected: Option<u16>) {
        // Code 7 comes first among ties, whatever the order of rows.
        let key = |code: u16| (code != 7, code);
        let mut candidates = Candidates::default();
        assert_eq!(candidates.home(rule, rows.iter().copied(), key), expected);
        assert_eq!(candidates.home(rule, rows.iter().rev().copied(), key), expected);
    }

    #[test]
    fn each_rule_picks_its_code_and_ties_fall_to_the_key() {
        check(Some(HomeRule::MostRecent), &[(1, 3), (1, 3), (2, 5)], Some(5));
        check(Some(HomeRule::MostFrequent), &[(1, 3), (1, 3), (2, 5)], Some(3));
        check(Some(HomeRule::Priority), &[(1, 9), (1, 3), (2, 5)], Some(3));
        check(None, &[(1, 9), (1, 3), (2, 7)], Some(7));
        check(Some(HomeRule::MostRecent), &[(2, 9), (2, 7), (1, 1)], Some(7));
        check(Some(HomeRule::MostFrequent), &[(2, 9), (2, 7), (1, 9), (1, 7), (1, 1)], Some(7));
        check(Some(HomeRule::MostRecent), &[], None);
    }
}
