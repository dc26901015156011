//! Dice of the simulator: ChaCha8 by seed and stream, so that each person can be drawn alone and always the same.
//!
//! Never a source of noise or keys: whoever knows the seed knows every draw.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A stream of draws.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of that number under the seed.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(stream);
        Self(generator)
    }

    /// True in so many of a thousand draws.
    pub(crate) fn chance(&mut self, per_mille: u32) -> bool {
        self.0.random_range(0..1000) < per_mille
    }

    /// A number from `low` to `high`, both inside; `low` if the range is empty.
    pub(crate) fn between(&mut self, low: i32, high: i32) -> i32 {
        if low < high { self.0.random_range(low..=high) } else { low }
    }

    /// One of the choices, by weight.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[(T, u32)]) -> T {
        let total = choices.iter().map(|(_, weight)| weight).sum();
        let mut left = self.0.random_range(0..total);
        for (choice, weight) in choices {
            if left < *weight {
                return *choice;
            }
            left -= weight;
        }
        unreachable!("a draw below the total weight lies in one of the choices")
    }

    /// One of the choices, each alike.
    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.0.random_range(0..choices.len())]
    }

    /// How often one goes on before stopping, at most `most` times.
    pub(crate) fn goes_on(&mut self, per_mille: u32, most: u32) -> u32 {
        let mut times = 0;
        while times < most && self.chance(per_mille) {
            times += 1;
        }
        times
    }

    /// Services of one assisted person: 45 % one, a tail to 30.
    pub(crate) fn n_services(&mut self) -> u32 {
        if self.chance(450) {
            return 1;
        }
        let go_on = if self.chance(120) { 900 } else { 560 };
        2 + self.goes_on(go_on, 28)
    }
}

/// Whether the i-th of n is one of the k that are spread evenly among them; exactly k are.
pub(crate) fn is_spread(i: u64, n: u64, k: u64) -> bool {
    spread_before(i + 1, n, k) > spread_before(i, n, k)
}

/// How many of the k lie before the i-th of n.
pub(crate) fn spread_before(i: u64, n: u64, k: u64) -> u64 {
    let before = u128::from(i) * u128::from(k) / u128::from(n.max(1));
    u64::try_from(before).expect("i is at most n, so the quotient is at most k")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_so_many_are_spread() {
        for (n, k) in [(10, 3), (152, 11), (15_200, 12_160), (7, 7), (7, 0)] {
            assert_eq!((0..n).filter(|i| is_spread(*i, n, k)).count() as u64, k, "{k} of {n}");
        }
    }

    #[test]
    fn services_have_the_papers_tail() {
        let mut dice = Dice::new(1, 0);
        let counts: Vec<u32> = (0..20_000).map(|_| dice.n_services()).collect();
        let once = counts.iter().filter(|n| **n == 1).count();
        assert!((8_700..9_300).contains(&once), "{once}");
        assert_eq!(counts.iter().max(), Some(&30));
    }
}
