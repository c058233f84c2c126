//! Expressions: what they mean, what is refused and how, and their derivatives in closed form.

#![allow(clippy::unwrap_used)] // helpers of tests

use autodiff::{
    Binary, Derivatives, Dual, Expression, Function, Graph, MAX_DEPTH, MAX_LENGTH, Node, Pair, Unary,
    check_name, constant,
};

/// The graph of one expression over its own variables; `pi` and `e` are the constants.
fn graph(text: &str) -> Graph {
    let expression = Expression::parse(text).unwrap_or_else(|error| panic!("{error:#}"));
    let names: Vec<&str> = expression.names().filter(|name| constant(name).is_none()).collect();
    Graph::new(std::slice::from_ref(&expression), &names, &[]).unwrap()
}

fn value(text: &str, at: &[f64]) -> f64 {
    let graph = graph(text);
    let value = graph.evaluate(at)[graph.outputs()[0]];
    let mut run = [f64::NAN];
    graph.compile().run(at, &mut run);
    assert!(run[0].to_bits() == value.to_bits() || (run[0].is_nan() && value.is_nan()), "{text}");
    value
}

fn refusal(text: &str) -> String {
    Expression::parse(text).unwrap_err().to_string()
}

/// The derivatives of an expression by its variables, which both modes must give.
fn gradient(text: &str, at: &[f64]) -> Vec<f64> {
    let graph = graph(text);
    let Derivatives { jacobian, values } = graph.forward(at);
    let reverse = graph.reverse(at);
    assert_eq!(format!("{values:?}"), format!("{:?}", reverse.values), "{text}");
    for (a, b) in jacobian.iter().zip(&reverse.jacobian) {
        let close = (a - b).abs() <= 1e-14 * a.abs().max(b.abs());
        assert!(a == b || close || (a.is_nan() && b.is_nan()), "{text}: {a} {b}");
    }
    jacobian
}

#[test]
fn operators_bind_as_in_mathematics() {
    for (text, expected) in [
        ("1 + 2 * 3 - 4 / 8", 6.5),
        ("2 - 3 - 4", -5.0),
        ("2 / 4 / 4", 0.125),
        ("2^3^2", 512.0),
        ("-2^2", -4.0),
        ("(-2)^2", 4.0),
        ("2^-1", 0.5),
        ("2^-2^2", 0.0625),
        ("-2*-3", 6.0),
        ("- - -2", -2.0),
        ("+2 - +3", -1.0),
        ("2*3^2", 18.0),
        ("-3*2", -6.0),
        ("1.5e-3 + .5 + 5. + 1E3", 1005.5015),
        ("  ( ( 7 ) )\t\r\n", 7.0),
        ("min(3, 1, 2) + max(3, 1, 2) * 10", 31.0),
        ("atan2(1, -1) / pi", 0.75),
        ("sin (pi / 2) + log(e)", 2.0),
        ("abs(-3)", 3.0),
        ("ln(e^2)", 2.0),
        ("sign(-3) + 10*sign(0) + 100*sign(2)", 99.0),
        ("step(-1e-300) + 10*step(0) + 100*step(2)", 110.0),
        ("floor(2.5) + 10*floor(-2.5) + 100*floor(3)", 272.0),
        ("mod(-7, 3) + 10*mod(7, -3)", -18.0),
        // comparisons bind less than sums, then and, then or
        ("1 + 1 < 3", 1.0),
        ("2*3 >= 6 + 1", 0.0),
        ("1 == 1 and 2 != 2", 0.0),
        ("1 > 2 or 3 <= 3", 1.0),
        ("1 or 1 and 0", 1.0),
        ("(1 or 1) and 0", 0.0),
        ("not(2 < 1) + not(7)", 1.0),
        ("(1 < 2) + (2 < 3)*10", 11.0),
        ("if(1 < 2, 5, 7) + if(0, 5, 7)*10", 75.0),
        ("if(1<2and 3<4,2,3)", 2.0),
        ("exp(1) - e^1", 0.0),
        ("e^2 - exp(2)", 0.0),
    ] {
        let close = (value(text, &[]) - expected).abs() < 1e-15 * expected.abs();
        assert!(close || value(text, &[]) == expected, "{text}: {}", value(text, &[]));
    }
    assert_eq!(value("-x^2", &[3.0]), -9.0);
    assert_eq!(value("x^y^x", &[2.0, 3.0]), 512.0);
    assert_eq!(value("_a1 - B_", &[5.0, 3.0]), 2.0);
    let every: String =
        Function::NAMED.iter().map(|(name, _)| format!("{name}(x) + ")).chain(["0".into()]).collect();
    let sum = Function::NAMED.iter().fold(0.0, |sum, (_, function)| sum + function.value(0.3));
    assert_eq!(value(&every, &[0.3]), sum);
}

