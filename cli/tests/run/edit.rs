//! Changes of one element of a scene's XML.

use std::ops::Range;

/// The XML without the element at this path (below the root, with slashes).
pub fn without(xml: &str, path: &str) -> String {
    let element = element(xml, path);
    replaced(xml, element.whole, "")
}

/// The XML with other text or elements in the element at this path.
pub fn with(xml: &str, path: &str, content: &str) -> String {
    let element = element(xml, path);
    replaced(xml, element.content, content)
}

/// The XML with the element at this path twice.
pub fn twice(xml: &str, path: &str) -> String {
    let element = element(xml, path);
    let text = xml[element.whole.clone()].to_owned();
    replaced(xml, element.whole, &text.repeat(2))
}

/// The content of the element at this path.
pub fn content<'x>(xml: &'x str, path: &str) -> &'x str {
    &xml[element(xml, path).content]
}

struct Element {
    whole: Range<usize>,
    content: Range<usize>,
}

fn element(xml: &str, path: &str) -> Element {
    let mut within = 0..xml.len();
    let mut found = None;
    for name in path.split('/') {
        let element = first(xml, within, name).unwrap_or_else(|| panic!("no {path} in {xml}"));
        within = element.content.clone();
        found = Some(element);
    }
    found.unwrap()
}

/// The first element of this name in a part of the document. The names that tests ask for do not nest in themselves.
fn first(xml: &str, within: Range<usize>, name: &str) -> Option<Element> {
    let part = &xml[within.clone()];
    let start = [">", " "].iter().filter_map(|after| part.find(&format!("<{name}{after}"))).min()?;
    let content = start + part[start..].find('>')? + 1;
    let closing = format!("</{name}>");
    let end = content + part[content..].find(&closing)?;
    let at = |offset: usize| within.start + offset;
    Some(Element { whole: at(start)..at(end + closing.len()), content: at(content)..at(end) })
}

fn replaced(xml: &str, range: Range<usize>, by: &str) -> String {
    format!("{}{by}{}", &xml[..range.start], &xml[range.end..])
}
