//! A small YAML emitter: block maps and lists, quoted texts, numbers as they are written.
//!
//! Every text is plain only where no YAML reader could take it for something else. It deliberately lacks a reader.

use std::fmt::Write as _;

/// A YAML node.
#[derive(Clone, Debug)]
pub(crate) enum Yaml {
    /// A number or a boolean, written as it stands.
    Bare(String),
    /// A text.
    Text(String),
    /// A list; never empty.
    List(Vec<Yaml>),
    /// A map in its own order; never empty.
    Map(Vec<(&'static str, Yaml)>),
}

impl Yaml {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn bare(value: impl ToString) -> Self {
        Self::Bare(value.to_string())
    }

    pub(crate) fn texts<T: ToString>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(|text| Self::Text(text.to_string())).collect())
    }

    /// The document, its last line ended.
    pub(crate) fn document(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0);
        out.trim_start_matches('\n').to_owned()
    }

    /// Writes what follows `key:` or `-`, line end included.
    fn write(&self, out: &mut String, indent: usize) {
        match self {
            Self::Bare(value) => line(out, value),
            Self::Text(text) => line(out, &scalar(text)),
            Self::List(items) => {
                out.push('\n');
                for item in items {
                    let _ = write!(out, "{:indent$}-", "");
                    item.write_item(out, indent + 2);
                }
            }
            Self::Map(members) => {
                out.push('\n');
                for (key, value) in members {
                    let _ = write!(out, "{:indent$}{key}:", "");
                    value.write_member(out, indent);
                }
            }
        }
    }

    fn write_member(&self, out: &mut String, indent: usize) {
        // A list stands at its key's own column, as most YAML writers put it.
        let deeper = if matches!(self, Self::List(_)) { indent } else { indent + 2 };
        self.write(out, deeper);
    }

    /// A map in a list begins on the line of its dash.
    fn write_item(&self, out: &mut String, indent: usize) {
        let mut item = String::new();
        self.write(&mut item, indent);
        match self {
            Self::Map(_) => {
                out.push(' ');
                out.push_str(item.trim_start_matches(['\n', ' ']));
            }
            _ => out.push_str(&item),
        }
    }
}

fn line(out: &mut String, value: &str) {
    let _ = writeln!(out, " {value}");
}

/// Plain where that is safe in YAML 1.1 and 1.2, else in double quotes with JSON's escapes, which YAML shares.
fn scalar(text: &str) -> String {
    let plain = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | ',' | ';' | '(' | ')' | '/')
    };
    let safe = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.ends_with(' ')
        && text.chars().all(plain)
        && !is_word(text);
    if safe { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// Words that some YAML readers take for something else than a text.
fn is_word(text: &str) -> bool {
    let words = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"];
    words.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_maps_and_texts_have_their_forms() {
        let document = Yaml::Map(vec![
            ("a", Yaml::text("plain words")),
            (
                "b",
                Yaml::List(vec![Yaml::Map(vec![
                    ("c", Yaml::bare(1)),
                    ("d", Yaml::texts(["2024", "2024-Q3"])),
                ])]),
            ),
            ("e", Yaml::Map(vec![("f", Yaml::text("no")), ("g", Yaml::text("l'un : \"deux\" é"))])),
        ])
        .document();
        let expected = "a: plain words\nb:\n- c: 1\n  d:\n  - \"2024\"\n  - \"2024-Q3\"\ne:\n  f: \"no\"\n  g: \"l'un : \\\"deux\\\" é\"\n";
        assert_eq!(document, expected);
    }
}