#[test]
fn what_is_wrong_is_said_with_its_column() {
    for (text, expected) in [
        ("", "column 1: the expression is empty"),
        (" \t ", "column 1: the expression is empty"),
        ("2x", "column 2: there is no operator here; a product is written 2*x"),
        ("2 x + 1", "column 3: there is no operator here; a product is written 2*x"),
        ("x(1 + y)", "column 1: function \"x\" is unknown. There are: exp, log"),
        ("(1 + y)(x)", "column 8: there is no operator here; a product is written with *"),
        ("sin(x) cos(x)", "column 8: there is no operator here; a product is written with *"),
        ("1.5.2", "column 4: a number has one decimal point"),
        ("x**2", "column 2: a power is written with ^, not **"),
        ("snh(x)", "column 1: function \"snh\" is unknown; did you mean \"sinh\"?"),
        ("1 + sgn(x)", "column 5: function \"sgn\" is unknown; write sign(x)"),
        ("heaviside(x)", "column 1: function \"heaviside\" is unknown; write step(x)"),
        ("log10(x)", "column 1: function \"log10\" is unknown; write log(x)/log(10)"),
        ("pow(x, 2)", "column 1: function \"pow\" is unknown; write a^b"),
        ("sin", "column 1: sin needs its argument in parentheses: sin(x)"),
        ("sin y", "column 1: sin needs its argument in parentheses: sin(y)"),
        ("2*sin 2*y", "column 3: sin needs its argument in parentheses: sin(2)"),
        ("if x > 0", "column 1: if needs its argument in parentheses: if(condition, a, b)"),
        ("if(x > 0, 1)", "column 1: if takes 3 arguments, if(condition, a, b), not 2"),
        ("mod(x)", "column 1: mod takes 2 arguments, not 1"),
        ("not x", "column 1: not needs its argument in parentheses: not(x)"),
        ("1 < x < 2", "column 7: one comparison follows another; write a < b and b < c"),
        ("x < ", "column 5: the expression ends where a number, a name or ( should follow"),
        ("< x", "column 1: a number, a name or ( should stand before <"),
        ("x and", "column 6: the expression ends where"),
        ("and x", "column 1: a number, a name or ( should stand before and"),
        ("x =< 1", "column 3: =< has no meaning in an expression; write <="),
        ("x <> 1", "column 3: <> has no meaning in an expression; write !="),
        ("x > 0 && y > 0", "column 7: && has no meaning in an expression; write and"),
        ("x > 0 || y > 0", "column 7: || has no meaning in an expression; write or"),
        ("x \u{2264} 1", "column 3: \u{2264} has no meaning in an expression; write <="),
        ("!x", "column 1: ! has no meaning in an expression; write not(...)"),
        ("x % 2", "column 3: % has no meaning in an expression; write mod(a, b)"),
        ("x > 0 ? 1 : 2", "column 7: ? has no meaning in an expression; write if(condition, a, b)"),
        ("2(x + 1)", "column 2: there is no operator here; a product is written 2*(...)"),
        ("2sin(x)", "column 2: there is no operator here; a product is written 2*sin"),
        ("1_000*x", "column 2: a number is written without _"),
        ("sin()", "column 5: there is nothing in these parentheses"),
        ("()", "column 2: there is nothing in these parentheses"),
        ("sin(x, y)", "column 1: sin takes 1 argument, not 2"),
        ("1 + atan2(x)", "column 5: atan2 takes 2 arguments, not 1"),
        ("atan2(x, y, z)", "column 1: atan2 takes 2 arguments, not 3"),
        ("max(x)", "column 1: max takes 2 arguments or more, not 1"),
        ("max(x,,y)", "column 7: a number, a name or ( should stand before ,"),
        ("max(x,)", "column 7: a number, a name or ( should stand before )"),
        ("(x + 1", "column 1: this ( is never closed"),
        ("2*sin((x)", "column 6: this ( is never closed"),
        ("x + 1)", "column 6: this ) closes no ("),
        ("x + ", "column 5: the expression ends where a number, a name or ( should follow"),
        ("x + * y", "column 5: a number, a name or ( should stand before *"),
        ("* x", "column 1: a number, a name or ( should stand before *"),
        (
            "1,5 * x",
            "column 2: a comma stands only between the arguments of a function; decimals are written with a point: 1.5",
        ),
        (
            "(x, y)",
            "column 3: a comma stands only between the arguments of a function; decimals are written 1.5",
        ),
        ("sin(0,25*x)", "column 1: sin takes 1 argument, not 2; decimals are written with a point: 0.25"),
        ("x^\u{bd}", "column 3: \u{bd} has no meaning in an expression; write 0.5"),
        ("1e999", "column 1: 1e999 is too large for a number of 64 bits"),
        (".", "column 1: a point without digits is no number"),
        ("x = 3", "column 3: an expression has no ="),
        ("[x]", "column 1: [ has no meaning in an expression; write ("),
        ("|x|", "column 1: | has no meaning in an expression; write abs(...)"),
        ("x \u{2212} 1", "column 3: \u{2212} has no meaning in an expression; write -"),
        ("3\u{d7}x", "column 2: \u{d7} has no meaning in an expression; write *"),
        ("x\u{b2}", "column 2: \u{b2} has no meaning in an expression; write ^2"),
        ("2*\u{3c0}", "column 3: \u{3c0} has no meaning in an expression; write pi"),
        ("\u{3c9}*t", "column 1: names are made of a-z, A-Z, 0-9 and _, not \u{3c9}; write omega"),
        ("x + \u{1b}[31m", "column 5: the character U+001B has no place in an expression"),
        ("x +\u{a0}1", "column 4: the character U+00A0 has no place in an expression"),
        ("x\0", "column 2: the character U+0000 has no place in an expression"),
        ("x ; y", "column 3: ; has no meaning in an expression"),
        ("'x'", "column 1: ' has no meaning in an expression"),
    ] {
        let message = refusal(text);
        assert!(message.starts_with(expected), "{text:?}: {message}");
        assert!(!message.contains(|c: char| c.is_control()), "{text:?}");
    }
}

