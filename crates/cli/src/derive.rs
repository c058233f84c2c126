//! `attractor derive`: an expression, its derivatives, and how each mode of automatic differentiation comes by them.

use std::path::PathBuf;
use std::process::ExitCode;

use autodiff::{Dual, Expression, ExpressionError, Graph, Node, check_name, constant, unknown};
use clap::{Args, ValueEnum};
use runner::RunError;

use crate::display::Display;
use crate::pages::write;
use crate::terminal::{self, print};

#[derive(Args)]
pub(crate) struct DeriveArguments {
    /// Arithmetic with + - * / ^, parentheses, pi, e, and exp, log or ln, sqrt, sin, cos, tan, asin, acos, atan,
    /// sinh, cosh, tanh, abs, sign, step, floor, mod(a, b), atan2(y, x), min and max; comparisons, and, or, not(a)
    /// and if(condition, a, b)
    #[arg(allow_hyphen_values = true)]
    expression: String,
    /// Value of every variable, such as x=1.5 or phi=-pi/4; with e=2 the name e is a variable too
    #[arg(value_name = "NAME=VALUE")]
    values: Vec<String>,
    /// From the inputs to the output, or from the output back
    #[arg(long, value_enum, default_value_t = Mode::Forward)]
    mode: Mode,
    /// Show every step, in the order in which the mode takes them
    #[arg(long)]
    trace: bool,
    /// Graph of the steps to write, .dot or .gv (graphviz)
    #[arg(long, value_name = "FILE")]
    dot: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Mode {
    Forward,
    Reverse,
}

/// Prints an expression's value and derivatives.
pub(crate) fn derive(arguments: &DeriveArguments, display: &mut Display) -> Result<ExitCode, RunError> {
    if let Some(file) = &arguments.dot
        && !file.extension().is_some_and(|extension| extension == "dot" || extension == "gv")
    {
        return Err(RunError::Usage(format!("{}: a graph is written as .dot or .gv", file.display())));
    }
    let expression = match Expression::parse(&arguments.expression) {
        Ok(expression) => expression,
        Err(error) => return Ok(refuse(&error)),
    };
    let is_given = |name: &str| {
        let given = |pair: &String| pair.split_once('=').is_some_and(|(given, _)| given.trim() == name);
        arguments.values.iter().any(given)
    };
    let names: Vec<&str> =
        expression.names().filter(|name| constant(name).is_none() || is_given(name)).collect();
    let at = values(&names, &arguments.values).map_err(RunError::Usage)?;
    let graph = match Graph::new(std::slice::from_ref(&expression), &names, &[]) {
        Ok(graph) => graph,
        Err(error) => return Ok(refuse(&error)),
    };
    let trace = || Trace::new(&graph, &at, arguments.mode);
    if let Some(file) = &arguments.dot {
        write(file, trace().dot().as_bytes())?;
        display.finished(&format!("{} holds the graph", file.display()));
    }
    let mut text = String::new();
    if arguments.trace {
        text = trace().table(terminal::width()) + "\n";
    }
    let derivatives = match arguments.mode {
        Mode::Forward => graph.forward(&at),
        Mode::Reverse => graph.reverse(&at),
    };
    let mut rows = vec![["value".to_owned(), number(derivatives.values[0], None)]];
    let by = |(name, slope): (&&str, &f64)| [format!("d/d{name}"), number(*slope, None)];
    rows.extend(names.iter().zip(&derivatives.jacobian).map(by));
    text.push_str(&lines(&rows));
    print(&text);
    notes(&graph, &at, &derivatives.jacobian).iter().for_each(|line| terminal::message(line));
    Ok(ExitCode::SUCCESS)
}

/// The note about derivatives that come from a rule, because a step is not differentiable at this point.
fn notes(graph: &Graph, at: &[f64], jacobian: &[f64]) -> Vec<String> {
    const MOST: usize = 8;
    let kinks = graph.kinks(at, 0);
    if kinks.is_empty() || at.is_empty() {
        return vec![];
    }
    let texts = texts(graph);
    let mut lines =
        vec!["note: the expression is not differentiable here, so a slope follows from a rule:".to_owned()];
    for kink in kinks.iter().take(MOST) {
        lines.push(format!("  {}: {}", texts[kink.node], kink.rule));
    }
    if kinks.len() > MOST {
        lines.push(format!("  and {} more", kinks.len() - MOST));
    }
    if kinks.iter().any(|kink| kink.infinite) && jacobian.iter().any(|slope| slope.is_finite()) {
        lines.push("  0 times an infinite slope counts as 0, which need not be the limit".to_owned());
    }
    lines
}

/// Every node as an expression of the inputs; long expressions are shortened.
fn texts(graph: &Graph) -> Vec<String> {
    const WIDE: usize = 24;
    let (mut texts, mut operands) = (Vec::new(), Vec::new());
    // Arguments between the parentheses of a function need none of their own.
    let letters = vec!["q".to_owned(); graph.nodes().len()];
    let is_function = |i: usize| {
        let name = graph.formula(i, &letters);
        name.split_once('(')
            .is_some_and(|(name, _)| !name.is_empty() && name.chars().all(char::is_alphanumeric))
    };
    for (i, node) in graph.nodes().iter().enumerate() {
        let mut text = match node {
            Node::Constant(value) => number(*value, None),
            _ if is_function(i) => graph.formula(i, &texts),
            _ => graph.formula(i, &operands),
        };
        if text.len() > WIDE {
            text = format!("{}..", &text[..WIDE]); // ASCII, as all of an expression is
        }
        let is_name = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let is_call = text.ends_with(')') && text.matches('(').count() == 1 && !text.starts_with('(');
        operands.push(if is_name || is_call { text.clone() } else { format!("({text})") });
        texts.push(text);
    }
    texts
}

/// Shows what is wrong with the expression, and below it the place.
fn refuse(error: &ExpressionError) -> ExitCode {
    terminal::error(&error.to_string());
    format!("{error:#}").lines().skip(1).for_each(terminal::message);
    ExitCode::from(2)
}

/// The value of every variable, of what was given as NAME=VALUE. A value is an expression itself, without variables.
fn values(names: &[&str], given: &[String]) -> Result<Vec<f64>, String> {
    let mut at: Vec<Option<f64>> = vec![None; names.len()];
    for given in given {
        let (name, value) = given
            .split_once('=')
            .ok_or_else(|| format!("{given}: a value is given as NAME=VALUE, such as x=1.5"))?;
        let (name, what) = (name.trim(), format!("{given}: variable \"{}\"", name.trim()));
        let i = names
            .iter()
            .position(|known| *known == name)
            .ok_or_else(|| unknown(&what, name, names.iter().copied()))?;
        let number = Expression::parse(value)
            .and_then(|value| Graph::new(&[value], &[], &[]))
            .map_err(|error| format!("{given}: the value is wrong at its {error}"))?;
        if at[i].replace(number.forward(&[]).values[0]).is_some() {
            return Err(format!("{given}: {name} has a value already"));
        }
    }
    let missing: Vec<&str> =
        names.iter().zip(&at).filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
    if let Some(first) = missing.first() {
        return Err(format!("no value for {}; give it as {first}=1.5", missing.join(", ")));
    }
    Ok(at.into_iter().flatten().collect())
}

/// Every step of an expression with its value and its derivatives in a mode.
struct Trace<'g> {
    graph: &'g Graph,
    mode: Mode,
    /// of every node
    names: Vec<String>,
    values: Vec<f64>,
    /// What each column of derivatives is called, and the derivatives of every node.
    slopes: Vec<(String, Vec<f64>)>,
}

