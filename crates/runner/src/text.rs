//! The text of experiment files.

use std::path::Path;

use crate::RunError;

/// The text of an experiment file: an ordinary file, and not a large one.
pub(crate) fn read(path: &Path) -> Result<String, RunError> {
    const MOST: u64 = 1 << 20;
    let cannot = |fault: String| RunError::Usage(format!("{} cannot be read: {fault}", path.display()));
    let about = std::fs::metadata(path).map_err(|error| cannot(error.to_string()))?;
    if !about.is_file() || about.len() > MOST {
        return Err(cannot("an experiment is an ordinary file of at most 1 MiB".into()));
    }
    let bytes = std::fs::read(path).map_err(|error| cannot(error.to_string()))?;
    decode(bytes).map_err(|fault| RunError::Usage(format!("{}: {fault}", path.display())))
}

/// Decodes the text of a UTF-8 file, with or without a byte order mark. For another encoding, the error names it and says
/// how to convert the file.
fn decode(bytes: Vec<u8>) -> Result<String, String> {
    const MARK: &str = "\u{feff}";
    // Without a mark: in UTF-16, half of the bytes of a mostly ASCII text are 0.
    let zeros = bytes.iter().filter(|&&byte| byte == 0).count();
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) || 3 * zeros > bytes.len() {
        return Err("it is in UTF-16, and an experiment file is in UTF-8: save it as UTF-8 in the editor, or in \
                    PowerShell with `Set-Content -Encoding utf8`, or convert it with `iconv -f UTF-16 -t UTF-8`"
            .into());
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix(MARK).map(str::to_owned).unwrap_or(text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let bytes = error.as_bytes();
            let before = String::from_utf8_lossy(&bytes[..at]);
            let (line, column) = position(&before, before.len());
            // In Latin-1, and almost always in Windows-1252, a byte is the code of its character.
            Err(format!(
                "line {line}, column {column}: the byte 0x{:02x} is not UTF-8, in which an experiment file is; in Latin-1 \
                 (Windows-1252) it is \"{}\": save the file as UTF-8, or convert it with `iconv -f WINDOWS-1252 -t UTF-8`",
                bytes[at],
                char::from(bytes[at])
            ))
        }
    }
}

/// The line and column, counted from 1, of a byte in a text.
pub(crate) fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
