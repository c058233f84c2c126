//! Arithmetic as text, such as `sqrt(x^2 + exp(x^2))`: read, and refused with the place of a mistake.

use std::fmt;

use crate::grammar;
use crate::names::{clipped, unknown};
use crate::syntax::{Item, MAX_LENGTH, begins_name, continues_name, is_function};

/// The numbers that have a name.
const CONSTANTS: [(&str, f64); 2] = [("pi", std::f64::consts::PI), ("e", std::f64::consts::E)];

/// The value of the constant with this name, `pi` or `e`. A variable of the same name hides the constant.
pub fn constant(name: &str) -> Option<f64> {
    CONSTANTS.iter().find(|(constant, _)| *constant == name).map(|(_, value)| *value)
}

/// An arithmetic expression of named variables, as it was written.
///
/// It is made of `+ - * /`, `^` for powers (of the right side first, and before a sign: -x^2 is -(x^2)), parentheses,
/// decimal numbers (`1.5e-3`), the functions of [`crate::Function::NAMED`] and [`crate::Pair::NAMED`] (`min` and `max` take two or
/// more), `if(condition, a, b)`, and names (a letter or `_`, then letters, digits and `_`). The names `pi` and `e` are
/// the constants unless a variable has that name.
///
/// Comparisons `< <= > >= == !=` are 1 if they hold and 0 if they do not. They bind less tightly than `+`, `and` binds
/// less tightly than they do, and `or` least of all. Any number except 0 counts as true.
#[derive(Clone, Debug)]
pub struct Expression {
    text: String,
    pub(crate) items: Vec<Item>,
    /// The variables and where each stands first, in bytes.
    names: Vec<(String, usize)>,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// Where `text` is none, with the place and what would be right; also beyond [`MAX_LENGTH`] and [`crate::MAX_DEPTH`].
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        if text.len() > MAX_LENGTH {
            let what = format!("an expression has at most {MAX_LENGTH} characters, this one {}", text.len());
            return Err(ExpressionError::new(text, 0, what));
        }
        if text.trim().is_empty() {
            return Err(ExpressionError::new(text, 0, "the expression is empty".into()));
        }
        match grammar::read(text) {
            Ok((items, names)) => Ok(Expression { text: text.into(), items, names }),
            Err((at, what)) => Err(ExpressionError::new(text, at, what)),
        }
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names that it uses, in the order in which they appear, including `pi` and `e`; see [`constant`].
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
    if is_function(name) {
        return Err(format!("\"{name}\" is a function, so it names no variable"));
    }
    if ["and", "or"].contains(&name) {
        return Err(format!("\"{name}\" joins conditions, so it names no variable"));
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
