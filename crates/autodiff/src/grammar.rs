//! The grammar of expressions. winnow's expression parser handles the precedence of the arithmetic; this module handles
//! the rest.

use std::collections::HashMap;

use winnow::Parser;
use winnow::ascii::{digit0, digit1, multispace0};
use winnow::combinator::{Infix, Prefix, expression, fail, opt, peek, preceded};
use winnow::error::{ErrMode, ParserError};
use winnow::stream::{LocatingSlice, Location, Stateful, Stream};
use winnow::token::{any, one_of, take_while};

use crate::Pair;
use crate::mistakes::{comma, missing, superfluous, unknown_function};
use crate::names::clipped;
use crate::syntax::{Binary, Item, MAX_DEPTH, Named, Unary, begins_name, continues_name, named_function};

/// The steps of an expression, and its variables with the position of each.
type Steps = (Vec<Item>, Vec<(String, usize)>);

/// Parses an expression. An error says what is wrong and at which byte.
pub(crate) fn read(text: &str) -> Result<Steps, (usize, String)> {
    let state = Postfix { text, items: vec![], names: vec![], numbers: HashMap::new(), depth: 0 };
    let mut input = Input { input: LocatingSlice::new(text), state };
    match whole(&mut input) {
        Ok(()) => Ok((input.state.items, input.state.names)),
        Err(ErrMode::Cut(fault) | ErrMode::Backtrack(fault)) => {
            Err((fault.at, fault.what.unwrap_or_default()))
        }
        Err(ErrMode::Incomplete(_)) => Err((text.len(), String::new())),
    }
}

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
    /// The index of the variable that stands at byte `at`.
    fn number_of(&mut self, name: &str, at: usize) -> usize {
        *self.numbers.entry(name.into()).or_insert_with(|| {
            self.names.push((name.into(), at));
            self.names.len() - 1
        })
    }
}

type Input<'i> = Stateful<LocatingSlice<&'i str>, Postfix<'i>>;
type Read<T> = Result<T, ErrMode<Fault>>;

/// What is wrong, and at which byte. The text is empty while another way of parsing may still succeed.
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

/// The error that the input continues where the expression should have ended.
fn goes_on<T>(input: &Input<'_>) -> Read<T> {
    let at = input.current_token_start();
    wrong(at, superfluous(input.state.text, at))
}

/// The whole text.
fn whole(input: &mut Input<'_>) -> Read<()> {
    any_of(input)?;
    multispace0.parse_next(input)?;
    if input.eof_offset() == 0 { Ok(()) } else { goes_on(input) }
}

/// Conditions with `or` between them, or any other expression.
fn any_of(input: &mut Input<'_>) -> Read<()> {
    all_of(input)?;
    while word(input, "or")? {
        all_of(input)?;
        put(input, Binary::Pair(Pair::Or))?;
    }
    Ok(())
}

/// Conditions with `and` between them.
fn all_of(input: &mut Input<'_>) -> Read<()> {
    comparison(input)?;
    while word(input, "and")? {
        comparison(input)?;
        put(input, Binary::Pair(Pair::And))?;
    }
    Ok(())
}

/// A sum, or a comparison of two sums.
fn comparison(input: &mut Input<'_>) -> Read<()> {
    sum(input)?;
    if let Some(pair) = compares(input)? {
        sum(input)?;
        put(input, Binary::Pair(pair))?;
        multispace0.parse_next(input)?;
        let at = input.current_token_start();
        if compares(input)?.is_some() {
            return wrong(at, "one comparison follows another; write a < b and b < c");
        }
    }
    Ok(())
}

/// The sign of a comparison, if one follows.
fn compares(input: &mut Input<'_>) -> Read<Option<Pair>> {
    multispace0.parse_next(input)?;
    let rest: &str = &input.state.text[input.current_token_start()..];
    // =< and <> are mistakes; do not read their first character as an operator
    if rest.starts_with("<>") {
        return Ok(None);
    }
    let found = Pair::INFIX.into_iter().find(|(sign, _)| !begins_word(sign) && rest.starts_with(sign));
    if let Some((sign, _)) = found {
        input.next_slice(sign.len());
    }
    Ok(found.map(|(_, pair)| pair))
}

fn begins_word(sign: &str) -> bool {
    sign.starts_with(begins_name)
}

/// Whether this word follows; if so, it is consumed.
fn word(input: &mut Input<'_>, word: &'static str) -> Read<bool> {
    multispace0.parse_next(input)?;
    let rest: &str = &input.state.text[input.current_token_start()..];
    let follows = rest.strip_prefix(word).is_some_and(|rest| !rest.starts_with(continues_name));
    if follows {
        input.next_slice(word.len());
    }
    Ok(follows)
}

/// Operands and the operators between them, for as long as they continue.
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
        // Nothing binds tighter, so the parser never backs out of this part, and the depth is counted once.
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
    any_of(input)?;
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
        goes_on(input)
    }
}

fn name_or_call(input: &mut Input<'_>) -> Read<()> {
    let at = input.current_token_start();
    let name: &str = take_while(1.., continues_name).parse_next(input)?;
    let called = opt(peek(preceded(multispace0, '('))).parse_next(input)?.is_some();
    match named_function(name) {
        Some(function) if called => call(input, name, function, at),
        Some(function) => {
            let next = input.state.text[at + name.len()..].trim_start();
            let argument = &next[..next.find(|c| !continues_name(c) && c != '.').unwrap_or(next.len())];
            let argument = match function {
                Named::If => "condition, a, b",
                Named::Pair(_) => "a, b",
                Named::Function(_) if argument.is_empty() => "x",
                Named::Function(_) => clipped(argument),
            };
            wrong(at, format!("{name} needs its argument in parentheses: {name}({argument})"))
        }
        None if ["and", "or"].contains(&name) => wrong(at, missing(input.state.text, at)),
        None if called => wrong(at, unknown_function(name)),
        None => {
            let number = input.state.number_of(name, at);
            input.state.items.push(Item::Name(number));
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
        any_of(input)?;
        arguments += 1;
        // The first two arguments are combined, then each further one with the result so far.
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
    let takes = match function {
        Named::Function(_) => "1 argument",
        Named::Pair(Pair::Min | Pair::Max) => "2 arguments or more",
        Named::Pair(_) => "2 arguments",
        Named::If => "3 arguments, if(condition, a, b)",
    };
    match function {
        Named::Function(function) if arguments == 1 => {
            input.state.items.push(Item::Unary(Unary::Function(function)));
        }
        Named::Pair(Pair::Min | Pair::Max) if arguments > 1 => {}
        Named::Pair(pair) if arguments == 2 => put(input, Binary::Pair(pair))?,
        Named::If if arguments == 3 => input.state.items.push(Item::Select),
        _ => {
            let inside = &input.state.text[open..input.current_token_start()];
            return wrong(at, format!("{name} takes {takes}, not {arguments}{}", comma(inside)));
        }
    }
    Ok(())
}
