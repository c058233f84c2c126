//! Arithmetic as text, such as `sqrt(x^2 + exp(x^2))`: read, and refused with the place of a mistake.

use std::collections::HashMap;
use std::fmt;

use winnow::Parser;
use winnow::ascii::{digit0, digit1, multispace0};
use winnow::combinator::{Infix, Prefix, expression, fail, opt, peek, preceded};
use winnow::error::{ErrMode, ParserError};
use winnow::stream::{LocatingSlice, Location, Stateful, Stream};
use winnow::token::{any, one_of, take_while};

use crate::{Function, Pair};

/// How deep parentheses, signs and powers may be nested, one in another: what a thread of 2 MiB can read even in a build
/// without optimisation.
pub const MAX_DEPTH: usize = 100;
/// How long an expression may be, in bytes.
pub const MAX_LENGTH: usize = 1 << 16;

/// The numbers that have a name.
const CONSTANTS: [(&str, f64); 2] = [("pi", std::f64::consts::PI), ("e", std::f64::consts::E)];

/// An arithmetic expression of named variables, as it was written.
///
/// It is made of `+ - * /`, `^` for powers (of the right side first, and before a sign: -x^2 is -(x^2)), parentheses,
/// decimal numbers (`1.5e-3`), `pi` and `e`, the functions of [`Function::NAMED`] and [`Pair::NAMED`] (`min` and `max`
/// take two or more), and names (a letter or `_`, then letters, digits and `_`).
#[derive(Clone, Debug)]
pub struct Expression {
    text: String,
    pub(crate) items: Vec<Item>,
    /// The variables and where each stands first, in bytes.
    names: Vec<(String, usize)>,
}

/// A step of an expression in postfix order: it takes what it needs from the end of a list of values, and puts its
/// own there. So an expression of any length is followed, copied and dropped without recursion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Item {
    Number(f64),
    Name(usize),
    Unary(Unary),
    Binary(Binary),
}

/// An operation on one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unary {
    /// The sign turned round.
    Negate,
    /// An elementary function.
    Function(Function),
}

/// An operation on two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binary {
    /// a + b
    Add,
    /// a - b
    Sub,
    /// a b
    Mul,
    /// a / b
    Div,
    /// An elementary function.
    Pair(Pair),
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// Where `text` is none, with the place and what would be right; also beyond [`MAX_LENGTH`] and [`MAX_DEPTH`].
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let error = |fault: Fault| ExpressionError::new(text, fault.at, fault.what.unwrap_or_default());
        if text.len() > MAX_LENGTH {
            let what = format!("an expression has at most {MAX_LENGTH} characters, this one {}", text.len());
            return Err(ExpressionError::new(text, 0, what));
        }
        if text.trim().is_empty() {
            return Err(ExpressionError::new(text, 0, "the expression is empty".into()));
        }
        let state = Postfix { text, items: vec![], names: vec![], numbers: HashMap::new(), depth: 0 };
        let mut input = Input { input: LocatingSlice::new(text), state };
        match whole(&mut input) {
            Ok(()) => {
                Ok(Expression { text: text.into(), items: input.state.items, names: input.state.names })
            }
            Err(ErrMode::Cut(fault) | ErrMode::Backtrack(fault)) => Err(error(fault)),
            Err(ErrMode::Incomplete(_)) => Err(error(Fault { at: text.len(), what: None })),
        }
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its variables, in the order in which they appear.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(|(name, _)| name.as_str())
    }

    /// The error that its variable of that number is not among `known`.
    pub(crate) fn unknown(&self, name: usize, known: &[&str]) -> ExpressionError {
        let (name, at) = &self.names[name];
        let what = unknown(&format!("variable \"{}\"", clipped(name)), name, known.iter().copied());
        ExpressionError::new(&self.text, *at, what)
    }
}

/// Whether an expression can use `name` for a variable.
///
/// # Errors
/// A sentence that says why not: it is none, or it has a meaning already.
pub fn check_name(name: &str) -> Result<(), String> {
    let shown = clipped(name);
    let mut characters = name.chars();
    let begins = characters.next().is_some_and(begins_name);
    if !(begins && characters.all(continues_name)) {
        return Err(format!("\"{shown}\" is no name: a letter or _, then letters, digits and _"));
    }
    if CONSTANTS.iter().any(|(constant, _)| *constant == name) {
        return Err(format!("\"{name}\" is a constant, so it names no variable"));
    }
    if named_function(name).is_some() {
        return Err(format!("\"{name}\" is a function, so it names no variable"));
    }
    Ok(())
}

/// What is wrong with an expression, and where. Shown with `{}` it is one sentence; with `{:#}` two more lines show
/// the place, at most 76 columns wide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError {
    what: String,
    column: usize,
    /// The part of the text around the place, and the number of characters in front of it there.
    window: (String, usize),
}