#[test]
fn names_that_are_not_given_are_refused_with_the_nearest() {
    let expression = Expression::parse("sigma * (y - xx)").unwrap();
    let message = |inputs: &[&str]| {
        Graph::new(std::slice::from_ref(&expression), inputs, &[("sigma", 10.0)]).unwrap_err().to_string()
    };
    assert_eq!(
        message(&["x", "y"]),
        "column 14: variable \"xx\" is unknown; did you mean \"x\"? There are: x, y, sigma"
    );
    assert_eq!(message(&["x"]), "column 10: variable \"y\" is unknown. There are: x, sigma");
    assert!(Graph::new(&[Expression::parse("x").unwrap()], &[], &[]).is_err());
    for (name, expected) in [
        ("sin", "function"),
        ("if", "function"),
        ("or", "joins"),
        ("2x", "no name"),
        ("", "no name"),
        ("a-b", "no name"),
    ] {
        assert!(check_name(name).unwrap_err().contains(expected), "{name}");
    }
    check_name("_rho2").unwrap();
}

#[test]
fn a_variable_called_e_or_pi_is_no_constant() {
    let expression = Expression::parse("e*x^pi").unwrap();
    assert_eq!(expression.names().collect::<Vec<_>>(), ["e", "x", "pi"]);
    let at = |inputs: &[&str], constants: &[(&str, f64)], values: &[f64]| {
        Graph::new(std::slice::from_ref(&expression), inputs, constants).unwrap().forward(values)
    };
    let e = std::f64::consts::E;
    assert_eq!(at(&["x"], &[], &[1.0]).values, [e]);
    // as a parameter, and as a variable with a derivative
    assert_eq!(at(&["x"], &[("e", 5.0), ("pi", 2.0)], &[3.0]).values, [45.0]);
    assert_eq!(at(&["x", "e"], &[("pi", 2.0)], &[3.0, 7.0]), {
        Derivatives { values: vec![63.0], jacobian: vec![42.0, 9.0] }
    });
    check_name("e").unwrap();
    check_name("pi").unwrap();
}

