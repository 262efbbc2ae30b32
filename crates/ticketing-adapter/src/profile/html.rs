//! HTML as the words that a person would read. Neighbour: `filters`, which offers it to profiles.
//!
//! No parser of pages: agents write in editors that make paragraphs, lists, links and little else.
//! What is not understood is left out, never shown as markup.

/// Elements that begin and end a line of their own.
const BLOCKS: [&str; 22] = [
    "address",
    "article",
    "blockquote",
    "body",
    "dd",
    "div",
    "dl",
    "dt",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "ol",
    "pre",
    "section",
    "table",
    "tr",
    "ul",
];

/// Elements whose content nobody reads.
const UNSEEN: [&str; 5] = ["script", "style", "head", "title", "template"];

/// The longest reference to a character: `&thetasym;` and numbers of seven digits.
const REFERENCE_BYTES_MAX: usize = 12;

/// The words of some HTML. Line ends stand where a reader sees them, spaces are one, and a link is
/// followed by its address unless it shows it.
pub(super) fn text(html: &str) -> String {
    let mut page = Page::default();
    let mut rest = html;
    while let Some((words, tag)) = rest.split_once('<') {
        page.words(words);
        rest = page.tag(tag);
    }
    page.words(rest);
    let lines: Vec<&str> = page.out.lines().map(str::trim).collect();
    let mut kept: Vec<&str> = Vec::new();
    for line in lines {
        // Of empty lines one stays, as between paragraphs.
        if !(line.is_empty() && kept.last().is_none_or(|last| last.is_empty())) {
            kept.push(line);
        }
    }
    kept.join("\n").trim_end().to_owned()
}

#[derive(Default)]
struct Page {
    out: String,
    /// The element whose end is waited for.
    unseen: Option<String>,
    /// The address of the link that is open, and where its words begin.
    link: Option<(String, usize)>,
}

impl Page {
    fn words(&mut self, words: &str) {
        if self.unseen.is_some() {
            return;
        }
        for c in decoded(words).chars() {
            let space = c.is_whitespace() && c != '\u{a0}';
            if !space {
                self.out.push(if c == '\u{a0}' { ' ' } else { c });
            } else if !self.out.is_empty() && !self.out.ends_with([' ', '\n']) {
                self.out.push(' ');
            }
        }
    }

    /// Takes a tag whose `<` was just read; gives back what follows it.
    fn tag<'a>(&mut self, tag: &'a str) -> &'a str {
        if let Some(comment) = tag.strip_prefix("!--") {
            return comment.split_once("-->").map_or("", |(_, rest)| rest);
        }
        if !tag.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            // A lesser sign that nobody escaped.
            self.words("&lt;");
            return tag;
        }
        let (inside, rest) = tag.split_at(end_of(tag));
        let rest = rest.strip_prefix('>').unwrap_or(rest);
        let closes = inside.starts_with('/');
        let name = inside.trim_start_matches('/');
        let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next();
        let name = name.unwrap_or_default().to_ascii_lowercase();
        if let Some(unseen) = &self.unseen {
            if closes && *unseen == name {
                self.unseen = None;
            }
            return rest;
        }
        self.element(&name, closes, inside);
        rest
    }

    fn element(&mut self, name: &str, closes: bool, inside: &str) {
        match name {
            "br" | "hr" => self.out.push('\n'),
            "p" => {
                self.line();
                self.out.push('\n');
            }
            "li" if !closes => {
                self.line();
                self.out.push_str("- ");
            }
            "li" => self.line(),
            "td" | "th" => self.words(" "),
            "a" if closes => self.end_link(),
            "a" => {
                self.end_link();
                let address = attribute(inside, "href").filter(|to| is_address(to));
                self.link = address.map(|to| (to, self.out.len()));
            }
            "img" => {
                let shown = attribute(inside, "alt").unwrap_or_default();
                self.out.push_str(&shown);
            }
            other if UNSEEN.contains(&other) && !closes => self.unseen = Some(other.to_owned()),
            other if BLOCKS.contains(&other) => self.line(),
            _ => {}
        }
    }

    /// Begins a line, unless one begins here.
    fn line(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
    }

    fn end_link(&mut self) {
        let Some((address, from)) = self.link.take() else {
            return;
        };
        let shown = self.out.get(from..).unwrap_or_default().trim();
        let bare = |url: &str| {
            let url = url.trim_start_matches("mailto:").trim_start_matches("tel:");
            let url = url
                .trim_start_matches("https://")
                .trim_start_matches("http://");
            url.trim_end_matches('/').to_owned()
        };
        if bare(shown) == bare(&address) {
            return;
        }
        if shown.is_empty() {
            self.out.push_str(&address);
        } else {
            self.out.push_str(&format!(" ({address})"));
        }
    }
}

