//! Segments: each thousand entries again, one a line, so that reading a long log takes a hundredth of the requests.
//! A segment is a copy, never the original: it is written after its entries, and one that disagrees is a fault.

use bytes::Bytes;

/// How many entries a segment holds.
pub const SEGMENT_LENGTH: u64 = SEGMENT as u64;
/// The same, to count with.
pub(crate) const SEGMENT: usize = 1000;

/// The folder of segments below a log's prefix.
pub(crate) const FOLDER: &str = "_segments";

/// The name of the segment whose first entry is `first`.
pub(crate) fn name(first: u64) -> String {
    format!("{FOLDER}/{first:020}.jsonl")
}

/// Whether the entry of this number completes a segment.
pub(crate) fn is_complete_at(sequence: u64) -> bool {
    (sequence + 1).is_multiple_of(SEGMENT_LENGTH)
}

/// The segment of these objects.
pub(crate) fn join(objects: &[Bytes]) -> Bytes {
    let mut out = Vec::with_capacity(objects.iter().map(|bytes| bytes.len() + 1).sum());
    for bytes in objects {
        out.extend_from_slice(bytes);
        out.push(b'\n');
    }
    out.into()
}

/// The objects of a segment; `None` where it is not a thousand whole lines.
pub(crate) fn split(segment: &Bytes) -> Option<Vec<Bytes>> {
    let body = segment.strip_suffix(b"\n")?;
    let lines: Vec<Bytes> = body.split(|byte| *byte == b'\n').map(|line| segment.slice_ref(line)).collect();
    (lines.len() as u64 == SEGMENT_LENGTH).then_some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_splits_into_what_was_joined() {
        let objects: Vec<Bytes> =
            (0..SEGMENT_LENGTH).map(|n| Bytes::from(format!("{{\"n\":{n}}}"))).collect();
        assert_eq!(split(&join(&objects)).unwrap(), objects);
    }

    #[test]
    fn a_segment_cut_short_is_none() {
        let objects = vec![Bytes::from_static(b"{}"); 1000];
        let whole = join(&objects);
        assert!(split(&whole.slice(..whole.len() - 1)).is_none());
        assert!(split(&whole.slice(..whole.len() - 3)).is_none());
        assert!(split(&Bytes::new()).is_none());
    }

    #[test]
    fn segments_end_at_thousands() {
        assert!(is_complete_at(999) && is_complete_at(1999));
        assert!(!is_complete_at(0) && !is_complete_at(1000));
    }
}
