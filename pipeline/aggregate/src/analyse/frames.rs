//! Windows that are ordered by an id first: the engine knows no RANGE over bytes, and without distances a range is a run of peers.

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRewriter};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Expr, ExprSchemable, LogicalPlan, WindowFrame, WindowFrameBound, WindowFrameUnits,
};

/// Frames by RANGE over bytes, all of whose bounds are unbounded or the current row, as the same frames by GROUPS.
pub(super) fn by_peers(plan: LogicalPlan) -> Result<LogicalPlan> {
    let rewritten = plan.transform_up_with_subqueries(|node| {
        let LogicalPlan::Window(window) = &node else { return Ok(Transformed::no(node)) };
        let mut frames = Frames { below: window.input.schema().as_ref().clone() };
        let names = NamePreserver::new_for_projection();
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            Ok(expr.rewrite(&mut frames)?.update_data(|expr| name.restore(expr)))
        })
    })?;
    Ok(rewritten.data)
}

struct Frames {
    below: DFSchema,
}

impl TreeNodeRewriter for Frames {
    type Node = Expr;

    fn f_down(&mut self, mut expr: Expr) -> Result<Transformed<Expr>> {
        if let Expr::WindowFunction(function) = &mut expr {
            let params = &mut function.params;
            let first = params.order_by.first().and_then(|sort| sort.expr.get_type(&self.below).ok());
            let of_bytes = first.is_some_and(|of| of.is_binary());
            if of_bytes && has_no_distance(&params.window_frame) {
                params.window_frame.units = WindowFrameUnits::Groups;
                return Ok(Transformed::yes(expr));
            }
        }
        Ok(Transformed::no(expr))
    }
}

fn has_no_distance(frame: &WindowFrame) -> bool {
    let plain =
        |bound: &WindowFrameBound| matches!(bound, WindowFrameBound::CurrentRow) || bound.is_unbounded();
    frame.units == WindowFrameUnits::Range && plain(&frame.start_bound) && plain(&frame.end_bound)
}
