//! Detectors of content that identifies somebody (extracts 6). Each reads the canonical text of a cell once, in linear time.
//!
//! They find habits (a phone number in a note), not disguises; names and addresses have no form that they could know.

use std::sync::LazyLock;

use marsad_catalog::fold;
use regex::Regex;

/// The longest run of digits that a phone number has.
const LONGEST_PHONE: usize = 16;
/// The fewest digits that [`is_phone`] takes for one.
const SHORTEST_PHONE: usize = 8;

/// Whether the text holds an e-mail address, phone number, coordinates or a document's number.
pub(crate) fn identifies(text: &str) -> bool {
    is_contact(text) || is_place(text) || is_document(text)
}

/// Whether the text holds an e-mail address or phone number.
pub(crate) fn is_contact(text: &str) -> bool {
    has_email(text) || has_phone(text)
}

fn has_email(text: &str) -> bool {
    text.match_indices('@').any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let local = before.is_some_and(|c| c.is_alphanumeric() || "._%+-".contains(c));
        local && is_domain(&text[at + 1..])
    })
}

/// Whether the text begins with labels joined by points, the last of at least two letters.
fn is_domain(text: &str) -> bool {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '.' || c == '-')).unwrap_or(text.len());
    let domain = text[..end].trim_end_matches(['.', '-']);
    domain.rsplit_once('.').is_some_and(|(name, top)| {
        !name.is_empty() && top.chars().count() >= 2 && top.chars().all(char::is_alphabetic)
    })
}

/// A maximal run of ASCII digits.
#[derive(Clone, Copy)]
struct Group {
    start: usize,
    end: usize,
}

impl Group {
    fn text(self, text: &str) -> &str {
        &text[self.start..self.end]
    }
}

fn groups(text: &str) -> Vec<Group> {
    let bytes = text.as_bytes();
    let mut groups = Vec::new();
    let mut at = 0;
    while let Some(offset) = bytes[at..].iter().position(u8::is_ascii_digit) {
        let start = at + offset;
        let length = bytes[start..].iter().take_while(|b| b.is_ascii_digit()).count();
        at = start + length;
        groups.push(Group { start, end: at });
    }
    groups
}

/// Whether the text holds at least so many ASCII digits; most cells are done with by this.
pub(crate) fn has_digits(text: &str, fewest: usize) -> bool {
    text.bytes().filter(u8::is_ascii_digit).count() >= fewest
}

/// Every start is tried with at most `LONGEST_PHONE` digits after it, so the work stays linear.
fn has_phone(text: &str) -> bool {
    if !has_digits(text, SHORTEST_PHONE) {
        return false;
    }
    let groups = groups(text);
    (0..groups.len()).any(|first| !is_date(text, &groups[first..]) && phone_begins(text, &groups[first..]))
}

fn phone_begins(text: &str, groups: &[Group]) -> bool {
    let plus = text[..groups[0].start].trim_end_matches([' ', '(']).ends_with('+');
    let mut digits = [0_u8; LONGEST_PHONE];
    let mut length = 0;
    for (index, group) in groups.iter().enumerate() {
        if index > 0 && !is_phone_gap(&text[groups[index - 1].end..group.start]) {
            return false;
        }
        let part = group.text(text).as_bytes();
        if length + part.len() > LONGEST_PHONE {
            return false;
        }
        digits[length..length + part.len()].copy_from_slice(part);
        length += part.len();
        if is_phone(&digits[..length], plus) {
            return true;
        }
    }
    false
}

fn is_phone_gap(gap: &str) -> bool {
    gap.len() <= 3 && gap.bytes().all(|b| b" .-/()".contains(&b))
}

/// With a country in front (`+` or `00`), Morocco's without either, or ten digits as dialled in Morocco and France.
fn is_phone(digits: &[u8], plus: bool) -> bool {
    match digits {
        _ if plus => (SHORTEST_PHONE..=15).contains(&digits.len()),
        [b'0', b'0', b'1'..=b'9', rest @ ..] => (7..=13).contains(&rest.len()),
        [b'2', b'1', b'2', b'5'..=b'8', rest @ ..] | [b'0', b'5'..=b'8', rest @ ..] => rest.len() == 8,
        _ => false,
    }
}

/// `06.12.2025`: a day before anything else.
fn is_date(text: &str, groups: &[Group]) -> bool {
    let [day, month, year, ..] = groups else { return false };
    let gap = &text[day.end..month.start];
    let alike = gap == &text[month.end..year.start] && matches!(gap, "." | "-" | "/");
    let century = matches!(&year.text(text).as_bytes(), [b'1', b'9', _, _] | [b'2', b'0', _, _]);
    alike && century && day.end - day.start == 2 && month.end - month.start == 2
}

