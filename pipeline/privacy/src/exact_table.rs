//! The valve: exact sums go in by a constructor and out only by a move into `measure` (style 3).
//!
//! It deliberately lacks `Debug`, `Clone`, `Serialize`, equality and getters: nobody can read, print, copy or compare it.

use crate::error::Error;
use crate::joint::Joint;

/// Exact sums by cell of a whole release. Anyone may fill one; only [`crate::sampler::measure`] can read it, once.
pub struct ExactTable {
    joint: Joint,
    sums: Vec<Vec<i128>>,
}

impl ExactTable {
    /// Takes the sums of every statistic, in the joint's order and layout.
    ///
    /// # Errors
    /// `SumsDoNotFit` where a length differs from the shape's; it names lengths only.
    pub fn from_sums(joint: Joint, sums: Vec<Vec<i128>>) -> Result<Self, Error> {
        let expected: Vec<usize> =
            joint.shapes().iter().map(crate::shape::StatisticShape::n_coordinates).collect();
        if sums.len() != expected.len() {
            let (expected, found) = (expected.len(), sums.len());
            return Err(Error::SumsDoNotFit { statistic: 0, expected, found });
        }
        for (statistic, (expected, sums)) in expected.into_iter().zip(&sums).enumerate() {
            if sums.len() != expected {
                return Err(Error::SumsDoNotFit { statistic, expected, found: sums.len() });
            }
        }
        Ok(Self { joint, sums })
    }

    pub(crate) fn into_parts(self) -> (Joint, Vec<Vec<i128>>) {
        (self.joint, self.sums)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};

    use static_assertions::assert_not_impl_any;

    use super::*;

    assert_not_impl_any!(ExactTable: Debug, Display, Clone, Copy, serde::Serialize, PartialEq, Default);
    assert_not_impl_any!(ExactTable: std::ops::Deref, std::hash::Hash, IntoIterator, AsRef<[i128]>);
}
