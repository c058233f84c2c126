//! TensorBoard's event files.
//!
//! A file is a sequence of TFRecords, each the message `Event` in the encoding of protocol buffers:
//! tensorflow/core/lib/io/record_writer.h, core/util/event.proto and core/framework/summary.proto. Written here since the
//! crates that do it, tensorboard-rs 0.5.9 and tfrecord 0.15.0, have had no release since 2023 and bring 34 and 107 others
//! along; what scalars need of the formats is this file.

use std::fs::File;
use std::io::{Error, ErrorKind, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// What every event file's name begins with; a time follows, and a host.
const PREFIX: &str = "events.out.tfevents.";

/// An event file that is being written: what one sitting of a training logs.
///
/// TensorBoard reads the files of a directory in the order of their names and never goes back to an earlier one, so
/// that a sitting cannot add to the file of the one before.
pub(crate) struct EventFile(File);

impl EventFile {
    /// A new file in a run's directory, for what follows after `done` steps. What earlier files hold of later steps
    /// is superseded by it.
    ///
    /// # Errors
    /// A directory that cannot be written.
    pub(crate) fn create(directory: &Path, done: u64) -> Result<Self, Error> {
        let mut second = now() as u64;
        // Later than those that are there, even where a clock was set back or two sittings begin in one second.
        for entry in std::fs::read_dir(directory)?.flatten() {
            let name = entry.file_name();
            let taken =
                name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('.').next()?.parse().ok());
            second = taken.map_or(second, |taken: u64| second.max(taken.saturating_add(1)));
        }
        // Readers take a file of the first version for one of a program that cannot say where it starts anew, and the
        // first START of a directory for no restart: every file has both.
        let mut head = record(&event(now(), 0, What::FileVersion("brain.Event:2")));
        head.extend(record(&event(now(), done + 1, What::Start)));
        let path = directory.join(format!("{PREFIX}{second:010}.{}", host()));
        let mut file = File::create_new(path)?;
        file.write_all(&head)?;
        Ok(EventFile(file))
    }

    /// Adds values by their tags, at a step.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(crate) fn log(&self, step: u64, scalars: &[(&str, f64)]) -> Result<(), Error> {
        (&self.0).write_all(&record(&event(now(), step, What::Scalars(scalars))))
    }

    /// Returns once all of it is on the disk.
    ///
    /// # Errors
    /// A disk that does not take it.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        match self.0.sync_data() {
            // as a pipe or some network file system says that it knows no such thing
            Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
            synced => synced,
        }
    }
}

enum What<'a> {
    FileVersion(&'a str),
    /// A sitting begins: whatever was logged of this step and later ones no longer counts.
    Start,
    Scalars(&'a [(&'a str, f64)]),
}

/// The message `Event`. Times in seconds since 1970.
fn event(wall_time: f64, step: u64, what: What) -> Vec<u8> {
    let mut event = fixed(1, &wall_time.to_le_bytes());
    if step > 0 {
        event.extend(whole(2, step));
    }
    event.extend(match what {
        What::FileVersion(version) => bytes(3, version.as_bytes()),
        What::Scalars(scalars) => {
            let value = |(tag, value): &(&str, f64)| {
                let value = [bytes(1, tag.as_bytes()), fixed(2, &(*value as f32).to_le_bytes())].concat();
                bytes(1, &value)
            };
            bytes(5, &scalars.iter().flat_map(value).collect::<Vec<u8>>())
        }
        What::Start => bytes(7, &whole(1, 1)),
    });
    event
}

/// A field of a whole number.
fn whole(field: u8, value: u64) -> Vec<u8> {
    let mut encoded = vec![field << 3];
    encoded.extend(varint(value));
    encoded
}

/// A field of 4 or 8 bytes.
fn fixed(field: u8, value: &[u8]) -> Vec<u8> {
    let kind = if value.len() == 8 { 1 } else { 5 };
    [&[field << 3 | kind], value].concat()
}

/// A field of a text or of a message.
fn bytes(field: u8, value: &[u8]) -> Vec<u8> {
    let mut encoded = vec![field << 3 | 2];
    encoded.extend(varint(value.len() as u64));
    encoded.extend(value);
    encoded
}

/// Seven bits a byte, the lowest first; a set eighth bit says that more follow.
fn varint(mut value: u64) -> Vec<u8> {
    let mut encoded = Vec::new();
    while value >= 0x80 {
        encoded.push(value as u8 | 0x80);
        value >>= 7;
    }
    encoded.push(value as u8);
    encoded
}

/// A TFRecord: length, its checksum, data, their checksum.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length, &masked(&length)[..], data, &masked(data)].concat()
}

/// The checksum as a TFRecord has it: masked, since the checksum of data that hold their checksum says little.
fn masked(data: &[u8]) -> [u8; 4] {
    crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

/// The checksum of Castagnoli, Braeuer and Herrmann (1993). Bit by bit: a validation has some hundred bytes.
fn crc32c(data: &[u8]) -> u32 {
    let bit = |crc: u32, _| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
    !data.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), bit))
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// The machine's name where the system tells it in a file, as far as it suits the name of another.
fn host() -> String {
    let told = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String =
        told.chars().filter(|c| c.is_ascii_alphanumeric() || "-.".contains(*c)).take(64).collect();
    if host.is_empty() { "localhost".to_owned() } else { host }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn checksums_are_those_of_rfc_3720() {
        let counting: Vec<u8> = (0..32).collect();
        for (data, sum) in [
            (&b"123456789"[..], 0xe306_9283),
            (&[0; 32], 0x8a91_36aa),
            (&[0xff; 32], 0x62a8_ab43),
            (&counting, 0x46dd_794e),
            (b"", 0),
        ] {
            assert_eq!(crc32c(data), sum, "{data:?}");
        }
    }

    /// The bytes are what the Python package tensorboard 2.21.0 writes.
    #[test]
    fn records_and_events_are_those_of_the_python_package() {
        assert_eq!(hex(&record(b"123456789")), "090000000000000037f97139313233343536373839e5b08ac7");
        let scalars = What::Scalars(&[("loss/train", 0.25)]);
        for (event, bytes) in [
            (
                event(1.5, 0, What::FileVersion("brain.Event:2")),
                "09000000000000f83f1a0d627261696e2e4576656e743a32",
            ),
            (event(1.5, 301, What::Start), "09000000000000f83f10ad023a020801"),
            (event(1.5, 300, scalars), "09000000000000f83f10ac022a130a110a0a6c6f73732f747261696e150000803e"),
        ] {
            assert_eq!(hex(&event), bytes);
        }
        assert_eq!(varint(u64::MAX).len(), 10);
    }

    #[test]
    fn the_file_of_a_later_sitting_has_a_later_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(format!("{PREFIX}4000000000.elsewhere")), "").unwrap();
        std::fs::write(folder.path().join(format!("{PREFIX}strange")), "").unwrap();
        for done in 0..3 {
            EventFile::create(folder.path(), done).unwrap().log(done + 1, &[("loss/train", 1.0)]).unwrap();
        }
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        let seconds: Vec<&str> = names.iter().map(|name| name.split('.').nth(3).unwrap()).collect();
        assert_eq!(seconds, ["4000000000", "4000000001", "4000000002", "4000000003", "strange"]);
        assert!(EventFile::create(&folder.path().join("none"), 0).is_err());
    }
}
