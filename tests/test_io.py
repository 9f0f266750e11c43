"""Files: what is saved comes back, what is damaged is refused, what goes wrong changes nothing."""

from __future__ import annotations

import io as bytes_io
import json
import os
import pickle
import stat
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from microgradnd import io, nn
from microgradnd.io import FileFormatError

DTYPES = ["f2", "f4", "f8", ">f8", "i1", "i4", "i8", "u1", "u8", "?", "c8", "c16", "S3", "U5"]
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=0, min_side=0, max_dims=3, max_side=3))
)
TEXT = st.text(st.characters(codec="utf-8"), max_size=6)
LEAVES = (
    ARRAYS
    | st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**127)
    | st.floats()
    | TEXT
)
STATES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(TEXT | st.just(io._TREE) | st.integers(0, 3), inner, max_size=3)
    ),
    max_leaves=8,
)
reused = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def assert_same(a, b) -> None:
    assert type(a) is type(b)
    if isinstance(a, np.ndarray):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        assert a.tobytes() == b.tobytes()
    elif isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b):
            assert_same(x, y)
    else:
        assert a == b or (a != a and b != b)


@pytest.fixture
def net():
    return nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))


@given(STATES)
@reused
def test_any_state_comes_back_as_it_was(tmp_path, state) -> None:
    io.save(tmp_path / "state.npz", state)
    assert_same(io.load(tmp_path / "state.npz"), state)


def test_generators_go_on_where_they_were_saved(tmp_path) -> None:
    kinds = (np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64)
    for kind in kinds:
        rng = np.random.Generator(kind(1))
        rng.random(5)
        io.save(tmp_path / "rng.npz", rng.bit_generator.state)
        expected = rng.random(3)
        other = np.random.Generator(kind(2))
        other.bit_generator.state = io.load(tmp_path / "rng.npz")
        np.testing.assert_array_equal(other.random(3), expected)


def test_numpy_scalars_keep_their_kind(tmp_path) -> None:
    io.save(tmp_path / "x.npz", {"lr": np.float32(0.1), "steps": np.int64(3), "name": np.str_("a")})
    state = io.load(tmp_path / "x.npz")
    assert state == {"lr": np.float32(0.1), "steps": 3, "name": "a"}
    assert [type(x) for x in state.values()] == [np.float32, np.int64, np.str_]


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_a_network_comes_back_from_its_file(net, tmp_path, suffix) -> None:
    if suffix == "safetensors":
        pytest.importorskip("safetensors", reason="an extra")
    path = tmp_path / f"net.{suffix}"
    io.save(path, net.state_dict())
    other = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    other.load_state_dict(io.load(path))
    assert_same(other.state_dict(), net.state_dict())


def test_numpy_reads_a_state_dict_under_its_own_names(net, tmp_path) -> None:
    io.save(tmp_path / "net.npz", net.state_dict())
    with np.load(tmp_path / "net.npz", allow_pickle=False) as file:
        assert sorted(file.files) == sorted(net.state_dict())
        np.testing.assert_array_equal(file["0.weight"], net[0].weight.data)


def test_files_of_numpy_are_read(tmp_path) -> None:
    arrays = {"a": np.arange(6.0).reshape(2, 3).T, "b": np.array(True)}
    for write in (np.savez, np.savez_compressed):
        write(tmp_path / "x.npz", **arrays)
        loaded = io.load(tmp_path / "x.npz")
        assert list(loaded) == ["a", "b"]
        np.testing.assert_array_equal(loaded["a"], arrays["a"])


def test_tensors_are_saved_as_their_arrays(net, tmp_path) -> None:
    io.save(tmp_path / "net.npz", dict(net.named_parameters()))
    assert_same(io.load(tmp_path / "net.npz"), net.state_dict())


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"a": {1, 2}}, "a: a set cannot be saved"),
        ({"a": [1, print]}, "a/1: a builtin_function_or_method"),
        ({"a": np.array([None])}, "a: arrays of dtype object"),
        ({"a": np.zeros(2, "V2")}, "a: arrays of dtype"),
        ({(1, 2): 3}, "keys must be strings or ints"),
        (print, "the state: a builtin_function_or_method"),
    ],
)
def test_what_cannot_be_saved_is_named_and_the_old_file_stays(tmp_path, state, words) -> None:
    path = tmp_path / "x.npz"
    io.save(path, {"old": np.ones(2)})
    with pytest.raises(TypeError, match=words):
        io.save(path, state)
    assert list(io.load(path)) == ["old"]
    assert os.listdir(tmp_path) == ["x.npz"]


