//! Graphs as programs for a machine with few registers, which run fast over any kind of number.

use std::collections::{HashMap, HashSet};

use crate::graph::{Graph, Node};
use crate::syntax::{Binary, Unary};
use crate::{Function, Pair, Scalar};

/// A [`Graph`] as a list of instructions on registers.
///
/// What only the next instruction needs is handed on to it. Any other value has a register, which is used again once
/// nothing needs what it holds, and an output is written when its value is known, so a right-hand side of some dozen
/// operations needs a handful of registers. Running it allocates nothing up to 16 registers.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    inputs: usize,
    outputs: usize,
    registers: usize,
    instructions: Vec<Instruction>,
}

/// Where a number stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    /// The result of the instruction before; as a result, one that only the next instruction needs.
    Last,
    Input(u32),
    Register(u32),
    Output(u32),
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Instruction {
    operation: Operation,
    to: Place,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operation {
    Copy(Place),
    Constant(f64),
    Negate(Place),
    Add(Place, Place),
    Sub(Place, Place),
    Mul(Place, Place),
    Div(Place, Place),
    AddConstant(Place, f64),
    MulConstant(Place, f64),
    DivConstant(Place, f64),
    /// c - x
    SubFrom(Place, f64),
    /// c / x
    DivOf(Place, f64),
    Square(Place),
    Cube(Place),
    /// a b + c, rounded after both: what a graph has as two nodes, in one instruction
    MulAdd(Place, Place, Place),
    /// a b - c
    MulSub(Place, Place, Place),
    /// c - a b
    SubMul(Place, Place, Place),
    /// c + k a
    AddScaled(Place, f64, Place),
    Apply(Function, Place),
    Pair(Pair, Place, Place),
    /// Selects one of two numbers by a condition.
    Select(Place, Place, Place),
}

impl Graph {
    /// The program that calculates its outputs.
    pub fn compile(&self) -> Program {
        Compiling::new(self).finish()
    }
}

impl Program {
    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Number of registers, beside inputs and outputs.
    pub fn registers(&self) -> usize {
        self.registers
    }

    /// Number of instructions.
    pub fn len(&self) -> usize {
        self.instructions.len()
    }

    /// Whether there is nothing to calculate.
    pub fn is_empty(&self) -> bool {
        self.instructions.is_empty()
    }

    /// Calculates the outputs: the same bits as [`Graph::evaluate`], on `f64` and on what computes like it, lane by lane.
    ///
    /// # Panics
    /// Unless `inputs` and `outputs` are as long as those of the program.
    #[inline(always)]
    pub fn run<S: Scalar>(&self, inputs: &[S], outputs: &mut [S]) {
        S::run(self, inputs, outputs);
    }

    /// The body of [`Program::run`], inlined into its caller, so that it takes part in its `#[target_feature]`; for
    /// implementations of [`Scalar::run`].
    ///
    /// # Panics
    /// As [`Program::run`].
    #[inline(always)]
    pub fn interpret<S: Scalar>(&self, inputs: &[S], outputs: &mut [S]) {
        assert!(inputs.len() == self.inputs && outputs.len() == self.outputs, "as many as in the program");
        // One loop over the instructions for all of them: it is long.
        let (mut r4, mut r16, mut more);
        let nothing = S::from(0.0);
        let registers: &mut [S] = match self.registers {
            0 => &mut [],
            1..=4 => {
                r4 = [nothing; 4];
                &mut r4
            }
            5..=16 => {
                r16 = [nothing; 16];
                &mut r16
            }
            count => {
                more = vec![nothing; count];
                &mut more
            }
        };
        let mut last = nothing;
        for Instruction { operation, to } in &self.instructions {
            // A macro, since a closure would not be inlined.
            macro_rules! at {
                ($place:expr) => {
                    match $place {
                        Place::Last => last,
                        Place::Input(i) => inputs[i as usize],
                        Place::Register(i) => registers[i as usize],
                        Place::Output(i) => outputs[i as usize],
                    }
                };
            }
            last = match *operation {
                Operation::Copy(a) => at!(a),
                Operation::Constant(c) => S::from(c),
                Operation::Negate(a) => -at!(a),
                Operation::Add(a, b) => at!(a) + at!(b),
                Operation::Sub(a, b) => at!(a) - at!(b),
                Operation::Mul(a, b) => at!(a) * at!(b),
                Operation::Div(a, b) => at!(a) / at!(b),
                Operation::AddConstant(a, c) => at!(a) + c,
                Operation::MulConstant(a, c) => at!(a) * c,
                Operation::DivConstant(a, c) => at!(a) / c,
                Operation::SubFrom(a, c) => S::from(c) - at!(a),
                Operation::DivOf(a, c) => S::from(c) / at!(a),
                Operation::Square(a) => {
                    let a = at!(a);
                    a * a
                }
                Operation::Cube(a) => {
                    let a = at!(a);
                    a * (a * a)
                }
                Operation::MulAdd(a, b, c) => at!(a) * at!(b) + at!(c),
                Operation::MulSub(a, b, c) => at!(a) * at!(b) - at!(c),
                Operation::SubMul(a, b, c) => at!(c) - at!(a) * at!(b),
                Operation::AddScaled(a, k, c) => at!(c) + at!(a) * k,
                Operation::Apply(function, a) => at!(a).apply(function),
                Operation::Pair(pair, a, b) => at!(a).pair(at!(b), pair),
                Operation::Select(condition, a, b) => at!(condition).select(at!(a), at!(b)),
            };
            match *to {
                Place::Last => {}
                Place::Register(i) => registers[i as usize] = last,
                Place::Output(i) | Place::Input(i) => outputs[i as usize] = last,
            }
        }
    }

    /// Hands what an instruction finds on to the next one, and leaves out the registers that nothing else reads.
    fn hand_on(&mut self) {
        for i in 1..self.instructions.len() {
            let before = self.instructions[i - 1].to;
            for operand in self.instructions[i].operation.operands_mut() {
                if *operand == before {
                    *operand = Place::Last;
                }
            }
        }
        // From the end, the registers that are still read before they are written again.
        let mut read = HashSet::new();
        for Instruction { operation, to } in self.instructions.iter_mut().rev() {
            if let Place::Register(register) = *to
                && !read.remove(&register)
            {
                *to = Place::Last;
            }
            for operand in operation.operands_mut() {
                if let Place::Register(register) = *operand {
                    read.insert(register);
                }
            }
        }
        // Those that are left, numbered anew.
        let mut numbers = HashMap::new();
        let mut renumber = |place: &mut Place| {
            if let Place::Register(register) = place {
                let next = numbers.len() as u32;
                *register = *numbers.entry(*register).or_insert(next);
            }
        };
        for Instruction { operation, to } in &mut self.instructions {
            operation.operands_mut().for_each(&mut renumber);
            renumber(to);
        }
        self.registers = numbers.len();
    }
}

impl Operation {
    fn operands_mut(&mut self) -> impl Iterator<Item = &mut Place> {
        let [a, b, c] = match self {
            Operation::Constant(_) => [None, None, None],
            Operation::Copy(a)
            | Operation::Negate(a)
            | Operation::AddConstant(a, _)
            | Operation::MulConstant(a, _)
            | Operation::DivConstant(a, _)
            | Operation::SubFrom(a, _)
            | Operation::DivOf(a, _)
            | Operation::Square(a)
            | Operation::Cube(a)
            | Operation::Apply(_, a) => [Some(a), None, None],
            Operation::Add(a, b)
            | Operation::Sub(a, b)
            | Operation::Mul(a, b)
            | Operation::Div(a, b)
            | Operation::AddScaled(a, _, b)
            | Operation::Pair(_, a, b) => [Some(a), Some(b), None],
            Operation::MulAdd(a, b, c)
            | Operation::MulSub(a, b, c)
            | Operation::SubMul(a, b, c)
            | Operation::Select(a, b, c) => [Some(a), Some(b), Some(c)],
        };
        [a, b, c].into_iter().flatten()
    }
}

/// A program in the making.
struct Compiling<'g> {
    graph: &'g Graph,
    /// The product that each sum or difference takes into itself.
    product: Vec<Option<usize>>,
    /// The node that uses each node last.
    last_use: Vec<usize>,
    places: Vec<Place>,
    free: Vec<u32>,
    program: Program,
}

