//! The joint norm clip in whole numbers (algorithms 2.2, V3).
//!
//! Claim: with w = [`weight`] the vector w·x has squared norm ≤ 4^f·C² for every x. Proof: w² ≤ ⌊4^f·C²/cost⌋, so
//! w²·cost ≤ 4^f·C². Attack: `tests::clip`, and `bound::tests` through the state machine.

/// The squared norm of a person's weighted counts; `None` where 128 bits do not hold it.
pub fn cost(amounts: impl IntoIterator<Item = i128>) -> Option<u128> {
    amounts.into_iter().try_fold(0_u128, |sum, amount| {
        let amount = amount.unsigned_abs();
        sum.checked_add(amount.checked_mul(amount)?)
    })
}

/// The largest whole weight w ≤ 2^f with w²·cost ≤ 4^f·C²; zero where the cost overflowed.
pub fn weight(cost: Option<u128>, c_squared: u64, f: u32) -> i128 {
    let whole = 1_i128 << f;
    let Some(cost) = cost else { return 0 };
    // Most persons: 4^f·C² ≥ 4^f·cost, so that the root below is at least 2^f.
    if cost <= u128::from(c_squared) {
        return whole;
    }
    let bound = u128::from(c_squared) << (2 * f);
    match bound.checked_div(cost) {
        None => whole,
        Some(square) => whole.min(square.isqrt().try_into().unwrap_or(whole)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn weights_and_vectors_are_those_of_v3() {
        let vector: Value = serde_json::from_str(include_str!("../../testdata/V03_norm_clip.json")).unwrap();
        for case in vector["cases"].as_array().unwrap() {
            let mut amounts: Vec<i128> = Vec::new();
            for table in case["tables"].as_array().unwrap() {
                let b = i128::from(table["b"].as_i64().unwrap());
                let counts = table["counts"].as_array().unwrap();
                amounts
                    .extend(counts.iter().map(|count| b * count.as_str().unwrap().parse::<i128>().unwrap()));
            }
            let f = u32::try_from(case["f"].as_u64().unwrap()).unwrap();
            let cost = cost(amounts.iter().copied());
            if let Some(cost) = cost {
                assert_eq!(cost.to_string(), case["cost"].as_str().unwrap());
            }
            let weight = weight(cost, case["c_squared"].as_u64().unwrap(), f);
            assert_eq!(weight, i128::from(case["weight"].as_i64().unwrap()), "{case}");
            let vector: Vec<String> = amounts.iter().map(|amount| (weight * amount).to_string()).collect();
            let expected: Vec<&str> =
                case["vector"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
            assert_eq!(vector, expected);
        }
    }

    proptest! {
        #[test]
        fn the_bound_holds_and_the_weight_is_maximal(
            amounts in prop::collection::vec(-1_000_000_000_000_i128..1_000_000_000_000, 0..20),
            c_squared in 1_u64..1_000_000, f in 0_u32..=20,
        ) {
            let cost = cost(amounts).unwrap();
            let weight = weight(Some(cost), c_squared, f).unsigned_abs();
            let bound = u128::from(c_squared) << (2 * f);
            prop_assert!(weight * weight * cost <= bound);
            let larger = (weight + 1) * (weight + 1);
            prop_assert!(weight == 1 << f || larger.checked_mul(cost).is_none_or(|norm| norm > bound));
            prop_assert!(cost > u128::from(c_squared) || weight == 1 << f);
        }
    }

    #[test]
    fn an_overflowing_cost_gives_no_weight() {
        assert_eq!(cost([1 << 65]), None);
        assert_eq!(weight(None, u64::MAX, 20), 0);
        assert_eq!(weight(Some(u128::MAX), u64::MAX, 20), 0);
    }
}