/// Coordinates: four decimals or more of at most 180 degrees, or degrees with minutes.
fn is_place(text: &str) -> bool {
    has_degrees(text) || (text.contains('°') && MINUTES.is_match(text))
}

fn has_degrees(text: &str) -> bool {
    if !has_digits(text, 5) {
        return false;
    }
    let groups = groups(text);
    let decimal = |left: Group, right: Group| matches!(&text[left.end..right.start], "." | "," | "٫");
    groups.windows(2).enumerate().any(|(at, pair)| {
        let whole = pair[0].text(text).parse::<u8>().is_ok_and(|n| n <= 180);
        let chained = at > 0 && decimal(groups[at - 1], pair[0]);
        whole && !chained && decimal(pair[0], pair[1]) && pair[1].end - pair[1].start >= 4
    })
}

static MINUTES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[0-9] ?° ?[0-9]{1,2}([.,][0-9]{1,6})? ?['′’]").expect("the pattern is a constant")
});

static DOCUMENT: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?-u:\b)([A-Za-z]{1,2}[0-9]{5,8}|[0-9]{3}-[0-9]{8})(?-u:\b)";
    Regex::new(pattern).expect("the pattern is a constant")
});

/// Words for a passport or an identity card, folded; those in spaces stand alone.
const DOCUMENT_WORDS: [&str; 15] = [
    "passport",
    "passeport",
    "pasaporte",
    "جواز",
    " cin ",
    " cnie ",
    " id card ",
    "identity card",
    "carte d identite",
    "carte nationale",
    "carte de sejour",
    "titre de sejour",
    "بطاقه التعريف",
    "بطاقه الهويه",
    "البطاقه الوطنيه",
];

fn is_document(text: &str) -> bool {
    has_digits(text, 4) && (DOCUMENT.is_match(text) || (has_four_digits(text) && names_document(text)))
}

fn has_four_digits(text: &str) -> bool {
    groups(text).iter().any(|group| group.end - group.start >= 4)
}

fn names_document(text: &str) -> bool {
    let words: String = fold(text).chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let words = format!(" {words} ");
    DOCUMENT_WORDS.iter().any(|word| words.contains(word))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use marsad_catalog::clean;

    use super::*;

    #[test]
    fn what_identifies_is_found() {
        for text in [
            "aminata.d@example.org",
            "écrire à m.diallo@example.org.",
            "+212 661 23 45 67",
            "06 61 00 11 22",
            "0661-001122",
            "tél. 06.61.00.11.22, merci",
            "00212 6 61 98 76 54",
            "+212 (0) 661 23 45 67",
            "le 12/07/2025 06 61 00 11 22",
            "٠٦٦١٢٣٤٥٦٧",
            "212661234567",
            "34.6814, -1.9086",
            "GPS 34.68139 -1.90858",
            "33.5731",
            "33°34'",
            "EH123456",
            "A04512345",
            "751-00012345",
            "Passeport EH123456",
            "passeport no 1234",
            "CIN: 4821",
            "جواز السفر AB1234567",
            "البطاقة الوطنية ٤٥٦٧",
        ] {
            assert!(identifies(&clean(text)), "{text}");
        }
    }

    #[test]
    fn what_does_not_identify_is_left_alone() {
        for text in [
            "",
            "@ 10 h",
            "voir à 10@12",
            "P-00017",
            "FP-07",
            "CPP-1001",
            "9223372036854775808",
            "1250.50",
            "1 250,50",
            "12/07/2025",
            "06.12.2025 10 h",
            "15.08.2025",
            "2025-08-03 09:12",
            "39°5 de fièvre",
            "vue au centre; à rappeler",
            "voir la fiche, quartier Lazaret",
            "médecin 2025",
        ] {
            assert!(!identifies(&clean(text)), "{text}");
        }
    }

    #[test]
    fn long_cells_take_linear_time() {
        let started = Instant::now();
        for unit in ["A", "@", "a@", "1", "1 ", "06 ", "1.", "34.6", "A1", "°", "+ "] {
            let text = unit.repeat(200_000 / unit.len());
            identifies(&text);
        }
        assert!(
            started.elapsed().as_secs() < 20,
            "eleven such cells are read in about a second; a quadratic detector takes minutes for each"
        );
    }
}
