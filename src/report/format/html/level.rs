//! A severity, as a word and as a class of the style.

use forkwatch_schema::kind::Severity;
use maud::{Markup, html};

/// The severity.
pub fn badge(severity: Severity) -> Markup {
    html! { span.level.(level(severity)) { (severity.name()) } }
}

/// The same as a class of the style.
pub const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warn => "warn",
        Severity::Error => "error",
        Severity::Fatal => "fatal",
    }
}
