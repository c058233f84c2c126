//! Expressions as a graph: what depends on what, and the derivatives along it in both modes.

use std::collections::HashMap;

use crate::dual;
use crate::expression::{Expression, ExpressionError, constant};
use crate::functions::chosen;
use crate::syntax::{Binary, Item, Unary};
use crate::{Adjoints, Dual, Function, Pair, Scalar, Tape, Var};

/// The largest whole constant exponent that is a [`Function::Power`]; beyond it the errors of so many products add up
/// to more than those of the library's power.
const LARGEST_POWER: f64 = 64.0;

/// A number that an expression is made of, from numbers before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Node {
    /// The input of that number.
    Input(usize),
    /// A number that does not change.
    Constant(f64),
    /// An operation on one node.
    Unary(Unary, usize),
    /// An operation on two nodes, of which one at most is a constant; of a sum or a product the second.
    Binary(Binary, usize, usize),
    /// The first of two nodes if a condition is not 0, otherwise the second.
    Select(usize, usize, usize),
}

/// Expressions of the same inputs in elementary steps x_i = g_i(x_j, ..): every node stands after those that it uses,
/// the inputs first, and none stands there twice.
///
/// Constants are evaluated once. An `if` with a constant condition becomes the piece that it selects. Operations that
/// change at most the sign of a zero are removed: x + 0, x - 0, x 1, x / 1, x^1, --x. A product x 0 stays, because it
/// is NaN if x is infinite. An integer constant exponent up to 64 becomes a [`Function::Power`], and a power of e an
/// [`Function::Exp`].
///
/// ```
/// use autodiff::{Expression, Graph};
///
/// let sides = ["sigma*(y - x)", "x*(rho - z) - y", "x*y - beta*z"].map(Expression::parse);
/// let sides = sides.into_iter().collect::<Result<Vec<_>, _>>()?;
/// let parameters = [("sigma", 10.0), ("rho", 28.0), ("beta", 8.0 / 3.0)];
/// let lorenz = Graph::new(&sides, &["x", "y", "z"], &parameters)?;
/// let jacobian = lorenz.forward(&[1.0, 2.0, 3.0]).jacobian; // [component, by component]
/// assert_eq!(jacobian[..3], [-10.0, 10.0, 0.0]);
/// # Ok::<(), autodiff::ExpressionError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    inputs: Vec<String>,
    nodes: Vec<Node>,
    outputs: Vec<usize>,
}

/// Values of the outputs and their derivatives by the inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Derivatives {
    /// One for each output.
    pub values: Vec<f64>,
    /// [output, input], row by row
    pub jacobian: Vec<f64>,
}

impl Graph {
    /// The graph with one output for each expression. Its variables are named `inputs`, in this order; `constants` gives
    /// values to other names. A name in both is an input. `pi` and `e` are the mathematical constants unless they are in
    /// one of the two.
    ///
    /// # Errors
    /// If an expression uses a name that is in neither and is not `pi` or `e`.
    pub fn new(
        expressions: &[Expression],
        inputs: &[&str],
        constants: &[(&str, f64)],
    ) -> Result<Self, ExpressionError> {
        let mut building =
            Building { nodes: (0..inputs.len()).map(Node::Input).collect(), places: HashMap::new() };
        let mut known: HashMap<&str, usize> = HashMap::new();
        known.extend(constants.iter().map(|&(name, value)| (name, building.constant(value))));
        known.extend(inputs.iter().enumerate().map(|(i, &name)| (name, i)));
        let outputs = expressions.iter().map(|expression| {
            let mut node = |(i, name)| {
                let names = || inputs.iter().copied().chain(constants.iter().map(|(name, _)| *name));
                let named = known.get(name).copied();
                let node = named.or_else(|| constant(name).map(|value| building.constant(value)));
                node.ok_or_else(|| expression.unknown(i, &names().collect::<Vec<_>>()))
            };
            let names: Vec<usize> =
                expression.names().enumerate().map(&mut node).collect::<Result<_, _>>()?;
            Ok(building.follow(expression, &names))
        });
        let outputs = outputs.collect::<Result<_, _>>()?;
        let inputs = inputs.iter().map(|&name| name.to_owned()).collect();
        Ok(Graph { inputs, nodes: building.nodes, outputs }.without_unused())
    }

    /// Names of the inputs. Input i is node i.
    pub fn inputs(&self) -> &[String] {
        &self.inputs
    }

