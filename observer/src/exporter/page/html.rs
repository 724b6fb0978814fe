//! Builds HTML in which foreign text stays text.

use crate::text::visible::visible;

/// A page under construction.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Appends markup: text of our own, never what comes from outside.
    pub(super) fn raw(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    /// Appends text: what would be markup is escaped, what is hostile to look at is spelled out.
    pub(super) fn text(&mut self, text: &str) {
        for c in visible(text).chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
    }

    /// Appends an element with nothing but text in it.
    pub(super) fn element(&mut self, name: &str, text: &str) {
        self.classed(name, "", text);
    }

    /// The same with a class, unless that is empty.
    pub(super) fn classed(&mut self, name: &str, class: &str, text: &str) {
        self.raw("<");
        self.raw(name);
        if !class.is_empty() {
            self.raw(" class=\"");
            self.raw(class);
            self.raw("\"");
        }
        self.raw(">");
        self.text(text);
        self.raw("</");
        self.raw(name);
        self.raw(">");
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_never_markup() {
        let mut html = Html::default();
        html.classed("td", "bad", "<script>'x'&\"y\"\x1b\u{202e}</td>");
        assert_eq!(
            html.into_string(),
            "<td class=\"bad\">&lt;script&gt;&#39;x&#39;&amp;&quot;y&quot;\\u{1b}\\u{202e}&lt;/td&gt;</td>"
        );
    }
}
