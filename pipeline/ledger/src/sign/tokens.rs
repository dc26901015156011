//! FIDO tokens (`sk-ssh-ed25519`, `sk-ecdsa-sha2-nistp256`): a software authenticator signs as OpenSSH's PROTOCOL.u2f says.

use base64::Engine;
use marsad_log::Store;
use p256::ecdsa::signature::Signer;
use sha2::{Digest as _, Sha256};
use ssh_key::public::{Ed25519PublicKey, SkEcdsaSha2NistP256, SkEd25519};
use tempfile::tempdir;

use super::*;
use crate::policy::{Role, Signer as Person};
use crate::testing::{Cast, Wish, statement};
use crate::{Answer, Error, Ledger, Stage};

const APPLICATION: &str = "ssh:";
const TEXT: &[u8] = b"{\"decision\":\"approve\"}";
/// Somebody touched the token and typed its PIN.
const TOUCHED: u8 = 0b101;
/// The PIN alone: nobody touched it.
const UNTOUCHED: u8 = 0b100;

/// A token in software, of either kind.
enum Token {
    Ed25519(ed25519_dalek::SigningKey),
    P256(p256::ecdsa::SigningKey),
}

impl Token {
    fn both() -> [Self; 2] {
        let p256 = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        [Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[7; 32])), Self::P256(p256)]
    }

    fn key_data(&self) -> KeyData {
        match self {
            Self::Ed25519(key) => {
                let public = Ed25519PublicKey(key.verifying_key().to_bytes());
                KeyData::SkEd25519(SkEd25519::new(public, APPLICATION))
            }
            Self::P256(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                KeyData::SkEcdsaSha2NistP256(SkEcdsaSha2NistP256::new(point, APPLICATION))
            }
        }
    }

    fn line(&self) -> String {
        ssh_key::PublicKey::new(self.key_data(), "token").to_openssh().unwrap()
    }

    /// Over the application's hash, flags, counter and the message's hash; flags and counter stand behind it again.
    fn sshsig(&self, namespace: &str, bytes: &[u8], flags: u8) -> String {
        let message = SshSig::signed_data(namespace, HashAlg::Sha512, bytes).unwrap();
        let trailer = [&[flags][..], &9_u32.to_be_bytes()].concat();
        let hash = |bytes: &[u8]| Sha256::digest(bytes).to_vec();
        let signed = [hash(APPLICATION.as_bytes()), trailer.clone(), hash(&message)].concat();
        let (algorithm, signature) = match self {
            Self::Ed25519(key) => ("sk-ssh-ed25519@openssh.com", key.sign(&signed).to_bytes().to_vec()),
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(&signed);
                let (r, s) = signature.split_bytes();
                ("sk-ecdsa-sha2-nistp256@openssh.com", [mpint(&r), mpint(&s)].concat())
            }
        };
        let signature = [string(algorithm.as_bytes()), string(&signature), trailer].concat();
        let key = ssh_key::PublicKey::new(self.key_data(), "").to_bytes().unwrap();
        let body = [
            &b"SSHSIG\0\0\0\x01"[..],
            &string(&key),
            &string(namespace.as_bytes()),
            &string(b""),
            &string(b"sha512"),
            &string(&signature),
        ];
        armoured(&body.concat())
    }
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

fn armoured(bytes: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    let lines: Vec<&str> =
        text.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n"))
}

/// A positive number as SSH writes it (RFC 4251, 5): no leading zeros, one where the first bit is set.
fn mpint(number: &[u8]) -> Vec<u8> {
    let first = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    let zero: &[u8] = if number.get(first).is_some_and(|byte| *byte >= 0x80) { &[0] } else { &[] };
    string(&[zero, &number[first..]].concat())
}

#[test]
fn a_touched_token_of_either_kind_signs() {
    for token in Token::both() {
        let sshsig = token.sshsig(APPROVAL, TEXT, TOUCHED);
        verify(&token.line(), APPROVAL, TEXT, &sshsig).unwrap();
        assert!(matches!(verify(&token.line(), APPROVAL, b"other", &sshsig), Err(KeyError::Wrong)));
        assert!(matches!(verify(&token.line(), POLICY, TEXT, &sshsig), Err(KeyError::Wrong)));
    }
}

#[test]
fn a_token_that_nobody_touched_signs_nothing() {
    for token in Token::both() {
        let sshsig = token.sshsig(APPROVAL, TEXT, UNTOUCHED);
        assert!(matches!(verify(&token.line(), APPROVAL, TEXT, &sshsig), Err(KeyError::Untouched)));
    }
}

#[test]
fn openssh_accepts_what_this_authenticator_makes() {
    let folder = tempdir().unwrap();
    for token in Token::both() {
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let allowed = file("allowed", &format!("token {}\n", token.line()));
        let signature = file("sig", &token.sshsig(APPROVAL, TEXT, TOUCHED));
        let text = file("text", std::str::from_utf8(TEXT).unwrap());
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-Y", "verify", "-I", "token", "-n", APPROVAL, "-f"]).arg(allowed);
        command.arg("-s").arg(signature).stdin(fs::File::open(text).unwrap());
        assert!(command.status().expect("ssh-keygen is installed").success());
    }
}

#[tokio::test]
async fn a_steward_approves_by_token_under_the_signed_policy() {
    for token in Token::both() {
        let folder = tempdir().unwrap();
        let cast = Cast::new(folder.path());
        let ledger = Ledger::open(Store::memory(), &folder.path().join("state"));
        let mut policy = cast.policy(100);
        let roles = [Role::Steward].into();
        policy.signers.push(Person { name: "tess".to_owned(), roles, key: token.line() });
        ledger.set_policy(&policy, &cast.opal).await.unwrap();
        let state = ledger.state().await.unwrap();
        let id = ledger.propose(&Wish::new("A", 40).proposal(&state), &cast.ana).await.unwrap();
        let yes = statement(&ledger.state().await.unwrap(), id, Answer::Approve);
        let untouched = ledger.decide(&yes, None, &token.sshsig(APPROVAL, &yes.bytes(), UNTOUCHED)).await;
        assert!(matches!(untouched, Err(Error::Key(KeyError::Untouched))), "{untouched:?}");
        let stage = ledger.decide(&yes, None, &token.sshsig(APPROVAL, &yes.bytes(), TOUCHED)).await;
        assert_eq!(stage.unwrap(), Stage::Approved);
        let verdict = ledger.verify(None).await.unwrap();
        assert!(verdict.ok, "{:?}", verdict.faults);
    }
}
