//! Our signatures against OpenSSH's: each accepts the other's, and nothing else.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::{TempDir, tempdir};

use super::*;
use crate::testing::Cast;

const TEXT: &[u8] = b"{\"decision\":\"approve\"}";

/// OpenSSH's own tool; without it nothing here proves anything.
fn ssh_keygen(arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new("ssh-keygen");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("ssh-keygen is installed: scripts/prerequisites names it");
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn made_by_openssh(folder: &TempDir, kind: &[&str], passphrase: &str) -> PathBuf {
    let path = folder.path().join("theirs");
    let arguments = [kind, &["-q", "-N", passphrase, "-C", "theirs", "-f", path.to_str().unwrap()]].concat();
    assert!(ssh_keygen(&arguments, b"").status.success());
    path
}

fn accepted(allowed: &Path, name: &str, namespace: &str, sshsig: &str, bytes: &[u8]) -> bool {
    let signature = allowed.with_extension("sig");
    fs::write(&signature, sshsig).unwrap();
    let (allowed, signature) = (allowed.to_str().unwrap(), signature.to_str().unwrap());
    let arguments = ["-Y", "verify", "-f", allowed, "-I", name, "-n", namespace, "-s", signature];
    ssh_keygen(&arguments, bytes).status.success()
}

#[test]
fn openssh_accepts_ours_from_whom_the_policy_allows() {
    let folder = tempdir().unwrap();
    let cast = Cast::new(folder.path());
    let allowed = folder.path().join("allowed_signers");
    fs::write(&allowed, cast.policy(1).allowed_signers()).unwrap();
    let ours = cast.pat.sign(RELEASE, TEXT).unwrap();
    assert!(accepted(&allowed, "pat", RELEASE, &ours, TEXT));
    assert!(!accepted(&allowed, "pat", RELEASE, &ours, b"another text"));
    assert!(!accepted(&allowed, "sam", RELEASE, &ours, TEXT), "another name");
    let approval = cast.pat.sign(APPROVAL, TEXT).unwrap();
    assert!(!accepted(&allowed, "pat", APPROVAL, &approval, TEXT), "a publisher approves nothing");
    assert!(accepted(&allowed, "sam", APPROVAL, &cast.sam.sign(APPROVAL, TEXT).unwrap(), TEXT));
}

#[test]
fn we_accept_openssh_s_signatures_of_each_kind_of_key() {
    for kind in [&["-t", "ed25519"][..], &["-t", "ecdsa", "-b", "256"], &["-t", "rsa", "-b", "2048"]] {
        let folder = tempdir().unwrap();
        let path = made_by_openssh(&folder, kind, "");
        let line = fs::read_to_string(public_path(&path)).unwrap();
        let output = ssh_keygen(&["-Y", "sign", "-n", APPROVAL, "-f", path.to_str().unwrap()], TEXT);
        let theirs = String::from_utf8(output.stdout).unwrap();
        verify(&line, APPROVAL, TEXT, &theirs).unwrap();
        assert!(matches!(verify(&line, POLICY, TEXT, &theirs), Err(KeyError::Wrong)));
        assert!(matches!(verify(&line, APPROVAL, b"other", &theirs), Err(KeyError::Wrong)));
        let read = SigningKey::open_with(&path, None).unwrap();
        verify(&line, RELEASE, TEXT, &read.sign(RELEASE, TEXT).unwrap()).unwrap();
    }
}

#[test]
fn a_signature_of_another_key_or_none_is_named_so() {
    let folder = tempdir().unwrap();
    let cast = Cast::new(folder.path());
    let sshsig = cast.sam.sign(APPROVAL, TEXT).unwrap();
    verify(cast.sam.public_line(), APPROVAL, TEXT, &sshsig).unwrap();
    let other = verify(cast.zoe.public_line(), APPROVAL, TEXT, &sshsig);
    assert!(matches!(other, Err(KeyError::AnotherKey)));
    assert!(matches!(verify(cast.zoe.public_line(), APPROVAL, TEXT, "x"), Err(KeyError::NotASignature)));
    assert!(matches!(verify("ssh-ed25519 x", APPROVAL, TEXT, &sshsig), Err(KeyError::NotAPublicKey)));
}

#[test]
fn a_key_is_written_once_for_its_holder_and_reads_back() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("ours");
    let made = SigningKey::generate(&path, "sam of the programme").unwrap();
    assert!(made.public_line().ends_with(" sam of the programme"));
    assert_eq!(fs::read_to_string(public_path(&path)).unwrap(), format!("{}\n", made.public_line()));
    assert_eq!(SigningKey::open_with(&path, None).unwrap().public_line(), made.public_line());
    assert!(matches!(SigningKey::generate(&path, "again"), Err(KeyError::Exists { .. })));
    assert!(!format!("{made:?}").contains("PRIVATE"));
}

#[cfg(unix)]
#[test]
fn a_private_key_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempdir().unwrap();
    let path = folder.path().join("ours");
    SigningKey::generate(&path, "ours").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(SigningKey::open_with(&path, None), Err(KeyError::Readable { .. })));
}

#[test]
fn an_encrypted_key_wants_its_passphrase() {
    let folder = tempdir().unwrap();
    let path = made_by_openssh(&folder, &["-t", "ed25519"], "open sesame");
    assert!(matches!(SigningKey::open_with(&path, None), Err(KeyError::Encrypted { .. })));
    assert!(matches!(SigningKey::open_with(&path, Some("no")), Err(KeyError::Passphrase { .. })));
    let key = SigningKey::open_with(&path, Some("open sesame")).unwrap();
    verify(key.public_line(), POLICY, TEXT, &key.sign(POLICY, TEXT).unwrap()).unwrap();
}

#[test]
fn other_files_are_no_keys() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("file");
    assert!(matches!(SigningKey::open_with(&path, None), Err(KeyError::Io { .. })));
    for content in [&b""[..], b"no key", b"\xff\xfe"] {
        fs::write(&path, content).unwrap();
        assert!(matches!(SigningKey::open_with(&path, None), Err(KeyError::NotAKey { .. })));
    }
}

#[test]
fn ssh_keygen_signs_where_the_private_half_is_elsewhere() {
    let folder = tempdir().unwrap();
    let path = made_by_openssh(&folder, &["-t", "ed25519"], "");
    let sshsig = sign_elsewhere(&path, POLICY, TEXT).unwrap();
    let line = fs::read_to_string(public_path(&path)).unwrap();
    verify(&line, POLICY, TEXT, &sshsig).unwrap();
    // The public half alone, and no agent that holds the other: named, not hung.
    fs::remove_file(&path).unwrap();
    let key = SigningKey::open_with(&public_path(&path), None).unwrap();
    assert!(matches!(key.sign(POLICY, TEXT), Err(KeyError::Agent { .. })));
}
