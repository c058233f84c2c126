//! What expressions are made of: the steps of an expression that was read, the names of functions, and limits.

use crate::{Function, Pair};

/// How deep parentheses, signs and powers may be nested, one in another: what a thread of 2 MiB can read even in a build
/// without optimisation.
pub const MAX_DEPTH: usize = 100;
/// How long an expression may be, in bytes.
pub const MAX_LENGTH: usize = 1 << 16;

/// A step of an expression in postfix order: it takes what it needs from the end of a list of values, and puts its
/// own there. So an expression of any length is followed, copied and dropped without recursion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Item {
    Number(f64),
    Name(usize),
    Unary(Unary),
    Binary(Binary),
    /// Selects one of two values by a condition.
    Select,
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

/// Whether a name is that of a function.
pub(crate) fn is_function(name: &str) -> bool {
    named_function(name).is_some()
}

/// The names of all functions.
pub(crate) fn functions() -> impl Iterator<Item = &'static str> {
    let one = Function::NAMED.iter().map(|(name, _)| *name);
    one.chain(Pair::NAMED.iter().map(|(name, _)| *name)).chain(["if"])
}

/// A function that is called by name.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Named {
    Function(Function),
    Pair(Pair),
    If,
}

/// The function with this name.
pub(crate) fn named_function(name: &str) -> Option<Named> {
    let one = Function::NAMED.iter().find(|(named, _)| *named == name);
    let two = || Pair::NAMED.iter().find(|(named, _)| *named == name);
    one.map(|(_, function)| Named::Function(*function))
        .or_else(|| two().map(|(_, pair)| Named::Pair(*pair)))
        .or_else(|| (name == "if").then_some(Named::If))
}

/// Whether a name can begin with this character.
pub(crate) fn begins_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

/// Whether a name can have this character after its first.
pub(crate) fn continues_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