impl<'g> Compiling<'g> {
    fn new(graph: &'g Graph) -> Self {
        let nodes = graph.nodes();
        let product = products(graph);
        let mut last_use = vec![0; nodes.len()];
        for i in 0..nodes.len() {
            operands(graph, &product, i).for_each(|operand| last_use[operand] = i);
        }
        let places = nodes.iter().map(|node| match node {
            Node::Input(i) => Place::Input(*i as u32),
            _ => Place::Register(u32::MAX),
        });
        let program = Program {
            inputs: graph.inputs().len(),
            outputs: graph.outputs().len(),
            registers: 0,
            instructions: Vec::new(),
        };
        Compiling { graph, product, last_use, places: places.collect(), free: Vec::new(), program }
    }

    fn finish(mut self) -> Program {
        let graph = self.graph;
        // of the outputs that are one node the first is calculated, the others are copies
        let mut output_of: Vec<Option<u32>> = vec![None; graph.nodes().len()];
        for (i, &output) in graph.outputs().iter().enumerate() {
            output_of[output].get_or_insert(i as u32);
        }
        let mut within = vec![false; graph.nodes().len()];
        self.product.iter().flatten().for_each(|&product| within[product] = true);
        for (i, &node) in graph.nodes().iter().enumerate() {
            let operation = match node {
                Node::Input(_) => continue,
                _ if within[i] => continue,
                // those within an operation stand in the instruction
                Node::Constant(value) => match output_of[i] {
                    Some(_) => Operation::Constant(value),
                    None => continue,
                },
                Node::Unary(unary, a) => self.unary(unary, a),
                Node::Binary(binary, a, b) => match self.product[i] {
                    Some(product) => {
                        self.with_product(binary, product, if a == product { b } else { a }, a == product)
                    }
                    None => self.binary(binary, a, b),
                },
                Node::Select(condition, a, b) => {
                    let condition = self.place(condition);
                    let (a, b) = (self.place(a), self.place(b));
                    Operation::Select(condition, a, b)
                }
            };
            // An operand that is not used again leaves its register to the result.
            let operands: Vec<usize> = operands(graph, &self.product, i).collect();
            for operand in operands {
                if self.last_use[operand] == i
                    && let Place::Register(register) = self.places[operand]
                    && register != u32::MAX
                {
                    self.free.push(register);
                    self.places[operand] = Place::Register(u32::MAX);
                }
            }
            let to = output_of[i].map_or_else(|| self.register(), Place::Output);
            self.put(operation, to);
            self.places[i] = to;
        }
        for (i, &output) in graph.outputs().iter().enumerate() {
            if self.places[output] != Place::Output(i as u32) {
                let from = self.places[output];
                self.put(Operation::Copy(from), Place::Output(i as u32));
            }
        }
        self.program.hand_on();
        self.program
    }

