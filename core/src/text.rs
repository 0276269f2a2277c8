//! Text that people will read, and what it may not hide.

/// The first character of `text` that a reader would not see, or that changes
/// how the rest is shown.
///
/// These are control characters (a terminal obeys them), line and paragraph
/// separators, the marks that reverse reading order ("Trojan Source",
/// CVE-2021-42574), and characters without a glyph that models read and people
/// do not: zero-width spaces, tags and the supplementary variation selectors.
/// Joiners stay, since Persian, Hindi and family emoji need them.
pub(crate) fn first_hidden(text: &str) -> Option<char> {
    text.chars().find(|&c| is_hidden(c))
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' // soft hyphen
            | '\u{61c}' | '\u{200e}' | '\u{200f}' // direction marks
            | '\u{200b}' // zero-width space
            | '\u{2028}' | '\u{2029}' // separators
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // embeddings, overrides, isolates
            | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' // invisible operators
            | '\u{feff}' // byte order mark
            | '\u{fff9}'..='\u{fffb}' // annotations
            | '\u{e0000}'..='\u{e0fff}') // tags, supplementary variation selectors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_a_reader_would_not_see() {
        for (text, hidden) in [
            ("Weather for Zürich, 天気, हिन्दी", None),
            ("👨\u{200d}👩\u{200d}👧 ✌\u{fe0f}", None),
            ("two\nlines", Some('\n')),
            ("\u{1b}[31mred", Some('\u{1b}')),
            ("safe\u{202e}exe.txt", Some('\u{202e}')),
            ("pay\u{200b}pal", Some('\u{200b}')),
            ("ignore\u{e0041}", Some('\u{e0041}')),
            ("del\u{7f}", Some('\u{7f}')),
            ("c1\u{9b}31m", Some('\u{9b}')),
        ] {
            assert_eq!(first_hidden(text), hidden, "{text:?}");
        }
    }
}
