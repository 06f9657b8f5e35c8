//! What every page has: style, script, the library that draws, and that nothing is loaded.

/// The style sheet of pages.
pub const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Nothing may be loaded, whatever stands in the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      img-src data: blob:; font-src data:";

/// What is written around the sections of a page, in HTML.
pub(super) struct Frame<'a> {
    /// Title of the window, behind the name of the program.
    pub(super) title: &'a str,
    /// Heading, and what else stands above the sections.
    pub(super) header: &'a str,
    /// What the page was made from, behind the version; may be empty.
    pub(super) source: &'a str,
}

/// A whole page with sections in `body`, which needs no network.
pub(super) fn document(frame: &Frame<'_>, body: &str) -> String {
    let Frame { title, header, source } = frame;
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>dvbf: {title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n{header}</header>\n<main>\n{body}</main>\n<footer>Made by dvbf {}{source}. \
         Figures are drawn by plotly.js, which is part of this page.</footer>\n{}<script>\n{SCRIPT}\
         </script>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION"),
        library(),
    )
}

/// The script element of plotly.js. What its crate offers holds a formula renderer behind it, which
/// no figure here needs.
fn library() -> String {
    const END: &str = "</script>";
    let mut scripts = plotly::Plot::offline_js_sources();
    if let Some(at) = scripts.find(END) {
        scripts.truncate(at + END.len());
    }
    scripts
}