    /// All nodes in their order, the inputs first.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node of every output.
    pub fn outputs(&self) -> &[usize] {
        &self.outputs
    }

    /// The value of every node.
    ///
    /// # Panics
    /// Unless there is a value for every input.
    pub fn evaluate<S: Scalar>(&self, inputs: &[S]) -> Vec<S> {
        assert_eq!(inputs.len(), self.inputs.len(), "a value for every input");
        let mut values: Vec<S> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            values.push(match *node {
                Node::Input(i) => inputs[i],
                Node::Constant(value) => S::from(value),
                Node::Unary(unary, a) => unary.of(values[a]),
                Node::Binary(binary, a, b) => match (binary, self.nodes[b]) {
                    (Binary::Add, Node::Constant(b)) => values[a] + b,
                    (Binary::Sub, Node::Constant(b)) => values[a] - b,
                    (Binary::Mul, Node::Constant(b)) => values[a] * b,
                    (Binary::Div, Node::Constant(b)) => values[a] / b,
                    _ => binary.of(values[a], values[b]),
                },
                Node::Select(condition, a, b) => values[condition].select(values[a], values[b]),
            });
        }
        values
    }

    /// Value and derivatives of every node along the directions of the inputs, in forward mode.
    ///
    /// # Panics
    /// Unless there is a value for every input.
    pub fn tangents<const N: usize>(&self, inputs: &[Dual<N>]) -> Vec<Dual<N>> {
        let mut values = self.evaluate(inputs);
        // A difference of infinities is NaN though both may change at finite rates.
        for value in values.iter_mut().filter(|value| value.value.is_nan()) {
            value.tangent = [f64::NAN; N];
        }
        values
    }

    /// The derivative of an output by every node, in reverse mode.
    ///
    /// # Panics
    /// Unless there is a value for every input, and an output of that number.
    pub fn adjoints(&self, inputs: &[f64], output: usize) -> Vec<f64> {
        let tape = Tape::new();
        let variables: Vec<Var<'_>> = inputs.iter().map(|&value| tape.variable(value)).collect();
        let nodes = self.evaluate(&variables);
        let mut adjoints = Adjoints::default();
        tape.backward(nodes[self.outputs[output]], &mut adjoints);
        nodes.into_iter().map(|node| adjoints.of(node)).collect()
    }

    /// Values and derivatives of the outputs by forward mode: one evaluation on dual numbers for every four inputs.
    ///
    /// # Panics
    /// Unless there is a value for every input.
    pub fn forward(&self, inputs: &[f64]) -> Derivatives {
        let values = self.evaluate(inputs);
        let values = self.outputs.iter().map(|&output| values[output]).collect();
        let mut jacobian = vec![0.0; self.outputs.len() * inputs.len()];
        let program = |at: &[Dual<4>], out: &mut [Dual<4>]| {
            let nodes = self.tangents(at);
            out.iter_mut().zip(&self.outputs).for_each(|(out, &output)| *out = nodes[output]);
        };
        dual::jacobian(inputs, program, &mut jacobian);
        Derivatives { values, jacobian }
    }

    /// Values and derivatives of the outputs by reverse mode: one evaluation on a tape, and one sweep back for every
    /// output.
    ///
    /// # Panics
    /// Unless there is a value for every input.
    pub fn reverse(&self, inputs: &[f64]) -> Derivatives {
        let tape = Tape::new();
        let variables: Vec<Var<'_>> = inputs.iter().map(|&value| tape.variable(value)).collect();
        let nodes = self.evaluate(&variables);
        let mut adjoints = Adjoints::default();
        let mut jacobian = Vec::with_capacity(self.outputs.len() * inputs.len());
        for &output in &self.outputs {
            tape.backward(nodes[output], &mut adjoints);
            jacobian.extend(variables.iter().map(|variable| adjoints.of(*variable)));
        }
        let values = self.outputs.iter().map(|&output| nodes[output].value()).collect();
        Derivatives { values, jacobian }
    }

    /// Of every input, whether the output of that number depends on it.
    ///
    /// # Panics
    /// Where there is no such output.
    pub fn depends(&self, output: usize) -> Vec<bool> {
        let mut used = self.used(&[self.outputs[output]]);
        used.truncate(self.inputs.len());
        used
    }

    /// A node as an elementary function of those that it uses, such as `exp(a)`, with `names` for every node but the
    /// constants.
    ///
    /// # Panics
    /// Where there is no such node, or no name of one that it uses.
    pub fn formula(&self, node: usize, names: &[String]) -> String {
        // A sign must not follow an operator.
        let operand = |i: usize| match self.nodes[i] {
            Node::Constant(value) if value.is_sign_negative() => format!("({})", number(value)),
            Node::Constant(value) => number(value),
            _ => names[i].clone(),
        };
        match self.nodes[node] {
            Node::Input(i) => self.inputs[i].clone(),
            Node::Constant(value) => number(value),
            Node::Unary(Unary::Negate, a) => format!("-{}", operand(a)),
            Node::Unary(Unary::Function(Function::Power(n)), a) if n < 0 => format!("{}^({n})", operand(a)),
            Node::Unary(Unary::Function(Function::Power(n)), a) => format!("{}^{n}", operand(a)),
            Node::Unary(Unary::Function(function), a) => {
                let named = Function::NAMED.iter().find(|(_, named)| *named == function);
                format!("{}({})", named.map_or("", |(name, _)| name), operand(a))
            }
            Node::Binary(binary, a, b) => {
                let (a, b) = (operand(a), operand(b));
                match binary {
                    Binary::Add => format!("{a} + {b}"),
                    Binary::Sub => format!("{a} - {b}"),
                    Binary::Mul => format!("{a} * {b}"),
                    Binary::Div => format!("{a} / {b}"),
                    Binary::Pair(Pair::Power) => format!("{a}^{b}"),
                    Binary::Pair(pair) => {
                        let find = |names: &[(&'static str, Pair)]| {
                            names.iter().find(|(_, named)| *named == pair).map(|(name, _)| *name)
                        };
                        match find(&Pair::INFIX) {
                            Some(sign) => format!("{a} {sign} {b}"),
                            None => format!("{}({a}, {b})", find(&Pair::NAMED).unwrap_or_default()),
                        }
                    }
                }
            }
            Node::Select(condition, a, b) => {
                format!("if({}, {}, {})", operand(condition), operand(a), operand(b))
            }
        }
    }

    /// Of every node, whether one of `from` is made of it.
    fn used(&self, from: &[usize]) -> Vec<bool> {
        let mut used = vec![false; self.nodes.len()];
        from.iter().for_each(|&node| used[node] = true);
        for i in (0..self.nodes.len()).rev() {
            if used[i] {
                self.nodes[i].operands().into_iter().flatten().for_each(|operand| used[operand] = true);
            }
        }
        used
    }

    fn without_unused(mut self) -> Self {
        let used = self.used(&self.outputs);
        let mut moved = vec![0; self.nodes.len()];
        let mut kept = Vec::new();
        for (i, node) in self.nodes.iter().enumerate() {
            if used[i] || i < self.inputs.len() {
                moved[i] = kept.len();
                kept.push(match *node {
                    Node::Unary(unary, a) => Node::Unary(unary, moved[a]),
                    Node::Binary(binary, a, b) => Node::Binary(binary, moved[a], moved[b]),
                    Node::Select(condition, a, b) => Node::Select(moved[condition], moved[a], moved[b]),
                    node @ (Node::Input(_) | Node::Constant(_)) => node,
                });
            }
        }
        self.nodes = kept;
        self.outputs.iter_mut().for_each(|output| *output = moved[*output]);
        self
    }
}

