//! Which encoding a delimited text is in, by its bytes and by the headers that its mapping names.
//!
//! Windows-1252 and 1256 share most bytes of French accents, so the bytes that tell them apart are words: Arabic ones consist of
//! high bytes alone, Latin ones hold ASCII letters beside them. No library is asked: a guess among forty encodings can be
//! wrong in more ways than one among these.

use std::io::{self, Read};
use std::path::Path;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, WINDOWS_1256};
use marsad_catalog::fold;

use super::decode::mark;
use super::delimited::opened;

/// What a mapping writes instead of a label, to have the file's own evidence decide.
pub(crate) const DETECT: &str = "detect";

const CHUNK: usize = 1 << 16;

/// The encoding of a text: its mark; the NULs of UTF-16; valid UTF-8; else the one in which more of the expected headers
/// are found, else the one whose words are more.
pub(crate) fn encoding(path: &Path, headers: &[String]) -> io::Result<&'static Encoding> {
    let mut file = opened(path)?;
    let mut start = Vec::new();
    (&mut file).take(CHUNK as u64).read_to_end(&mut start)?;
    if let Some(encoding) = mark(&start).or_else(|| wide(&start)) {
        return Ok(encoding);
    }
    let mut evidence = Evidence::default();
    evidence.take(&start);
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => evidence.take(&chunk[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    evidence.end_word();
    // A header of other letters decides by itself: no row's bytes change how the rows of others are read.
    let first_line = start.iter().position(|byte| *byte == b'\n').map(|end| &start[..end]);
    let header = first_line.filter(|line| !line.is_ascii()).map(|line| std::str::from_utf8(line).is_ok());
    if header.unwrap_or_else(|| evidence.is_utf_8()) {
        return Ok(UTF_8);
    }
    let [latin, arabic] = [WINDOWS_1252, WINDOWS_1256].map(|encoding| found(encoding, &start, headers));
    let is_arabic = if latin == arabic { evidence.n_arabic > evidence.n_latin } else { arabic > latin };
    Ok(if is_arabic { WINDOWS_1256 } else { WINDOWS_1252 })
}

/// UTF-16 without a mark: of delimited text at least a third of one half's bytes are NUL, and none of the other's.
fn wide(start: &[u8]) -> Option<&'static Encoding> {
    let nuls = |at: usize| start.iter().skip(at).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (nuls(0), nuls(1));
    let many = (start.len() / 6).max(1);
    match (even, odd) {
        (0, odd) if odd >= many => Some(UTF_16LE),
        (even, 0) if even >= many => Some(UTF_16BE),
        _ => None,
    }
}

/// How many of the headers a text's first lines hold.
fn found(encoding: &'static Encoding, start: &[u8], headers: &[String]) -> usize {
    let text = fold(&encoding.decode_without_bom_handling(&start[..start.len().min(1 << 14)]).0);
    headers.iter().filter(|header| !header.is_ascii() && text.contains(&fold(header))).count()
}

/// What the bytes say, taken chunk by chunk.
struct Evidence {
    utf_8: encoding_rs::Decoder,
    is_broken: bool,
    /// Characters beyond ASCII that are UTF-8, and bytes that are not.
    n_utf_8: u64,
    n_broken: u64,
    n_arabic: u64,
    n_latin: u64,
    word: Word,
}

/// A run of letters in either encoding.
#[derive(Default)]
struct Word {
    n_ascii: u64,
    n_high: u64,
    /// High bytes that are Arabic letters in Windows-1256.
    n_arabic: u64,
    /// Whether it reads otherwise in the two encodings.
    differs: bool,
}

impl Default for Evidence {
    fn default() -> Self {
        let utf_8 = UTF_8.new_decoder_without_bom_handling();
        let word = Word::default();
        Self { utf_8, is_broken: false, n_utf_8: 0, n_broken: 0, n_arabic: 0, n_latin: 0, word }
    }
}