#[test]
fn derivatives_of_piecewise_functions_are_those_of_the_active_piece() {
    for (text, x, expected, slope) in [
        ("if(x > 0, sqrt(x), 0)", -1.0, 0.0, 0.0),
        ("if(x > 0, sqrt(x), 0)", 4.0, 2.0, 0.25),
        ("if(x > 0, log(x), x^3)", -2.0, -8.0, 12.0),
        ("if(x < 0, 1/(x - x), x)", 2.0, 2.0, 1.0),
        ("x*if(x > 0, sqrt(x), 3)", -1.0, -3.0, 3.0),
        ("if(x > 0 and log(x) < 1, 2*x, 5*x)", -1.0, -5.0, 5.0),
        // at a kink the piece that the condition picks
        ("if(x > 0, x, -x)", 0.0, 0.0, -1.0),
        ("if(x >= 0, x, -x)", 0.0, 0.0, 1.0),
        ("x*sign(x)", -2.0, 2.0, -1.0),
        ("x^2*step(x)", 3.0, 9.0, 6.0),
        ("x^2*step(x)", -3.0, 0.0, 0.0),
        ("x - floor(x)", 2.75, 0.75, 1.0),
        ("mod(x, 1)", -0.25, 0.75, 1.0),
        ("mod(7, x)", 2.0, 1.0, -3.0),
        ("(x > 1)*x^2 + (x <= 1)*x", 3.0, 9.0, 6.0),
        ("sign(x)", 0.0, 0.0, 0.0),
        ("step(x)", 0.0, 1.0, 0.0),
        ("floor(x)", 2.0, 2.0, 0.0),
        ("x == 2", 2.0, 1.0, 0.0),
    ] {
        assert_eq!((value(text, &[x]), gradient(text, &[x])), (expected, vec![slope]), "{text} at {x}");
    }
    for text in ["if(sqrt(x) > 0, 1, 2)", "sign(sqrt(x))", "sqrt(x) < 1", "mod(x, 0)", "not(sqrt(x))"] {
        assert!(value(text, &[-1.0]).is_nan() && gradient(text, &[-1.0])[0].is_nan(), "{text}");
    }
    // in a Jacobian by a program on dual numbers too, with a constant in every place
    let sides = ["if(x, 2, y)", "if(x > 0, y, 3)", "if(y, x*y, if(1 < 2, y, x))"];
    let graph = Graph::new(&sides.map(|text| Expression::parse(text).unwrap()), &["x", "y"], &[]).unwrap();
    let mut found = [Dual::from(0.0); 3];
    for (x, y, values, jacobian) in [
        (1.0, 5.0, [2.0, 5.0, 5.0], [[0.0, 0.0], [0.0, 1.0], [5.0, 1.0]]),
        (0.0, 5.0, [5.0, 3.0, 0.0], [[0.0, 1.0], [0.0, 0.0], [5.0, 0.0]]),
        (-1.0, 0.0, [2.0, 3.0, 0.0], [[0.0, 0.0], [0.0, 0.0], [0.0, 1.0]]),
    ] {
        graph.compile().run(&[Dual::<2>::variable(x, 0), Dual::variable(y, 1)], &mut found);
        assert_eq!((found.map(|x| x.value), found.map(|x| x.tangent)), (values, jacobian), "{x} {y}");
        assert_eq!(graph.reverse(&[x, y]).jacobian, jacobian.as_flattened());
    }
}

#[test]
fn the_place_of_a_mistake_is_shown_within_80_columns() {
    let shown = |text: &str| format!("{:#}", Expression::parse(text).unwrap_err());
    assert_eq!(shown("2x").lines().skip(1).collect::<Vec<_>>(), ["2x", " ^"]);
    assert_eq!(shown("\u{1b}x\u{4e2d}").lines().skip(1).collect::<Vec<_>>(), ["?x?", "^"]);
    assert_eq!(shown("1 +\n\u{e9}").lines().skip(1).collect::<Vec<_>>(), ["1 + \u{e9}", "    ^"]);
    for (before, after) in [(0, 0), (10, 500), (58, 0), (59, 0), (60, 1), (61, 1000), (500, 0), (500, 500)] {
        let text = format!("{}$ {}", "x+".repeat(before), "+y".repeat(after));
        let lines: Vec<String> = shown(&text).lines().map(str::to_owned).collect();
        let caret = lines[2].find('^').unwrap();
        assert_eq!(lines[1].as_bytes()[caret], b'$', "{before} {after}: {lines:?}");
        assert!(lines[1..].iter().all(|line| line.len() <= 76), "{lines:?}");
        assert!(lines[0].starts_with(&format!("column {}: $ has no", 2 * before + 1)));
    }
    let long = "y".repeat(10_000);
    let unknown = Graph::new(&[Expression::parse(&format!("1 + {long}")).unwrap()], &["x"], &[]).unwrap_err();
    assert!(format!("{unknown:#}").len() < 300);
    assert!(refusal(&format!("{long}(x)")).len() < 400);
}

