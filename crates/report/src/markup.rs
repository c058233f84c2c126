//! Text from files in HTML and SVG.

use crate::{is_hidden, visible};

/// The text for use between tags and in attributes: markup is escaped, hidden characters are escaped as in
/// [`crate::visible`], and characters that XML does not allow are replaced.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(letter),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            letter if is_hidden(letter) => escaped.extend(letter.escape_default()),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// At most `most` characters of a text, on one line and without hidden characters; an ellipsis marks a cut.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    let line: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let line = visible(&line);
    if line.chars().count() <= most {
        return line;
    }
    line.chars().take(most.saturating_sub(1)).chain(['\u{2026}']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_text() {
        assert_eq!(escape("<script a='b' c=\"d\">&"), "&lt;script a=&#39;b&#39; c=&quot;d&quot;&gt;&amp;");
        assert_eq!(escape("a\u{0}b\u{202e}c\nd\u{ffff}"), "a\\u{0}b\\u{202e}c\nd\u{fffd}");
    }

    #[test]
    fn long_names_are_cut_by_letters() {
        assert_eq!(shortened("äöü\nß", 5), "äöü ß");
        assert_eq!(shortened("äöüßäöü", 4), "äöü\u{2026}");
        assert_eq!(shortened("a\u{202e}b", 20), "a\\u{202e}b");
    }
}