impl ExpressionError {
    fn new(text: &str, at: usize, what: String) -> Self {
        const BEFORE: usize = 40;
        const WIDE: usize = 70;
        let column = text[..at].chars().count() + 1;
        // The window begins with the text wherever the place can be seen there.
        let left_out = if column <= WIDE - 10 { 0 } else { column - 1 - BEFORE };
        let mut shown = if left_out > 0 { "...".to_owned() } else { String::new() };
        let caret = shown.len() + column - 1 - left_out;
        let mut rest = text.chars().skip(left_out);
        shown.extend(rest.by_ref().take(WIDE).map(|c| match c {
            c if c.is_ascii_graphic() => c,
            c if c.is_ascii_whitespace() => ' ',
            // of one column everywhere
            '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{2ff}' | '\u{370}'..='\u{3ff}' | '\u{2212}'..='\u{221e}' => c,
            _ => '?',
        }));
        if rest.next().is_some() {
            shown.push_str("...");
        }
        ExpressionError { what, column, window: (shown, caret) }
    }

    /// Where the mistake stands: 1 for the first character.
    pub fn column(&self) -> usize {
        self.column
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}", self.column, self.what)?;
        if f.alternate() {
            let (shown, caret) = &self.window;
            write!(f, "\n{}\n{:caret$}^", shown.trim_end(), "")?;
        }
        Ok(())
    }
}

impl std::error::Error for ExpressionError {}

/// "X is unknown; did you mean Y? There are: A, B, C", with the nearest of the names that there are: the words in which
/// every unknown name is refused, here and in the crates above.
pub fn unknown<'a>(what: &str, asked: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    if names.is_empty() {
        return format!("{what} is unknown; there are none");
    }
    let hint = did_you_mean(asked, names.iter().copied());
    let dot = if hint.is_empty() { "." } else { "" };
    format!("{what} is unknown{hint}{dot} There are: {}", names.join(", "))
}

/// "; did you mean Y?" with the nearest of the names that there are, or nothing where none is near.
pub fn did_you_mean<'a>(asked: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let close = |name: &&str| strsim::normalized_damerau_levenshtein(clipped(asked), name);
    let nearest = names.into_iter().max_by(|a, b| close(a).total_cmp(&close(b)));
    nearest
        .filter(|name| close(name) >= 0.5)
        .map_or(String::new(), |name| format!("; did you mean \"{name}\"?"))
}

/// The beginning of what may be long.
fn clipped(text: &str) -> &str {
    text.char_indices().nth(40).map_or(text, |(end, _)| &text[..end])
}

fn begins_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

fn continues_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// A function that is called by name.
enum Named {
    Function(Function),
    Pair(Pair),
}

fn named_function(name: &str) -> Option<Named> {
    let one = Function::NAMED.iter().find(|(named, _)| *named == name);
    let two = || Pair::NAMED.iter().find(|(named, _)| *named == name);
    one.map(|(_, function)| Named::Function(*function))
        .or_else(|| two().map(|(_, function)| Named::Pair(*function)))
}

// The grammar, from here on: winnow's expression parser knows the precedence, and this what stands between the
// operators.

/// What has been read so far.
#[derive(Debug)]
struct Postfix<'i> {
    text: &'i str,
    items: Vec<Item>,
    names: Vec<(String, usize)>,
    numbers: HashMap<String, usize>,
    depth: usize,
}

impl Postfix<'_> {
    /// The number of the variable that stands at `at`.
    fn number_of(&mut self, name: &str, at: usize) -> usize {
        *self.numbers.entry(name.into()).or_insert_with(|| {
            self.names.push((name.into(), at));
            self.names.len() - 1
        })
    }
}

type Input<'i> = Stateful<LocatingSlice<&'i str>, Postfix<'i>>;
type Read<T> = Result<T, ErrMode<Fault>>;

/// What is wrong, and where in bytes; without words while another reading may still be right.
#[derive(Debug)]
struct Fault {
    at: usize,
    what: Option<String>,
}