def test_an_interrupt_while_writing_leaves_the_old_file_and_no_other(tmp_path, monkeypatch) -> None:
    path = tmp_path / "x.npz"
    io.save(path, {"old": np.ones(2)})
    written = []

    def interrupted(file, array, **options):
        file.write(b"half of it")
        written.append(array)
        raise KeyboardInterrupt

    monkeypatch.setattr(np.lib.format, "write_array", interrupted)
    with pytest.raises(KeyboardInterrupt):
        io.save(path, {"new": np.zeros(3)})
    assert written
    assert list(io.load(path)) == ["old"]
    assert os.listdir(tmp_path) == ["x.npz"]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_permissions_are_those_of_the_old_file_or_of_any_new_one(tmp_path) -> None:
    path, other = tmp_path / "x.npz", tmp_path / "other"
    io.save(path, {"a": np.ones(1)})
    other.write_bytes(b"")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)
    path.chmod(0o640)
    io.save(path, {"a": np.ones(1)})
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_saving_through_a_link_writes_where_it_points(tmp_path) -> None:
    (tmp_path / "store").mkdir()
    link = tmp_path / "latest.npz"
    link.symlink_to(tmp_path / "store" / "one.npz")
    io.save(link, {"a": np.ones(1)})
    assert link.is_symlink()
    assert list(io.load(tmp_path / "store" / "one.npz")) == ["a"]


def zipped(**members: bytes) -> bytes:
    out = bytes_io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", "."), content)
    return out.getvalue()


def array_bytes(array: np.ndarray, allow_pickle: bool = False) -> bytes:
    out = bytes_io.BytesIO()
    np.lib.format.write_array(out, array, allow_pickle=allow_pickle)
    return out.getvalue()


