//! Numbers as publication writes them (publication 1): six decimals, shortest decimals, ρ. No exponent, no `-0`. And JSON.
//!
//! It deliberately lacks conventions of a language: those are the report's.

use marsad_terms::NanoRho;
use serde::Serialize;
use serde_json::ser::PrettyFormatter;

use crate::error::{Error, Result};

/// The bytes of a JSON file of the bundle: indented by one space, its last line ended.
///
/// # Errors
/// `Write` where the JSON writer fails.
pub(crate) fn json(path: &str, document: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(b" "));
    document.serialize(&mut writer).map_err(|source| Error::write(path, source))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Exactly six decimals; empty where the number is not finite.
pub fn six(number: f64) -> String {
    if !number.is_finite() {
        return String::new();
    }
    if let Some(millionths) = millionths(number) {
        let sign = if millionths < 0 { "-" } else { "" };
        let digits = millionths.unsigned_abs();
        return format!("{sign}{}.{:06}", digits / MILLION, digits % MILLION);
    }
    let text = format!("{number:.6}");
    if text.trim_start_matches('-').bytes().all(|b| b == b'0' || b == b'.') {
        return text.trim_start_matches('-').to_owned();
    }
    text
}

const MILLION: u64 = 1_000_000;

/// The number in whole millionths, where the product of doubles cannot err about the nearest one: that is several times as
/// fast as exact decimals. Below 10^12 a product's error is under 10^-4; nearer to a half than 10^-3 it does not decide.
fn millionths(number: f64) -> Option<i64> {
    let product = number * MILLION as f64;
    let is_clear = product.abs() < 1e12 && (product.fract().abs() - 0.5).abs() > 1e-3;
    #[expect(clippy::cast_possible_truncation, reason = "whole, and below 10^12")]
    is_clear.then(|| product.round() as i64)
}

/// The number that [`six`] writes; `None` where it writes nothing.
pub fn rounded(number: f64) -> Option<f64> {
    // The quotient of two whole numbers is the double nearest to it: what reading the text gives.
    millionths(number)
        .map(|millionths| millionths as f64 / MILLION as f64)
        .or_else(|| six(number).parse().ok())
}

/// The shortest decimal that reads back as the same double, without exponent; a whole number without `.0`.
pub fn shortest(number: f64) -> String {
    if number == 0.0 { "0".to_owned() } else { format!("{number}") }
}

/// The same for YAML, where `.0` keeps a whole number a real one.
pub fn real(number: f64) -> String {
    let text = shortest(number);
    if text.contains('.') { text } else { format!("{text}.0") }
}

/// ρ as the shortest decimal: exactly the nano-ρ without its last zeros.
pub fn rho(nano: NanoRho) -> String {
    let text = nano.to_string();
    let text = text.trim_end_matches('0');
    if text.ends_with('.') { format!("{text}0") } else { text.to_owned() }
}

/// Left-to-right text that keeps its order inside Arabic (Unicode isolates, UAX 9).
pub fn isolated(text: impl std::fmt::Display) -> String {
    format!("\u{2066}{text}\u{2069}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_have_their_forms() {
        assert_eq!(six(2_061.113_636_4), "2061.113636");
        assert_eq!(six(-0.000_000_4), "0.000000");
        assert_eq!(six(-0.000_000_6), "-0.000001");
        assert_eq!(six(f64::NAN), "");
        assert_eq!(shortest(1.0 / 65536.0), "0.0000152587890625");
        assert_eq!(shortest(1.0 / (3.0 * 65536.0)), "0.000005086263020833333");
        assert_eq!(shortest(50.0), "50");
        assert_eq!(real(655_360.0), "655360.0");
        assert_eq!(real(0.000_001), "0.000001");
        assert_eq!(rho(NanoRho::new(245_000_000)), "0.245");
        assert_eq!(rho(NanoRho::new(1_000_000_000)), "1.0");
    }

    proptest! {
        #[test]
        fn six_decimals_are_those_of_exact_arithmetic(
            number in prop_oneof![-1e7..1e7, -1.0..1.0, -1e15..1e15, prop::num::f64::NORMAL],
            whole in -4_000_000_000_i64..4_000_000_000,
        ) {
            // Ties, and what lies next to them, too.
            let half = whole as f64 / 2e6;
            for number in [number, half, half.next_up(), half.next_down()] {
                let exact = format!("{number:.6}");
                let zero = exact.trim_matches(['-', '0', '.']).is_empty();
                prop_assert_eq!(six(number), if zero { exact.trim_start_matches('-') } else { &exact });
                let read = six(number).parse::<f64>().unwrap();
                prop_assert_eq!(rounded(number).map(f64::to_bits), Some((read + 0.0).to_bits()));
            }
        }

        #[test]
        fn the_shortest_reads_back(number in prop::num::f64::NORMAL) {
            let text = shortest(number);
            prop_assert!(!text.contains('e'));
            prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), number.to_bits());
        }
    }
}