impl ParserError<Input<'_>> for Fault {
    type Inner = Self;

    fn from_input(input: &Input<'_>) -> Self {
        Fault { at: input.current_token_start(), what: None }
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

fn wrong<T>(at: usize, what: impl Into<String>) -> Read<T> {
    Err(ErrMode::Cut(Fault { at, what: Some(what.into()) }))
}

/// The whole text.
fn whole(input: &mut Input<'_>) -> Read<()> {
    sum(input)?;
    multispace0.parse_next(input)?;
    if input.eof_offset() == 0 { Ok(()) } else { superfluous(input) }
}

/// Operands and what is between them, as far as they go.
fn sum(input: &mut Input<'_>) -> Read<()> {
    let read = expression(preceded(multispace0, operand))
        .prefix(preceded(multispace0, sign))
        .infix(preceded(multispace0, operator))
        .parse_next(input);
    match read {
        Err(ErrMode::Backtrack(fault)) => wrong(fault.at, missing(input.state.text, fault.at)),
        read => read,
    }
}

fn operand(input: &mut Input<'_>) -> Read<()> {
    match peek(any).parse_next(input)? {
        '0'..='9' | '.' => number(input),
        '(' => parenthesised(input),
        c if begins_name(c) => name_or_call(input),
        _ => fail.parse_next(input),
    }
}

fn sign<'i>(input: &mut Input<'i>) -> Read<Prefix<Input<'i>, (), ErrMode<Fault>>> {
    let at = input.current_token_start();
    let sign = one_of(['+', '-']).parse_next(input)?;
    deeper(input, at)?;
    Ok(Prefix(30, if sign == '-' { negate } else { leave }))
}

fn operator<'i>(input: &mut Input<'i>) -> Read<Infix<Input<'i>, (), ErrMode<Fault>>> {
    let at = input.current_token_start();
    Ok(match any.parse_next(input)? {
        '+' => Infix::Left(10, |input, (), ()| put(input, Binary::Add)),
        '-' => Infix::Left(10, |input, (), ()| put(input, Binary::Sub)),
        '*' if input.input.starts_with('*') => return wrong(at, "a power is written with ^, not **"),
        '*' => Infix::Left(20, |input, (), ()| put(input, Binary::Mul)),
        '/' => Infix::Left(20, |input, (), ()| put(input, Binary::Div)),
        // Nothing binds tighter, so what is read here is never put back, and the depth is counted once.
        '^' => {
            deeper(input, at)?;
            Infix::Right(40, |input, (), ()| {
                put(input, Binary::Pair(Pair::Power))?;
                leave(input, ())
            })
        }
        _ => return fail.parse_next(input),
    })
}

fn put(input: &mut Input<'_>, binary: Binary) -> Read<()> {
    input.state.items.push(Item::Binary(binary));
    Ok(())
}

fn negate(input: &mut Input<'_>, (): ()) -> Read<()> {
    input.state.items.push(Item::Unary(Unary::Negate));
    leave(input, ())
}

fn deeper(input: &mut Input<'_>, at: usize) -> Read<()> {
    input.state.depth += 1;
    if input.state.depth > MAX_DEPTH {
        return wrong(
            at,
            format!("parentheses, signs and powers are nested more than {MAX_DEPTH} deep here"),
        );
    }
    Ok(())
}

fn leave(input: &mut Input<'_>, (): ()) -> Read<()> {
    input.state.depth -= 1;
    Ok(())
}

fn number(input: &mut Input<'_>) -> Read<()> {
    let at = input.current_token_start();
    let exponent = (one_of(['e', 'E']), opt(one_of(['+', '-'])), digit1);
    let digits = (digit0, opt(('.', digit0)), opt(exponent)).take().parse_next(input)?;
    match digits.parse::<f64>() {
        Ok(number) if number.is_finite() => input.state.items.push(Item::Number(number)),
        Ok(_) => return wrong(at, format!("{} is too large for a number of 64 bits", clipped(digits))),
        Err(_) => return wrong(at, "a point without digits is no number"),
    }
    Ok(())
}

fn parenthesised(input: &mut Input<'_>) -> Read<()> {
    let at = input.current_token_start();
    any.parse_next(input)?;
    deeper(input, at)?;
    sum(input)?;
    close(input, at)?;
    leave(input, ())
}

/// The ) of the ( that stands at `open`.
fn close(input: &mut Input<'_>, open: usize) -> Read<()> {
    multispace0.parse_next(input)?;
    if opt(')').parse_next(input)?.is_some() {
        Ok(())
    } else if input.eof_offset() == 0 {
        wrong(open, "this ( is never closed")
    } else {
        superfluous(input)
    }
}

fn name_or_call(input: &mut Input<'_>) -> Read<()> {
    let at = input.current_token_start();
    let name: &str = take_while(1.., continues_name).parse_next(input)?;
    let called = opt(peek(preceded(multispace0, '('))).parse_next(input)?.is_some();
    let shown = clipped(name);
    match named_function(name) {
        Some(function) if called => call(input, name, function, at),
        Some(_) => wrong(at, format!("{name} needs its argument in parentheses: {name}(x)")),
        None if called => {
            let functions = Function::NAMED.iter().map(|(name, _)| *name);
            let functions = functions.chain(Pair::NAMED.iter().map(|(name, _)| *name));
            let what = unknown(&format!("function \"{shown}\""), name, functions);
            wrong(at, format!("{what}; a product is written {shown}*(...)"))
        }
        None => {
            let item = match CONSTANTS.iter().find(|(constant, _)| *constant == name) {
                Some((_, value)) => Item::Number(*value),
                None => Item::Name(input.state.number_of(name, at)),
            };
            input.state.items.push(item);
            Ok(())
        }
    }
}

