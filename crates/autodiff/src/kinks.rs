//! Finds where a slope comes from a rule, because a step of an expression is not differentiable at a point, or only from
//! one side.

use crate::functions::chosen;
use crate::graph::{Graph, Node};
use crate::syntax::{Binary, Unary};
use crate::{Function, Pair};

/// A step that is not differentiable at a point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kink {
    /// The node of the graph.
    pub node: usize,
    /// What it does there, and which slope counts, such as "its slopes on both sides differ, and their mean counts".
    pub rule: &'static str,
    /// Whether one of its slopes is infinite there, so that the chain rule may multiply it by 0.
    pub infinite: bool,
}

const JUMP: &str = "it jumps here, and its slope counts as 0";
const ONE_SIDE: &str = "it has a slope from one side only, and that counts";
const POLE: &str = "it has a pole here";
const SWITCH: &str = "it switches here, and the piece that it picks counts";

impl Graph {
    /// The steps at which the derivatives of an output come from a rule of this crate, in the order of the nodes. The
    /// inactive piece of an `if` has no such steps, and neither has an output that is NaN.
    ///
    /// # Panics
    /// If the number of values is not the number of inputs, or there is no output of this index.
    pub fn kinks(&self, inputs: &[f64], output: usize) -> Vec<Kink> {
        let values: Vec<f64> = self.evaluate(inputs);
        let output = self.outputs()[output];
        if values[output].is_nan() {
            return vec![];
        }
        let mut reached = vec![false; values.len()];
        reached[output] = true;
        for i in (0..values.len()).rev().filter(|&i| self.depends_on_inputs(i)) {
            if reached[i] {
                let operands = match self.nodes()[i] {
                    Node::Select(condition, a, b) => {
                        let taken = if chosen(values[condition]) == Some(true) { a } else { b };
                        [Some(condition), Some(taken), None]
                    }
                    node => node.operands(),
                };
                operands.into_iter().flatten().for_each(|operand| reached[operand] = true);
            }
        }
        let kink = |node: usize| {
            let (rule, infinite) = self.rule(node, &values)?;
            Some(Kink { node, rule, infinite })
        };
        (0..values.len()).filter(|&node| reached[node]).filter_map(kink).collect()
    }

    /// Whether an output may jump somewhere, because one of its steps can: sign, step, floor, mod, a comparison, an `if`.
    pub fn may_jump(&self) -> bool {
        self.nodes().iter().any(|node| match node {
            Node::Unary(Unary::Function(Function::Sign | Function::Step | Function::Floor), _) => true,
            Node::Binary(Binary::Pair(pair), ..) => pair.compares() || *pair == Pair::Mod,
            Node::Select(..) => true,
            _ => false,
        })
    }

    fn depends_on_inputs(&self, node: usize) -> bool {
        !matches!(self.nodes()[node], Node::Input(_) | Node::Constant(_))
    }

    /// What a node does at this point if it is not differentiable here, and whether one of its slopes is infinite.
    fn rule(&self, node: usize, values: &[f64]) -> Option<(&'static str, bool)> {
        match self.nodes()[node] {
            Node::Unary(Unary::Function(function), a) => {
                let x = values[a];
                match function {
                    Function::Sqrt | Function::Log if x == 0.0 => Some((ONE_SIDE, true)),
                    Function::Asin | Function::Acos if x.abs() == 1.0 => Some((ONE_SIDE, true)),
                    Function::Abs if x == 0.0 => {
                        Some(("its slopes on both sides differ, and their mean counts", false))
                    }
                    Function::Sign | Function::Step if x == 0.0 => Some((JUMP, false)),
                    Function::Floor if x.fract() == 0.0 => Some((JUMP, false)),
                    Function::Not if x == 0.0 && !self.is_condition(a) => Some((JUMP, false)),
                    Function::Power(n) if n < 0 && x == 0.0 => Some((POLE, true)),
                    _ => None,
                }
            }
            Node::Binary(binary, a, b) => {
                let (x, y) = (values[a], values[b]);
                match binary {
                    Binary::Div if y == 0.0 => Some((POLE, true)),
                    Binary::Pair(Pair::Power) if x == 0.0 => match y {
                        _ if y < 0.0 => Some((POLE, true)),
                        _ => Some((ONE_SIDE, y < 1.0)),
                    },
                    Binary::Pair(Pair::Atan2) if x == 0.0 && y == 0.0 => {
                        Some(("the origin has no angle, and so no slope", false))
                    }
                    Binary::Pair(Pair::Atan2) if x == 0.0 && y < 0.0 => Some((
                        "it jumps here between -pi and pi, and the slope beside the jump counts",
                        false,
                    )),
                    Binary::Pair(Pair::Min | Pair::Max) if x == y => {
                        Some(("its arguments are equal here, and each counts a half", false))
                    }
                    Binary::Pair(Pair::Mod) if values[node] == 0.0 => {
                        Some(("it jumps here, and the slope beside the jump counts", false))
                    }
                    Binary::Pair(pair) if pair.compares() && x == y => Some((JUMP, false)),
                    Binary::Pair(Pair::And | Pair::Or)
                        if [a, b].iter().any(|&i| values[i] == 0.0 && !self.is_condition(i)) =>
                    {
                        Some((JUMP, false))
                    }
                    _ => None,
                }
            }
            Node::Select(condition, ..) if values[condition] == 0.0 && !self.is_condition(condition) => {
                Some((SWITCH, false))
            }
            _ => None,
        }
    }

    /// Whether a node can only be 0 or 1, so that the value 0 is nothing special; or is a constant, which never changes.
    fn is_condition(&self, node: usize) -> bool {
        match self.nodes()[node] {
            Node::Constant(_) | Node::Unary(Unary::Function(Function::Not | Function::Step), _) => true,
            Node::Binary(Binary::Pair(pair), ..) => pair.compares() || matches!(pair, Pair::And | Pair::Or),
            _ => false,
        }
    }
}
