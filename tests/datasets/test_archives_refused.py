"""Files that try to run code, to take up the machine or to bring the process down end in a DatasetError."""

import contextlib
import os
import pickle
import resource
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emofuse.datasets.archives import load_restricted, load_restricted_npz
from emofuse.errors import DatasetError


def _global(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def _text(value: str) -> bytes:
    raw = value.encode()
    return b"\x8c" + bytes([len(raw)]) + raw


def _stack_global(module: str, name: str) -> bytes:
    return _text(module) + _text(name) + b"\x93"


class _Runs:
    def __init__(self, call, *given):
        self.call, self.given = call, given

    def __reduce__(self):
        return self.call, self.given


_ARRAY = (
    _global("numpy.core.multiarray", "_reconstruct") + _global("numpy", "ndarray") + b"K\x00\x85C\x01b\x87R"
)
_F8 = (
    _global("numpy", "dtype")
    + _text("f8")
    + b"\x89\x88\x87R(K\x03"
    + _text("<")
    + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
)
_O8 = _F8.replace(_text("f8"), _text("O8")).replace(_text("<"), _text("|"))

_LAUGH = b"K\x00\x94" + b"".join(b"h%ch%c\x86\x94" % (i, i) for i in range(60))

REFUSED = {
    "os.system": pickle.dumps(_Runs(os.system, "touch flag")),
    "os.system, protocol 0": pickle.dumps(_Runs(os.system, "touch flag"), 0),
    "eval": pickle.dumps(_Runs(eval, "open('flag', 'w')")),
    "exec": pickle.dumps(_Runs(exec, "open('flag', 'w')")),
    "getattr of an allowed module": pickle.dumps([_Runs(getattr, np.ndarray, "tofile")]),
    "dotted name": _stack_global("numpy", "ndarray.tofile") + b".",
    "dotted name of builtins": _stack_global("builtins", "list.__class__.__base__") + b".",
    "chain through __builtins__": _stack_global("collections", "OrderedDict.__init__.__globals__") + b".",
    "name with a break in it": _stack_global("os\nsystem", "x") + b".",
    "inst": b"(Vtouch x\nios\nsystem\n.",
    "obj": b"(" + _global("builtins", "list") + b"o.",
    "newobj_ex": _global("builtins", "list") + b")}\x92.",
    "persistent id": b"Pmodule\n.",
    "binary persistent id": _text("x") + b"Q.",
    "extension 1": b"\x82\x01.",
    "extension 2": b"\x83\x01\x00.",
    "extension 4": b"\x84\x01\x00\x00\x00.",
    "out of band buffer": b"\x97.",
    "build on a dict": b"}}" + _text("__class__") + b"Nsb.",
    "build on a list": b"]}b.",
    "build on a name": _global("builtins", "list") + b"}b.",
    "a class as the value": _global("numpy", "ndarray") + b".",
    "a class inside": b"]" + _global("builtins", "int") + b"a.",
    "copyreg": _global("copy_reg", "_reconstructor") + b".",
    "subclass of ndarray": _ARRAY.replace(b"cnumpy\nndarray", b"cnumpy.matrixlib.defmatrix\nmatrix") + b".",
    "reconstruct of a list": _ARRAY.replace(b"cnumpy\nndarray", b"cbuiltins\nlist") + b".",
    "array never filled": _ARRAY + b".",
    "object scalar": _global("numpy.core.multiarray", "scalar") + _O8 + b"C\x08" + b"\x01" * 8 + b"\x86R.",
    "array of callables": _ARRAY + b"(K\x01K\x01\x85" + _O8 + b"\x89]" + _global("builtins", "eval") + b"atb.",
    "array of allowed names": _ARRAY + b"(K\x01K\x01\x85" + _O8 + b"\x89]" + _global("builtins", "list") + b"atb.",
    "array of too few bytes": _ARRAY + b"(K\x01J\x00\x00\x00\x7f\x85" + _F8 + b"\x89C\x00tb.",
    "array of a negative length": _ARRAY + b"(K\x01J\xff\xff\xff\xff\x85" + _F8 + b"\x89C\x00tb.",
    "array in itself": _ARRAY + b"\x94(K\x01K\x01\x85" + _O8 + b"\x89]h\x00atb.",
    "records": _global("numpy", "dtype") + _text("V8") + b"\x89\x88\x87R.",
    "items of a gigabyte": _global("numpy", "dtype") + _text("S1073741824") + b"\x89\x88\x87R.",
    "codec that runs": _global("_codecs", "encode") + _text("x") + _text("zip") + b"\x86R.",
    "bytearray bomb": _global("builtins", "bytearray") + b"\x8a\x06\x00\x00\x00\x00\x00\x01\x85R.",
    "range bomb": _global("builtins", "range") + b"K\x00\x8a\x07\x00\x00\x00\x00\x00\x00\x01K\x01\x87R.",
    "list of a range": _global("builtins", "list") + _global("builtins", "range") + b"K\x00M\xff\xffK\x01\x87R\x85R.",
    "int of a string": _global("builtins", "int") + _text("9" * 200) + b"\x85R.",
    "string longer than the file": b"\x8d" + struct.pack("<Q", 1 << 60) + b"x.",
    "bytes longer than the file": b"\x8e" + struct.pack("<Q", 1 << 62) + b"x.",
    "bytearray longer than the file": b"\x96" + struct.pack("<Q", 1 << 62) + b"x.",
    "frame longer than the file": b"\x95" + struct.pack("<Q", 1 << 62) + b"N.",
    "huge whole number": b"\x8b\xff\xff\xff\x7f" + b"\x01" * 100 + b".",
    "long digits": b"L" + b"9" * 5000 + b"L\n.",
    "list in itself": b"]\x94h\x00a.",
    "deep tuples": b")" + b"\x85" * 100_000 + b".",
    "deep lists": b"]" * 100_000 + b"a" * 99_999 + b".",
    "deep key": b"})" + b"\x85" * 100_000 + b"Ns.",
    "key of a list": b"}]Ns.",
    "colliding keys": b"}" + b"\x8a\x09" + (2**61 - 1 << 3).to_bytes(9, "little") + b"Ns.",
    "endless sharing": b"K\x00\x94" + b"".join(b"h%ch%c\x86\x94" % (i, i) for i in range(60)) + b".",
    "one payload, many arrays": b"",
    "endless sharing as a name": _LAUGH + _text("x") + b"\x93.",
    "endless sharing as a shape": _ARRAY + b"(K\x01" + _LAUGH + _F8 + b"\x89C\x00tb.",
    "endless sharing as a type": _global("numpy", "dtype") + _LAUGH + b"\x89\x88\x87R.",
    "endless sharing as an encoding": _global("_codecs", "encode") + _text("x") + _LAUGH + b"\x86R.",
    "endless sharing as a key": b"}" + _LAUGH + b"Ns.",
    "one string, many bytes": b"T" + struct.pack("<I", 60_000) + b"x" * 60_000 + b"\x94" + _text("latin1") + b"\x94"
    + _global("_codecs", "encode") + b"\x94(" + b"h\x02h\x00h\x01\x86R" * 20_000 + b"l.",
    "factory of one's own": _global("collections", "defaultdict") + _global("builtins", "eval") + b"\x85R.",
    "factory of an allowed name": _global("collections", "defaultdict") + _global("numpy", "ndarray") + b"\x85R.",
    "newer protocol": b"\x80\x06N.",
    "memo never kept": b"h\x07.",
    "empty": b"",
    "no stop": b"N",
    "no value": b".",
    "mark alone": b"(e.",
    "zip archive": b"PK\x03\x04",
    "text": b"id,label\n1,joy\n",
    "pandas plot": _stack_global("pandas", "io.common.os.system") + b".",
    "pandas eval": _stack_global("pandas", "eval") + b".",
    "numpy load": _stack_global("numpy", "load") + b".",
    "numpy runstring": _stack_global("numpy.testing._private.utils", "runstring") + b".",
}  # fmt: skip


def _shared_payload() -> bytes:
    # A megabyte that is kept once and made an array of a thousand times.
    raw = b"\x8e" + struct.pack("<Q", 1 << 20) + bytes(1 << 20) + b"\x940" + _F8 + b"\x940"
    one = _ARRAY + b"(K\x01J\x00\x00\x02\x00\x85h\x01\x89h\x00tb"
    return raw + b"(" + one * 1000 + b"l."


REFUSED["one payload, many arrays"] = _shared_payload()


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_and_nothing_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.pkl"
    path.write_bytes(REFUSED[name])
    with pytest.raises(DatasetError, match=r"a\.pkl"):
        load_restricted(path)
    assert [file.name for file in tmp_path.iterdir()] == ["a.pkl"]


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (_Runs(os.system, "true"), "posix.system"),
        (_Runs(eval, "1"), "builtin.*eval"),
        (_Runs(getattr, [], "append"), "builtin.*getattr"),
        (np.array([os.system, eval], dtype=object), "posix.system"),
        ({"a": [Path("x")]}, "pathlib"),
        (np.ma.array([1.0]), "numpy.ma"),
        (np.array([(1, 2)], dtype=[("a", "i4"), ("b", "i4")]), "V8"),
    ],
)
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_the_name_is_said(value, named, protocol, tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(value, protocol))
    with pytest.raises(DatasetError, match=named.replace("posix", "(posix|nt)")):
        load_restricted(path)


