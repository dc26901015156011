//! Who may sign a release: the text of an `allowed_signers` file (ssh-keygen(1)), or one line of a `.pub` file.
//!
//! A line counts only as far as it is understood: with an option other than `namespaces` it allows nothing. It
//! deliberately lacks roles: the ledger knows those.

use marsad_ledger::sign;

use super::Found;

/// Keys that may sign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    keys: Vec<Key>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    signer: String,
    /// `<type> <base64>`
    line: String,
}

impl Allowed {
    /// Reads the text; what is no key for releases is left out.
    pub fn read(text: &str) -> Self {
        Self { keys: text.lines().filter_map(key).collect() }
    }

    /// Whether one of the keys made the signature over a `release.json`.
    pub(super) fn verify(&self, bytes: &[u8], sshsig: &str) -> Found {
        if self.keys.is_empty() {
            return Err(
                "no key is allowed to sign releases: give a public key or an allowed_signers file".into()
            );
        }
        let signed = |key: &&Key| sign::verify(&key.line, sign::RELEASE, bytes, sshsig).is_ok();
        match self.keys.iter().find(signed) {
            Some(key) => Ok(format!("signed by {}", key.signer)),
            None => Err("no allowed key made this signature over this release.json".into()),
        }
    }
}

fn key(line: &str) -> Option<Key> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    let words = words(line);
    let at = words.iter().position(|word| is_key_type(word))?;
    let blob = words.get(at + 1)?;
    let options = if at == 0 { &[][..] } else { &words[1..at] };
    options.iter().flat_map(|options| split(options, ',')).all(|option| allows(&option)).then(|| Key {
        signer: if at == 0 { words.get(2).unwrap_or(blob).clone() } else { words[0].clone() },
        line: format!("{} {blob}", words[at]),
    })
}

fn is_key_type(word: &str) -> bool {
    ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"].iter().any(|start| word.starts_with(start))
        && !word.contains('=')
}

/// Whether an option leaves the line usable here.
fn allows(option: &str) -> bool {
    let Some((name, value)) = option.split_once('=') else { return false };
    let value = value.trim_matches('"');
    name.eq_ignore_ascii_case("namespaces") && value.split(',').any(|namespace| namespace == sign::RELEASE)
}

fn words(line: &str) -> Vec<String> {
    split(line, ' ').into_iter().flat_map(|word| split(&word, '\t')).filter(|word| !word.is_empty()).collect()
}

/// Splits outside double quotes.
fn split(text: &str, mark: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        quoted ^= c == '"';
        if c == mark && !quoted {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_count_as_far_as_they_are_understood() {
        let count = |text: &str| Allowed::read(text).keys.len();
        assert_eq!(count("ssh-ed25519 AAAA nadia"), 1);
        assert_eq!(count("nadia ssh-ed25519 AAAA"), 1);
        assert_eq!(count("nadia namespaces=\"marsad-approval,marsad-release\" ssh-ed25519 AAAA nadia\n"), 1);
        assert_eq!(count("nadia namespaces=\"marsad-approval\" ssh-ed25519 AAAA"), 0);
        assert_eq!(count("nadia cert-authority ssh-ed25519 AAAA"), 0);
        assert_eq!(
            count("nadia namespaces=\"marsad-release\",valid-before=\"20200101\" ssh-ed25519 AAAA"),
            0
        );
        assert_eq!(count("# nadia ssh-ed25519 AAAA\n\n"), 0);
        assert_eq!(Allowed::read("nadia ssh-ed25519 AAAA comment").keys[0].signer, "nadia");
    }
}
