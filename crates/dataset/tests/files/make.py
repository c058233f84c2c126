"""Writes the files by which the readers are tested, into the folder that is given or the one of this script.

Needs numpy, scipy, h5py, openpyxl, and pandas with odfpy. With a seed as the second argument the numbers and their
count are random. `expected.txt` says what each file must give: a line for each array with the file, the name, the
shape and the numbers, separated by tabs and blanks.
"""

import datetime
import pathlib
import sys

import h5py
import numpy as np
import openpyxl
import pandas
import scipy.io

folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent
random = np.random.default_rng(int(sys.argv[2])) if len(sys.argv) > 2 else None
expected = []


def numbers(dtype, *shape):
    """Counted numbers, or random ones of all magnitudes."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape))
    if random is None:
        values = np.arange(size) / 8 - 1 if dtype.kind == "f" else np.arange(size) - (3 if dtype.kind == "i" else 0)
    elif dtype.kind == "f":
        values = random.normal(size=size) * 10.0 ** random.integers(-30, 30, size)
    else:
        # Beyond 2^53 a double rounds.
        low, high = max(np.iinfo(dtype).min, -(2**53)), min(np.iinfo(dtype).max, 2**53)
        values = random.integers(low, high, size, endpoint=True)
    return values.astype(dtype).reshape(shape)


def keep(file, name, array):
    """Notes what `name` in `file` must give."""
    values = np.asarray(array, dtype="f8")
    shape = " ".join(map(str, values.shape))
    expected.append("\t".join([file, name, shape, " ".join(map(repr, values.ravel().tolist()))]))
    return array


def rows(n=7):
    """The length of a recording."""
    return n if random is None else int(random.integers(2, 300))


def numpy_files():
    np.save(folder / "one.npy", keep("one.npy", "one", numbers(">f4", rows(), 2)))
    arrays = {
        "x": np.asfortranarray(numbers("f8", rows(), 3)),
        "count": numbers("i4", rows()),
        "on": numbers("u1", rows()) % 2 == 1,
    }
    for name, array in arrays.items():
        keep("several.npz", name, array)
    np.savez_compressed(folder / "several.npz", text=np.array(["a", "b"]), **arrays)


def matlab_files():
    for file, compressed in [("v6.mat", False), ("v7.mat", True)]:
        n = rows()
        contents = {
            "x": numbers("f8", n, 2),
            "cube": numbers("f8", 2, 3, 4),
            "single": numbers("f4", n, 1),
            "logical": numbers("u1", 1, n) % 2 == 1,
            "scalar": numbers("f8", 1, 1),
            "nothing": np.zeros((0, 3)),
        }
        for kind in ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]:
            contents[kind] = numbers(kind, 2, 3)
        for name, array in contents.items():
            keep(file, name, array)
        run = {"y": numbers("f8", n, 1), "inner": {"u": numbers("i2", 1, n)}, "label": "pump"}
        keep(file, "/run/y", run["y"])
        keep(file, "/run/inner/u", run["inner"]["u"])
        cell = np.empty((1, 2), dtype=object)
        cell[0, 0], cell[0, 1] = numbers("f8", 2, 2), "text"
        contents |= {"run": run, "cell": cell, "complex": numbers("f8", 2, 2) + 1j, "text": "a text"}
        contents |= {"sparse": scipy.sparse.csc_array(np.eye(3))}
        scipy.io.savemat(folder / file, contents, do_compression=compressed, oned_as="column")
    cell = np.empty((1, 3), dtype=object)
    cell[:] = "text"
    points = np.zeros((1, 2), dtype=[("a", object), ("b", object)])
    scipy.io.savemat(folder / "no_numbers.mat", {"c": cell, "s": points})


def matlab73_file():
    """What `save -v7.3` writes: a user block with a header, axes in reverse and classes as attributes."""
    file = folder / "v73.mat"

    def write(group, name, array, kind, **attributes):
        stored = group.create_dataset(name, data=np.ascontiguousarray(array.T))
        stored.attrs["MATLAB_class"] = np.bytes_(kind)
        for key, value in attributes.items():
            stored.attrs[key] = value

    n = rows()
    with h5py.File(file, "w", userblock_size=512) as out:
        write(out, "x", keep("v73.mat", "x", numbers("f8", n, 2)), "double")
        write(out, "cube", keep("v73.mat", "cube", numbers("f4", 2, 3, 4)), "single")
        on = keep("v73.mat", "on", numbers("u1", n, 1) % 2)
        write(out, "on", on, "logical", MATLAB_int_decode=np.int32(1))
        write(out, "text", np.frombuffer(b"pump", "u1").astype("u2")[None], "char", MATLAB_int_decode=np.int32(2))
        empty = out.create_dataset("nothing", data=np.array([0, 3], "u8"))
        empty.attrs["MATLAB_class"], empty.attrs["MATLAB_empty"] = np.bytes_("double"), np.uint8(1)
        keep("v73.mat", "nothing", np.zeros((0, 3)))
        parts = np.zeros((2, 2), dtype=[("real", "f8"), ("imag", "f8")])
        write(out, "complex", parts, "double")
        run = out.create_group("run")
        run.attrs["MATLAB_class"] = np.bytes_("struct")
        write(run, "y", keep("v73.mat", "/run/y", numbers("i2", n, 1)), "int16")
        insides = out.create_group("#refs#")
        write(insides, "a", numbers("f8", 2, 2), "double")
        cell = out.create_dataset("cell", data=np.array([[insides["a"].ref]], dtype=h5py.ref_dtype))
        cell.attrs["MATLAB_class"] = np.bytes_("cell")
        sparse = out.create_group("sparse")
        sparse.attrs["MATLAB_class"], sparse.attrs["MATLAB_sparse"] = np.bytes_("double"), np.uint64(3)
        sparse.create_dataset("data", data=np.ones(3))
    with open(file, "r+b") as out:
        text = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Sat Mar 02 12:00:00 2024 HDF5 schema 1.00 ."
        out.write(text.ljust(116) + bytes(8) + b"\x00\x02IM")


def hdf5_files():
    # The formats of HDF5 1.6 and 1.14; hdf5-pure 0.47 does not know that of HDF5 2.0.
    for file, settings in [("old.h5", {}), ("new.h5", {"libver": ("v114", "v114")})]:
        with h5py.File(folder / file, "w", **settings) as out:

            def write(name, array, **filters):
                out.create_dataset(name, data=keep(file, name, array), **filters)

            n = rows()
            write("contiguous", numbers("f8", n, 2))
            write("/run1/x", numbers("f4", n), chunks=(5,), compression="gzip", shuffle=True, fletcher32=True)
            write("/run1/deep/u", numbers("i4", n, 2), chunks=(3, 2), compression="gzip")
            write("/run2/grown", numbers("f8", n), chunks=(4,), maxshape=(None,))
            both = numbers("f8", 5, 7)
            out.create_dataset("/run2/both", data=both, chunks=(2, 3), maxshape=(None, None), compression="gzip")
            if not settings:
                # In the newer format hdf5-pure 0.47 does not find the chunks of two axes that grow.
                keep(file, "/run2/both", both)
            write("/run2/lzf", numbers("i8", n), chunks=(4,), compression="lzf")
            write("big", numbers(">f8", n))
            write("big_integers", numbers(">i2", n))
            write("bytes", numbers("u1", n))
            write("on", numbers("u1", n) % 2 == 1)
            write("scalar", numbers("f8"))
            write("none", np.zeros((0, 2)))
            out["text"] = "a text"
            out["texts"] = np.array([b"a", b"bc"])
            out["records"] = np.zeros(2, dtype=[("t", "f8"), ("x", "f4")])
            out["complex"] = np.zeros(2, dtype="c16")
            out["half"] = np.zeros(2, dtype="f2")
            out["linked"] = h5py.SoftLink("/contiguous")
            out["dangling"] = h5py.SoftLink("/nowhere")


def spreadsheets():
    start = datetime.datetime(2024, 2, 29, 12, 0, 0, 500_000)
    sheet_rows = [["time", "x [V]", "label", "note"]]
    for i, value in enumerate(numbers("f8", rows(), 1)[:, 0]):
        when = start + datetime.timedelta(milliseconds=100 * i)
        # openpyxl writes 16 digits.
        sheet_rows.append([when, float(f"{value:.16g}"), "a & <b>", None if i % 2 else i])
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Run 1"
    for row in sheet_rows:
        sheet.append(row)
    second = book.create_sheet("µ & 2")
    second["B2"], second["C2"], second["D2"] = 0.1, True, "=B2*2"
    second["B4"], second["C4"] = datetime.date(2024, 3, 1), datetime.time(0, 1, 30)
    second["D4"], second["E4"] = 1e300, "#N/A"
    book.create_sheet("empty")
    book.save(folder / "book.xlsx")

    frame = pandas.DataFrame(sheet_rows[1:], columns=sheet_rows[0])
    other = pandas.DataFrame({"date": [datetime.date(2024, 3, 1)], "on": [True], "x": [0.1], "text": ["a  b"]})
    with pandas.ExcelWriter(folder / "book.ods", engine="odf") as out:
        frame.to_excel(out, sheet_name="Run 1", index=False)
        other.to_excel(out, sheet_name="second", index=False, startrow=1, startcol=1)
    column = np.array([row[1] for row in sheet_rows[1:]])
    keep("book.xlsx", "Run 1", column)
    keep("book.ods", "Run 1", column)


numpy_files()
matlab_files()
matlab73_file()
hdf5_files()
spreadsheets()
(folder / "expected.txt").write_text("\n".join(expected) + "\n", encoding="utf-8")
