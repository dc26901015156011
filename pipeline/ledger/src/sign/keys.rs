//! Signatures of the same keys again and again, as a ledger holds them: the check of Ed25519 with tables of a key's multiples.
//!
//! The check is RFC 8032, 5.1.7, as ed25519-dalek makes it for one signature: S is reduced, and R is the very encoding of
//! \[S\]B − \[h\]A, without the cofactor. The tables are another way to that same point, so the same signatures are found
//! right, those with points of small order among them. Checking many signatures by one random sum would be faster still, and
//! would accept some that the single check refuses (Chalkias, Garillot, Nikolaenko 2020, "Taming the many EdDSAs"): two
//! verifiers could then disagree about a ledger. What is not found right here is left to the plain check. Deliberately not
//! constant in time: all that it sees is public.

use std::collections::HashMap;
use std::sync::LazyLock;

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;
use sha2::{Digest as _, Sha512};
use ssh_key::public::{Ed25519PublicKey, KeyData};
use ssh_key::{Algorithm, SshSig};

use super::{KeyError, PublicKey, read_signature};

/// A table takes as long to make as a few dozen plain checks.
const WORTH_A_TABLE: u32 = 64;
/// A window is a byte of a scalar; a table holds its multiples but for the zeroth.
const MULTIPLES: usize = 255;

/// j·256^i·P for each byte i of a scalar and each of its values j.
struct Table(Vec<EdwardsPoint>);

static OF_THE_BASE: LazyLock<Table> = LazyLock::new(|| Table::of(ED25519_BASEPOINT_POINT));

impl Table {
    fn of(point: EdwardsPoint) -> Self {
        let mut multiples = Vec::with_capacity(32 * MULTIPLES);
        let mut unit = point;
        for _ in 0..32 {
            let mut multiple = unit;
            for _ in 0..MULTIPLES {
                multiples.push(multiple);
                multiple += unit;
            }
            unit = multiple;
        }
        Self(multiples)
    }

    /// `sum` and the scalar times the point.
    fn add(&self, scalar: &Scalar, sum: EdwardsPoint) -> EdwardsPoint {
        let windows = scalar.as_bytes().iter().zip(self.0.chunks_exact(MULTIPLES));
        let taken = windows.filter_map(|(byte, multiples)| multiples.get(usize::from(*byte).checked_sub(1)?));
        taken.fold(sum, |sum, multiple| sum + multiple)
    }
}

/// What is known of a key that signed before.
#[derive(Default)]
struct Known {
    n_signatures: u32,
    /// Of −A, once it is worth it; never where A is no point.
    table: Option<Table>,
}

/// The keys that one reader has met.
#[derive(Default)]
pub(crate) struct Keys(HashMap<[u8; 32], Known>);

impl Keys {
    /// As [`PublicKey::of_signature`].
    pub(crate) fn of_signature(
        &mut self,
        namespace: &str,
        bytes: &[u8],
        sshsig: &str,
    ) -> Result<PublicKey, KeyError> {
        let signature = read_signature(sshsig)?;
        match self.is_right(namespace, bytes, &signature) {
            Some(true) => Ok(PublicKey(signature.public_key().clone())),
            _ => PublicKey::of_read(namespace, bytes, &signature),
        }
    }

    /// Whether a signature is right, where its key has a table.
    fn is_right(&mut self, namespace: &str, bytes: &[u8], signature: &SshSig) -> Option<bool> {
        let KeyData::Ed25519(Ed25519PublicKey(key)) = signature.public_key() else { return None };
        let plain = signature.algorithm() == Algorithm::Ed25519 && signature.reserved().is_empty();
        if !plain || signature.namespace() != namespace {
            return None;
        }
        let table = self.table(key)?;
        let signed = SshSig::signed_data(namespace, signature.hash_alg(), bytes).ok()?;
        Some(is_right(key, table, &signed, signature.signature_bytes()))
    }

    fn table(&mut self, key: &[u8; 32]) -> Option<&Table> {
        let known = self.0.entry(*key).or_default();
        known.n_signatures = known.n_signatures.saturating_add(1);
        if known.n_signatures == WORTH_A_TABLE {
            known.table = CompressedEdwardsY(*key).decompress().map(|point| Table::of(-point));
        }
        known.table.as_ref()
    }
}

/// The check itself, with the multiples of −A.
fn is_right(key: &[u8; 32], table: &Table, message: &[u8], signature: &[u8]) -> bool {
    let Some((r, s)) = signature.split_first_chunk::<32>() else { return false };
    let Ok(s) = <[u8; 32]>::try_from(s) else { return false };
    let Some(s) = Option::<Scalar>::from(Scalar::from_canonical_bytes(s)) else { return false };
    let h = Sha512::new().chain_update(r).chain_update(key).chain_update(message).finalize();
    let h = Scalar::from_bytes_mod_order_wide(&h.into());
    let point = table.add(&h, OF_THE_BASE.add(&s, EdwardsPoint::identity()));
    point.compress().as_bytes() == r
}

#[cfg(test)]
mod tests;