/// The arguments of a function in their parentheses.
fn call(input: &mut Input<'_>, name: &str, function: Named, at: usize) -> Read<()> {
    multispace0.parse_next(input)?;
    let open = input.current_token_start();
    any.parse_next(input)?;
    deeper(input, open)?;
    let mut arguments = 0;
    loop {
        sum(input)?;
        arguments += 1;
        // The first two are taken together, and each further one with what there is.
        if let Named::Pair(pair @ (Pair::Min | Pair::Max)) = function
            && arguments > 1
        {
            put(input, Binary::Pair(pair))?;
        }
        if opt(preceded(multispace0, ',')).parse_next(input)?.is_none() {
            break;
        }
    }
    close(input, open)?;
    leave(input, ())?;
    match function {
        Named::Function(function) if arguments == 1 => {
            input.state.items.push(Item::Unary(Unary::Function(function)));
            Ok(())
        }
        Named::Function(_) => wrong(at, format!("{name} takes 1 argument, not {arguments}")),
        Named::Pair(Pair::Min | Pair::Max) if arguments > 1 => Ok(()),
        Named::Pair(Pair::Min | Pair::Max) => wrong(at, format!("{name} takes 2 arguments or more, not 1")),
        Named::Pair(pair) if arguments == 2 => put(input, Binary::Pair(pair)),
        Named::Pair(_) => wrong(at, format!("{name} takes 2 arguments, not {arguments}")),
    }
}

/// The error that an operand is missing at `at`.
fn missing(text: &str, at: usize) -> String {
    let operand = "a number, a name or (";
    match text[at..].chars().next() {
        None => format!("the expression ends where {operand} should follow"),
        Some(')' | ',') if text[..at].trim_end().ends_with('(') => {
            "there is nothing in these parentheses".into()
        }
        Some(c @ (')' | ',' | '*' | '/' | '^')) => format!("{operand} should stand before {c}"),
        Some(c) => stray(c),
    }
}

/// The error that the input goes on where an expression could end.
fn superfluous(input: &Input<'_>) -> Read<()> {
    let (text, at) = (input.state.text, input.current_token_start());
    let rest = &text[at..];
    let before = text[..at].trim_end();
    let c = rest.chars().next().unwrap_or_default();
    let what = match c {
        ')' => "this ) closes no (".into(),
        ',' => "a comma stands only between the arguments of a function; decimals are written 1.5".into(),
        '.' if before.len() == at && before.ends_with(|c: char| c.is_ascii_digit() || c == '.') => {
            "a number has one decimal point".into()
        }
        c if continues_name(c) || c == '(' || c == '.' => {
            let word = |c: char| continues_name(c) || c == '.';
            let left = &before[before.trim_end_matches(word).len()..];
            let right = &rest[..rest.len() - rest.trim_start_matches(word).len()];
            match (left, right) {
                ("", _) | (_, "") => "there is no operator here; a product is written with *".into(),
                (left, right) => {
                    let (left, right) = (clipped(left), clipped(right));
                    format!("there is no operator here; a product is written {left}*{right}")
                }
            }
        }
        c => stray(c),
    };
    wrong(at, what)
}

/// The error that a character has no meaning.
fn stray(c: char) -> String {
    let instead = match c {
        '\u{2212}' | '\u{2010}'..='\u{2015}' => "-",
        '\u{d7}' | '\u{b7}' | '\u{22c5}' | '\u{2217}' => "*",
        '\u{f7}' | '\u{2215}' | ':' => "/",
        '\u{b2}' => "^2",
        '\u{b3}' => "^3",
        '\u{3c0}' => "pi",
        '\u{221a}' => "sqrt(...)",
        '|' => "abs(...)",
        '[' | '{' => "(",
        ']' | '}' => ")",
        '=' => return "an expression has no =".into(),
        c if c.is_control() || c.is_whitespace() => {
            return format!("the character U+{:04X} has no place in an expression", u32::from(c));
        }
        c if c.is_alphabetic() => return format!("names are made of a-z, A-Z, 0-9 and _, not {c}"),
        c if c.is_ascii() => return format!("{c} has no meaning in an expression"),
        c => return format!("{c} (U+{:04X}) has no meaning in an expression", u32::from(c)),
    };
    format!("{c} has no meaning in an expression; write {instead}")
}
