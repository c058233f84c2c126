//! Hides the soft links of groups in the old format.
//!
//! A soft link is a path to an object that has a place of its own. The crate hdf5-pure passes over those
//! in groups of the newer format, but in groups of the older one, which h5py writes by default, it takes
//! a soft link for an object and then cannot list the group at all. So this reader hides the soft links from the crate.

use std::fs::File;

use hdf5_pure::{FormatError, ReadSeekSource, Source};

// A node of the names of a group: a signature with a version, a byte that is reserved, the number of
// entries, and the entries. An entry says at byte 16 what it caches: 2 is the path of a soft link.
const NODE: &[u8] = b"SNOD\x01";
const HEAD: usize = 8;
const ENTRY: usize = 40;
const CACHES: usize = 16;
const SOFT_LINK: [u8; 4] = [2, 0, 0, 0];

/// An HDF5 file in which old groups have no soft links.
pub(super) struct HardLinks {
    file: ReadSeekSource<File>,
    // The size of an entry is known for addresses and lengths of eight bytes, as almost every file has.
    wide: bool,
}

impl HardLinks {
    /// The file, whose signature is at the byte `start`.
    pub fn new(file: File, start: u64) -> Result<Self, FormatError> {
        let file = ReadSeekSource::new(file)?;
        let superblock = file.read_exact_at(start, 16)?;
        let wide = match superblock[8] {
            0 | 1 => superblock[13..15] == [8, 8],
            _ => superblock[9..11] == [8, 8],
        };
        Ok(Self { file, wide })
    }

    /// A node without its soft links; none where it is not whole.
    fn node(&self, offset: u64, head: &[u8]) -> Option<Vec<u8>> {
        let entries = usize::from(u16::from_le_bytes([head[6], head[7]]));
        let node = self.file.read_exact_at(offset, HEAD + entries * ENTRY).ok()?;
        let is_hard = |entry: &&[u8]| entry[CACHES..CACHES + 4] != SOFT_LINK;
        let hard: Vec<&[u8]> = node[HEAD..].chunks_exact(ENTRY).filter(is_hard).collect();
        let count = u16::try_from(hard.len()).ok()?;
        Some([&head[..6], &count.to_le_bytes(), &hard.concat()].concat())
    }
}

impl Source for HardLinks {
    fn len(&self) -> u64 {
        self.file.len()
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<(), FormatError> {
        self.file.read_at(offset, bytes)
    }

    // The numbers of datasets are not read by this, so that they are never taken for a node.
    fn read_metadata_at(&self, offset: u64, length: usize) -> Result<Vec<u8>, FormatError> {
        let bytes = self.file.read_exact_at(offset, length)?;
        if !self.wide || length < HEAD || !bytes.starts_with(NODE) {
            return Ok(bytes);
        }
        let mut node = self.node(offset, &bytes).unwrap_or(bytes);
        node.resize(length, 0);
        Ok(node)
    }
}
