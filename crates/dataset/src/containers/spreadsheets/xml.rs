//! A part of XML as a sequence of elements and text.

use std::io::BufRead;
use std::rc::Rc;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion, escape};

/// A part that is being read. Its errors say which part it is and where the fault is.
pub(super) struct Xml<R> {
    // Shared, since an event that is read keeps the part borrowed.
    name: Rc<str>,
    reader: Reader<R>,
    buffer: Vec<u8>,
}

impl<R: BufRead> Xml<R> {
    /// The part of that name, from its start.
    pub fn new(name: &str, part: R) -> Self {
        let mut reader = Reader::from_reader(part);
        reader.config_mut().expand_empty_elements = true;
        Self { name: name.into(), reader, buffer: Vec::new() }
    }

    /// The next event; an element without content comes as its start and its end.
    pub fn next(&mut self) -> Result<Event<'_>, String> {
        self.buffer.clear();
        match self.reader.read_event_into(&mut self.buffer) {
            Ok(event) => Ok(event),
            Err(error) => Err(format!("part {}, byte {}: {error}", self.name, self.reader.error_position())),
        }
    }

    /// The next event before the part ends.
    pub fn inside(&mut self) -> Result<Event<'_>, String> {
        let name = Rc::clone(&self.name);
        match self.next()? {
            Event::Eof => Err(format!("part {name} ends early")),
            event => Ok(event),
        }
    }

    /// The text up to the end of the element whose start was read last, with that of the elements
    /// inside it; nothing of those whose local name is `without`.
    pub fn text(&mut self, without: &str) -> Result<String, String> {
        let mut text = String::new();
        let (mut depth, mut hidden) = (0, None);
        loop {
            match self.inside()? {
                Event::Start(element) => {
                    depth += 1;
                    if hidden.is_none() && element.local_name().as_ref() == without {
                        hidden = Some(depth);
                    }
                }
                Event::End(_) if depth == 0 => return Ok(text),
                Event::End(_) => {
                    if hidden == Some(depth) {
                        hidden = None;
                    }
                    depth -= 1;
                }
                event if hidden.is_none() => append(&event, &mut text),
                _ => {}
            }
        }
    }

    /// Passes over the rest of the element whose start was read last.
    pub fn skip(&mut self) -> Result<(), String> {
        let mut depth = 0;
        loop {
            match self.inside()? {
                Event::Start(_) => depth += 1,
                Event::End(_) if depth == 0 => return Ok(()),
                Event::End(_) => depth -= 1,
                _ => {}
            }
        }
    }
}

/// Adds the text of an event, if it has one. References to what is not known are left out.
pub(super) fn append(event: &Event<'_>, text: &mut String) {
    match event {
        Event::Text(part) => text.push_str(&part.xml10_content()),
        Event::CData(part) => text.push_str(&part.xml10_content()),
        Event::GeneralRef(reference) => match reference.resolve_char_ref() {
            Ok(Some(character)) => text.push(character),
            _ => text.push_str(escape::resolve_predefined_entity(reference).unwrap_or_default()),
        },
        _ => {}
    }
}

/// The value of an attribute; none where it is missing or damaged.
pub(super) fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok()??;
    Some(attribute.normalized_value(XmlVersion::Implicit1_0).ok()?.into_owned())
}
