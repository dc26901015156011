//! Ages and the bands that code lists cut them into: `Y18T29`, `Y_GE60`, `Y_LT5`.

use marsad_catalog::CodeList;

/// Ages that a living person can have, in completed years.
pub(crate) const POSSIBLE: std::ops::RangeInclusive<i64> = 0..=115;

/// The bands of a code list: least and largest age, and the code's index.
pub(crate) struct Bands(Vec<(i64, i64, i64)>);

impl Bands {
    pub(crate) fn of(list: &CodeList) -> Self {
        let bands = list.codes.iter().zip(0..).filter_map(|(code, index)| {
            let (least, largest) = band(&code.id)?;
            Some((least, largest, index))
        });
        Self(bands.collect())
    }

    /// The index of the code whose band holds a possible age.
    pub(crate) fn code(&self, age: i64) -> Option<i64> {
        let holds = |band: &&(i64, i64, i64)| (band.0..=band.1).contains(&age);
        self.0.iter().find(holds).filter(|_| POSSIBLE.contains(&age)).map(|band| band.2)
    }
}

fn band(code: &str) -> Option<(i64, i64)> {
    let rest = code.strip_prefix('Y')?;
    if let Some(least) = rest.strip_prefix("_GE") {
        return Some((least.parse().ok()?, *POSSIBLE.end()));
    }
    if let Some(above) = rest.strip_prefix("_LT") {
        return Some((0, above.parse::<i64>().ok()? - 1));
    }
    let (least, largest) = rest.split_once('T')?;
    Some((least.parse().ok()?, largest.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_name_their_bands() {
        assert_eq!(band("Y0T11"), Some((0, 11)));
        assert_eq!(band("Y_GE60"), Some((60, 115)));
        assert_eq!(band("Y_LT5"), Some((0, 4)));
        assert_eq!(band("_U"), None);
        assert_eq!(band("YES"), None);
    }
}
