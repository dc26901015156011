//! How a cell is read (extracts 5): [`clean`] for every cell, [`fold`] for the comparison of codes, labels and headers.
//!
//! Landing and catalogue share these two functions, so that a name is the same name in both. They know nothing of any code list.

use std::borrow::Cow;
use std::iter::once;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The canonical text of a cell: NFKC; no format characters, no tatweel; ASCII digits; `-` for every dash; single spaces, trimmed.
/// Borrowed where it is that already.
pub fn clean(text: &str) -> Cow<'_, str> {
    if is_latin(text) {
        return if is_single_spaced(text) { text.into() } else { single_spaced(text.chars()).into() };
    }
    // Taking a format character away can leave a letter beside its mark: hence the second composition.
    let bare: String = text.nfkc().filter(|c| !is_format(*c) && *c != '\u{640}').map(plain).collect();
    single_spaced(bare.nfkc()).into()
}

/// The form in which spellings are compared: [`clean`], case-folded, without combining marks, ى as ي, ة as ه, and hyphens,
/// apostrophes, `_`, `/` as spaces.
pub fn fold(text: &str) -> String {
    let clean = clean(text);
    if clean.is_ascii() {
        return single_spaced(clean.chars().map(|c| separator(c.to_ascii_lowercase())));
    }
    // Down, up and down again: `ẞ`, `ß` and `SS`, all three sigmas and their like meet on the way.
    let lower = clean.chars().flat_map(char::to_lowercase);
    let folded: String = lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
    let bare = folded.nfd().filter(|c| !is_combining_mark(*c)).map(|c| match c {
        'ى' => 'ي',
        'ة' => 'ه',
        c => separator(c),
    });
    single_spaced(bare)
}

fn separator(c: char) -> char {
    match c {
        '-' | '_' | '/' | '\'' | '\u{2018}' | '\u{2019}' | '\u{201B}' | '\u{2BC}' | '\u{2B9}' => ' ',
        c => c,
    }
}

/// Whether all is ASCII or from À (U+00C0) to ÿ (U+00FF), whose UTF-8 begins with 0xC3: there only white space can be another.
fn is_latin(text: &str) -> bool {
    text.bytes().all(|byte| byte < 0xC0 || byte == 0xC3)
}

/// Whether such text has single spaces between words and no other white space: most cells do.
fn is_single_spaced(text: &str) -> bool {
    let mut before = b' ';
    for byte in text.bytes() {
        if matches!(byte, b'\t'..=b'\r' | b' ') && (byte != b' ' || before == b' ') {
            return false;
        }
        before = byte;
    }
    before != b' ' || text.is_empty()
}

fn single_spaced(chars: impl Iterator<Item = char>) -> String {
    let mut out = String::with_capacity(chars.size_hint().0);
    let mut gap = false;
    // A final space closes the last word and is dropped with the gap.
    for c in chars.chain(once(' ')) {
        if c.is_whitespace() {
            gap = true;
            continue;
        }
        if gap && !out.is_empty() {
            out.push(' ');
        }
        gap = false;
        out.push(c);
    }
    out
}

/// Digits of any script as ASCII, dashes as hyphens.
fn plain(c: char) -> char {
    match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        c if c.is_ascii() => c,
        c => digit(c).unwrap_or(c),
    }
}

fn digit(c: char) -> Option<char> {
    let index = ZEROS.partition_point(|zero| *zero <= u32::from(c)).checked_sub(1)?;
    let value = u32::from(c) - ZEROS[index];
    char::from_digit(value, 10)
}

/// The zeros of all decimal digits (general category Nd, Unicode 16); nine follow each.
const ZEROS: [u32; 75] = [
    0x30, 0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50,
    0xED0, 0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40,
    0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x10D40,
    0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x116D0, 0x116DA,
    0x11730, 0x118E0, 0x11950, 0x11BF0, 0x11C50, 0x11D50, 0x11DA0, 0x11F50, 0x16130, 0x16A60, 0x16AC0,
    0x16B50, 0x16D70, 0x1CCF0, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E4F0,
    0x1E5F1, 0x1E950,
];