impl Evidence {
    fn take(&mut self, bytes: &[u8]) {
        let mut text = vec![0; self.utf_8.max_utf8_buffer_length(bytes.len()).unwrap_or(4 * CHUNK)];
        self.is_broken |= self.utf_8.decode_to_utf8(bytes, &mut text, false).3;
        for chunk in bytes.utf8_chunks() {
            self.n_utf_8 += chunk.valid().chars().filter(|c| !c.is_ascii()).count() as u64;
            self.n_broken += u64::from(!chunk.invalid().is_empty());
        }
        for byte in bytes {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' => self.word.n_ascii += 1,
                0x80.. => {
                    let [latin, arabic] =
                        [WINDOWS_1252, WINDOWS_1256].map(|encoding| letter(encoding, *byte));
                    self.word.n_high += 1;
                    self.word.n_arabic +=
                        u64::from(arabic.is_some_and(|c| ('\u{600}'..='\u{6FF}').contains(&c)));
                    self.word.differs |= latin != arabic;
                }
                _ => self.end_word(),
            }
        }
    }

    fn end_word(&mut self) {
        let word = std::mem::take(&mut self.word);
        let is_arabic = word.n_ascii == 0 && word.n_high >= 2 && word.n_arabic == word.n_high;
        self.n_arabic += u64::from(is_arabic);
        self.n_latin += u64::from(word.n_ascii > 0 && word.differs);
    }

    /// All of it, or most: a few bytes of another encoding are refused where they stand (R10), and turn nothing else.
    fn is_utf_8(&mut self) -> bool {
        let mut rest = [0; 16];
        let is_whole = !self.is_broken && !self.utf_8.decode_to_utf8(&[], &mut rest, true).3;
        is_whole || self.n_utf_8 > self.n_broken
    }
}

fn letter(encoding: &'static Encoding, byte: u8) -> Option<char> {
    encoding.decode_without_bom_handling(&[byte]).0.chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guessed(bytes: &[u8], headers: &[&str]) -> &'static Encoding {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.csv");
        std::fs::write(&file, bytes).unwrap();
        let headers: Vec<String> = headers.iter().map(|header| (*header).to_owned()).collect();
        encoding(&file, &headers).unwrap()
    }

    const FRENCH: &str = "N° dossier;Région;Année de naissance\nP-1;BÉNI MELLAL;été « à Fès »\n";
    const ARABIC: &str = "رقم الملف,الجهة,الجنس\n1,جهة الشرق,أنثى\n";

    #[test]
    fn the_bytes_tell_the_encoding() {
        assert_eq!(guessed(FRENCH.as_bytes(), &[]), UTF_8);
        assert_eq!(guessed(ARABIC.as_bytes(), &[]), UTF_8);
        assert_eq!(guessed(b"a,b\n1,2\n", &[]), UTF_8);
        assert_eq!(guessed(b"", &[]), UTF_8);
        assert_eq!(guessed(&WINDOWS_1252.encode(FRENCH).0, &[]), WINDOWS_1252);
        assert_eq!(guessed(&WINDOWS_1256.encode(ARABIC).0, &[]), WINDOWS_1256);
        assert_eq!(guessed(b"\xEF\xBB\xBFa", &[]), UTF_8);
        let wide =
            |to_bytes: fn(u16) -> [u8; 2]| FRENCH.encode_utf16().flat_map(to_bytes).collect::<Vec<u8>>();
        assert_eq!(guessed(&wide(u16::to_le_bytes), &[]), UTF_16LE);
        assert_eq!(guessed(&wide(u16::to_be_bytes), &[]), UTF_16BE);
    }

    #[test]
    fn a_few_bytes_of_another_encoding_turn_nothing_else() {
        let foreign = |header: &str| [header.as_bytes(), "été, à Fès\n".as_bytes(), b"\xE9t\xE9\n"].concat();
        assert_eq!(guessed(&foreign("Région,a\n"), &[]), UTF_8);
        assert_eq!(guessed(&foreign("region,a\n"), &[]), UTF_8);
        assert_eq!(guessed(&[b"R\xE9gion\n".as_slice(), FRENCH.as_bytes()].concat(), &[]), WINDOWS_1252);
    }

    #[test]
    fn a_byte_cut_at_a_chunk_or_at_the_end_is_seen() {
        let text = "a".repeat(CHUNK - 1) + "é";
        assert_eq!(guessed(text.as_bytes(), &[]), UTF_8);
        assert_eq!(guessed(&text.as_bytes()[..text.len() - 1], &[]), WINDOWS_1252);
    }

    #[test]
    fn headers_that_the_mapping_names_weigh_more_than_words() {
        let mixed = [
            WINDOWS_1252.encode("Catégorie;RÉGION\n").0.into_owned(),
            WINDOWS_1256.encode("الشرق الشرق الشرق\n").0.into_owned(),
        ]
        .concat();
        assert_eq!(guessed(&mixed, &[]), WINDOWS_1256);
        assert_eq!(guessed(&mixed, &["région et"]), WINDOWS_1256);
        assert_eq!(guessed(&mixed, &["RÉGION"]), WINDOWS_1252);
    }
}
