//! SSH keys and signatures (`sshsig`, as `ssh-keygen -Y sign` writes and `-Y verify` reads).
//!
//! Deliberately without any rule about whose signature counts: that is the policy's.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, SshSig};
use zeroize::Zeroizing;

mod error;
mod keys;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tokens;

pub use error::KeyError;
pub(crate) use keys::{Claim, Keys};

/// An author signs a proposal.
pub const PROPOSAL: &str = "marsad-proposal";
/// An approver signs a decision.
pub const APPROVAL: &str = "marsad-approval";
/// A privacy officer signs a policy.
pub const POLICY: &str = "marsad-policy";
/// A publisher signs `release.json` and what the ledger says of it.
pub const RELEASE: &str = "marsad-release";
/// A publisher signs how the ledger ended.
pub const CHECKPOINT: &str = "marsad-checkpoint";

/// Unlocks an encrypted private key.
const PASSPHRASE: &str = "MARSAD_KEY_PASSPHRASE";

/// A public key; its comment does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(KeyData);

impl PublicKey {
    /// Reads the line of a `.pub` file.
    ///
    /// # Errors
    /// `NotAPublicKey`.
    pub fn read(line: &str) -> Result<Self, KeyError> {
        let key = ssh_key::PublicKey::from_openssh(line.trim());
        key.map(|key| Self(key.key_data().clone())).map_err(|_| KeyError::NotAPublicKey)
    }

    /// The key that made a signature, once the signature is found right.
    ///
    /// # Errors
    /// `NotASignature`; `Wrong` where the signature is not over `bytes` in this namespace.
    pub fn of_signature(namespace: &str, bytes: &[u8], sshsig: &str) -> Result<Self, KeyError> {
        Self::of_read(namespace, bytes, &read_signature(sshsig)?)
    }

    fn of_read(namespace: &str, bytes: &[u8], signature: &SshSig) -> Result<Self, KeyError> {
        let key = ssh_key::PublicKey::new(signature.public_key().clone(), "");
        key.verify(namespace, bytes, signature).map_err(|_| KeyError::Wrong)?;
        if is_untouched(signature) {
            Err(KeyError::Untouched)
        } else {
            Ok(Self(signature.public_key().clone()))
        }
    }
}

fn read_signature(sshsig: &str) -> Result<SshSig, KeyError> {
    sshsig.parse().map_err(|_| KeyError::NotASignature)
}

/// Whether a token signed without anybody touching it: bit 0 of its flags, which four bytes of counter follow
/// (OpenSSH, PROTOCOL.u2f). Malware on the holder's machine could have asked for such a signature.
fn is_untouched(signature: &SshSig) -> bool {
    let is_of_token =
        matches!(signature.public_key(), KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_));
    let bytes = signature.signature().as_bytes();
    let flags = bytes.len().checked_sub(5).map_or(0, |at| bytes[at]);
    is_of_token && flags & 1 == 0
}

/// Whether the key of `public_line` made the signature over `bytes` in this namespace.
///
/// # Errors
/// What is wrong with the key, the signature, or their fit.
pub fn verify(public_line: &str, namespace: &str, bytes: &[u8], sshsig: &str) -> Result<(), KeyError> {
    let key = PublicKey::read(public_line)?;
    if PublicKey::of_signature(namespace, bytes, sshsig)? == key { Ok(()) } else { Err(KeyError::AnotherKey) }
}

/// A key that can sign; it never shows itself.
pub struct SigningKey {
    public_line: String,
    private: Private,
}

enum Private {
    /// Read from its file.
    Here(Box<PrivateKey>),
    /// In ssh-agent, on a token, or of a kind that only `ssh-keygen` signs with.
    Elsewhere(PathBuf),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public_line).finish()
    }
}

