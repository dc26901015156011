//! What can go wrong with keys and signatures. Deliberately without any part of a private key.

use std::path::PathBuf;

use marsad_terms::{Explain, Explanation};

/// A key or a signature does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("cannot use the key file {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A key file of this name exists; keys are never overwritten.
    #[error("the key file {} exists", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Others can read the private key.
    #[error("others can read the private key {}", path.display())]
    Readable {
        /// The file.
        path: PathBuf,
    },
    /// The file is no SSH key.
    #[error("{} is no SSH key in OpenSSH's format", path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// The private key is encrypted and no passphrase is given.
    #[error("the private key {} is encrypted", path.display())]
    Encrypted {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase is another one.
    #[error("the passphrase does not open the private key {}", path.display())]
    Passphrase {
        /// The file.
        path: PathBuf,
    },
    /// ssh-agent or the token did not sign.
    #[error("no signature for the public key {}", path.display())]
    Agent {
        /// The file.
        path: PathBuf,
        /// What `ssh-keygen` said.
        what: String,
    },
    /// A key of this kind cannot sign here.
    #[error("the key cannot sign")]
    Sign,
    /// The system gave no randomness.
    #[error("the system's source of randomness failed")]
    Randomness,
    /// The text is no public key.
    #[error("the text is no line of an SSH public key")]
    NotAPublicKey,
    /// The text is no signature.
    #[error("the text is no armoured SSH signature")]
    NotASignature,
    /// The signature is not over these bytes in this namespace.
    #[error("the signature is not over these bytes in this namespace")]
    Wrong,
    /// A token signed although nobody touched it.
    #[error("the token signed without being touched")]
    Untouched,
    /// The signature is right, but another key made it.
    #[error("another key made the signature")]
    AnotherKey,
}

impl Explain for KeyError {
    fn explain(&self) -> Explanation {
        let (code, why, remedy): (&str, &str, &str) = match self {
            Self::Io { source, path } => {
                let remedy = "check the path and the rights of the folder";
                return Explanation::new("B60", self.to_string(), source.to_string(), remedy)
                    .at(path.display().to_string());
            }
            Self::Exists { .. } => {
                ("B61", "keys are never overwritten", "name another file, or move that one away")
            }
            Self::Readable { .. } => {
                ("B62", "whoever reads it can sign in its holder's name", "run `chmod 600` on it")
            }
            Self::NotAKey { .. } => {
                ("B63", "it does not read as one", "make one with `ssh-keygen -t ed25519`")
            }
            Self::Encrypted { .. } => (
                "B64",
                "a passphrase protects it",
                "run the command on a terminal, which asks for it; or set MARSAD_KEY_PASSPHRASE; or give its .pub and use ssh-agent",
            ),
            Self::Passphrase { .. } => (
                "B65",
                "what was given is not its passphrase",
                "type it again, or correct MARSAD_KEY_PASSPHRASE",
            ),
            Self::Agent { what, path } => {
                let remedy = "run `ssh-add` on the private key, or give the private key's file";
                let why = if what.is_empty() { "ssh-keygen gave none" } else { what };
                return Explanation::new("B66", self.to_string(), why, remedy).at(path.display().to_string());
            }
            Self::Sign => ("B67", "its kind is not supported", "use an Ed25519 key"),
            Self::Randomness => ("B68", "without it no key is safe", "try again; check the system"),
            Self::NotAPublicKey => ("B69", "it does not read as one", "give the one line of the .pub file"),
            Self::NotASignature => ("B70", "it does not read as one", "make it with `ssh-keygen -Y sign`"),
            Self::Wrong => (
                "B71",
                "the bytes, the namespace or the signature were changed",
                "sign exactly the bytes that `marsad release statement` prints, in namespace marsad-approval",
            ),
            Self::Untouched => (
                "B73",
                "without a touch, a program could have signed in its holder's name",
                "use a token key made without `no-touch-required`, and touch the token when it blinks",
            ),
            Self::AnotherKey => {
                ("B72", "signatures count by key, not by name", "sign with the key of the policy")
            }
        };
        Explanation::new(code, self.to_string(), why, remedy).at(self.path())
    }
}

impl KeyError {
    fn path(&self) -> String {
        match self {
            Self::Io { path, .. }
            | Self::Exists { path }
            | Self::Readable { path }
            | Self::NotAKey { path }
            | Self::Encrypted { path }
            | Self::Passphrase { path }
            | Self::Agent { path, .. } => path.display().to_string(),
            _ => String::new(),
        }
    }
}