    fn put(&mut self, operation: Operation, to: Place) {
        self.program.instructions.push(Instruction { operation, to });
    }

    fn register(&mut self) -> Place {
        let next = self.program.registers as u32;
        let register = self.free.pop().unwrap_or(next);
        self.program.registers = self.program.registers.max(register as usize + 1);
        Place::Register(register)
    }

    fn constant(&self, node: usize) -> Option<f64> {
        match self.graph.nodes()[node] {
            Node::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// Where an operand stands; a constant is put there first.
    fn place(&mut self, node: usize) -> Place {
        if let (Some(value), Place::Register(u32::MAX)) = (self.constant(node), self.places[node]) {
            self.places[node] = self.register();
            self.put(Operation::Constant(value), self.places[node]);
        }
        self.places[node]
    }

    fn unary(&mut self, unary: Unary, a: usize) -> Operation {
        let a = self.place(a);
        match unary {
            Unary::Negate => Operation::Negate(a),
            // the products of which the power is made
            Unary::Function(Function::Power(2)) => Operation::Square(a),
            Unary::Function(Function::Power(3)) => Operation::Cube(a),
            Unary::Function(function) => Operation::Apply(function, a),
        }
    }

    /// A sum or difference with `other`, of which the product is the first or the second.
    fn with_product(&mut self, binary: Binary, product: usize, other: usize, first: bool) -> Operation {
        let (a, b) = match self.graph.nodes()[product] {
            Node::Binary(_, a, b) => (a, b),
            _ => (product, product), // a product is nothing else
        };
        let (c, sign) = (self.place(other), if binary == Binary::Sub { -1.0 } else { 1.0 });
        match self.constant(b) {
            Some(k) => Operation::AddScaled(self.place(a), sign * k, c),
            None => {
                let (a, b) = (self.place(a), self.place(b));
                match binary {
                    Binary::Sub if first => Operation::MulSub(a, b, c),
                    Binary::Sub => Operation::SubMul(a, b, c),
                    _ => Operation::MulAdd(a, b, c),
                }
            }
        }
    }

    fn binary(&mut self, binary: Binary, a: usize, b: usize) -> Operation {
        match (binary, self.constant(a), self.constant(b)) {
            (Binary::Add, _, Some(c)) => Operation::AddConstant(self.place(a), c),
            (Binary::Sub, _, Some(c)) => Operation::AddConstant(self.place(a), -c),
            (Binary::Mul, _, Some(c)) => Operation::MulConstant(self.place(a), c),
            (Binary::Div, _, Some(c)) if has_exact_inverse(c) => {
                Operation::MulConstant(self.place(a), 1.0 / c)
            }
            (Binary::Div, _, Some(c)) => Operation::DivConstant(self.place(a), c),
            (Binary::Sub, Some(c), _) => Operation::SubFrom(self.place(b), c),
            (Binary::Div, Some(c), _) => Operation::DivOf(self.place(b), c),
            (binary, ..) => {
                let (a, b) = (self.place(a), self.place(b));
                match binary {
                    Binary::Add => Operation::Add(a, b),
                    Binary::Sub => Operation::Sub(a, b),
                    Binary::Mul => Operation::Mul(a, b),
                    Binary::Div => Operation::Div(a, b),
                    Binary::Pair(pair) => Operation::Pair(pair, a, b),
                }
            }
        }
    }
}

/// Of every sum or difference a product that nothing else needs, where it has one.
fn products(graph: &Graph) -> Vec<Option<usize>> {
    let nodes = graph.nodes();
    let mut uses = vec![0; nodes.len()];
    let operands = nodes.iter().flat_map(|node| node.operands()).flatten();
    operands.chain(graph.outputs().iter().copied()).for_each(|operand| uses[operand] += 1);
    let is_constant = |i: usize| matches!(nodes[i], Node::Constant(_));
    let product = |node: &Node| match *node {
        Node::Binary(sum @ (Binary::Add | Binary::Sub), a, b)
            if a != b && !is_constant(a) && !is_constant(b) =>
        {
            let fits = |i: usize| match nodes[i] {
                // of k a - c there is no instruction
                Node::Binary(Binary::Mul, _, k) => {
                    uses[i] == 1 && !(is_constant(k) && sum == Binary::Sub && i == a)
                }
                _ => false,
            };
            [b, a].into_iter().find(|&i| fits(i))
        }
        _ => None,
    };
    nodes.iter().map(product).collect()
}

/// The nodes that an instruction for a node uses: of a product within it its factors.
fn operands(graph: &Graph, product: &[Option<usize>], node: usize) -> impl Iterator<Item = usize> {
    let nodes = graph.nodes();
    let factors = product[node].map_or([None; 3], |product| nodes[product].operands());
    let others = nodes[node].operands().map(|operand| operand.filter(|_| operand != product[node]));
    others.into_iter().chain(factors).flatten()
}

/// Whether x / c and x (1 / c) are the same to the last bit: for a power of two whose inverse is one too.
fn has_exact_inverse(c: f64) -> bool {
    const FRACTION: u64 = (1 << 52) - 1;
    c.is_normal() && (1.0 / c).is_normal() && c.to_bits() & FRACTION == 0
}
