//! Budget scopes and the filter over them (algorithms 5.2, V10): derived, never chosen; all scopes or none; no refund.
//!
//! Pure sums of nano-ρ; deliberately without any notion of who asks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use marsad_terms::{NanoRho, Period, RecordTypeId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::proposal::Proposal;

/// One sum that a cost is charged to. Orders as printed: lifetime, years, record types.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The programme's life.
    Lifetime,
    /// A calendar year that the release's periods touch.
    Year(u16),
    /// A record type that a private scan reads.
    RecordType(RecordTypeId),
}

impl Scope {
    /// The scopes of a proposal's joint vector: from the release's years and the record types scanned, without a clock.
    pub fn of(proposal: &Proposal) -> BTreeSet<Self> {
        let joint = proposal.request.statistics.iter().filter(|statistic| statistic.shape.is_some());
        Self::over(&proposal.years, joint.flat_map(|statistic| &statistic.record_types))
    }

    /// The scopes of a series or of one of its steps: the year of its period, and its record types.
    pub(crate) fn of_period(period: Period, record_types: &BTreeSet<RecordTypeId>) -> BTreeSet<Self> {
        Self::over(&[period.year()], record_types)
    }

    fn over<'a>(years: &[u16], record_types: impl IntoIterator<Item = &'a RecordTypeId>) -> BTreeSet<Self> {
        let years = years.iter().copied().map(Self::Year);
        let record_types = record_types.into_iter().cloned().map(Self::RecordType);
        std::iter::once(Self::Lifetime).chain(years).chain(record_types).collect()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lifetime => f.write_str("lifetime"),
            Self::Year(year) => write!(f, "year:{year:04}"),
            Self::RecordType(id) => write!(f, "record_type:{id}"),
        }
    }
}

/// The text is no scope.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no scope: lifetime, year:YYYY or record_type:ID")]
pub struct NotAScope(String);

impl FromStr for Scope {
    type Err = NotAScope;

    fn from_str(text: &str) -> Result<Self, NotAScope> {
        let scope = match text.split_once(':') {
            None if text == "lifetime" => Some(Self::Lifetime),
            Some(("year", year)) if year.len() == 4 => year.parse().ok().map(Self::Year),
            Some(("record_type", id)) => id.parse().ok().map(Self::RecordType),
            _ => None,
        };
        scope.filter(|scope| scope.to_string() == text).ok_or_else(|| NotAScope(text.to_owned()))
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A scope that a cost would exceed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shortfall {
    /// The scope.
    pub scope: String,
    /// Its cap.
    pub cap: NanoRho,
    /// Reserved, released and forfeited so far.
    pub used: NanoRho,
    /// How much is missing.
    pub shortfall: NanoRho,
}

/// A scope before and after a cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScopeAfter {
    /// The scope.
    pub scope: String,
    /// Its cap; none where it is only counted.
    pub cap: Option<NanoRho>,
    /// Used so far.
    pub used: NanoRho,
    /// Used once the cost is reserved.
    pub after: NanoRho,
}

/// Amounts by scope that are to be charged together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Charges(BTreeMap<Scope, NanoRho>);

impl Charges {
    /// Adds a price in each of its scopes.
    pub(crate) fn add(&mut self, scopes: BTreeSet<Scope>, price: NanoRho) {
        for scope in scopes {
            let sum = self.0.entry(scope).or_insert(NanoRho::ZERO);
            *sum = plus(*sum, price);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Scope, NanoRho)> {
        self.0.iter().map(|(scope, price)| (scope, *price))
    }
}

/// What a scope has paid for. cap = reserved + released + forfeited + left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScopeUse {
    /// The scope.
    pub scope: String,
    /// Its cap; none where it is only counted.
    pub cap: Option<NanoRho>,
    /// Reserved by runs that have not ended, and by open series, which never end.
    pub reserved: NanoRho,
    /// Released, published or withdrawn.
    pub released: NanoRho,
    /// Charged without a result.
    pub forfeited: NanoRho,
}

impl ScopeUse {
    /// All that is charged: withdrawal, erasure and purge refund nothing.
    pub fn used(&self) -> NanoRho {
        plus(plus(self.reserved, self.released), self.forfeited)
    }

