//! A cell's text as the identifier of a person, canonical and under its scheme. Nothing here keeps it.

use marsad_catalog::fold;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::plan::IdentifierRule;
use crate::Reason;
use crate::detect;
use crate::pseudonym::Identifier;

impl IdentifierRule {
    /// The canonical identifier with its scheme (extracts 5); R01, then R02.
    pub(crate) fn read(&self, text: &str, identifier: &mut Identifier) -> Result<(), Reason> {
        let pad = self.pad.filter(|_| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
        let n_zeros = pad.unwrap_or(0).saturating_sub(text.len());
        identifier.begin(&self.scheme, 4 * text.len() + n_zeros);
        let start = identifier.0.len();
        identifier.0.extend(std::iter::repeat_n('0', n_zeros));
        if text.is_ascii() {
            identifier.0.push_str(text);
            identifier.0[start..].make_ascii_uppercase();
        } else {
            identifier.0.extend(Zeroizing::new(text.to_uppercase()).nfkc());
        }
        let canonical = &identifier.0[start..];
        if self.is_placeholder(canonical)
            || is_spoilt(canonical)
            || self.pattern.as_ref().is_some_and(|p| !p.is_match(canonical))
        {
            return Err(Reason::NoIdentifier);
        }
        if detect::is_contact(canonical) { Err(Reason::Identifies) } else { Ok(()) }
    }

    /// A placeholder, or nothing. Folding keeps every ASCII digit, so that more digits than any placeholder has say no.
    fn is_placeholder(&self, canonical: &str) -> bool {
        if detect::has_digits(canonical, self.most_digits + 1) {
            return false;
        }
        let folded = Zeroizing::new(fold(canonical));
        folded.is_empty() || self.placeholders.contains(folded.as_str())
    }
}

/// Whether a spreadsheet made a number of many digits out of it, `7,51E+10`: strangers would be one person.
fn is_spoilt(canonical: &str) -> bool {
    let Some((mantissa, exponent)) = canonical.split_once("E+") else { return false };
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once([',', '.']).unwrap_or((mantissa, "0"));
    all_digits(whole) && all_digits(fraction) && all_digits(exponent)
}
