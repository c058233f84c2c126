//! What must hold of every expression, on random ones.

#![allow(clippy::unwrap_used)] // helpers of tests

use autodiff::{
    Adjoints, Binary, Derivatives, Dual, Expression, Function, Graph, Node, Pair, Program, Scalar, Tape,
    Unary,
};
use proptest::prelude::*;

const NAMES: [&str; 3] = ["x", "y", "z"];

/// An expression that is no text yet.
#[derive(Clone, Debug)]
enum Tree {
    Number(f64),
    Name(usize),
    Unary(Unary, Box<Tree>),
    Binary(Binary, Box<Tree>, Box<Tree>),
    Select(Box<[Tree; 3]>),
}

fn trees() -> impl Strategy<Value = Tree> {
    let numbers = prop_oneof![
        prop::sample::select(vec![0.0, 1.0, 2.0, 3.0, 0.5, 10.0, 64.0]),
        (0.01..5.0f64),
        any::<f64>().prop_filter_map("finite", |x| x.is_finite().then_some(x.abs())),
    ];
    let leaf = prop_oneof![
        1 => numbers.prop_map(Tree::Number),
        3 => (0..NAMES.len()).prop_map(Tree::Name),
    ];
    leaf.prop_recursive(6, 60, 2, |inner| {
        let functions: Vec<Unary> = std::iter::once(Unary::Negate)
            .chain(Function::NAMED.iter().map(|(_, function)| Unary::Function(*function)))
            .collect();
        let arithmetic = prop::sample::select(vec![Binary::Add, Binary::Sub, Binary::Mul, Binary::Div]);
        let pairs = Pair::NAMED.into_iter().chain(Pair::INFIX).map(|(_, pair)| Binary::Pair(pair));
        let pairs = prop::sample::select(pairs.chain([Binary::Pair(Pair::Power)]).collect::<Vec<_>>());
        let binary = prop_oneof![4 => arithmetic, 1 => pairs];
        prop_oneof![
            (prop::sample::select(functions), inner.clone()).prop_map(|(f, a)| Tree::Unary(f, a.into())),
            (binary, inner.clone(), inner.clone()).prop_map(|(f, a, b)| Tree::Binary(f, a.into(), b.into())),
            [inner.clone(), inner.clone(), inner].prop_map(|all| Tree::Select(all.into())),
        ]
    })
}

/// An operator between two operands.
fn infix(pair: Pair) -> Option<&'static str> {
    Pair::INFIX.iter().find(|(_, named)| *named == pair).map(|(sign, _)| *sign)
}

/// How tightly its operator binds.
fn strength(tree: &Tree) -> u8 {
    match tree {
        Tree::Binary(Binary::Pair(Pair::Or), ..) => 1,
        Tree::Binary(Binary::Pair(Pair::And), ..) => 2,
        Tree::Binary(Binary::Pair(pair), ..) if infix(*pair).is_some() => 3,
        Tree::Binary(Binary::Add | Binary::Sub, ..) => 4,
        Tree::Binary(Binary::Mul | Binary::Div, ..) => 5,
        Tree::Unary(Unary::Negate, _) => 6,
        Tree::Binary(Binary::Pair(Pair::Power), ..) => 7,
        _ => 8,
    }
}

