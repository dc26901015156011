//! Signatures of the same keys again and again, as a ledger holds them: the check of Ed25519 with tables of a key's multiples.
//!
//! The check is RFC 8032, 5.1.7, as ed25519-dalek makes it for one signature: S is reduced, and R is the very encoding of
//! \[S\]B − \[h\]A, without the cofactor. The tables are another way to that same point, so the same signatures are found
//! right, those with points of small order among them. Checking many signatures by one random sum would be faster still, and
//! would accept some that the single check refuses (Chalkias, Garillot, Nikolaenko 2020, "Taming the many EdDSAs"): two
//! verifiers could then disagree about a ledger. What is not found right here is left to the plain check. Deliberately not
//! constant in time: all that it sees is public.

use std::collections::HashMap;
use std::iter;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;
use sha2::{Digest as _, Sha512};
use ssh_key::public::{Ed25519PublicKey, KeyData};
use ssh_key::{Algorithm, SshSig};

use super::{KeyError, PublicKey, read_signature};

/// A table takes as long to make as some sixty plain checks.
const WORTH_A_TABLE: u32 = 128;
/// The bytes of a scalar.
const WINDOWS: usize = 32;
/// A table holds so many multiples for each byte: negative ones are those of the positive. Twice as many and more save
/// additions and cost as much in what the processor has to fetch.
const MULTIPLES: usize = 128;

/// j·256^i·P for each byte i of a scalar and each j from 1 to 128.
struct Table(Vec<EdwardsPoint>);

static OF_THE_BASE: LazyLock<Table> = LazyLock::new(|| Table::of(ED25519_BASEPOINT_POINT));

impl Table {
    fn of(point: EdwardsPoint) -> Self {
        let mut multiples = Vec::with_capacity(WINDOWS * MULTIPLES);
        let mut unit = point;
        for _ in 0..WINDOWS {
            multiples.extend(iter::successors(Some(unit), |multiple| Some(multiple + unit)).take(MULTIPLES));
            let half = multiples.last().expect("a window has multiples");
            unit = half + half;
        }
        Self(multiples)
    }

    /// `sum` and the scalar times the point.
    fn add(&self, scalar: &Scalar, mut sum: EdwardsPoint) -> EdwardsPoint {
        for (digit, multiples) in digits(scalar).into_iter().zip(self.0.chunks_exact(MULTIPLES)) {
            let Some(at) = usize::from(digit.unsigned_abs()).checked_sub(1) else { continue };
            let multiple = &multiples[at];
            sum = if digit > 0 { sum + multiple } else { sum - multiple };
        }
        sum
    }
}

/// A scalar as the sum of digit·256^i, each digit from −127 to 128. It has 253 bits, so nothing is carried out of the last.
fn digits(scalar: &Scalar) -> [i16; WINDOWS] {
    let mut carry = 0;
    scalar.to_bytes().map(|byte| {
        let digit = i16::from(byte) + carry;
        carry = i16::from(digit > 128);
        digit - 256 * carry
    })
}

/// What a signature is said to be over.
#[derive(Clone, Copy)]
pub(crate) struct Claim<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) bytes: &'a [u8],
    pub(crate) sshsig: &'a str,
}

/// What is known of a key that signed before.
#[derive(Default)]
struct Known {
    n_signatures: u32,
    /// Of −A, once it is worth it; never where A is no point.
    table: Option<Arc<Table>>,
}

/// The keys that all readers of a log have met.
#[derive(Default)]
pub(crate) struct Keys(Mutex<HashMap<[u8; 32], Known>>);

impl Keys {
    /// As [`PublicKey::of_signature`] of each. Many at once, because the encodings of many points take little more time
    /// than that of one: each is checked by itself nevertheless.
    pub(crate) fn of_signatures(&self, claims: &[Claim<'_>]) -> Vec<Result<PublicKey, KeyError>> {
        let read: Vec<_> = claims.iter().map(|claim| read_signature(claim.sshsig)).collect();
        let points: Vec<Option<EdwardsPoint>> =
            read.iter().zip(claims).map(|(read, claim)| self.point(claim, read.as_ref().ok()?)).collect();
        let mut encodings =
            EdwardsPoint::compress_batch_alloc(&points.iter().copied().flatten().collect::<Vec<_>>())
                .into_iter();
        let each = read.into_iter().zip(claims).zip(points);
        each.map(|((read, claim), point)| {
            let signature = read?;
            let encoding = point.and_then(|_| encodings.next());
            if encoding.is_some_and(|r| signature.signature_bytes().starts_with(r.as_bytes())) {
                return Ok(PublicKey(signature.public_key().clone()));
            }
            PublicKey::of_read(claim.namespace, claim.bytes, &signature)
        })
        .collect()
    }

    /// The point whose encoding R must be, where the key has a table and S is reduced.
    fn point(&self, claim: &Claim<'_>, signature: &SshSig) -> Option<EdwardsPoint> {
        let KeyData::Ed25519(Ed25519PublicKey(key)) = signature.public_key() else { return None };
        let plain = signature.algorithm() == Algorithm::Ed25519 && signature.reserved().is_empty();
        if !plain || signature.namespace() != claim.namespace {
            return None;
        }
        let table = self.table(key)?;
        let signed = SshSig::signed_data(claim.namespace, signature.hash_alg(), claim.bytes).ok()?;
        point(key, &table, &signed, signature.signature_bytes())
    }

    fn table(&self, key: &[u8; 32]) -> Option<Arc<Table>> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = keys.entry(*key).or_default();
        known.n_signatures = known.n_signatures.saturating_add(1);
        if known.n_signatures == WORTH_A_TABLE {
            known.table = CompressedEdwardsY(*key).decompress().map(|point| Arc::new(Table::of(-point)));
        }
        known.table.clone()
    }
}

/// \[S\]B − \[h\]A, with the multiples of −A.
fn point(key: &[u8; 32], table: &Table, message: &[u8], signature: &[u8]) -> Option<EdwardsPoint> {
    let (r, s) = signature.split_first_chunk::<32>()?;
    let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(s.try_into().ok()?))?;
    let h = Sha512::new().chain_update(r).chain_update(key).chain_update(message).finalize();
    let h = Scalar::from_bytes_mod_order_wide(&h.into());
    Some(table.add(&h, OF_THE_BASE.add(&s, EdwardsPoint::identity())))
}

#[cfg(test)]
mod tests;