impl Node {
    /// The nodes that it uses.
    pub fn operands(self) -> [Option<usize>; 3] {
        match self {
            Node::Input(_) | Node::Constant(_) => [None; 3],
            Node::Unary(_, a) => [Some(a), None, None],
            Node::Binary(_, a, b) => [Some(a), Some(b), None],
            Node::Select(condition, a, b) => [Some(condition), Some(a), Some(b)],
        }
    }
}

impl Unary {
    /// Its value.
    #[inline(always)]
    fn of<S: Scalar>(self, a: S) -> S {
        match self {
            Unary::Negate => -a,
            Unary::Function(function) => a.apply(function),
        }
    }
}

impl Binary {
    /// Its value.
    #[inline(always)]
    fn of<S: Scalar>(self, a: S, b: S) -> S {
        match self {
            Binary::Add => a + b,
            Binary::Sub => a - b,
            Binary::Mul => a * b,
            Binary::Div => a / b,
            Binary::Pair(pair) => a.pair(b, pair),
        }
    }
}

/// The shortest decimal number that is read back to the same bits.
fn number(value: f64) -> String {
    let text = format!("{value:?}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Nodes, and where each of them stands.
struct Building {
    nodes: Vec<Node>,
    places: HashMap<Key, usize>,
}

/// A node but an input, with constants told apart by their bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Constant(u64),
    Unary(Unary, usize),
    Binary(Binary, usize, usize),
    Select(usize, usize, usize),
}

impl Building {
    /// The node of an expression, of whose variables `names` are the nodes.
    fn follow(&mut self, expression: &Expression, names: &[usize]) -> usize {
        let mut stack = Vec::new();
        // The parser leaves every operation its operands.
        let pop = |stack: &mut Vec<usize>| stack.pop().unwrap_or_default();
        for item in &expression.items {
            let node = match *item {
                Item::Number(value) => self.constant(value),
                Item::Name(name) => names[name],
                Item::Unary(unary) => {
                    let a = pop(&mut stack);
                    self.unary(unary, a)
                }
                Item::Binary(binary) => {
                    let (b, a) = (pop(&mut stack), pop(&mut stack));
                    self.binary(binary, a, b)
                }
                Item::Select => {
                    let (b, a, condition) = (pop(&mut stack), pop(&mut stack), pop(&mut stack));
                    self.select(condition, a, b)
                }
            };
            stack.push(node);
        }
        pop(&mut stack)
    }

    fn place(&mut self, key: Key) -> usize {
        *self.places.entry(key).or_insert_with(|| {
            self.nodes.push(match key {
                Key::Constant(bits) => Node::Constant(f64::from_bits(bits)),
                Key::Unary(unary, a) => Node::Unary(unary, a),
                Key::Binary(binary, a, b) => Node::Binary(binary, a, b),
                Key::Select(condition, a, b) => Node::Select(condition, a, b),
            });
            self.nodes.len() - 1
        })
    }

    fn constant(&mut self, value: f64) -> usize {
        self.place(Key::Constant(value.to_bits()))
    }

    fn unary(&mut self, unary: Unary, a: usize) -> usize {
        match (unary, self.nodes[a]) {
            (unary, Node::Constant(value)) => self.constant(unary.of(value)),
            (Unary::Negate, Node::Unary(Unary::Negate, a)) => a,
            _ => self.place(Key::Unary(unary, a)),
        }
    }

    fn select(&mut self, condition: usize, a: usize, b: usize) -> usize {
        match self.nodes[condition] {
            Node::Constant(value) => match chosen(value) {
                Some(first) => [b, a][usize::from(first)],
                None => self.constant(f64::NAN),
            },
            _ => self.place(Key::Select(condition, a, b)),
        }
    }

    fn binary(&mut self, binary: Binary, a: usize, b: usize) -> usize {
        let power = |n: f64| Unary::Function(Function::Power(n as i32));
        match (binary, self.nodes[a], self.nodes[b]) {
            (_, Node::Constant(a), Node::Constant(b)) => self.constant(binary.folded(a, b)),
            (Binary::Add | Binary::Mul, Node::Constant(_), _) => self.binary(binary, b, a),
            (Binary::Add | Binary::Sub, _, Node::Constant(0.0)) => a,
            (Binary::Mul | Binary::Div, _, Node::Constant(1.0)) => a,
            (Binary::Pair(Pair::Power), _, Node::Constant(0.0)) => self.constant(1.0),
            (Binary::Pair(Pair::Power), _, Node::Constant(1.0)) => a,
            (Binary::Pair(Pair::Power), _, Node::Constant(n)) if is_whole(n) => self.unary(power(n), a),
            (Binary::Pair(Pair::Power), Node::Constant(std::f64::consts::E), _) => {
                self.unary(Unary::Function(Function::Exp), b)
            }
            // y + x is x + y to the last bit
            (Binary::Add | Binary::Mul, ..) if self.places.contains_key(&Key::Binary(binary, b, a)) => {
                self.place(Key::Binary(binary, b, a))
            }
            _ => self.place(Key::Binary(binary, a, b)),
        }
    }
}

impl Binary {
    /// Its value of two constants, by the same steps as in a graph.
    fn folded(self, a: f64, b: f64) -> f64 {
        match self {
            Binary::Pair(Pair::Power) if a == std::f64::consts::E => Function::Exp.value(b),
            Binary::Pair(Pair::Power) if is_whole(b) => Function::Power(b as i32).value(a),
            binary => binary.of(a, b),
        }
    }
}

fn is_whole(exponent: f64) -> bool {
    exponent.fract() == 0.0 && exponent.abs() <= LARGEST_POWER
}
