//! Windows: partitions that hold the person, and an order without ties where the function asks for one (12.1).
//!
//! Proof: a partition's rows are one person's, so its values are functions of these rows; an order by a key of the input
//! is the same in every run and whoever else is there.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{
    Expr, ExprSchemable, Volatility, Window, WindowFrame, WindowFrameBound, WindowFrameUnits,
};

use super::super::expression::types::{is_count, is_positive};
use super::super::expression::{self, Context, Scope};
use super::super::lineage::Origin;
use super::super::refusal::{Code, Construct, Offence};
use super::functions::{Order, is_order_free};
use super::{Unit, Walked, walk};

pub(super) fn windowed(window: &Window, context: &Context<'_>) -> Result<Walked, Offence> {
    let mut below = walk(&window.input, context)?;
    if below.unit == Unit::Organisations {
        return Err(Offence::new(Code::P17, Construct::Window, "a window").at(&window.window_expr));
    }
    let scope = Scope::of(window.input.schema(), &below);
    let judge = |expr| Windowed { scope: &scope, below: &below, context, whole: expr }.judge(expr);
    let columns: Vec<Origin> = window.window_expr.iter().map(judge).collect::<Result<_, _>>()?;
    below.columns.extend(columns);
    let node = if below.is_person() { "window within the person" } else { "window of reference rows" };
    Ok(below.through(node.to_owned()))
}

struct Windowed<'a> {
    scope: &'a Scope<'a>,
    below: &'a Walked,
    context: &'a Context<'a>,
    whole: &'a Expr,
}

impl Windowed<'_> {
    fn offence(&self, code: Code) -> Offence {
        Offence::new(code, Construct::Window, self.whole.to_string()).at([self.whole])
    }

    fn judge(&self, expr: &Expr) -> Result<Origin, Offence> {
        let function = match expr {
            Expr::Alias(alias) => return self.judge(&alias.expr),
            Expr::WindowFunction(function) => function,
            _ => return Err(self.offence(Code::P17)),
        };
        if function.fun.signature().volatility != Volatility::Immutable {
            return Err(self.offence(Code::P14));
        }
        let params = &function.params;
        let partition = self.origins(&params.partition_by)?;
        if self.below.is_person() && !partition.iter().any(Origin::is_person) {
            return Err(self.offence(Code::P02));
        }
        let is_float = |expr: &Expr| expr.get_type(self.scope.schema).is_ok_and(|of| of.is_floating());
        if params.partition_by.iter().any(is_float) || params.distinct || !is_plain(&params.window_frame) {
            return Err(self.offence(Code::P13));
        }
        let args = self.origins(&params.args)?;
        self.origins(params.filter.iter().map(AsRef::as_ref))?;
        let fixed = partition.into_iter().flat_map(|origin| origin.pieces).collect();
        let order = Order { key: self.below.key.as_ref(), fixed };
        let is_full = order.is_full(&params.order_by, self.scope, self.context)?;
        if !self.is_fixed(function, is_full) {
            return Err(self.offence(Code::P13));
        }
        Ok(self.value(function, &args))
    }

    fn origins<'e>(&self, exprs: impl IntoIterator<Item = &'e Expr>) -> Result<Vec<Origin>, Offence> {
        exprs.into_iter().map(|expr| expression::judge(expr, self.scope, self.context)).collect()
    }

    /// Whether no order of the input changes the values.
    fn is_fixed(&self, function: &WindowFunction, is_full: bool) -> bool {
        let params = &function.params;
        let args = params.args.as_slice();
        let type_of = |expr: &Expr| expr.get_type(self.scope.schema).ok();
        let whole = params.order_by.is_empty() && is_whole(&params.window_frame);
        match function.fun.name() {
            "rank" | "dense_rank" => true,
            "row_number" | "percent_rank" | "cume_dist" | "first_value" | "last_value" => is_full,
            "ntile" => is_full && args.first().is_some_and(is_positive),
            "nth_value" => is_full && args.get(1).is_some_and(is_positive),
            "lag" | "lead" => is_full && args.get(1).is_none_or(is_count),
            "sum" if whole && !is_full => args.first().and_then(type_of).is_some_and(|of| of.is_integer()),
            name @ ("count" | "min" | "max" | "sum") => {
                let exact = args.len() == 1 && type_of(&args[0]).is_some_and(|of| is_order_free(name, &of));
                exact && (whole || is_full)
            }
            _ => false,
        }
    }

    /// MIN, LAG and their like keep the list of their values.
    fn value(&self, function: &WindowFunction, args: &[Origin]) -> Origin {
        let parts: Vec<Origin> = match function.fun.name() {
            "min" | "max" | "first_value" | "last_value" | "nth_value" => {
                args.iter().take(1).cloned().collect()
            }
            "lag" | "lead" => {
                args.iter().enumerate().filter(|(i, _)| *i != 1).map(|(_, arg)| arg.clone()).collect()
            }
            _ => return Origin::other(),
        };
        Origin::new(expression::common(&parts, self.context))
    }
}

/// Frames by rows, or by peers without a distance: a distance is added to values, where it may overflow.
fn is_plain(frame: &WindowFrame) -> bool {
    let is_fine = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::CurrentRow => true,
        WindowFrameBound::Preceding(distance) | WindowFrameBound::Following(distance) => {
            distance.is_null() || frame.units == WindowFrameUnits::Rows && is_count(&literal(distance))
        }
    };
    is_fine(&frame.start_bound) && is_fine(&frame.end_bound)
}

fn literal(value: &ScalarValue) -> Expr {
    Expr::Literal(value.clone(), None)
}

/// From the first row of the partition to its last.
fn is_whole(frame: &WindowFrame) -> bool {
    frame.start_bound.is_unbounded() && frame.end_bound.is_unbounded()
}
