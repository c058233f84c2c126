//! From a file to its text: decompressed, in UTF-8 (or Latin-1, whose letters only appear in names), with a sample.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::error::{Place, RecordingError};

/// Size in bytes of the sample from which the form of a text is found; no line may be longer.
pub(super) const SAMPLE: usize = 1 << 20;

const BUFFER: usize = 1 << 18;
const GZIP: &[u8] = b"\x1f\x8b";

/// A text file that has been opened.
pub(super) struct Text {
    /// Its text from the beginning, without a byte order mark.
    pub(super) reader: Box<dyn BufRead>,
    /// The first bytes of the same text.
    pub(super) sample: Vec<u8>,
    /// Whether the text goes on after the sample.
    pub(super) longer: bool,
    /// Size of the file on disk, in bytes.
    pub(super) size: u64,
    /// Whether it is compressed.
    pub(super) packed: bool,
    /// A note about the encoding.
    pub(super) note: Option<&'static str>,
}

/// Opens a text file.
///
/// # Errors
///
/// If the file cannot be read, is empty, or is not text.
pub(super) fn open(path: &Path) -> Result<Text, RecordingError> {
    let place = Place::text(path);
    let io = |error: io::Error| place.whole(format_args!("cannot be read: {error}"));
    let file = File::open(path).map_err(io)?;
    let about = file.metadata().map_err(io)?;
    let mut text = decode(Box::new(BufReader::with_capacity(BUFFER, file))).map_err(io)?;
    text.size = about.len();
    if text.sample.is_empty() {
        return Err(place.whole("is empty: a recording has rows of numbers"));
    }
    if let Some(at) = memchr::memchr(0, &text.sample) {
        let line = 1 + memchr::memchr_iter(b'\n', &text.sample[..at]).count();
        return Err(place.error(
            line as u64,
            "has a NUL byte, so this is not text in UTF-8, UTF-16 with a byte order mark, or Latin-1; of binary files, \
             NPY, NPZ, MATLAB, HDF5, XLSX and ODS are read",
        ));
    }
    Ok(text)
}

fn decode(mut raw: Box<dyn BufRead>) -> io::Result<Text> {
    let packed = raw.fill_buf()?.starts_with(GZIP);
    if packed {
        raw = Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(raw)));
    }
    let mut start = Vec::new();
    raw.by_ref().take(3).read_to_end(&mut start)?;
    let rest = |from: usize| -> Box<dyn BufRead> { Box::new(Cursor::new(start[from..].to_vec()).chain(raw)) };
    let mut note = None;
    let mut reader = match &start[..] {
        [0xef, 0xbb, 0xbf] => rest(3),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            note = Some("read as UTF-16");
            let transcoder = Utf16 { big_endian: start[0] == 0xfe, raw: rest(2), half: None, high: None };
            Box::new(BufReader::with_capacity(BUFFER, transcoder))
        }
        _ => rest(0),
    };
    let mut sample = Vec::new();
    reader.by_ref().take(SAMPLE as u64).read_to_end(&mut sample)?;
    let longer = !reader.fill_buf()?.is_empty();
    // A letter that is cut by the end of the sample is not an error.
    if std::str::from_utf8(&sample).is_err_and(|error| error.error_len().is_some()) {
        note = Some("is not in UTF-8; its names were read as Latin-1");
    }
    let reader = Box::new(Cursor::new(sample.clone()).chain(reader));
    Ok(Text { reader, sample, longer, size: 0, packed, note })
}

/// A reader that turns UTF-16 into UTF-8. A surrogate without its partner becomes a replacement character.
struct Utf16<R> {
    raw: R,
    big_endian: bool,
    half: Option<u8>,
    high: Option<u16>,
}

impl<R: BufRead> Read for Utf16<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // The byte that completes a unit gives at most four bytes of UTF-8, and a lone surrogate before it three.
        if out.len() < 7 {
            return Err(io::Error::other("the buffer is too small for UTF-16"));
        }
        let mut written = 0;
        loop {
            let bytes = self.raw.fill_buf()?;
            if bytes.is_empty() {
                if self.high.take().is_some() || self.half.take().is_some() {
                    written += char::REPLACEMENT_CHARACTER.encode_utf8(&mut out[written..]).len();
                }
                return Ok(written);
            }
            let mut used = 0;
            for &byte in bytes {
                if out.len() - written < 7 {
                    break;
                }
                used += 1;
                let Some(first) = self.half.take() else {
                    self.half = Some(byte);
                    continue;
                };
                let pair = [first, byte];
                let unit = if self.big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) };
                let high = self.high.take();
                if high.is_none() && (0xd800..0xdc00).contains(&unit) {
                    self.high = Some(unit);
                    continue;
                }
                for letter in char::decode_utf16(high.into_iter().chain([unit])) {
                    let letter = letter.unwrap_or(char::REPLACEMENT_CHARACTER);
                    written += letter.encode_utf8(&mut out[written..]).len();
                }
            }
            self.raw.consume(used);
            if written > 0 {
                return Ok(written);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn text(bytes: &[u8]) -> (String, Option<&'static str>) {
        let mut text = decode(Box::new(BufReader::new(Cursor::new(bytes.to_vec())))).unwrap();
        let mut read = Vec::new();
        text.reader.read_to_end(&mut read).unwrap();
        assert!(text.longer || read == text.sample);
        (String::from_utf8_lossy(&read).into_owned(), text.note)
    }

    #[test]
    fn byte_order_marks_and_packing_are_seen_in_the_content() {
        let plain = "t;\u{b0}C \u{1f30d}\n1,5;2\n";
        assert_eq!(text(plain.as_bytes()), (plain.into(), None));
        assert_eq!(text(&[b"\xef\xbb\xbf", plain.as_bytes()].concat()), (plain.into(), None));
        for big in [false, true] {
            let units = "\u{feff}".encode_utf16().chain(plain.encode_utf16());
            let bytes: Vec<u8> =
                units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect();
            assert_eq!(text(&bytes), (plain.into(), Some("read as UTF-16")));
        }
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(plain.as_bytes()).unwrap();
        let packed = packer.finish().unwrap();
        assert_eq!(text(&packed), (plain.into(), None));
        assert_eq!(text(&[&packed[..], &packed].concat()).0, plain.repeat(2));
        assert!(text(b"t,20 \xb0C\n").1.unwrap().contains("Latin-1"));
        assert_eq!(text(b"").0, "");
    }

    #[test]
    fn damaged_utf16_is_read_to_its_end() {
        let lone = [0xff, 0xfe, 0x00, 0xd8, 0x31, 0x00, 0x00, 0xdc, 0x32, 0x00, 0x33];
        assert_eq!(text(&lone).0, "\u{fffd}1\u{fffd}2\u{fffd}");
    }
}