impl SigningKey {
    /// Makes an Ed25519 key: `path` (0600) and `path.pub`. Never overwrites.
    ///
    /// # Errors
    /// `Exists`, `Io`, `Randomness`.
    pub fn generate(path: &Path, comment: &str) -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).map_err(|_| KeyError::Randomness)?;
        let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(&seed));
        let key = PrivateKey::new(pair, comment).map_err(|_| KeyError::NotAKey { path: path.into() })?;
        let text = key.to_openssh(LineEnding::LF).map_err(|_| KeyError::NotAKey { path: path.into() })?;
        let key = Self::here(key, path)?;
        write_new(path, text.as_bytes(), 0o600)?;
        let public = write_new(&public_path(path), format!("{}\n", key.public_line).as_bytes(), 0o644);
        if public.is_err() {
            fs::remove_file(path).ok();
        }
        public.map(|()| key)
    }

    /// Reads a private key (`MARSAD_KEY_PASSPHRASE` unlocks an encrypted one), or a public one whose private half
    /// ssh-agent holds.
    ///
    /// # Errors
    /// `Io`, `Readable` where others can read the private key, `NotAKey`, `Encrypted`, `Passphrase`.
    pub fn open(path: &Path) -> Result<Self, KeyError> {
        let passphrase = std::env::var(PASSPHRASE).ok().map(Zeroizing::new);
        Self::open_with(path, passphrase.as_deref().map(String::as_str))
    }

    /// The same with the passphrase of an encrypted key given.
    ///
    /// # Errors
    /// As [`SigningKey::open`].
    pub fn open_with(path: &Path, passphrase: Option<&str>) -> Result<Self, KeyError> {
        let io = |source| KeyError::Io { path: path.into(), source };
        let text = Zeroizing::new(fs::read(path).map_err(io)?);
        let text = std::str::from_utf8(&text).map_err(|_| KeyError::NotAKey { path: path.into() })?;
        if PublicKey::read(text).is_ok() {
            let private = Private::Elsewhere(path.into());
            return Ok(Self { public_line: text.trim().to_owned(), private });
        }
        let key = PrivateKey::from_openssh(text).map_err(|_| KeyError::NotAKey { path: path.into() })?;
        check_rights(path)?;
        if !key.is_encrypted() {
            return Self::here(key, path);
        }
        if signs_elsewhere(&key.algorithm()) {
            return Self::here(key, path);
        }
        let passphrase = passphrase.ok_or_else(|| KeyError::Encrypted { path: path.into() })?;
        let key = key.decrypt(passphrase).map_err(|_| KeyError::Passphrase { path: path.into() })?;
        Self::here(key, path)
    }

    fn here(key: PrivateKey, path: &Path) -> Result<Self, KeyError> {
        let line = key.public_key().to_openssh().map_err(|_| KeyError::NotAKey { path: path.into() })?;
        let private = if signs_elsewhere(&key.algorithm()) {
            Private::Elsewhere(path.into())
        } else {
            Private::Here(Box::new(key))
        };
        Ok(Self { public_line: line.trim().to_owned(), private })
    }

    /// The line of the `.pub` file.
    pub fn public_line(&self) -> &str {
        &self.public_line
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey::read(&self.public_line).expect("the line was read or written as a public key")
    }

    /// Signs `bytes` in a namespace; gives the armoured text that `ssh-keygen -Y sign` would.
    ///
    /// # Errors
    /// `Agent` where ssh-agent or the token does not sign; `Sign` where the key cannot.
    pub fn sign(&self, namespace: &str, bytes: &[u8]) -> Result<String, KeyError> {
        let private = match &self.private {
            Private::Elsewhere(path) => return sign_elsewhere(path, namespace, bytes),
            Private::Here(private) => private,
        };
        let signature = private.sign(namespace, HashAlg::Sha512, bytes).map_err(|_| KeyError::Sign)?;
        signature.to_pem(LineEnding::LF).map_err(|_| KeyError::Sign)
    }
}

/// Tokens sign by themselves, and ssh-key 0.6 cannot sign with RSA: it takes p twice for the primes. Where such a key's file
/// is encrypted, `ssh-keygen` asks for its passphrase on the terminal.
fn signs_elsewhere(algorithm: &Algorithm) -> bool {
    matches!(algorithm, Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256 | Algorithm::Rsa { .. })
}

/// `ssh-keygen` speaks with ssh-agent and with tokens; it signs what it reads.
fn sign_elsewhere(path: &Path, namespace: &str, bytes: &[u8]) -> Result<String, KeyError> {
    let agent = |what: String| KeyError::Agent { path: path.into(), what };
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-Y", "sign", "-n", namespace, "-f"]).arg(path);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| agent(format!("ssh-keygen does not start: {error}")))?;
    // Without a key it ends before it has read all: what it says then tells more than the broken pipe.
    let written = child.stdin.take().map(|mut input| input.write_all(bytes));
    let output = child.wait_with_output().map_err(|error| agent(error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    match PublicKey::of_signature(namespace, bytes, &text) {
        Ok(_) if output.status.success() => Ok(text),
        Err(KeyError::Untouched) => Err(KeyError::Untouched),
        _ => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            let broken = written.and_then(Result::err).map(|error| error.to_string());
            Err(agent(if said.is_empty() { broken.unwrap_or_default() } else { said }))
        }
    }
}

/// `path.pub`, beside the private key.
pub fn public_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), KeyError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::AlreadyExists => KeyError::Exists { path: path.into() },
        _ => KeyError::Io { path: path.into(), source },
    })?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|source| {
        // Half a key would stand in the way of the whole one.
        fs::remove_file(path).ok();
        KeyError::Io { path: path.into(), source }
    })
}

#[cfg(unix)]
fn check_rights(path: &Path) -> Result<(), KeyError> {
    use std::os::unix::fs::PermissionsExt;
    let mode =
        fs::metadata(path).map_err(|source| KeyError::Io { path: path.into(), source })?.permissions().mode();
    let others = mode & 0o077;
    if others == 0 { Ok(()) } else { Err(KeyError::Readable { path: path.into() }) }
}

#[cfg(not(unix))]
fn check_rights(_: &Path) -> Result<(), KeyError> {
    Ok(())
}