    /// What may still be reserved; `None` where the scope is only counted.
    pub fn left(&self) -> Option<NanoRho> {
        self.cap.map(|cap| minus(cap, self.used()))
    }
}

/// What a reservation became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Released,
    Forfeited,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spent {
    reserved: NanoRho,
    released: NanoRho,
    forfeited: NanoRho,
}

const NOTHING: Spent = Spent { reserved: NanoRho::ZERO, released: NanoRho::ZERO, forfeited: NanoRho::ZERO };

/// Sums by scope. Charges only ever add up; an outcome moves a charge, it never lowers one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Budget(BTreeMap<Scope, Spent>);

impl Budget {
    pub(crate) fn used(&self, scope: &Scope) -> NanoRho {
        let spent = self.0.get(scope).copied().unwrap_or(NOTHING);
        plus(plus(spent.reserved, spent.released), spent.forfeited)
    }

    /// Every scope that its price would exceed; nothing where all of them fit.
    pub(crate) fn exceeding<'a>(
        &self,
        charges: impl IntoIterator<Item = (&'a Scope, NanoRho)>,
        cap: impl Fn(&Scope) -> Option<NanoRho>,
    ) -> Vec<Shortfall> {
        let exceeds = |(scope, price): (&Scope, NanoRho)| {
            let (cap, used) = (cap(scope)?, self.used(scope));
            let missing = u128::from(used.get()) + u128::from(price.get());
            let missing = missing.checked_sub(u128::from(cap.get())).filter(|missing| *missing > 0)?;
            let shortfall = NanoRho::new(u64::try_from(missing).unwrap_or(u64::MAX));
            Some(Shortfall { scope: scope.to_string(), cap, used, shortfall })
        };
        charges.into_iter().filter_map(exceeds).collect()
    }

    pub(crate) fn reserve(&mut self, scopes: &BTreeSet<Scope>, price: NanoRho) {
        for scope in scopes {
            let spent = self.0.entry(scope.clone()).or_insert(NOTHING);
            spent.reserved = plus(spent.reserved, price);
        }
    }

    pub(crate) fn settle(&mut self, scopes: &BTreeSet<Scope>, price: NanoRho, outcome: Outcome) {
        for scope in scopes {
            let spent = self.0.entry(scope.clone()).or_insert(NOTHING);
            spent.reserved = minus(spent.reserved, price);
            match outcome {
                Outcome::Released => spent.released = plus(spent.released, price),
                Outcome::Forfeited => spent.forfeited = plus(spent.forfeited, price),
            }
        }
    }

    /// All scopes that are used, and all of `capped`, in order.
    pub(crate) fn uses(
        &self,
        capped: BTreeSet<Scope>,
        cap: impl Fn(&Scope) -> Option<NanoRho>,
    ) -> Vec<ScopeUse> {
        let all: BTreeSet<Scope> = capped.into_iter().chain(self.0.keys().cloned()).collect();
        let describe = |scope: Scope| {
            let Spent { reserved, released, forfeited } = self.0.get(&scope).copied().unwrap_or(NOTHING);
            ScopeUse { cap: cap(&scope), scope: scope.to_string(), reserved, released, forfeited }
        };
        all.into_iter().map(describe).collect()
    }

    /// The scopes that were ever charged.
    pub(crate) fn charged(&self) -> impl Iterator<Item = &Scope> {
        self.0.keys()
    }
}

/// Never wraps: a sum beyond all caps stays beyond all caps.
fn plus(a: NanoRho, b: NanoRho) -> NanoRho {
    NanoRho::new(a.get().saturating_add(b.get()))
}

fn minus(a: NanoRho, b: NanoRho) -> NanoRho {
    NanoRho::new(a.get().saturating_sub(b.get()))
}

/// The sum of what is used and a price, for display.
pub(crate) fn after(used: NanoRho, price: NanoRho) -> NanoRho {
    plus(used, price)
}

/// ρ as people write it: no trailing zeros.
pub fn decimal(rho: NanoRho) -> String {
    let text = rho.to_string();
    let text = text.trim_end_matches('0');
    text.strip_suffix('.').unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests;
