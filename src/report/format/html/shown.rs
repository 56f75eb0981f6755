//! The only place that makes text from a record harmless before it enters the page.

use forkwatch_text::harmless::harmless;
use maud::Render;

/// Text of a record: what moves, breaks or hides text is escaped in view, and then everything that HTML would treat as markup.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'text>(pub &'text str);

impl Render for Shown<'_> {
    fn render_to(&self, buffer: &mut String) {
        harmless(self.0).render_to(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::Shown;
    use maud::html;

    #[test]
    fn nothing_in_a_text_is_markup_or_moves_it() {
        let hostile = "</text>\"'&\u{202e}\u{1b}[2J\n\0";
        let page = html! { p title=(Shown(hostile)) { (Shown(hostile)) } }.into_string();
        let text = "&lt;/text&gt;&quot;'&amp;\\u{202e}\\u{1b}[2J\\n\\u{0}";
        assert_eq!(page, format!("<p title=\"{text}\">{text}</p>"));
    }
}