impl<'g> Trace<'g> {
    fn new(graph: &'g Graph, at: &[f64], mode: Mode) -> Self {
        let slopes = match mode {
            Mode::Forward => {
                let along = |(i, name): (usize, &String)| {
                    let mut inputs: Vec<Dual<1>> = at.iter().map(|&value| Dual::from(value)).collect();
                    inputs[i] = Dual::variable(at[i], 0);
                    let tangents = graph.tangents(&inputs).into_iter().map(|node| node.tangent[0]);
                    (format!("d/d{name}"), tangents.collect())
                };
                graph.inputs().iter().enumerate().map(along).collect()
            }
            Mode::Reverse => vec![("adjoint".to_owned(), graph.adjoints(at, 0))],
        };
        Trace { graph, mode, names: names(graph), values: graph.evaluate(at), slopes }
    }

    /// The nodes but the constants, which stand within the others, in the order in which the mode takes them.
    fn steps(&self) -> Vec<usize> {
        let output = self.graph.outputs()[0];
        let shown = |&i: &usize| i == output || !matches!(self.graph.nodes()[i], Node::Constant(_));
        let mut steps: Vec<usize> = (0..self.values.len()).filter(shown).collect();
        if self.mode == Mode::Reverse {
            steps.reverse();
        }
        steps
    }

