//! Pieces of HTML: escaped text, numbers, data URIs.

use serde_json::Value;

/// `text` as HTML, in content and in quoted attributes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// JSON that can stand inside a script element: no markup can begin in it.
pub(super) fn json(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c")
}

/// `value` with `digits` decimals; words where there is no finite number.
pub(super) fn number(value: f64, digits: usize) -> String {
    if value.is_finite() {
        // The sign of a minus is as wide as that of a plus.
        format!("{value:.digits$}").replace('-', "−")
    } else {
        "not finite".into()
    }
}

/// An error in at most four digits: small ones keep theirs.
pub(super) fn error(value: f64) -> String {
    match value.abs() {
        size if size >= 1e-3 => number(value, 5),
        size if size > 0.0 && size < f64::INFINITY => format!("{value:.2e}").replace('-', "−"),
        _ => number(value, 5),
    }
}

/// A whole number with thin spaces between thousands.
pub(super) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(c);
    }
    out
}

/// `bytes` as the value of a `src` attribute.
pub(super) fn data_uri(media_type: &str, bytes: &[u8]) -> String {
    format!("data:{media_type};base64,{}", base64(bytes))
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |i: usize| chunk.get(i).map_or(0, |&b| usize::from(b));
        let word = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let sign = SIGNS[word >> (18 - 6 * place) & 63];
            out.push(if place <= chunk.len() { char::from(sign) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_loses_its_meaning() {
        let text = r#"<b title="it's">&"#;
        assert_eq!(escape(text), "&lt;b title=&quot;it&#39;s&quot;&gt;&amp;");
        let value = serde_json::json!({ "name": "</script><script>" });
        let text = json(&value);
        assert!(!text.contains('<'), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn base64_as_in_the_test_vectors_of_rfc_4648() {
        let pairs =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (plain, coded) in pairs {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }

    #[test]
    fn numbers_that_are_none_are_words() {
        assert_eq!(number(-0.5, 2), "−0.50");
        assert_eq!(number(f64::NAN, 2), "not finite");
        assert_eq!(error(0.000_012_34), "1.23e−5");
        assert_eq!(error(0.019_931), "0.01993");
        assert_eq!(error(f64::INFINITY), "not finite");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(count(999), "999");
    }
}
