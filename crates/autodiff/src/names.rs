//! Names that are not known, with the nearest one that is.

/// The error text for an unknown name, used here and in the crates above: "X is unknown; did you mean Y? There are: A,
/// B, C". Y is the nearest of the valid names. If there are more than forty valid names, only the eight nearest are listed.
pub fn unknown<'a>(what: &str, asked: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    if names.is_empty() {
        return format!("{what} is unknown; there are none");
    }
    let hint = did_you_mean(asked, names.iter().copied());
    let dot = if hint.is_empty() { "." } else { "" };
    if names.len() > 40 {
        let mut nearest = names.clone();
        nearest.sort_by(|a, b| closeness(asked, b).total_cmp(&closeness(asked, a)));
        let nearest = nearest[..8].join(", ");
        return format!("{what} is unknown{hint}{dot} There are {}, such as {nearest}", names.len());
    }
    format!("{what} is unknown{hint}{dot} There are: {}", names.join(", "))
}

/// The similarity of two names: 1 for equal names.
fn closeness(asked: &str, name: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(clipped(asked), name)
}

/// "; did you mean Y?" with the nearest of the names that there are, or nothing where none is near.
pub fn did_you_mean<'a>(asked: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let close = |name: &&str| closeness(asked, name);
    let nearest = names.into_iter().max_by(|a, b| close(a).total_cmp(&close(b)));
    nearest
        .filter(|name| close(name) >= 0.5)
        .map_or(String::new(), |name| format!("; did you mean \"{name}\"?"))
}

/// The beginning of what may be long.
pub(crate) fn clipped(text: &str) -> &str {
    text.char_indices().nth(40).map_or(text, |(end, _)| &text[..end])
}