#[test]
fn depth_and_length_have_bounds_and_a_long_sum_has_no_depth() {
    let deep = |n: usize| {
        [
            format!("{}x{}", "(".repeat(n), ")".repeat(n)),
            format!("{}x{}", "sin(".repeat(n), ")".repeat(n)),
            format!("{}x{}", "min(1,".repeat(n), ")".repeat(n)),
            format!("{}x", "-".repeat(n)),
            format!("{}x", "2^".repeat(n)),
            format!("{}x{}", "1+2*(".repeat(n), ")".repeat(n)),
            // signs and powers between the parentheses, where the parser goes deepest
            format!("{}x{}", "(1+2*-3^".repeat(n / 3), ")".repeat(n / 3)),
        ]
    };
    for text in deep(MAX_DEPTH) {
        let graph = graph(&text);
        let derivatives = graph.forward(&[0.5]);
        assert_eq!(format!("{:?}", derivatives.values), format!("{:?}", graph.reverse(&[0.5]).values));
    }
    for n in [MAX_DEPTH + 3, 9_000] {
        for text in deep(n) {
            let message = refusal(&text);
            assert!(message.contains("nested more than 100 deep"), "{message}");
        }
    }
    assert!(refusal(&"(".repeat(10_000)).contains("nested more"));
    assert!(refusal(&"(".repeat(1 << 20)).contains("at most 65536 characters, this one 1048576"));
    assert!(refusal(&"x+".repeat(1 << 19)).contains("at most 65536"));
    for (repeated, last) in [("x+", "x"), ("x*", "x"), ("x-", "x"), ("x/", "x"), ("max(x,1)+", "x")] {
        let text = repeated.repeat((MAX_LENGTH - 1) / repeated.len()) + last;
        let graph = graph(&text);
        assert_eq!(graph.compile().registers().min(2), graph.compile().registers(), "{repeated}");
        assert_eq!(graph.forward(&[1.0]).values, graph.reverse(&[1.0]).values);
    }
    let arguments = format!("max({}x)", "x+1,".repeat(10_000));
    assert_eq!(gradient(&arguments, &[1.0]), [1.0]);
    let variables: Vec<String> = (0..8000).map(|i| format!("x{i}")).collect();
    assert_eq!(gradient(&variables.join("+"), &vec![1.0; 8000]), vec![1.0; 8000]);
}

