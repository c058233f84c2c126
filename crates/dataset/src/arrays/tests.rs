use std::fs;

use proptest::{collection::vec, prelude::*, sample::Index};

use super::*;
use CompressionMethod::{Deflated, Stored};

fn npy(dtype: &str, order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': {dtype}, 'fortran_order': {order}, 'shape': {shape}}}");
    let length = (text.len() as u16).to_le_bytes();
    [MAGIC, &[1, 0], &length, text.as_bytes(), data].concat()
}

fn npz(entry: &[u8], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    // numpy, too, gives every entry the fields of zip64.
    let options = options.large_file(true);
    zip.start_file("u.npy", options).unwrap();
    zip.write_all(entry).unwrap();
    zip.finish().unwrap().into_inner()
}

fn written(arrays: &[(&str, &Array)]) -> io::Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("file.npz");
    write_npz(&path, arrays)?;
    fs::read(&path)
}

fn read(bytes: &[u8]) -> Result<BTreeMap<String, Array>, ArrayFileError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.npz");
    fs::write(&path, bytes).unwrap();
    let npz = read_npz(&path)?;
    let read = |name: &str| Ok((name.into(), npz.get(name)?.clone()));
    npz.names().map(read).collect()
}

fn read_one(entry: &[u8]) -> Array {
    read(&npz(entry, Deflated)).unwrap()["u"].clone()
}

