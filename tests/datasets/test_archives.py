"""What others pickled comes back as it was: every protocol, numpy 1 and 2, tables of pandas 1 to 3."""

import base64
import pickle
import zlib
from collections import OrderedDict, defaultdict

import numpy as np
import pandas as pd
import pytest

from emofuse.datasets.archive_tables import Columns
from emofuse.datasets.archives import load_restricted, load_restricted_npz
from emofuse.errors import DatasetError

# The frame of `test_tables_of_older_pandas`, pickled by pandas of that version, compressed.
PANDAS = {
    "1.5.3": (
        "eNp1k0tr20AQx/Ww4zycpqWv0Jae3YtPofRQCElMIRFVwaW3hmVXXntFpJXYXZEYakgPjmOYm9Tv0s/WSzuSbBKnyYKk"
        "WWlm/r8dzVw2fv1xrWrBk5TKAdXdIFG8O1Q05rDRo4Z+Ks383c9JBxokHil4e9sxlIYrSSPdjamkI640tA+jJDj7XG9z"
        "eLFwJ1HI9I0/7JBMpmFwFnHCyoC8gKcrrlQpOtbwhpB0fHHj7PcOyg+HNDjjgxxe3aapQ7raqFCOSAFbXyurCshPfn//"
        "tu3P+sJevu+ZcVodDVraJAp5YS0dG5FIzeC5zOJ0XOeNs8iEVXJoE8UDdDAqCwwyNyu3AlpIUckUnjU9slkx63c823Om"
        "woXmoBIqwPnyYX496xcdzwX7h+/7J39xVTdv37D5aQdsCs9WyhCHWiMrOP5Bzg2bzBissyxEIKmhqaMwwMye6zU8e9b3"
        "HDyfJRzRQArRrBmQ4kqsgRPeEv9YrKpbqH702K57wXIWT8PEehn+YGqnTN0quV2KjK6g6X8ebiU+3FuKi817pHetBxYi"
        "3D0NJtyaH7Ut63J/eRnGK1YLy+DUrDOE2l1t1QG/4LrLqOYFbBLJz8lx+S4vRBuatVl2+QC7vrij2pjWx2zxODFhIsGW"
        "sD7k1GSKa7A1ykND4qQUfnbVF9vw+j5p7BWuwgA2j6V5v7dUFI/u1mwqNvBvLCbTat2UYqfMzq/6OIrYUrBRoi5mlcTc"
        "0HJ/Ck1qjNITWCPDiI7QeEmjKDnXZJCl2C/UcBJRxiN9rTPW/Qcbb2Nc"
    ),
    "2.2.3": (
        "eNp1k0tr20AQx/XyI4nbpPQVSmmv7sWnHnoohMSh0Iiq4J7DsiuvvSLSSuyuSAw1pAfHMcxN6ifrJ+knaEeSQ+K0WZA0"
        "u5qZ/2+WmUvv5y/Xqhc8yagcUz0IU8UHE0UTDlvH1NBPlVm8+zHvg0eSqYI3dx0jabiSNNaDhEo65UpD7yhOw7MvzbaA"
        "F2t3EkdM3/rDLsllFoVnMSesCihKeLrhSpWiMw2vCclmF7fOwfFh9eOIhmd8XMCruzRNyEAbFckpKWHnW23VAcXJ2/Zv"
        "L1iOhH1zfmxmWV0adLRJFfJCO5sZkUrN4LnMk2zW5E3y2ER1cugRxUN0MCoPDTK3arcSOkhRy5S+tRjarFyO+r7tOwvh"
        "QmtcC5XgfP2wul6Oyr7vgv09CIKTP7jql39g2Oq0DzaFZxvXkERaIys4wWHBDZsvGXRZHiGQ1NDScRRiZt/1Pd9ejnwH"
        "67OEIzykEK2GASmuRBuc6I74x3JT3UL14Z7d9ILlrL+GiW4V/mBqp0rdqbhdioyuoNk/Hm4tPnl/Iy62/yO9bz2wEOF+"
        "NZhwZzXsWdblwc1jGK9ZLbwGp2FdItT+ZquO+QXXA0Y1L2GbSH5OPldnRSl60FqbVZuPse3Le7Leoqmzw5PURKkEW0J3"
        "wqnJFddga9QHT+KolEF+NRKPxON5X+zev4yF2MJrXo+c1bmtca+K4lcjnDHsFdiqENZDSBJuaLU/hRY1Ruk5tMkkplM0"
        "XtI4Ts81GecZNgI1nMSU8Vhf65wN/gIzW1P7"
    ),
}

