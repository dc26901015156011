//! What the text alone decides, with its place: statements that are no query, and constructs that the plan would hide.
//!
//! All else is judged on the plan (default deny); for its refusals the walk keeps where each construct stands.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Distinct, Expr, Function, GroupByExpr, Query, Select, SetExpr, Spanned, Statement, TableFactor, Visit,
    Visitor, WindowType,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::Verdict;
use super::places::Places;
use super::refusal::{Code, Construct, Place, Refusal};
use crate::carry::RESERVED;

/// What the text says.
pub(super) struct Text {
    pub(super) refusals: Vec<Refusal>,
    pub(super) places: Places,
}

/// Parses the text, collects refusals and places.
pub(super) fn judge(sql: &str) -> Result<Text, Verdict> {
    let statements = Parser::parse_sql(&GenericDialect {}, sql).map_err(|error| {
        let what = error.to_string();
        let (line, column) = place_in(&what).unwrap_or((1, 1));
        Verdict::Invalid { what, line, column }
    })?;
    let refused = |code, place, text: &str| {
        Ok(Text { refusals: vec![Refusal::new(code, place, text)], places: Places::default() })
    };
    let query = match statements.as_slice() {
        [] => return Err(Verdict::Invalid { what: "there is no statement".to_owned(), line: 1, column: 1 }),
        [Statement::Query(query)] => query,
        [other] => return refused(Code::P17, place(other), &first_words(&other.to_string())),
        [_, second, ..] => return refused(Code::P17, place(second), "more than one statement"),
    };
    if let Some(at) = sql.to_ascii_lowercase().find(RESERVED) {
        return refused(Code::P17, place_of(sql, at), "a name that begins with __marsad");
    }
    let mut walk = Walk { refusals: Vec::new(), places: Places::default(), depth: 0 };
    let _ = query.visit(&mut walk);
    // The innermost offending construct decides: deeper ones first.
    walk.refusals.sort_by_key(|(depth, _)| std::cmp::Reverse(*depth));
    let mut refusals: Vec<Refusal> = walk.refusals.into_iter().map(|(_, refusal)| refusal).collect();
    refusals.dedup();
    Ok(Text { refusals, places: walk.places })
}

/// Line and character of a byte of the text.
fn place_of(sql: &str, at: usize) -> Place {
    let before = &sql[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line as u64, column as u64)
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
    places: Places,
    depth: usize,
}

impl Walk {
    fn refuse(&mut self, code: Code, place: Place, text: impl Into<String>) {
        self.refusals.push((self.depth, Refusal::new(code, place, text)));
    }

    fn select(&mut self, select: &Select) {
        match &select.distinct {
            Some(Distinct::On(_)) => self.refuse(Code::P03, place(select), "SELECT DISTINCT ON"),
            Some(Distinct::Distinct) => self.places.keep(Construct::Distinct, select, "SELECT DISTINCT"),
            _ => {}
        }
        if let Some(having) = &select.having {
            self.places.keep(Construct::Having, having, format!("HAVING {having}"));
        }
        if let GroupByExpr::Expressions(expressions, _) = &select.group_by
            && !expressions.is_empty()
        {
            self.places.keep(Construct::GroupBy, &select.group_by, select.group_by.to_string().trim());
        }
        if let [first, second, ..] = select.from.as_slice() {
            self.refuse(Code::P05, place(&second.relation), format!("{first}, {second}"));
        }
        for join in select.from.iter().flat_map(|table| &table.joins) {
            self.places.keep(Construct::Join, join, join.to_string().trim());
        }
    }

    /// The parser's place of a function ends before OVER.
    fn window(&mut self, function: &Function) {
        let Some(WindowType::WindowSpec(over)) = &function.over else {
            return self.places.keep(Construct::Window, function, function.to_string());
        };
        let partition = over.partition_by.iter().map(Spanned::span);
        let order = over.order_by.iter().map(|order| order.expr.span());
        let spans = std::iter::once(function.span()).chain(partition).chain(order);
        self.places.keep_around(Construct::Window, spans, function.to_string());
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
        self.body(&query.body);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { args: None, version: None, sample: None, json_path: None, .. }
            | TableFactor::Derived { lateral: false, sample: None, .. }
            | TableFactor::NestedJoin { .. } => {}
            other => self.refuse(Code::P17, place(other), first_words(&other.to_string())),
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => {
                self.places.keep(Construct::Subquery, expr, expr.to_string());
            }
            Expr::Function(function) if function.over.is_some() => self.window(function),
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_) | Expr::Nested(_) => {}
            other => self.places.keep(Construct::Expression, other, other.to_string()),
        }
        ControlFlow::Continue(())
    }
}

impl Walk {
    /// The selects of a query, those under set operations too.
    fn body(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(_) | SetExpr::Values(_) => {}
            SetExpr::SetOperation { op, left, right, .. } => {
                self.places.keep(Construct::SetOperation, body, op.to_string());
                self.body(left);
                self.body(right);
            }
            other => self.refuse(Code::P17, place(other), first_words(&other.to_string())),
        }
    }
}
