//! What the text alone decides, with its place: statements that are no query, and constructs that the plan would hide.
//!
//! DataFusion's plan nodes carry no source spans, so refusals that a reader must find are made here where possible; the
//! plan decides again on its own (default deny).

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Query, Select, SetExpr, Spanned, Statement, TableFactor, Visit, Visitor,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::refusal::{Code, Place, Refusal};
use super::{Refusal as R, Verdict};

/// Parses the text and collects refusals.
pub(super) fn judge(sql: &str) -> Result<Vec<Refusal>, Verdict> {
    let statements = Parser::parse_sql(&GenericDialect {}, sql).map_err(|error| {
        let what = error.to_string();
        let (line, column) = place_in(&what).unwrap_or((1, 1));
        Verdict::Invalid { what, line, column }
    })?;
    let query = match statements.as_slice() {
        [] => return Err(Verdict::Invalid { what: "there is no statement".to_owned(), line: 1, column: 1 }),
        [Statement::Query(query)] => query,
        [other] => return Ok(vec![R::new(Code::P17, place(other), first_words(&other.to_string()))]),
        [_, second, ..] => {
            return Ok(vec![R::new(Code::P17, place(second), "more than one statement")]);
        }
    };
    let mut walk = Walk { refusals: Vec::new(), depth: 0 };
    let _ = query.visit(&mut walk);
    // The innermost offending construct decides: deeper ones first.
    walk.refusals.sort_by_key(|(depth, _)| std::cmp::Reverse(*depth));
    let mut refusals: Vec<Refusal> = walk.refusals.into_iter().map(|(_, refusal)| refusal).collect();
    refusals.dedup();
    Ok(refusals)
}

/// `… at Line: 1, Column: 8` of the parser's messages.
fn place_in(message: &str) -> Option<Place> {
    let after = |label: &str| {
        let rest = &message[message.rfind(label)? + label.len()..];
        rest.trim_start().split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    Some((after("Line:")?, after("Column:")?))
}

fn place(node: &impl Spanned) -> Place {
    let start = node.span().start;
    (start.line, start.column)
}

fn first_words(text: &str) -> String {
    text.split_whitespace().take(4).collect::<Vec<_>>().join(" ")
}

struct Walk {
    refusals: Vec<(usize, Refusal)>,
    depth: usize,
}

impl Walk {
    fn refuse(&mut self, code: Code, place: Place, text: impl Into<String>) {
        self.refusals.push((self.depth, R::new(code, place, text)));
    }

    fn select(&mut self, select: &Select) {
        if let Some(having) = &select.having {
            self.refuse(Code::P08, place(having), format!("HAVING {having}"));
        }
        if select.distinct.is_some() {
            self.refuse(Code::P03, place(select), "SELECT DISTINCT");
        }
        if self.depth > 1 && groups(&select.group_by) {
            self.refuse(Code::P17, place(select), "GROUP BY inside a sub-query");
        }
        for table in &select.from {
            if let Some(join) = table.joins.first() {
                self.refuse(Code::P17, place(&join.relation), join.to_string().trim().to_owned());
            }
        }
        if let [first, second, ..] = select.from.as_slice() {
            self.refuse(Code::P05, place(&second.relation), format!("{first}, {second}"));
        }
    }
}

fn groups(group_by: &GroupByExpr) -> bool {
    match group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(expressions, modifiers) => !expressions.is_empty() || !modifiers.is_empty(),
    }
}

impl Visitor for Walk {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.depth += 1;
        if let Some(limit) = &query.limit_clause {
            self.refuse(Code::P01, place(limit), limit.to_string().trim().to_owned());
        }
        if query.fetch.is_some() {
            self.refuse(Code::P01, place(query), "FETCH");
        }
        if let Some(order) = query.order_by.as_ref().filter(|_| self.depth > 1) {
            self.refuse(Code::P01, place(order), order.to_string());
        }
        if query.with.as_ref().is_some_and(|with| with.recursive) {
            self.refuse(Code::P17, place(query), "WITH RECURSIVE");
        }
        match query.body.as_ref() {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(_) => {}
            SetExpr::SetOperation { op, .. } => self.refuse(Code::P03, place(query), op.to_string()),
            other => self.refuse(Code::P17, place(query), first_words(&other.to_string())),
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { args: None, .. }
            | TableFactor::Derived { lateral: false, .. }
            | TableFactor::NestedJoin { .. } => {}
            other => self.refuse(Code::P17, place(other), first_words(&other.to_string())),
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => {
                self.refuse(Code::P07, place(expr), expr.to_string());
            }
            Expr::Function(function) if function.over.is_some() => {
                self.refuse(Code::P02, place(expr), function.to_string());
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