FOREIGN = {
    "empty": (b"", "no zip archive"),
    "text": (b"weights: 1 2 3", "no zip archive"),
    "a pickle": (pickle.dumps({"a": np.ones(2)}), "no zip archive"),
    "an .npy": (array_bytes(np.ones(2)), "no zip archive"),
    "another zip": (zipped(data_pkl=b"x"), "'data.pkl', which is not an array"),
    "pickled objects": (zipped(a_npy=array_bytes(np.array([{}]), True)), "allow_pickle"),
    "a cut member": (zipped(a_npy=array_bytes(np.ones(9))[:-8]), "a.npy"),
    "a longer member": (zipped(a_npy=array_bytes(np.ones(9)) + b"0"), "more bytes"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_files_are_refused_with_path_and_reason(net, tmp_path, kind) -> None:
    content, words = FOREIGN[kind]
    path = tmp_path / "foreign.npz"
    path.write_bytes(content)
    before = {name: array.copy() for name, array in net.state_dict().items()}
    with pytest.raises(FileFormatError, match=words) as error:
        net.load_state_dict(io.load(path))
    assert "foreign.npz" in str(error.value)
    assert_same(net.state_dict(), before)


def test_a_nested_file_without_one_of_its_arrays_says_which(tmp_path) -> None:
    path = tmp_path / "x.npz"
    io.save(path, {"model": {"w": np.ones(2)}, "epoch": 3})
    with zipfile.ZipFile(path) as archive:
        tree = archive.read("__tree__.npy")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("__tree__.npy", tree)
    with pytest.raises(FileFormatError, match="'model/w' is missing"):
        io.load(path)


def test_every_truncation_is_refused(net, tmp_path) -> None:
    path = tmp_path / "net.npz"
    io.save(path, net.state_dict())
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(FileFormatError):
            io.load(path)


@given(data=st.data())
@settings(reused, max_examples=150)
def test_a_changed_byte_in_an_array_is_noticed(tmp_path, data) -> None:
    path = tmp_path / "x.npz"
    array = np.arange(50.0)
    io.save(path, {"a": array})
    whole = bytearray(path.read_bytes())
    at = whole.index(array.tobytes()) + data.draw(st.integers(0, array.nbytes - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    with pytest.raises(FileFormatError, match=r"x\.npz.*CRC"):
        io.load(path)


def test_the_suffix_must_say_the_format(tmp_path) -> None:
    for name in ("net", "net.pt", "net.npy", "net.NPZ"):
        with pytest.raises(ValueError, match=r"one of \.npz, \.safetensors"):
            io.save(tmp_path / name, {})
        with pytest.raises(ValueError, match=r"one of \.npz, \.safetensors"):
            io.load(tmp_path / name)
    assert not os.listdir(tmp_path)


def test_a_file_that_is_not_there_is_said_to_be_so(tmp_path) -> None:
    for suffix in ("npz", "safetensors"):
        with pytest.raises(FileNotFoundError):
            io.load(tmp_path / f"none.{suffix}")


class TestSafetensors:
    @pytest.fixture(autouse=True)
    def package(self):
        return pytest.importorskip("safetensors.numpy", reason="an extra")

    def test_arrays_of_any_layout_come_back(self, tmp_path) -> None:
        path = tmp_path / "x.safetensors"
        values = [
            np.arange(6.0).reshape(2, 3).T,
            np.array(2, "i1"),
            np.zeros((0, 3)),
            np.ones(3, "?"),
        ]
        values += [np.arange(3, dtype=">f4"), np.arange(8.0)[::2], np.ones(2, "c8")]
        arrays = {str(i): value for i, value in enumerate(values)}
        io.save(path, arrays)
        loaded = io.load(path)
        for name, array in arrays.items():
            assert loaded[name].shape == array.shape
            np.testing.assert_array_equal(loaded[name], array, strict=array.dtype.isnative)

    def test_other_programs_read_it(self, net, tmp_path, package) -> None:
        io.save(tmp_path / "net.safetensors", net.state_dict())
        theirs = package.load_file(tmp_path / "net.safetensors")
        assert_same({name: theirs[name] for name in net.state_dict()}, net.state_dict())

    def test_nested_states_and_other_dtypes_are_refused(self, tmp_path) -> None:
        path = tmp_path / "x.safetensors"
        for state in ({"a": {"b": np.ones(1)}}, {"a": 1.0}, {"a": np.ones(1, "c16")}):
            with pytest.raises(TypeError, match=r"\.npz"):
                io.save(path, state)
        assert not os.listdir(tmp_path)

    def test_bfloat16_and_damaged_files_are_refused(self, tmp_path) -> None:
        path = tmp_path / "x.safetensors"
        header = json.dumps({"w": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()
        whole = struct.pack("<Q", len(header)) + header + b"\0" * 4
        path.write_bytes(whole)
        with pytest.raises(FileFormatError, match=r"'w' has dtype BF16"):
            io.load(path)
        for content in (b"", b"no tensors here", whole[:-1], whole[: len(whole) // 2]):
            path.write_bytes(content)
            with pytest.raises(FileFormatError, match=r"x\.safetensors"):
                io.load(path)


def test_without_safetensors_the_error_names_the_extra(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    (tmp_path / "x.safetensors").write_bytes(b"")
    with pytest.raises(ImportError, match=r"microgradnd\[safetensors\]"):
        io.save(tmp_path / "y.safetensors", {"a": np.ones(1)})
    with pytest.raises(ImportError, match=r"microgradnd\[safetensors\]"):
        io.load(tmp_path / "x.safetensors")
    assert os.listdir(tmp_path) == ["x.safetensors"]


@pytest.mark.parametrize("length", [249, 255])
def test_a_name_may_be_as_long_as_the_system_allows(tmp_path: Path, length: int) -> None:
    path = tmp_path / ("n" * (length - 4) + ".npz")
    io.save(path, {"a": np.ones(2)})
    assert io.load(path)["a"].tolist() == [1, 1]


def test_what_a_killed_save_left_is_gone_after_the_next(tmp_path: Path) -> None:
    killed = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "run.npz")], stdout=subprocess.PIPE
    )
    killed.stdout.readline()  # type: ignore[union-attr] - it is in the middle of its save
    left = [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert len(left) == 1
    io.save(tmp_path / "other.npz", {"a": np.ones(2)})
    assert left[0].exists()  # its process lives: the file is not ours to remove
    killed.kill()
    killed.communicate()
    io.save(tmp_path / "other.npz", {"a": np.ones(2)})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.npz"]


KILLED = """
import os, sys, time
from microgradnd import io
io.os.fsync = lambda file: (print("writing", flush=True), time.sleep(60))
io.save(sys.argv[1], {"a": [1.0]})
"""


def test_a_file_that_unpacks_to_more_than_is_sensible_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, a=np.zeros(20_000_000))
    assert path.stat().st_size < 200_000
    with pytest.raises(io.FileFormatError, match=r"more than max_bytes = .*max_bytes=160000"):
        io.load(path)
    with pytest.raises(io.FileFormatError, match="max_bytes"):
        io.load(path, max_bytes=10**6)
    assert io.load(path, max_bytes=2 * 10**8)["a"].size == 20_000_000


def test_a_header_that_claims_more_than_its_file_holds_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "claim.npz"
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999,), }"
    header = header.ljust(117) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY\x01\x00\x76\x00" + header + bytes(8))
    with pytest.raises(io.FileFormatError, match="799,999,999,992 bytes, it holds 136"):
        io.load(path)


def test_swapped_arguments_of_save_are_named(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="save: path must be the path of a file"):
        io.save({"a": 1.0}, tmp_path / "run.npz")  # type: ignore[arg-type]