/// The text of a tree with no parentheses but the necessary.
fn print(tree: &Tree, text: &mut String) {
    let within = |tree: &Tree, least: u8, text: &mut String| {
        if strength(tree) < least {
            text.push('(');
            print(tree, text);
            text.push(')');
        } else {
            print(tree, text);
        }
    };
    match tree {
        Tree::Number(value) => text.push_str(&format!("{value:?}")),
        Tree::Name(i) => text.push_str(NAMES[*i]),
        Tree::Unary(Unary::Negate, a) => {
            text.push('-');
            within(a, 6, text);
        }
        Tree::Unary(Unary::Function(function), a) => {
            let name = Function::NAMED.iter().find(|(_, named)| named == function).unwrap().0;
            text.push_str(name);
            text.push('(');
            print(a, text);
            text.push(')');
        }
        Tree::Binary(Binary::Pair(Pair::Power), a, b) => {
            within(a, 8, text);
            text.push('^');
            within(b, 6, text);
        }
        Tree::Binary(Binary::Pair(pair), a, b) if infix(*pair).is_some() => {
            // comparisons cannot be chained; `and` and `or` associate to the left
            let strength = strength(tree);
            within(a, if strength == 3 { 4 } else { strength }, text);
            text.push_str(&format!(" {} ", infix(*pair).unwrap()));
            within(b, strength + 1, text);
        }
        Tree::Select(all) => {
            text.push_str("if(");
            for (i, tree) in all.iter().enumerate() {
                print(tree, text);
                text.push_str([", ", ", ", ")"][i]);
            }
        }
        Tree::Binary(Binary::Pair(pair), a, b) => {
            let name = Pair::NAMED.iter().find(|(_, named)| named == pair).unwrap().0;
            text.push_str(name);
            text.push('(');
            print(a, text);
            text.push_str(", ");
            print(b, text);
            text.push(')');
        }
        Tree::Binary(binary, a, b) => {
            let (sign, left, right) = match binary {
                Binary::Add => (" + ", 4, 5),
                Binary::Sub => (" - ", 4, 5),
                Binary::Mul => ("*", 5, 6),
                _ => ("/", 5, 6),
            };
            within(a, left, text);
            text.push_str(sign);
            within(b, right, text);
        }
    }
}

fn text(tree: &Tree) -> String {
    let mut text = String::new();
    print(tree, &mut text);
    text
}

/// Its value, by the same operations that a graph is made of.
fn value(tree: &Tree, at: &[f64]) -> f64 {
    let whole = |n: f64| n.fract() == 0.0 && n.abs() <= 64.0;
    // also if a constant condition removes everything that depends on the inputs
    let constant = |tree: &Tree| {
        let graph = parsed(&text(tree));
        matches!(graph.nodes()[graph.outputs()[0]], Node::Constant(_))
    };
    match tree {
        Tree::Number(value) => *value,
        Tree::Name(i) => at[*i],
        Tree::Unary(Unary::Negate, a) => -value(a, at),
        Tree::Unary(Unary::Function(function), a) => function.value(value(a, at)),
        Tree::Select(all) => {
            let [condition, a, b] = [0, 1, 2].map(|i| value(&all[i], at));
            if condition.is_nan() { f64::NAN } else { [a, b][usize::from(condition == 0.0)] }
        }
        Tree::Binary(binary, a, b) => {
            let (x, y) = (value(a, at), value(b, at));
            match binary {
                // x + 0 is x with the sign of a zero kept; two constants are added
                Binary::Add if y == 0.0 && constant(b) && !constant(a) => x,
                Binary::Add if x == 0.0 && constant(a) && !constant(b) => y,
                Binary::Add => x + y,
                Binary::Sub => x - y,
                Binary::Mul => x * y,
                Binary::Div => x / y,
                Binary::Pair(Pair::Power) if constant(a) && x == std::f64::consts::E => y.exp(),
                Binary::Pair(Pair::Power) if constant(b) && whole(y) => Function::Power(y as i32).value(x),
                Binary::Pair(pair) => pair.value(x, y),
            }
        }
    }
}

fn parsed(text: &str) -> Graph {
    Graph::new(&[Expression::parse(text).unwrap()], &NAMES, &[]).unwrap()
}