#[test]
fn a_repeated_part_is_one_node_and_constants_are_folded() {
    use Node::{Constant, Input};
    let square = Unary::Function(Function::Power(2));
    let exp = Unary::Function(Function::Exp);
    assert_eq!(
        graph("sqrt(x^2 + exp(x^2))").nodes(),
        [
            Input(0),
            Node::Unary(square, 0),
            Node::Unary(exp, 1),
            Node::Binary(Binary::Add, 1, 2),
            Node::Unary(Unary::Function(Function::Sqrt), 3),
        ]
    );
    for same in
        ["x", "x*1", "1*x", "x+0", "0+x", "x-0", "x/1", "--x", "x^1", "+x", "x^(3-2)", "x*(2^0)", "0*1+x"]
    {
        assert_eq!(graph(same).nodes(), [Input(0)], "{same}");
    }
    assert_eq!(graph("2*pi*1.5 + sin(1)").nodes(), [Constant(3.0 * std::f64::consts::PI + 1f64.sin())]);
    assert_eq!(graph("x^0").nodes(), [Input(0), Constant(1.0)]);
    assert_eq!(graph("x*0").nodes().len(), 3);
    assert_eq!(graph("x*y + y*x").nodes().len(), 4);
    assert_eq!(graph("2*x + x*2").nodes().len(), 4);
    assert_eq!(graph("e^x").nodes(), [Input(0), Node::Unary(exp, 0)]);
    let power = |n| vec![Input(0), Node::Unary(Unary::Function(Function::Power(n)), 0)];
    assert_eq!(graph("x^-3").nodes(), power(-3));
    assert_eq!(graph("x^64").nodes(), power(64));
    assert_eq!(graph("x^65").nodes().len(), 3);
    assert_eq!(graph("x^0.5").nodes()[2], Node::Binary(Binary::Pair(Pair::Power), 0, 1));

    // two right-hand sides share what they have in common, and a parameter is a constant
    let sides = ["b*x*y - x", "c*(b*x*y)"].map(|text| Expression::parse(text).unwrap());
    let both = Graph::new(&sides, &["x", "y"], &[("b", 2.0), ("c", 1.0)]).unwrap();
    assert_eq!(both.nodes().len(), 2 + 1 + 3);
    assert_eq!(both.outputs(), [5, 4]);
    assert_eq!(
        both.forward(&[3.0, 5.0]),
        Derivatives { values: vec![27.0, 30.0], jacobian: vec![9.0, 6.0, 10.0, 6.0] }
    );
    // an input that stands in none is kept
    let unused = Graph::new(&sides[..1], &["t", "x", "y", "b"], &[]).unwrap();
    assert_eq!(unused.depends(0), [false, true, true, true]);
    assert_eq!(both.depends(1), [true, true]);
    assert_eq!(unused.formula(4, &["t", "x", "y", "b"].map(String::from)), "b * x");
}

#[test]
fn formulas_can_be_read_again() {
    let names: Vec<String> = ["x", "y", "a", "b", "c", "d"].map(String::from).to_vec();
    for text in [
        "x + y",
        "x - 2",
        "x * (-2)",
        "2 - x",
        "-x",
        "x^2",
        "x^(-3)",
        "x^y",
        "0.5^x",
        "atan2(x, y)",
        "sin(x)",
        "log(x)",
        "floor(x)",
        "mod(x, (-2))",
        "x < y",
        "x >= (-2)",
        "x == y",
        "x and y",
        "x or y",
        "not(x)",
        "if(x, y, 2)",
    ] {
        let expression = Expression::parse(text).unwrap();
        let graph = Graph::new(&[expression], &["x", "y"], &[]).unwrap();
        assert_eq!(graph.formula(graph.outputs()[0], &names), text);
    }
}

#[test]
fn derivatives_are_those_of_closed_forms() {
    let x: f64 = 1.5;
    let (b, d) = ((x * x).exp(), (x * x + (x * x).exp()).sqrt());
    assert_eq!(value("sqrt(x^2 + exp(x^2))", &[x]), d);
    let close = |text: &str, at: &[f64], expected: &[f64]| {
        let gradient = gradient(text, at);
        assert_eq!(gradient.len(), expected.len());
        for (g, e) in gradient.iter().zip(expected) {
            assert!((g - e).abs() <= 4e-15 * (1.0 + e.abs()), "{text}: {g} {e}");
        }
    };
    close("sqrt(x^2 + exp(x^2))", &[x], &[x * (1.0 + b) / d]);
    close("sqrt(x^2 + exp(x^2))", &[-x], &[-x * (1.0 + b) / d]);
    close("x*y - sin(x)/y", &[0.7, 1.3], &[1.3 - 0.7f64.cos() / 1.3, 0.7 + 0.7f64.sin() / (1.3 * 1.3)]);
    close("x^y", &[2.0, 3.0], &[12.0, 8.0 * 2f64.ln()]);
    close("2^x", &[3.0], &[8.0 * 2f64.ln()]);
    close("log(x)/x", &[2.0], &[(1.0 - 2f64.ln()) / 4.0]);
    close("max(x, y, 1) * min(x, 7)", &[3.0, 2.0], &[6.0, 0.0]);
    close("atan2(y, x)", &[4.0, 3.0], &[3.0 / 25.0, -4.0 / 25.0]);
    close("1/(1 + exp(-x))", &[0.0], &[0.25]);
    close("x^-2", &[2.0], &[-0.25]);
}

