//! Names from files and folders, made safe for printing.

/// The text with every hidden character escaped, such as `\u{202e}` or `\n`.
///
/// Names of runs and texts in their files may come from anybody. A control character could move the cursor of a
/// terminal or end a line, a bidirectional mark could reverse the text beside the name, and two names that differ
/// only in an invisible character would look the same. Visible text stays as it is.
pub fn visible(text: &str) -> String {
    text.chars().flat_map(|c| if is_hidden(c) { c.escape_default().collect() } else { vec![c] }).collect()
}

/// [`visible`] for text of several lines: line feeds and tabs stay.
pub fn visible_lines(text: &str) -> String {
    let meant = |c: char| c == '\n' || c == '\t';
    let escaped = |c: char| if is_hidden(c) && !meant(c) { c.escape_default().collect() } else { vec![c] };
    text.chars().flat_map(escaped).collect()
}

/// Whether a character is invisible: control characters, separators of lines and of paragraphs, annotation marks, and
/// the characters that Unicode lists as `Default_Ignorable_Code_Point`, which include the bidirectional marks.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        let seen = "a b <é> 漢字 🌀 e\u{301} \\n {}";
        assert_eq!(visible(seen), seen);
        assert_eq!(visible("a\nb\tc\r\u{1b}[31m\u{7f}\u{9b}"), "a\\nb\\tc\\r\\u{1b}[31m\\u{7f}\\u{9b}");
        // every bidirectional mark
        let marks = ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}');
        for mark in marks.chain(['\u{200e}', '\u{200f}', '\u{61c}']) {
            assert_eq!(visible(&format!("x{mark}y")), format!("x\\u{{{:x}}}y", u32::from(mark)));
        }
        // other characters that take no room
        for hidden in
            ['\u{ad}', '\u{200b}', '\u{2028}', '\u{2060}', '\u{3164}', '\u{fe0f}', '\u{feff}', '\u{e0041}']
        {
            assert_eq!(visible(&hidden.to_string()), hidden.escape_default().to_string());
        }
        let once = visible("\u{202e}\n");
        assert_eq!(visible(&once), once);
    }

    #[test]
    fn lines_and_columns_that_are_meant_stay() {
        assert_eq!(visible_lines("a\tb\n\u{202e}c\r\n"), "a\tb\n\\u{202e}c\\r\n");
    }
}