    /// Such as `a = x^2`; of a variable its name.
    fn equation(&self, step: usize) -> String {
        match self.graph.nodes()[step] {
            Node::Input(_) => self.names[step].clone(),
            _ => format!("{} = {}", self.names[step], self.graph.formula(step, &self.names)),
        }
    }

    /// A row for every step, with as many digits as `width` columns have room for.
    fn table(&self, width: usize) -> String {
        let with = |digits| {
            let head = ["step", "value"].into_iter().chain(self.slopes.iter().map(|(name, _)| name.as_str()));
            let mut rows = vec![head.map(str::to_owned).collect::<Vec<_>>()];
            for step in self.steps() {
                let slopes = self.slopes.iter().map(|(_, slopes)| slopes[step]);
                let numbers = std::iter::once(self.values[step]).chain(slopes);
                let numbers = numbers.map(|value| number(value, digits));
                rows.push(std::iter::once(self.equation(step)).chain(numbers).collect());
            }
            lines(&rows)
        };
        let fits = |table: &String| table.lines().all(|line| line.len() <= width);
        let mut tables = [None, Some(12), Some(9)].into_iter().map(with);
        tables.find(fits).unwrap_or_else(|| with(Some(6)))
    }

    /// The steps in the language of graphviz, an arrow from each to those that use it.
    fn dot(&self) -> String {
        let mut text = "digraph {\n  rankdir=BT\n  node [shape=box]\n".to_owned();
        let (steps, output) = (self.steps(), self.graph.outputs()[0]);
        for &step in &steps {
            let mut label = format!("{}\\n{}", self.equation(step), number(self.values[step], None));
            for (name, slopes) in &self.slopes {
                label.push_str(&format!("\\n{name} {}", number(slopes[step], None)));
            }
            let shape = if step < self.graph.inputs().len() { ", shape=ellipse" } else { "" };
            let border = if step == output { ", peripheries=2" } else { "" };
            text.push_str(&format!("  \"{}\" [label=\"{label}\"{shape}{border}]\n", self.names[step]));
        }
        for &step in &steps {
            let mut drawn = Vec::new();
            for operand in self.graph.nodes()[step].operands().into_iter().flatten() {
                // one arrow, however often it is used
                if drawn.contains(&operand) {
                    continue;
                }
                drawn.push(operand);
                if !matches!(self.graph.nodes()[operand], Node::Constant(_)) {
                    text.push_str(&format!("  \"{}\" -> \"{}\"\n", self.names[operand], self.names[step]));
                }
            }
        }
        text + "}\n"
    }
}

/// A name for every node: those of the inputs, and a, b, .. z, aa, ab, .. for the others, without those that mean
/// something already. Constants that stand within others have none.
fn names(graph: &Graph) -> Vec<String> {
    let free = |name: &String| {
        check_name(name).is_ok() && constant(name).is_none() && !graph.inputs().contains(name)
    };
    let mut free = (1..).map(letters).filter(free);
    let name = |(i, node): (usize, &Node)| match node {
        Node::Input(input) => graph.inputs()[*input].clone(),
        Node::Constant(_) if !graph.outputs().contains(&i) => String::new(),
        _ => free.next().unwrap_or_default(),
    };
    graph.nodes().iter().enumerate().map(name).collect()
}

/// a for 1, z for 26, aa for 27.
fn letters(mut number: u32) -> String {
    let mut name = String::new();
    while number > 0 {
        number -= 1;
        name.insert(0, char::from(b'a' + (number % 26) as u8));
        number /= 26;
    }
    name
}

/// The shortest decimal number that is read back to the same bits, or one of so many digits at most; 0 without a sign.
fn number(value: f64, digits: Option<usize>) -> String {
    let value = value + 0.0;
    let value = match digits {
        Some(digits) => format!("{value:.*e}", digits - 1).parse().unwrap_or(value),
        None => value,
    };
    let text = format!("{value:?}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Rows in columns that stand two spaces apart, the numbers under each other from the left.
fn lines<R: AsRef<[String]>>(rows: &[R]) -> String {
    let columns = rows.first().map_or(0, |row| row.as_ref().len());
    let wide = |i: usize| rows.iter().map(|row| row.as_ref()[i].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(wide).collect();
    let line = |row: &R| {
        let cells = row.as_ref().iter().zip(&widths).map(|(cell, wide)| format!("{cell:wide$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