#[test]
fn at_the_edges_of_a_domain_expressions_follow_the_stated_rules() {
    let at = |text: &str, at: &[f64]| {
        let gradient = gradient(text, at);
        (value(text, at), gradient)
    };
    let infinity = f64::INFINITY;
    let nan = |text, x| {
        let (value, gradient) = at(text, &[x]);
        assert!(value.is_nan() && gradient.iter().all(|g| g.is_nan()), "{text}: {value} {gradient:?}");
    };
    assert_eq!(at("sqrt(x)", &[0.0]), (0.0, vec![infinity]));
    assert_eq!(at("sqrt(x^2)", &[0.0]), (0.0, vec![0.0]));
    // By rule, where the chain rule would multiply 0 by infinity.
    for text in ["sqrt(x)^2", "sqrt(x)*sqrt(x)", "exp(log(x))"] {
        assert_eq!(at(text, &[0.0]), (0.0, vec![0.0]), "{text}");
    }
    assert_eq!(at("abs(x)", &[0.0]), (0.0, vec![0.0]));
    assert_eq!(at("log(x)", &[0.0]), (-infinity, vec![infinity]));
    assert_eq!(at("1/x", &[0.0]), (infinity, vec![-infinity]));
    assert_eq!(at("x^0", &[0.0]), (1.0, vec![0.0]));
    assert_eq!(at("x^y", &[0.0, 0.0]), (1.0, vec![0.0, -infinity]));
    assert_eq!(at("x^y", &[0.0, 2.0]), (0.0, vec![0.0, 0.0]));
    assert_eq!(at("x^y", &[0.0, 0.5]), (0.0, vec![infinity, 0.0]));
    assert_eq!(at("x^3", &[-2.0]), (-8.0, vec![12.0]));
    let (value, gradient) = at("x^y", &[-2.0, 3.0]);
    assert!(value == -8.0 && gradient[0] == 12.0 && gradient[1].is_nan());
    assert_eq!(at("max(x, 2) + min(x, 2)", &[2.0]), (4.0, vec![1.0]));
    nan("sqrt(x)", -1.0);
    nan("log(x)", -1.0);
    nan("x + log(-1)", 1.0);
    nan("x - x", infinity);
    nan("x*0", infinity);
    nan("max(x, 0/0)", 1.0);
    nan("asin(x)", 1.5);
    nan("x^0.5", -1.0);
    // what does not matter does not spoil
    assert_eq!(at("sqrt(x)^y", &[-1.0, 0.0]).0, 1.0);
    assert_eq!(at("sqrt(x)^y", &[-1.0, 0.0]).1[0], 0.0);
}

#[test]
fn the_same_right_hand_side_gives_values_and_a_jacobian() {
    let sides =
        ["sigma*(y - x)", "x*(rho - z) - y", "x*y - beta*z"].map(|text| Expression::parse(text).unwrap());
    let constants = [("sigma", 10.0), ("rho", 28.0), ("beta", 8.0 / 3.0)];
    let graph = Graph::new(&sides, &["x", "y", "z"], &constants).unwrap();
    let program = graph.compile();
    assert!(program.registers() <= 2, "{program:?}");
    let (x, y, z) = (1.0, 2.0, 3.0);
    let jacobian = [-10.0, 10.0, 0.0, 28.0 - z, -1.0, -x, y, x, -8.0 / 3.0];
    assert_eq!(graph.forward(&[x, y, z]).jacobian, jacobian);
    assert_eq!(graph.reverse(&[x, y, z]).jacobian, jacobian);
    let u = [x, y, z].iter().enumerate().map(|(i, &value)| Dual::<3>::variable(value, i)).collect::<Vec<_>>();
    let mut du = [Dual::from(0.0); 3];
    program.run(&u, &mut du);
    assert_eq!(du.map(|du| du.tangent).as_flattened(), jacobian);
    assert_eq!(du.map(|du| du.value), [10.0, 1.0 * 25.0 - 2.0, 2.0 - 8.0 / 3.0 * 3.0]);
}

#[test]
fn outputs_may_be_inputs_constants_and_each_other() {
    let texts = ["x", "3", "y*x", "y*x", "3", "y", "y*x + 1"];
    let sides = texts.map(|text| Expression::parse(text).unwrap());
    let graph = Graph::new(&sides, &["x", "y"], &[]).unwrap();
    let program = graph.compile();
    let mut outputs = [f64::NAN; 7];
    program.run(&[2.0, 5.0], &mut outputs);
    assert_eq!(outputs, [2.0, 3.0, 10.0, 10.0, 3.0, 5.0, 11.0]);
    assert_eq!(program.registers(), 0);
}

