//! Texts of others, made fit to be shown.

use serde::Serialize;

/// A text of somebody else's as one line of limited length. It has neither control characters, so that it can't forge
/// lines, nor characters that turn the direction of what follows or that nobody sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Line(String);

impl Line {
    /// Makes a line of at most this many characters of a text. Line ends and other blanks become one blank; `…` stands
    /// for what is cut off.
    pub fn of(text: &str, most: usize) -> Self {
        let mut line = String::new();
        let (mut length, mut blank_before) = (0, false);
        for character in text.chars().filter(|character| !is_unseen(*character)) {
            if character.is_whitespace() || character.is_control() {
                blank_before = length > 0;
                continue;
            }
            let needed = 1 + usize::from(blank_before);
            if length + needed > most {
                line.push('…');
                break;
            }
            if blank_before {
                line.push(' ');
            }
            line.push(character);
            length += needed;
            blank_before = false;
        }
        Self(line)
    }

    /// As it is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True where nothing is left to show.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Characters that format and are not seen: they turn the direction of text, hide in it or say what it is. The two
/// joiners are none of them, since Persian and many emoji can't be written without.
fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_that_shows_what_it_holds() {
        let table = [
            ("Kiosk", "Kiosk"),
            ("a\r\nBcc: b@c.d", "a Bcc: b@c.d"),
            ("a\0b\u{1b}[31mc\u{7f}d\u{85}e", "a b [31mc d e"),
            ("a\u{2028}b\u{2029}c", "a b c"),
            ("\u{202e}gpj.exe\u{202c} \u{2067}x\u{2069}", "gpj.exe x"),
            ("in\u{200b}vi\u{feff}si\u{ad}ble\u{e0041}", "invisible"),
            ("  \t a \n\n  b  ", "a b"),
            ("\u{0}\u{200f}\n", ""),
            ("👩\u{200d}🚒 שלום", "👩\u{200d}🚒 שלום"),
        ];
        for (text, expected) in table {
            assert_eq!(Line::of(text, 100).as_str(), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_cut_at_a_character() {
        assert_eq!(Line::of("äöü", 3).as_str(), "äöü");
        assert_eq!(Line::of("äöüß", 3).as_str(), "äöü…");
        assert_eq!(Line::of("ab c", 3).as_str(), "ab…");
        assert_eq!(Line::of("ab  \n", 2).as_str(), "ab", "nothing is cut off but blanks");
        assert_eq!(Line::of(&"x".repeat(1 << 20), 300).as_str().chars().count(), 301);
        assert!(Line::of(&"\u{202e}\0".repeat(1 << 19), 300).is_empty());
    }
}
