//! Bytes of any encoding to UTF-8, in chunks; what cannot be decoded becomes U+FFFD, which the cell's check finds.

use std::io::{self, Read};

use encoding_rs::{Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE};

const CHUNK: usize = 1 << 16;

/// A reader's bytes as UTF-8.
pub(crate) struct Decoded<R> {
    input: R,
    decoder: Decoder,
    raw: Vec<u8>,
    ended: bool,
}

impl<R: Read> Decoded<R> {
    pub(crate) fn new(input: R, encoding: &'static Encoding) -> Self {
        let decoder = encoding.new_decoder_with_bom_removal();
        Self { input, decoder, raw: vec![0; CHUNK], ended: false }
    }

    /// Puts the next piece of text in the place of the last one; false at the end.
    pub(crate) fn chunk(&mut self, text: &mut String) -> io::Result<bool> {
        text.clear();
        while !self.ended && text.is_empty() {
            let length = read_some(&mut self.input, &mut self.raw)?;
            self.ended = length == 0;
            let room = self.decoder.max_utf8_buffer_length(length).unwrap_or(4 * CHUNK);
            text.reserve(room);
            // With so much room all is taken.
            let (..) = self.decoder.decode_to_string(&self.raw[..length], text, self.ended);
        }
        Ok(!text.is_empty())
    }

    pub(crate) fn input(&self) -> &R {
        &self.input
    }
}

fn read_some(input: &mut impl Read, raw: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(raw) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// The encoding that a mapping's label names. Plain `utf-16` is either byte order, as the file's mark says.
pub(crate) fn encoding(label: Option<&str>, start: &[u8]) -> Option<&'static Encoding> {
    let label = label.unwrap_or("utf-8");
    if label.eq_ignore_ascii_case("utf-16") && mark(start) == Some(UTF_16BE) {
        return Some(UTF_16BE);
    }
    Encoding::for_label(label.as_bytes())
}

/// The encoding whose byte-order mark a file begins with.
pub(crate) fn mark(start: &[u8]) -> Option<&'static Encoding> {
    match start {
        [0xEF, 0xBB, 0xBF, ..] => Some(UTF_8),
        [0xFF, 0xFE, ..] => Some(UTF_16LE),
        [0xFE, 0xFF, ..] => Some(UTF_16BE),
        _ => None,
    }
}
