//! The words of a statement: enough to know which record types and columns it mentions. Judging it is the analyser's business.

use std::collections::BTreeSet;

/// All names of the statement in lower case, without comments and without literals in single quotes.
pub(crate) fn words(sql: &str) -> BTreeSet<String> {
    let bare = without_comments_and_literals(sql);
    let words = bare.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

fn without_comments_and_literals(sql: &str) -> String {
    let mut bare = String::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let skipped = match first {
            '\'' => end_of(&rest[1..], "'") + 1,
            '-' if rest.starts_with("--") => end_of(rest, "\n"),
            '/' if rest.starts_with("/*") => end_of(rest, "*/"),
            _ => {
                bare.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
        };
        bare.push(' ');
        rest = &rest[skipped..];
    }
    bare
}

fn end_of(text: &str, mark: &str) -> usize {
    text.find(mark).map_or(text.len(), |start| start + mark.len())
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn comments_and_literals_hold_no_names() {
        let sql = "SELECT a -- training\n, 'it''s returns' /* youth */ FROM \"B\" WHERE c='é' -- end";
        assert_eq!(words(sql).into_iter().collect::<Vec<_>>(), ["a", "b", "c", "from", "select", "where"]);
        assert!(words("'open").is_empty());
        assert!(words("/* open").is_empty());
    }
}
