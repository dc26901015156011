//! The check with tables against ed25519-dalek's, where the two could differ: small order, other encodings, flipped bits.

use curve25519_dalek::constants::EIGHT_TORSION;
use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use proptest::prelude::*;

use super::*;
use crate::sign::{APPROVAL, POLICY};
use crate::testing::Cast;

/// Both checks of one signature; they must agree.
fn check(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> Option<bool> {
    let table = Table::of(-CompressedEdwardsY(*key).decompress()?);
    let ours = point(key, &table, message, signature)
        .is_some_and(|r| signature.starts_with(r.compress().as_bytes()));
    let plain = VerifyingKey::from_bytes(key).unwrap().verify(message, &Signature::from_bytes(signature));
    assert_eq!(ours, plain.is_ok());
    Some(ours)
}

fn joined(r: EdwardsPoint, s: Scalar) -> [u8; 64] {
    [r.compress().to_bytes(), s.to_bytes()].concat().try_into().unwrap()
}

/// A signature with any R and A that the secret scalar `a` and the nonce `r` give, with points of small order added.
fn with_torsion(message: &[u8], of_r: usize, of_a: usize) -> ([u8; 32], [u8; 64]) {
    let (a, r) = (Scalar::from(7_u64), Scalar::from(11_u64));
    let key = ED25519_BASEPOINT_POINT * a + EIGHT_TORSION[of_a];
    let point = ED25519_BASEPOINT_POINT * r + EIGHT_TORSION[of_r];
    let key = key.compress().to_bytes();
    let h = Sha512::new().chain_update(point.compress().as_bytes()).chain_update(key).chain_update(message);
    let h = Scalar::from_bytes_mod_order_wide(&h.finalize().into());
    (key, joined(point, r + h * a))
}

#[test]
fn points_of_small_order_are_taken_as_the_single_check_takes_them() {
    let mut found = [0, 0];
    for (of_r, of_a) in (0..8).flat_map(|r| (0..8).map(move |a| (r, a))) {
        for message in 0..4_u8 {
            let (key, signature) = with_torsion(&[message], of_r, of_a);
            found[usize::from(check(&key, &[message], &signature).unwrap())] += 1;
        }
    }
    // Each refused one differs by a point of small order alone, which a random sum of many would miss one time in two to eight.
    assert!(found[0] > 100 && found[1] > 8, "{found:?}");
    // A and R of small order alone, S = 0: a signature of nobody over anything, for which the single check has its rules.
    for (of_r, of_a) in (0..8).flat_map(|r| (0..8).map(move |a| (r, a))) {
        let key = EIGHT_TORSION[of_a].compress().to_bytes();
        check(&key, b"any", &joined(EIGHT_TORSION[of_r], Scalar::ZERO)).unwrap();
    }
}

#[test]
fn encodings_that_are_not_the_one_are_refused() {
    let signing = SigningKey::from_bytes(&[3; 32]);
    let key = signing.verifying_key().to_bytes();
    let signature = signing.sign(b"text").to_bytes();
    assert_eq!(check(&key, b"text", &signature), Some(true));
    // S + ℓ is the same scalar.
    let order: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut greater = signature;
    let mut carry = 0;
    for (byte, more) in greater[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(more) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    assert_eq!(check(&key, b"text", &greater), Some(false));
    // R = (0, 1) written with the sign of a zero, and with y = p + 1: both mean the neutral point.
    for mut r in [CompressedEdwardsY::identity().to_bytes(), [0xff; 32]] {
        if r[0] == 1 {
            r[31] = 0x80;
        } else {
            (r[0], r[31]) = (0xee, 0x7f);
        }
        let signature = [r, Scalar::ZERO.to_bytes()].concat().try_into().unwrap();
        let neutral = CompressedEdwardsY::identity().to_bytes();
        assert_eq!(check(&neutral, b"text", &signature), Some(false));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_checks_agree(seed: [u8; 32], message: Vec<u8>, at in 0_usize..64, bit in 0_u32..8) {
        let signing = SigningKey::from_bytes(&seed);
        let key = signing.verifying_key().to_bytes();
        let mut signature = signing.sign(&message).to_bytes();
        prop_assert_eq!(check(&key, &message, &signature), Some(true));
        signature[at] ^= 1 << bit;
        prop_assert_eq!(check(&key, &message, &signature), Some(false));
    }
}

#[test]
fn a_key_that_signs_often_is_judged_as_one_that_signs_once() {
    let folder = tempfile::tempdir().unwrap();
    let cast = Cast::new(folder.path());
    let keys = Keys::default();
    for round in 0..WORTH_A_TABLE / 8 {
        let texts: Vec<String> = (0..8).map(|number| format!("{round}/{number}")).collect();
        let sign = |text: &String| cast.sam.sign(APPROVAL, text.as_bytes()).unwrap();
        let signed: Vec<(&String, String)> = texts.iter().map(|text| (text, sign(text))).collect();
        let claims = signed.iter().flat_map(|(text, sshsig)| {
            let right = Claim { namespace: APPROVAL, bytes: text.as_bytes(), sshsig };
            [
                right,
                Claim { bytes: b"another", ..right },
                Claim { namespace: POLICY, ..right },
                Claim { sshsig: "x", ..right },
            ]
        });
        let claims: Vec<Claim<'_>> = claims.collect();
        for four in keys.of_signatures(&claims).chunks_exact(4) {
            assert_eq!(four[0].as_ref().unwrap(), &cast.sam.public_key());
            assert!(matches!(four[1..3], [Err(KeyError::Wrong), Err(KeyError::Wrong)]));
            assert!(matches!(four[3], Err(KeyError::NotASignature)));
        }
    }
    assert!(keys.0.into_inner().unwrap().values().all(|known| known.table.is_some()));
}

proptest! {
    #[test]
    fn a_scalar_is_the_sum_of_its_windows(bytes: [u8; 32]) {
        let scalar = Scalar::from_bytes_mod_order(bytes);
        let sum = digits(&scalar).iter().rev().fold(Scalar::ZERO, |sum, digit| {
            let size = Scalar::from(digit.unsigned_abs());
            let shifted = sum * Scalar::from(256_u64);
            if *digit < 0 { shifted - size } else { shifted + size }
        });
        prop_assert_eq!(sum, scalar);
    }
}