#[test]
fn the_code_in_the_page_on_derivatives_is_that_of_the_documentation() {
    let root = std::path::PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap());
    let source = std::fs::read_to_string(root.join("src/graph.rs")).unwrap();
    let page = std::fs::read_to_string(root.join("../../docs/autodiff.md")).unwrap();
    let block = page.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let documented: String =
        block.lines().map(|line| format!("/// {line}").trim_end().to_owned() + "\n").collect();
    assert!(source.contains(&documented));
}

#[test]
fn where_a_slope_comes_from_a_rule_is_told() {
    let kinks = |text: &str, at: &[f64]| -> Vec<String> {
        let graph = graph(text);
        let names: Vec<String> = (0..graph.nodes().len()).map(|i| format!("n{i}")).collect();
        let found = graph.kinks(at, 0);
        let told = found.iter().map(|kink| {
            let infinite = if kink.infinite { ", infinite" } else { "" };
            format!("{}: {}{infinite}", graph.formula(kink.node, &names), kink.rule)
        });
        told.collect()
    };
    for (text, at, expected) in [
        ("sqrt(x)^2", 0.0, "sqrt(n0): it has a slope from one side only, and that counts, infinite"),
        ("sqrt(x)*sqrt(x)", 0.0, "sqrt(n0): it has a slope from one side only"),
        ("exp(log(x))", 0.0, "log(n0): it has a slope from one side only"),
        ("sqrt(x^2)", 0.0, "sqrt(n1): it has a slope from one side only"),
        ("abs(x)", 0.0, "abs(n0): its slopes on both sides differ"),
        ("asin(x)", -1.0, "asin(n0): it has a slope from one side only"),
        ("max(x, 2)", 2.0, "max(n0, 2): its arguments are equal here"),
        ("floor(x)", 3.0, "floor(n0): it jumps here"),
        ("sign(x)", 0.0, "sign(n0): it jumps here"),
        ("step(x)", 0.0, "step(n0): it jumps here"),
        ("mod(x, 2)", 4.0, "mod(n0, 2): it jumps here, and the slope beside the jump counts"),
        ("x^0.5", 0.0, "n0^0.5: it has a slope from one side only, and that counts, infinite"),
        ("x^1.5", 0.0, "n0^1.5: it has a slope from one side only, and that counts"),
        ("1/x", 0.0, "1 / n0: it has a pole here"),
        ("x^-2", 0.0, "n0^(-2): it has a pole here"),
        ("atan2(x, -1)", 0.0, "atan2(n0, (-1)): it jumps here between -pi and pi"),
        ("if(x > 0, x, -x)", 0.0, "n0 > 0: it jumps here"),
        ("if(x, 1, 2)", 0.0, "if(n0, 1, 2): it switches here"),
        ("not(x)", 0.0, "not(n0): it jumps here"),
        ("x and 1", 0.0, "n0 and 1: it jumps here"),
    ] {
        let found = kinks(text, &[at]);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{text}: {found:?}");
        // next to the kink the function is differentiable, so nothing is reported
        assert_eq!(kinks(text, &[at + 0.25]), [""; 0], "{text}");
    }
    assert_eq!(
        kinks("atan2(x, y)", &[0.0, 0.0]),
        ["atan2(n0, n1): the origin has no angle, and so no slope"]
    );
    // an inactive piece, a condition that is 0, and a NaN report nothing
    for (text, at) in [("if(x < 1, x, sqrt(x))", 0.0), ("not(x > 1)", 0.0), ("sqrt(x - 1)*abs(x)", 0.0)] {
        assert_eq!(kinks(text, &[at]), [""; 0], "{text}");
    }
}

#[test]
fn of_many_names_the_nearest_are_told() {
    let names: Vec<String> = (10..60).map(|i| format!("x{i}")).collect();
    let of = |names: &[String]| autodiff::unknown("it", "x31", names.iter().map(String::as_str));
    let many = of(&names[..21].iter().chain(&names[22..]).cloned().collect::<Vec<_>>());
    assert!(many.starts_with("it is unknown; did you mean \"x"), "{many}");
    assert!(many.contains("There are 49, such as x") && many.matches(", x").count() == 7, "{many}");
    assert!(of(&names[..3]).ends_with("There are: x10, x11, x12"), "{}", of(&names[..3]));
}