fn same(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

fn of_program<S: Scalar>(program: &Program, at: &[S]) -> S {
    let mut outputs = [S::from(f64::NAN)];
    program.run(at, &mut outputs);
    outputs[0]
}

/// The sum over all paths from an input to the output of the absolute products of slopes along them.
fn paths(graph: &Graph, at: &[f64], input: usize) -> f64 {
    let values = graph.evaluate(at);
    let mut sums = vec![0.0; values.len()];
    for (i, node) in graph.nodes().iter().enumerate() {
        sums[i] = match *node {
            Node::Input(i) => f64::from(u8::from(i == input)),
            Node::Constant(_) => 0.0,
            Node::Unary(Unary::Negate, a) => sums[a],
            Node::Unary(Unary::Function(function), a) => function.slope(values[a], values[i]).abs() * sums[a],
            Node::Binary(binary, a, b) => {
                let (x, y) = (values[a], values[b]);
                let slopes = match binary {
                    Binary::Add | Binary::Sub => [1.0; 2],
                    Binary::Mul => [y, x],
                    Binary::Div => [1.0 / y, x / y / y],
                    Binary::Pair(pair) => pair.slopes(x, y, values[i]),
                };
                let path = |slope: f64, sum: f64| if sum == 0.0 { 0.0 } else { slope.abs() * sum };
                path(slopes[0], sums[a]) + path(slopes[1], sums[b])
            }
            Node::Select(condition, a, b) => sums[if values[condition] == 0.0 { b } else { a }],
        };
    }
    sums[graph.outputs()[0]]
}

fn points() -> impl Strategy<Value = [f64; 3]> {
    let edges = prop::sample::select(vec![0.0, 1.0, -1.0, 2.0, -0.0, f64::INFINITY]);
    let inside = -3.0..3.0f64;
    let coordinate = || prop_oneof![1 => edges.clone(), 6 => inside.clone()];
    [coordinate(), coordinate(), coordinate()]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(20_000) })]

    #[test]
    fn a_printed_expression_is_read_as_it_was_meant(tree in trees(), at in points()) {
        let text = text(&tree);
        let graph = parsed(&text);
        let read = graph.evaluate(&at)[graph.outputs()[0]];
        prop_assert!(same(read, value(&tree, &at)), "{} at {:?}: {} {}", text, at, read, value(&tree, &at));
    }

    #[test]
    fn a_program_gives_the_bits_of_its_graph(trees in prop::collection::vec(trees(), 1..5), at in points()) {
        let expressions: Vec<_> = trees.iter().map(|tree| Expression::parse(&text(tree)).unwrap()).collect();
        let graph = Graph::new(&expressions, &NAMES, &[]).unwrap();
        let program = graph.compile();
        let mut outputs = vec![1.5; trees.len()];
        program.run(&at, &mut outputs);
        let nodes = graph.evaluate(&at);
        for (output, &node) in outputs.iter().zip(graph.outputs()) {
            let bits = output.to_bits() == nodes[node].to_bits();
            prop_assert!(bits || (output.is_nan() && nodes[node].is_nan()), "{} {}", output, nodes[node]);
        }
        prop_assert!(program.len() <= 2 * graph.nodes().len() && program.registers() <= graph.nodes().len());
    }

    #[test]
    fn both_modes_and_the_differences_agree(tree in trees(), at in [-3.0..3.0f64, -3.0..3.0f64, -3.0..3.0f64]) {
        let text = text(&tree);
        let graph = parsed(&text);
        let program = graph.compile();
        let (forward, reverse) = (graph.forward(&at), graph.reverse(&at));
        prop_assert!(same(forward.values[0], reverse.values[0]));
        if forward.values[0].is_nan() {
            prop_assert!(forward.jacobian.iter().chain(&reverse.jacobian).all(|slope| slope.is_nan()));
            return Ok(());
        }
        let duals: Vec<Dual<3>> = (0..3).map(|i| Dual::variable(at[i], i)).collect();
        let nodes = graph.tangents(&duals);
        let adjoints = graph.adjoints(&at, 0);
        let by_program = of_program(&program, &duals);
        prop_assert!(same(by_program.value, forward.values[0]));
        // beyond the largest and below the smallest numbers each mode loses its own terms
        let within = |x: f64, least: f64, most: f64| x == 0.0 || (least..most).contains(&x.abs());
        let tangents = || nodes.iter().flat_map(|node| node.tangent);
        let slopes = || tangents().chain(adjoints.iter().copied());
        if !nodes.iter().all(|node| within(node.value, 1e-100, 1e100)) || !slopes().all(|x| within(x, 1e-100, 1e100)) {
            return Ok(());
        }
        for i in 0..3 {
            let (f, r) = (forward.jacobian[i], reverse.jacobian[i]);
            // Where paths cancel, both are as sharp as the paths are large.
            let bits = f64::EPSILON * nodes.len() as f64 * paths(&graph, &at, i);
            // of infinite slopes the sum may have any value or none
            prop_assert!(!bits.is_finite() || (f - r).abs() <= bits, "{} by {}: {} {}", text, NAMES[i], f, r);
        }
        if !nodes.iter().all(|node| within(node.value, 1e-20, 1e2)) || !slopes().all(|x| x.abs() < 1e2) {
            return Ok(());
        }
        for i in 0..3 {
            let slope = |h: f64| {
                let moved = |h: f64| {
                    let mut moved = at;
                    moved[i] += h;
                    of_program(&program, &moved)
                };
                (moved(h) - moved(-h)) / (2.0 * h)
            };
            // Richardson's extrapolation, where two of its steps agree: no edge is near and nothing is lost
            let (wide, narrow) = (slope(2e-4), slope(1e-4));
            let far = (4.0 * slope(1e-3) - slope(2e-3)) / 3.0;
            let near = (4.0 * narrow - wide) / 3.0;
            let size = 1e-6 * (1.0 + forward.jacobian[i].abs() + forward.values[0].abs() + near.abs());
            if (near - far).abs() < size && size < 1e3 {
                prop_assert!((forward.jacobian[i] - near).abs() < 10.0 * size, "{} by {}: {} {}", text, NAMES[i], forward.jacobian[i], near);
                prop_assert!((by_program.tangent[i] - near).abs() < 10.0 * size, "{} by {}", text, NAMES[i]);
            }
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}", bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        for text in [&*text, &String::from_utf8_lossy(&bytes)] {
            if let Err(error) = Expression::parse(text) {
                prop_assert!(error.column() <= text.chars().count() + 1);
                let shown = format!("{error:#}");
                prop_assert!(shown.lines().skip(1).all(|line| line.chars().count() <= 76));
            }
        }
    }

    #[test]
    fn no_text_of_its_characters_makes_the_parser_panic(text in "[-+*/^(),.<>=! 0-9exyzsinandor]{0,40}|([a-z]{1,5}[(,)+^]{0,3}){0,9}") {
        match Expression::parse(&text) {
            Ok(expression) => {
                let names: Vec<&str> = expression.names().collect();
                let graph = Graph::new(std::slice::from_ref(&expression), &names, &[]).unwrap();
                let Derivatives { values, .. } = graph.forward(&vec![0.7; names.len()]);
                prop_assert!(same(of_program(&graph.compile(), &vec![0.7; names.len()]), values[0]));
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}

#[test]
fn a_gradient_by_reverse_mode_costs_the_same_for_any_number_of_inputs() {
    let steps = |n: usize| {
        let names: Vec<String> = (0..n).map(|i| format!("x{i}")).collect();
        let text: Vec<String> = names.iter().map(|name| format!("sin({name})^2")).collect();
        let expression = Expression::parse(&text.join("+")).unwrap();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let graph = Graph::new(&[expression], &names, &[]).unwrap();
        let tape = Tape::new();
        let inputs: Vec<_> = (0..n).map(|i| tape.variable(i as f64)).collect();
        let output = graph.evaluate(&inputs)[graph.outputs()[0]];
        let mut adjoints = Adjoints::default();
        tape.backward(output, &mut adjoints);
        for (i, input) in inputs.iter().enumerate() {
            assert!((adjoints.of(*input) - (2.0 * i as f64).sin()).abs() < 1e-14 * (1.0 + i as f64));
        }
        (tape.len(), graph.nodes().len())
    };
    for n in [10, 100, 1000] {
        // one step a node, and one sweep over them: n sines, n squares, n - 1 sums
        assert_eq!(steps(n), (4 * n - 1, 4 * n - 1));
    }
}