/// Format characters (general category Cf, Unicode 16): bidi marks, joiners, soft hyphen, byte-order mark.
fn is_format(c: char) -> bool {
    matches!(u32::from(c),
        0xAD | 0x600..=0x605 | 0x61C | 0x6DD | 0x70F | 0x890..=0x891 | 0x8E2 | 0x180E | 0x200B..=0x200F
        | 0x202A..=0x202E | 0x2060..=0x2064 | 0x2066..=0x206F | 0xFEFF | 0xFFF9..=0xFFFB | 0x1_10BD | 0x1_10CD
        | 0x1_3430..=0x1_343F | 0x1_BCA0..=0x1_BCA3 | 0x1_D173..=0x1_D17A | 0xE_0001 | 0xE_0020..=0xE_007F)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The identifier's form (extracts 5), which landing builds on `clean`.
    fn identifier(raw: &str) -> String {
        clean(raw).to_uppercase().nfkc().collect()
    }

    #[test]
    fn identifiers_of_the_papers_table_are_canonical() {
        for raw in [" p-00017 ", "P–00017"] {
            assert_eq!(identifier(raw), "P-00017");
        }
        assert_eq!(identifier("00038"), "00038");
        assert_eq!(identifier("38"), "38");
        assert_eq!(identifier("\u{200f}CPP-1023\u{200e}"), "CPP-1023");
        for raw in ["CPP-É10", "cpp-e\u{301}10"] {
            assert_eq!(identifier(raw), "CPP-\u{c9}10");
        }
        for raw in ["ت-٠٠١", "ت\u{2011}001 "] {
            assert_eq!(identifier(raw), "ت-001");
        }
        assert_eq!(identifier("ｃｐｐ－１００１"), "CPP-1001");
    }

    #[test]
    fn clean_leaves_one_space_and_ascii_digits() {
        assert_eq!(clean("\u{feff} 1\u{a0}250,50\r\n"), "1 250,50");
        assert_eq!(clean("٤٫٥ ۲۲"), "4٫5 22");
        assert_eq!(clean("الشـــرق"), "الشرق");
        assert_eq!(clean("a\u{ad}b\u{200b}c"), "abc");
        assert_eq!(clean("− ‐ ‑ – — ―"), "- - - - - -");
        assert_eq!(clean(" \t\n "), "");
        for text in ["a  b", " a b", "a b ", "a\tb", "a\u{b}b", "a \r\nb", "a b"] {
            assert_eq!(clean(text), "a b");
        }
    }

    #[test]
    fn spellings_of_one_name_fold_alike() {
        let same = |spellings: &[&str]| {
            for spelling in spellings {
                assert_eq!(fold(spelling), fold(spellings[0]), "{spelling}");
            }
        };
        same(&[
            "Tanger-Tétouan-Al Hoceïma",
            "TANGER TETOUAN AL HOCEIMA ",
            "tanger_tetouan_al_hoceima",
            "Tanger–Tétouan–Al-Hoceima",
        ]);
        same(&["Côte d'Ivoire", "cote_d_ivoire", "Cote d’Ivoire", "COTE D'IVOIRE"]);
        same(&["طنجة - تطوان - الحسيمة", "طنجة ــ تطوان ــ الحسيمة", "طنجه/تطوان/الحسيمه"]);
        same(&["أنثى", "انثى", "انثي"]);
        same(&["اللغة", "اللغه"]);
        same(&["Straße", "STRASSE", "STRAẞE"]);
        assert_ne!(fold("Niger"), fold("Nigeria"));
    }

    #[test]
    fn latin_letters_are_canonical_as_they_are() {
        for c in (0..=0xFF_u8).map(char::from).filter(|c| is_latin(&c.to_string()) && !c.is_whitespace()) {
            let text = c.to_string();
            assert_eq!(text.nfkc().map(plain).collect::<String>(), text);
            assert!(!is_format(c));
        }
        assert!(is_latin("àÿß×") && !is_latin("\u{bf}") && !is_latin("\u{100}") && !is_latin("\u{a0}"));
    }

    #[test]
    fn every_character_folds_once_and_for_all() {
        for c in ('\u{80}'..=char::MAX).filter(|c| c.is_alphabetic()) {
            let folded = fold(c.encode_utf8(&mut [0; 4]));
            assert_eq!(fold(&folded), folded, "{c}");
        }
    }

    proptest! {
        #[test]
        fn both_forms_are_final(text in "\\PC*") {
            let once = clean(&text);
            prop_assert_eq!(clean(&once), once.as_ref());
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
            prop_assert_eq!(fold(&clean(&text)), fold(&text));
        }
    }
}
