//! Release definitions (`queries/releases/<id>.toml`, interfaces 2): which statistics, which periods, at what cost.

use std::collections::BTreeMap;

use marsad_terms::{NanoRho, Period, ReleaseId, StatisticId, Text};

/// What the release may cost: a ρ, or margins from which ρ is solved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Price {
    /// `rho`
    Rho(NanoRho),
    /// `margin`: wanted half-width by `statistic/grouping set`, as decimal text.
    Margin(BTreeMap<String, String>),
}

/// What gets the noise of a statistic, where the release says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// `strategy = "tables"`
    Tables,
    /// `strategy = "residuals"`: under `home_cell` only.
    Residuals,
}

/// One release as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its public id, never used twice.
    pub id: ReleaseId,
    /// Its title.
    pub title: Text,
    /// Statistics in order.
    pub statistics: Vec<StatisticId>,
    /// Quarters and years.
    pub periods: Vec<Period>,
    /// Cost, or wanted margins.
    pub price: Price,
    /// Who gets it.
    pub recipients: Vec<String>,
    /// Nothing is public before (RFC 3339).
    pub embargo: String,
    /// Where readers write to.
    pub contact: String,
    /// Declared coverage of the extracts (C22), never computed.
    pub coverage: Text,
    /// Periods closed by the policy's calendar rule.
    pub frozen: Vec<Period>,
    /// The release that this one revises.
    pub replaces: Option<ReleaseId>,
    /// Part of F: the same request again.
    pub revision: u32,
    /// `[statistic.<id>] b`: multiplies b of all its tables.
    pub shares: BTreeMap<StatisticId, u32>,
    /// `[statistic.<id>] redraw`: forfeited steps of a first-time series that are drawn again, at a further cost.
    pub redraws: BTreeMap<StatisticId, Vec<Period>>,
    /// `[statistic.<id>] strategy`: what gets the noise; where it is absent, the plan decides.
    pub strategies: BTreeMap<StatisticId, Strategy>,
}