PLAIN = [
    *(None, True, False, 0, -5, 10**40, 2.5, 1j, "", "é", "x" * 100_000, b"abc"),
    *([1, [2, (3,)]], {"a": {1: 2}, ("b", 1): None}, {1, 2}, frozenset("ab"), slice(1, None, 2), range(5)),
    OrderedDict(b=1, a=2),
]
ARRAYS = [
    np.arange(6).reshape(2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.array(5),
    np.zeros((0, 4), np.float32),
    np.array([True, False]),
    np.array(["a", "bcd"]),
    np.array([b"x", b"yz"]),
    np.array(["2020-01-01"], "M8[D]"),
    np.array([1, 2], "m8[ns]"),
    np.arange(4, dtype=">f4"),
    np.arange(4, dtype=np.float16),
    np.arange(20_000, dtype=np.int64),
    np.random.default_rng(0).random((150, 100)),
    np.arange(30_000, dtype=">i4"),
    np.array([{"emo": 1}, None, "x"], dtype=object),
]


@pytest.fixture
def back(tmp_path):
    def read(value, protocol=4, **options):
        path = tmp_path / "a.pkl"
        path.write_bytes(pickle.dumps(value, protocol))
        return load_restricted(path, **options)

    return read


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_of_every_protocol(back, protocol):
    for value in PLAIN:
        if isinstance(value, str) and len(value) > 1 << 16:
            continue
        found = back(value, protocol)
        assert found == value
        assert type(found) is type(value)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_arrays_of_every_protocol(back, array, protocol):
    found = back({"a": array, "b": [array]}, protocol)
    assert found["a"].shape == array.shape
    assert found["a"].dtype == array.dtype.newbyteorder("=")
    assert found["a"].tolist() == array.tolist()
    assert found["b"][0] is found["a"]
    assert found["a"].flags.writeable


def test_numpy_scalars_and_default_dictionaries(back):
    found = back({"a": np.float32(1.5), "b": np.str_("x"), "c": defaultdict(list, k=[1])})
    assert (found["a"], found["b"]) == (np.float32(1.5), "x")
    assert found["c"]["absent"] == []


def test_narrow_reads_blocks_of_float64_as_float32(back):
    block, line = np.random.default_rng(0).random((300, 200)), np.arange(3.0)
    found = back({"block": block, "line": line}, narrow=True)
    assert found["block"].dtype == np.float32
    assert np.array_equal(found["block"], block.astype(np.float32))
    assert found["line"].dtype == np.float64


def test_strings_of_python_2_are_latin_1(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(b"\x80\x02U\x03caf\xe9".replace(b"\x03", b"\x04") + b".")
    assert load_restricted(path) == "café"
    # An array of Python 2: its bytes are such a string.
    raw = np.array([1.0, -2.5]).tobytes()
    path.write_bytes(
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x10" + raw + b"tb."
    )
    assert load_restricted(path).tolist() == [1.0, -2.5]


def test_what_follows_the_first_pickle_is_not_read(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps([1]) + b"cos\nsystem\n")
    assert load_restricted(path) == [1]


def test_a_long_text_outside_of_an_array_is_refused(back):
    with pytest.raises(DatasetError, match="long string"):
        back("x" * 100_000)


@pytest.mark.parametrize("version", PANDAS)
def test_tables_of_older_pandas(version, tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(zlib.decompress(base64.b64decode(PANDAS[version])))
    _is_the_frame(load_restricted(path))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("storage", ["python", "pyarrow"])
def test_tables_of_this_pandas(protocol, storage, back):
    frame = pd.DataFrame(
        {
            "emotion": ["ang", "hap"],
            "n": [1, 2],
            "features": [np.zeros((2, 3), np.float32), np.ones((1, 3), np.float32)],
            "s": pd.array(["a", None], dtype=pd.StringDtype(storage)),
        },
        index=[3, 7],
    )
    _is_the_frame(back(frame, protocol))


def _is_the_frame(found):
    assert isinstance(found, Columns)
    assert list(found.columns) == ["emotion", "n", "features", "s"]
    assert found.columns["emotion"].tolist() == ["ang", "hap"]
    assert found.columns["n"].tolist() == [1, 2]
    assert [part.shape for part in found.columns["features"]] == [(2, 3), (1, 3)]
    assert found.columns["s"].tolist() == ["a", None]
    assert found.index.tolist() == [3, 7]


def test_series_ranges_and_many_columns(back):
    assert back(pd.Series([1.5, 2.5])).columns["0"].tolist() == [1.5, 2.5]
    wide = pd.DataFrame({f"c{index}": [index, index + 1] for index in range(50)})
    wide.insert(3, "x", [0.5, 0.25])
    found = back(wide)
    assert {name: column.tolist() for name, column in found.columns.items()} == wide.to_dict("list")
    assert found.index.tolist() == [0, 1]


def test_npz_with_object_members(tmp_path):
    labels = {"a": {"emo": 1, "val": -2.5}}
    np.savez_compressed(
        tmp_path / "a.npz", train_corpus=labels, x=np.arange(6.0).reshape(2, 3), s=np.array(["q"])
    )
    found = load_restricted_npz(tmp_path / "a.npz")
    assert found["train_corpus"].item() == labels
    assert found["x"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["s"].tolist() == ["q"]
    np.save(tmp_path / "b.npy", np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)))
    assert load_restricted_npz(tmp_path / "b.npy")[""].tolist() == [[0, 1, 2], [3, 4, 5]]
