//! Bytes by part, in order, in bounded memory: beyond a limit all go to a temporary file, encrypted under a key that is
//! written nowhere. The file has no name, so it is gone with the process, however that ends.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::landing::random_name;
use crate::{Error, Result};

/// Bytes that are held in memory.
const MOST_IN_MEMORY: usize = 256 << 20;
/// Memory is taken in blocks of this size.
const BLOCK: usize = 64 << 10;

/// The bytes of all parts.
pub(crate) struct Spill {
    parts: Vec<Part>,
    in_memory: usize,
    most_in_memory: usize,
    file: Option<SealedFile>,
}

#[derive(Default)]
struct Part {
    spilled: Vec<Segment>,
    blocks: Vec<Vec<u8>>,
}

/// Where sealed bytes stand in the file, the tag included. No two have one place: it is the nonce.
#[derive(Clone, Copy)]
pub struct Segment {
    offset: u64,
    length: usize,
}

/// A temporary file without a name, and its key: whatever is written to it is encrypted, and gone with the process.
pub struct SealedFile {
    file: File,
    end: u64,
    key: LessSafeKey,
}

impl Spill {
    pub(crate) fn new(n_parts: usize) -> Self {
        Self::within(n_parts, MOST_IN_MEMORY)
    }

    fn within(n_parts: usize, most_in_memory: usize) -> Self {
        let parts = std::iter::repeat_with(Part::default).take(n_parts).collect();
        Self { parts, in_memory: 0, most_in_memory, file: None }
    }

    /// Appends to every part, and leaves these empty.
    ///
    /// # Errors
    /// `Spill`, `Randomness`.
    pub(crate) fn take(&mut self, bytes: &mut [Vec<u8>]) -> Result<()> {
        for (part, bytes) in self.parts.iter_mut().zip(bytes).filter(|(_, bytes)| !bytes.is_empty()) {
            part.append(bytes);
            self.in_memory += bytes.len();
            bytes.clear();
        }
        if self.in_memory > self.most_in_memory { self.spill() } else { Ok(()) }
    }

    /// Gives the bytes of a part piece by piece, in order, cut where they were appended.
    ///
    /// # Errors
    /// `Spill`.
    pub(crate) fn read(&self, part: usize, mut give: impl FnMut(&[u8])) -> Result<()> {
        let part = &self.parts[part];
        if let Some(file) = &self.file {
            for segment in &part.spilled {
                give(&file.open(segment)?);
            }
        }
        part.blocks.iter().for_each(|block| give(block));
        Ok(())
    }

    fn spill(&mut self) -> Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(SealedFile::new(&std::env::temp_dir())?),
        };
        for part in self.parts.iter_mut().filter(|part| !part.blocks.is_empty()) {
            part.spilled.push(file.seal(part.blocks.concat())?);
            part.blocks.clear();
        }
        self.in_memory = 0;
        Ok(())
    }
}

impl Part {
    fn append(&mut self, bytes: &[u8]) {
        match self.blocks.last_mut() {
            Some(block) if block.len() + bytes.len() <= block.capacity() => block.extend_from_slice(bytes),
            _ => {
                let mut block = Vec::with_capacity(BLOCK.max(bytes.len()));
                block.extend_from_slice(bytes);
                self.blocks.push(block);
            }
        }
    }
}

impl SealedFile {
    /// An empty file in a folder, under a key that is written nowhere.
    ///
    /// # Errors
    /// `Spill`, `Randomness`.
    pub fn new(folder: &Path) -> Result<Self> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(key.as_mut_slice()).map_err(|_| Error::Randomness)?;
        let key = UnboundKey::new(&AES_256_GCM, key.as_slice()).map_err(|_| Error::Sealing)?;
        let file = nameless(folder).map_err(spilling)?;
        Ok(Self { file, end: 0, key: LessSafeKey::new(key) })
    }

    /// Appends bytes, and says where they are.
    ///
    /// # Errors
    /// `Spill`.
    pub fn seal(&mut self, mut bytes: Vec<u8>) -> Result<Segment> {
        let offset = self.end;
        let sealed = self.key.seal_in_place_append_tag(nonce(offset), Aad::empty(), &mut bytes);
        sealed.map_err(|_| Error::Sealing)?;
        self.file.write_all_at(&bytes, offset).map_err(spilling)?;
        self.end += bytes.len() as u64;
        Ok(Segment { offset, length: bytes.len() })
    }

    /// The bytes of a segment.
    ///
    /// # Errors
    /// `Spill`, also where a byte was changed.
    pub fn open(&self, segment: &Segment) -> Result<Vec<u8>> {
        let mut bytes = vec![0; segment.length];
        self.file.read_exact_at(&mut bytes, segment.offset).map_err(spilling)?;
        let opened = self.key.open_in_place(nonce(segment.offset), Aad::empty(), &mut bytes);
        let length = opened.map_err(|_| spilling(io::ErrorKind::InvalidData.into()))?.len();
        bytes.truncate(length);
        Ok(bytes)
    }
}

/// A file that nobody else can open: its name is gone as soon as it is there.
fn nameless(folder: &Path) -> io::Result<File> {
    let name = random_name().map_err(io::Error::other)?;
    let path = folder.join(format!("marsad-{name}"));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

fn nonce(offset: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(&offset.to_le_bytes());
    Nonce::assume_unique_for_key(nonce)
}

fn spilling(source: io::Error) -> Error {
    Error::Spill { source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(most_in_memory: usize) -> Spill {
        let mut spill = Spill::within(3, most_in_memory);
        for number in 0..1000_u32 {
            let bytes = number.to_le_bytes().to_vec();
            let mut parts = if number % 2 == 0 {
                [bytes, Vec::new(), Vec::new()]
            } else {
                [Vec::new(), bytes, Vec::new()]
            };
            spill.take(&mut parts).unwrap();
            assert!(parts.iter().all(Vec::is_empty));
        }
        spill
    }

    fn read(spill: &Spill, part: usize) -> Vec<u32> {
        let mut all = Vec::new();
        let mut take =
            |bytes: &[u8]| all.extend(bytes.as_chunks::<4>().0.iter().map(|n| u32::from_le_bytes(*n)));
        spill.read(part, &mut take).unwrap();
        all
    }

    #[test]
    fn parts_keep_their_order_whether_they_spill_or_not() {
        for most_in_memory in [0, 5, 100, 1_000, 10_000] {
            let spill = written(most_in_memory);
            assert_eq!(spill.file.is_some(), most_in_memory < 4_000);
            assert_eq!(read(&spill, 0), (0..1000).step_by(2).collect::<Vec<_>>());
            assert_eq!(read(&spill, 1), (1..1000).step_by(2).collect::<Vec<_>>());
            assert!(read(&spill, 2).is_empty());
        }
    }

    #[test]
    fn what_is_spilled_shows_nothing_and_no_changed_byte_is_taken() {
        let mut spill = Spill::within(1, 10);
        spill.take(&mut [b"P-00017 is nobody's business".to_vec()]).unwrap();
        let file = spill.file.as_ref().unwrap();
        let mut bytes = vec![0; usize::try_from(file.end).unwrap()];
        file.file.read_exact_at(&mut bytes, 0).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"P-00017"));
        for at in 0..bytes.len() {
            file.file.write_all_at(&[bytes[at] ^ 1], at as u64).unwrap();
            assert!(
                matches!(spill.read(0, |_| panic!("it was changed")), Err(Error::Spill { .. })),
                "byte {at}"
            );
            file.file.write_all_at(&bytes[at..=at], at as u64).unwrap();
        }
        assert!(spill.read(0, |_| ()).is_ok());
    }
}