/// Where a tag ends: at the first `>` outside quotes.
fn end_of(tag: &str) -> usize {
    let mut quote = None;
    for (at, c) in tag.char_indices() {
        match (quote, c) {
            (None, '>') => return at,
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    // A quote that never ends would swallow all that follows.
    tag.find('>').unwrap_or(tag.len())
}

/// An attribute's value, decoded.
fn attribute(inside: &str, name: &str) -> Option<String> {
    let mut rest = inside.split_once(char::is_whitespace)?.1;
    loop {
        let (key, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, next) = match quote {
            Some(quote) => after.get(1..)?.split_once(quote)?,
            None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        let key = key.split_whitespace().next_back().unwrap_or_default();
        if key.eq_ignore_ascii_case(name) {
            return Some(decoded(value).trim().to_owned());
        }
        rest = next;
    }
}

/// Addresses that a customer can follow.
fn is_address(to: &str) -> bool {
    let to = to.to_ascii_lowercase();
    ["https://", "http://", "mailto:", "tel:"]
        .iter()
        .any(|start| to.starts_with(start))
}

/// References to characters as the characters. One that is not known stays as it is written.
fn decoded(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    let mut rest = words;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let end = after.find(';').filter(|end| *end <= REFERENCE_BYTES_MAX);
        let known = end.and_then(|end| {
            let (name, behind) = after.split_at(end);
            Some((character(name)?, behind.get(1..)?))
        });
        rest = match known {
            Some((c, behind)) => {
                out.push(c);
                behind
            }
            None => {
                out.push('&');
                after
            }
        };
    }
    out.push_str(rest);
    out
}

fn character(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let number = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(number).filter(|c| *c != '\0');
    }
    // What editors write; letters with marks come as themselves today.
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "laquo" => '«',
        "raquo" => '»',
        "bull" => '•',
        "euro" => '€',
        "copy" => '©',
        "reg" => '®',
        "trade" => '™',
        "deg" => '°',
        "ordf" => 'ª',
        "ordm" => 'º',
        "aacute" => 'á',
        "eacute" => 'é',
        "iacute" => 'í',
        "oacute" => 'ó',
        "uacute" => 'ú',
        "ntilde" => 'ñ',
        "ccedil" => 'ç',
        "atilde" => 'ã',
        "otilde" => 'õ',
        "acirc" => 'â',
        "ecirc" => 'ê',
        "ocirc" => 'ô',
        "agrave" => 'à',
        "uuml" => 'ü',
        "iquest" => '¿',
        "iexcl" => '¡',
        _ => return None,
    })
}

/// Words as HTML that shows them as they are, line by line.
pub(super) fn of(words: &str) -> String {
    let lines: Vec<String> = words
        .lines()
        .map(|line| minijinja::HtmlEscape(line).to_string())
        .collect();
    lines.join("<br>")
}

#[cfg(test)]
mod tests {
    use super::{of, text};

    #[test]
    fn html_reads_as_a_person_would_read_it() {
        for (html, read) in [
            ("plain words", "plain words"),
            (
                "<p>Bom dia,</p><p>tudo  certo?</p>",
                "Bom dia,\n\ntudo certo?",
            ),
            ("one<br>two<br/>three", "one\ntwo\nthree"),
            ("<div>one</div><div>two</div>", "one\ntwo"),
            ("<ul><li>one</li><li>two</li></ul>end", "- one\n- two\nend"),
            (
                "R$ 10 &lt; R$ 20 &amp; n&atilde;o &#233; &#x1F642;",
                "R$ 10 < R$ 20 & não é 🙂",
            ),
            ("a&nbsp;b &unknown; & c", "a b &unknown; & c"),
            ("<b>bold</b> and <i>italic</i>", "bold and italic"),
            ("5 < 6 and 7 > 6", "5 < 6 and 7 > 6"),
            (
                "<script>if (a < b) evil()</script>kept<style>p{}</style>",
                "kept",
            ),
            ("<!-- not <b>this</b> -->this", "this"),
            ("<img src=\"cid:1\" alt=\"a map\"> here", "a map here"),
            ("unfinished <b", "unfinished"),
            ("", ""),
        ] {
            assert_eq!(text(html), read, "{html}");
        }
    }

    #[test]
    fn a_link_keeps_its_address() {
        for (html, read) in [
            (
                "<a href=\"https://a.example/x?a=1&amp;b=2\">here</a>",
                "here (https://a.example/x?a=1&b=2)",
            ),
            (
                "<a class='x' href='https://a.example/'>https://a.example</a>.",
                "https://a.example.",
            ),
            ("<a href=mailto:a@b.example>a@b.example</a>", "a@b.example"),
            (
                "<a href=\"https://a.example/\"><img></a>",
                "https://a.example/",
            ),
            ("<a href=\"javascript:alert(1)\">no</a>", "no"),
            (
                "<a title=\"a > b\" href=\"https://a.example/1\">yes</a>",
                "yes (https://a.example/1)",
            ),
            ("<a>no address</a>", "no address"),
            ("<a href=\"https://a.example/open", ""),
        ] {
            assert_eq!(text(html), read, "{html}");
        }
    }

    #[test]
    fn words_as_html_show_as_they_are() {
        let words = "5 < 6 & \"so on\"\n\n<script>evil()</script>";
        let html = of(words);
        assert!(!html.contains("<script"), "{html}");
        assert_eq!(text(&html), words);
    }
}
