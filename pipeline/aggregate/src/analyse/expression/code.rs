//! Codes: a text that is no code of a column's list never equals it, and the figure would be paid for and say nothing.

use datafusion::logical_expr::Expr;
use marsad_terms::nearest;

use super::super::lineage::{Lineage, Origin};
use super::super::refusal::{Code, Offence};
use super::Context;

/// Refuses the comparison of a coded column with a text that no record has in it.
pub(super) fn is_known(
    (left, right): (&Origin, &Origin),
    whole: &Expr,
    context: &Context<'_>,
) -> Result<(), Offence> {
    let ((Lineage::Code(list), Lineage::Text(text)) | (Lineage::Text(text), Lineage::Code(list))) =
        (&left.lineage, &right.lineage)
    else {
        return Ok(());
    };
    match context.sources.codes.get(list) {
        Some(codes) if !codes.contains(text) => {
            Err(Offence::expression(Code::P21, whole).saying(why(text, list, codes), write(list, codes)))
        }
        _ => Ok(()),
    }
}

fn why(text: &str, list: &str, codes: &[String]) -> String {
    // To two characters every code of two is near.
    let near = |written: &str| {
        nearest(written, codes.iter().map(String::as_str)).filter(|_| text.chars().count() > 2)
    };
    match near(&text.to_uppercase()).or_else(|| near(text)) {
        Some(near) => format!("`{text}` is no code of {list} that a record has; did you mean `{near}`?"),
        None => {
            format!("`{text}` is no code of {list} that a record has: the comparison tells no records apart")
        }
    }
}

fn write(list: &str, codes: &[String]) -> String {
    format!("a code of {list}: {}", codes.join(", "))
}