fn message(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

fn any_array() -> impl Strategy<Value = Array> {
    let special = prop::sample::select(vec![f64::NAN, f64::INFINITY, -0.0, 5e-324]);
    let value = prop_oneof![any::<u64>().prop_map(f64::from_bits), special];
    vec(0_usize..5, 0..4).prop_flat_map(move |shape| {
        let values = vec(value.clone(), shape.iter().product::<usize>());
        values.prop_map(move |values| Array::new(shape.clone(), values))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // Few cases, since each writes to the disk twice.
    #[test]
    fn arrays_come_back_bit_for_bit(a in any_array(), b in any_array()) {
        let bytes = written(&[("a", &a), ("b", &b)]).unwrap();
        prop_assert_eq!(&bytes, &written(&[("a", &a), ("b", &b)]).unwrap());
        let back = read(&bytes).unwrap();
        for (name, array) in [("a", a), ("b", b)] {
            let bits = |array: &Array| array.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(&back[name].shape, &array.shape);
            prop_assert_eq!(bits(&back[name]), bits(&array));
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_are_no_npz(bytes in vec(any::<u8>(), 0..400)) {
        prop_assert!(matches!(read(&bytes), Err(ArrayFileError::NotNpz(..))));
    }

    // The entry is changed before its checksum is taken too, or that would hide all else.
    #[test]
    fn changed_bytes_do_not_panic(
        in_entry in vec(any::<(Index, u8)>(), 0..4),
        in_file in vec(any::<(Index, u8)>(), 0..4),
        method in prop::sample::select(vec![Stored, Deflated]),
    ) {
        let change = |mut bytes: Vec<u8>, changes: Vec<(Index, u8)>| {
            changes.iter().for_each(|(at, byte)| *at.get_mut(&mut bytes) = *byte);
            bytes
        };
        let entry = change(npy("'<i2'", "True", "(2, 3)", &[1; 12]), in_entry);
        let _ = read(&change(npz(&entry, method), in_file));
    }
}

#[test]
fn a_cut_file_is_an_error_at_every_length() {
    let array = Array::new([2], vec![1.0, 2.0]);
    let bytes = written(&[("t", &array), ("u", &array)]).unwrap();
    for length in 0..bytes.len() {
        let cut = read(&bytes[..length]);
        assert!(matches!(cut, Err(ArrayFileError::NotNpz(..))), "{cut:?}");
    }
}

#[test]
fn every_dtype_order_and_byte_order_is_read() {
    let cases = [
        ("'|b1'", vec![2], 1.0),
        ("'|i1'", vec![0xff], -1.0),
        ("'|u1'", vec![0xff], 255.0),
        ("'<i2'", (-2_i16).to_le_bytes().to_vec(), -2.0),
        ("'>u2'", 300_u16.to_be_bytes().to_vec(), 300.0),
        ("'>i4'", (-3_i32).to_be_bytes().to_vec(), -3.0),
        ("'<u4'", u32::MAX.to_le_bytes().to_vec(), 4_294_967_295.0),
        ("'<i8'", (-5_i64).to_le_bytes().to_vec(), -5.0),
        ("'>u8'", 7_u64.to_be_bytes().to_vec(), 7.0),
        ("'>f4'", 1.5_f32.to_be_bytes().to_vec(), 1.5),
        ("'<f8'", 0.1_f64.to_le_bytes().to_vec(), 0.1),
        ("\">f8\"", 0.1_f64.to_be_bytes().to_vec(), 0.1),
    ];
    for (dtype, data, value) in cases {
        let array = read_one(&npy(dtype, "False", "(1,)", &data));
        assert_eq!(array, Array::new([1], vec![value]), "{dtype}");
    }
    let data = [0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11];
    let array = read_one(&npy("'|u1'", "True", "(2, 3, 2)", &data));
    let counted = (0..12).map(f64::from).collect();
    assert_eq!(array, Array::new([2, 3, 2], counted));
    let array = read_one(&npy("'<f8'", "True", "(3, 0)", &[]));
    assert_eq!(array, Array::new([3, 0], vec![]));
}

#[test]
fn hostile_arrays_are_refused_at_once() {
    let deep = "[".repeat(60_000);
    let axes = format!("({})", "1,".repeat(65));
    let cases = [
        ("'<f8'", "(1000000000000000,)", "has shape [1000000000000000]"),
        ("'<f8'", "(0, 4294967296, 4294967296)", "2^31 elements"),
        ("'<f8'", "(99999999999999999999999,)", "2^31 elements"),
        ("'<f8'", "(2147483648,)", "bytes, but shape [2147483648]"),
        ("'<f8'", "(2,)", "is damaged (it has "),
        ("'<f8'", "(-1,)", "is damaged (its header is "),
        ("'<f8'", &axes, "is damaged (its header is "),
        ("'|O'", "(1,)", "has dtype \"|O\", which is none of"),
        ("[('a', '<f8')]", "(1,)", "has dtype \"[('a', '<f8')]\", "),
        (&deep, "(1,)", "has dtype \"[[["),
    ];
    let refused = |entry: &[u8], why: &str| {
        let error = message(&npz(entry, Stored));
        let right = error.starts_with("array \"u\" in ") && error.contains(why);
        assert!(right && error.len() < 400, "{error}");
    };
    for (dtype, shape, why) in cases {
        refused(&npy(dtype, "False", shape, &[0; 8]), why);
    }
    refused(b"\x93NUMPY\x02\0\xff\xff\xff\xff", "does not start as");
    refused(b"a text of some length", "does not start as an .npy file");
    refused(b"\x93NUMPY\x01\0\x80\0{", "its data end early");
}

#[test]
fn what_is_no_npz_is_told_what_it_is() {
    let starts = "file.npz is not an .npz file as numpy.savez writes it: it is empty (in";
    assert!(message(b"").contains(starts));
    assert!(message(b"t,x\n0,1\n").contains("it is not a zip archive"));
    assert!(message(&npy("", "", "", &[])).contains("as numpy.save writes it"));
    let mut bytes = npz(&npy("'|u1'", "False", "(2,)", b"ab"), Stored);
    assert!(message(&bytes[..100]).contains("it is damaged or cut short"));
    let at = bytes.windows(2).position(|pair| pair == b"ab").unwrap();
    bytes[at] = 1;
    assert!(message(&bytes).contains("is damaged (Invalid checksum): write"));
    let none = read_npz(Path::new("none.npz")).unwrap_err().to_string();
    assert!(none.starts_with("cannot read none.npz: "), "{none}");
}

#[test]
fn a_missing_array_lists_those_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.npz");
    let array = Array::new([], vec![1.0]);
    write_npz(&path, &[("u", &array), ("t", &array)]).unwrap();
    let error = read_npz(&path).unwrap().get("x").unwrap_err().to_string();
    let expected = "file.npz has no array named \"x\": it has \"t\", \"u\"";
    assert!(error.ends_with(expected), "{error}");
}

#[test]
fn arrays_that_make_no_file_are_refused() {
    let good = Array::new([1], vec![1.0]);
    let (shape, values) = (vec![2], vec![1.0]);
    let bad = Array { shape, values };
    let error = written(&[("good", &good), ("bad", &bad)]).unwrap_err();
    let expected = "file.npz: array \"bad\" has 1 values in shape [2]";
    assert!(error.to_string().ends_with(expected), "{error}");
    assert!(written(&[("good", &good), ("good", &good)]).is_err());
}

#[test]
fn csv_has_the_shortest_digits_that_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.csv");
    let header = ["t", "a,b", "\"x\""].map(String::from);
    let rows = [vec![0.1, 1.0, -0.0], vec![1e300, 5e-324, f64::NAN]];
    write_csv(&path, &header, rows.into_iter()).unwrap();
    let expected = "t,\"a,b\",\"\"\"x\"\"\"\n0.1,1.0,-0.0\n1e300,5e-324,NaN\n";
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    assert!(write_csv(&path, &header, [vec![1.0]].into_iter()).is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
}

/// An `.npz` with one entry, both of whose headers have this method and these flags.
fn with_header(method: u16, flags: u16) -> Vec<u8> {
    let mut bytes = npz(&npy("'<f8'", "False", "(1,)", &1f64.to_le_bytes()), Stored);
    let central = (0..bytes.len()).rfind(|&at| bytes[at..].starts_with(b"PK\x01\x02")).unwrap();
    for (at, value) in [(6, flags), (8, method), (central + 8, flags), (central + 10, method)] {
        bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }
    bytes
}

#[test]
fn a_compression_that_is_not_read_is_named_with_its_cure() {
    assert_eq!(read(&with_header(0, 0)).unwrap()["u"].values, [1.0]);
    for (number, name) in
        [(9, "Deflate64"), (12, "bzip2"), (14, "LZMA"), (93, "Zstandard"), (95, "XZ"), (97, "method 97")]
    {
        let message = message(&with_header(number, 0));
        assert!(message.contains("array \"u\" in "), "{message}");
        assert!(message.contains(&format!("is compressed by {name}, and only")), "{message}");
        assert!(message.contains("numpy.savez_compressed") && !message.contains("damaged"), "{message}");
    }
    let message = message(&with_header(0, 1));
    assert!(message.contains("is encrypted: write the file again without a password"), "{message}");
}