def test_what_a_file_names_is_shortened_and_printable(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(_text("\x1b[2J") + _text("x" * 200) + b"\x93.")
    with pytest.raises(DatasetError) as found:
        load_restricted(path)
    assert "\x1b" not in str(found.value)
    assert len(str(found.value)) < len(str(path)) + 250


def test_memo_of_a_huge_number_takes_up_nothing(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(b"K\x07r\xff\xff\xff\xff0j\xff\xff\xff\xff.")
    assert load_restricted(path) == 7


@pytest.mark.parametrize("brick", [b"]", b"}", b"\x8f", b"N\x94", b"(", b"(K\x01l", b")\x85"])
def test_small_bricks_cannot_take_up_the_machine(brick, tmp_path):
    # A file of nothing but bricks may take up 64 MiB and 32 times its size, then it is refused.
    path = tmp_path / "a.pkl"
    path.write_bytes(brick * (6_000_000 // len(brick)) + b".")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with contextlib.suppress(DatasetError):
        load_restricted(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000


def test_max_bytes_lowers_the_bound(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(np.zeros(1000)))
    assert load_restricted(path, max_bytes=20_000).shape == (1000,)
    with pytest.raises(DatasetError, match="take up"):
        load_restricted(path, max_bytes=7_999)


@pytest.mark.parametrize("place", ["nowhere.pkl", "."])
def test_what_is_no_file_is_a_dataset_error(place, tmp_path):
    with pytest.raises(DatasetError, match="cannot be read"):
        load_restricted(tmp_path / place)


def _npz(path: Path, content: bytes, *, name: str = "a.npy") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return path


def _npy(header: str, content: bytes = b"") -> bytes:
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


@pytest.mark.parametrize(
    "content",
    [
        _npy(
            "{'descr': '|O', 'fortran_order': False, 'shape': (), }", pickle.dumps(_Runs(os.system, "true"))
        ),
        _npy("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", pickle.dumps([1, 2])),
        _npy("{'descr': '<f8', 'fortran_order': False, 'shape': (9999999,), }", b"12345678"),
        _npy("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }", b"12345678"),
        _npy("__import__('os').system('true')"),
        _npy("(" * 60_000),
        b"\x93NUMPY\x09",
        b"",
        bytes(50_000_000),
    ],
)
def test_members_of_npz_are_held_to_the_same(content, tmp_path):
    with pytest.raises(DatasetError, match=r"a\.npz"):
        load_restricted_npz(_npz(tmp_path / "a.npz", content))


def test_damaged_zip_is_a_dataset_error(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=np.arange(1000))
    whole = path.read_bytes()
    for cut in (10, len(whole) // 2, len(whole) - 3):
        path.write_bytes(whole[:cut])
        with pytest.raises(DatasetError):
            load_restricted_npz(path)


def valid_archives() -> list[bytes]:
    """Sound archives of every layout, small, to be damaged."""
    rng = np.random.default_rng(0)
    value = {
        "train": {
            "id": ["a$_$1", b"b", np.str_("c")],
            "text": rng.random((3, 2, 2), np.float32),
            "audio_lengths": [1, 2, 3],
            "object": np.array([{"emo": 1, "val": -2.5}, None, "x"], dtype=object),
            "fortran": np.asfortranarray(rng.random((2, 3))),
            "words": np.array(["ab", "c"]),
            "when": np.array(["2020-01-01"], "M8[D]"),
            "scalar": np.float64(1.5),
            "sets": ({1, 2}, frozenset("ab"), slice(1, 2, None), range(3), 2j, bytearray(b"x")),
        }
    }
    many = [pickle.dumps(value, protocol) for protocol in range(6)]
    many.append(pickle.dumps([{"Ses01": [rng.random(4)]}, ["Ses01"]], 2))
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"emotion": ["neu"], "n": [1], "features": [rng.random((2, 2))]})
    return [*many, pickle.dumps(frame, 4), pickle.dumps(frame, 5)]


def mutated(rng: np.random.Generator, archives: list[bytes]) -> bytes:
    """An archive with bytes flipped, put in, taken out, or spliced with another."""
    content = bytearray(archives[rng.integers(len(archives))])
    for _ in range(rng.integers(1, 6)):
        place = int(rng.integers(len(content) + 1)) if content else 0
        match rng.integers(5):
            case 0 if place < len(content):
                content[place] = int(rng.integers(256))
            case 1:
                content[place:place] = rng.bytes(int(rng.integers(1, 9)))
            case 2:
                del content[place : place + int(rng.integers(1, 20))]
            case 3:
                other = archives[rng.integers(len(archives))]
                start = int(rng.integers(len(other)))
                content[place:place] = other[start : start + int(rng.integers(1, 200))]
            case _:
                content[place : place + 1] = bytes(rng.choice(np.frombuffer(OPCODES, np.uint8), 1))
    return bytes(content)


OPCODES = bytes(range(0x80, 0x99)) + b"(.012FGIJKLMNPQRSTUVXabcdeghijlopqrstuB}]C)"
_LOOP = """
import importlib.util, io, resource, sys
import numpy as np
from emofuse.datasets.archives import load_restricted
from emofuse.errors import DatasetError
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
spec = importlib.util.spec_from_file_location("mutations", sys.argv[1])
mutations = importlib.util.module_from_spec(spec)
spec.loader.exec_module(mutations)
rng, archives = np.random.default_rng(int(sys.argv[3])), mutations.valid_archives()
read = refused = 0
from pathlib import Path
place = Path(sys.argv[4])
from emofuse.datasets import archive_machine
for index in range(int(sys.argv[2])):
    # Half of them with the long stretches passed over that otherwise only large files have.
    archive_machine.BIG = (1 << 16, 40)[index % 2]
    place.write_bytes(mutations.mutated(rng, archives))
    try:
        repr(load_restricted(place))
        read += 1
    except DatasetError:
        refused += 1
print(read, refused)
"""


def _survives(count: int, seed: int, place: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _LOOP, __file__, str(count), str(seed), str(place)],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
        cwd=place.parent,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    read, refused = map(int, run.stdout.split())
    assert read + refused == count
    assert read and refused > count / 3
    assert [file.name for file in place.parent.iterdir()] == [place.name]


def test_mutated_files_end_in_a_value_or_a_typed_error(tmp_path):
    _survives(2_000, 0, tmp_path / "a.pkl")


@pytest.mark.slow
def test_ten_thousand_mutated_files_end_in_a_value_or_a_typed_error(tmp_path):
    _survives(10_000, 1, tmp_path / "a.pkl")


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_opcodes_end_in_a_value_or_a_typed_error(data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "opcodes.pkl"
    names = [
        _global("builtins", "list"),
        _global("numpy", "dtype"),
        _ARRAY,
        _F8,
        _text("f8"),
        _global("os", "system"),
    ]
    bricks = st.one_of(
        st.sampled_from([bytes([code]) for code in OPCODES]), st.sampled_from(names), st.binary(max_size=6)
    )
    path.write_bytes(b"".join(data.draw(st.lists(bricks, max_size=40))) + b".")
    try:
        load_restricted(path)
    except DatasetError as error:
        assert "opcodes.pkl" in str(error)


def test_streams_are_not_needed_whole(tmp_path):
    # A cut anywhere in a sound file is a typed error.
    for content in valid_archives()[2:5]:
        path = tmp_path / "a.pkl"
        for cut in range(0, len(content) - 1, 23):
            path.write_bytes(content[:cut])
            with pytest.raises(DatasetError):
                load_restricted(path)
