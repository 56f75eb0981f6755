//! What the page may do: use its own style and script, and nothing else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The style, as it is in the page.
pub const STYLE: &str = include_str!("style.css");

/// The script, as it is in the page.
pub const SCRIPT: &str = include_str!("script.js");

/// The content security policy: whatever a record contains, no browser runs it.
pub fn policy() -> String {
    format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::{SCRIPT, STYLE, hash};

    #[test]
    fn the_hash_is_the_one_that_browsers_make() {
        // The example of the standard.
        assert_eq!(
            hash("alert('Hello, world.');"),
            "sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng="
        );
    }

    #[test]
    fn style_and_script_stand_in_a_page_as_they_are() {
        for text in [STYLE, SCRIPT] {
            assert!(
                !text.contains("</") && !text.contains("<!--") && !text.contains('\r'),
                "{text}"
            );
            assert!(
                !text.contains("http") && !text.contains("url(") && !text.contains("@import"),
                "{text}"
            );
        }
        for way_in in [
            "innerHTML",
            "outerHTML",
            "insertAdjacent",
            "document.write",
            "eval",
            "Function(",
        ] {
            assert!(!SCRIPT.contains(way_in), "{way_in}");
        }
    }
}
