"""IDX files: what is written is read, and nothing damaged, foreign or hostile gets through."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from microgradnd.data import mnist, read_idx

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def header(code: int, *shape: int) -> bytes:
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


def idx(array: np.ndarray) -> bytes:
    code = CODES[array.dtype.str[1:]]
    return header(code, *array.shape) + array.astype(array.dtype.newbyteorder(">")).tobytes()


def written(folder: Path, content: bytes, name: str = "some-file") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@given(
    array=st.sampled_from(sorted(CODES)).flatmap(
        lambda code: hnp.arrays(code, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0))
    ),
    packed=st.booleans(),
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, packed: bool
) -> None:
    content = gzip.compress(idx(array)) if packed else idx(array)
    read = read_idx(written(tmp_path_factory.mktemp("idx"), content))
    assert read.dtype == array.dtype
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, array)


def test_numbers_are_read_big_endian_and_can_be_written_to(tmp_path: Path) -> None:
    read = read_idx(
        written(tmp_path, b"\0\0\x0c\x01\0\0\0\x02" + b"\0\0\1\0" + b"\xff\xff\xff\xff")
    )
    assert read.tolist() == [256, -1]
    read[0] = 7
    assert read[0] == 7


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not an IDX file.*nothing"),
        (b"\0\0", "not an IDX file.*00 00"),
        (b"\x89PNG\r\n\x1a\n", "not an IDX file.*89 50 4e 47"),
        (b"\0\0\x07\x01\0\0\0\0", "not an IDX file.*00 00 07 01"),
        (b"\0\0\x08\xff" + bytes(4 * 255), "255 axes"),
        (b"\0\0\x08\x03\0\0\0\1\0", "truncated, 5 bytes of axis sizes.*12"),
        (header(8, 2, 3) + bytes(5), r"truncated or over-long, 5 bytes.*\(2, 3\).*uint8.*needs 6"),
        (header(0x0D, 2) + bytes(7), r"7 bytes.*float32.*needs 8"),
        (header(8, 0) + b"x", "over-long.*needs 0"),
        (header(8, 2, 3) + bytes(7), "over-long, (more than 6|7) bytes.*needs 6"),
        (header(0x0D, 2) + bytes(9), "over-long, (more than 8|9) bytes.*needs 8"),
        (header(8, 2, 3) + bytes(60), "over-long.*needs 6"),
        (header(8, 2**32 - 1, 2**32 - 1, 2**32 - 1, 0), "cannot make an array"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_file_is_refused_by_name(
    tmp_path: Path, content: bytes, said: str, packed: bool
) -> None:
    path = written(tmp_path, gzip.compress(content) if packed else content)
    with pytest.raises(ValueError, match=f"some-file: .*{said}"):
        read_idx(path)


@pytest.mark.parametrize("packed", [False, True])
def test_a_header_that_promises_terabytes_costs_no_memory(tmp_path: Path, packed: bool) -> None:
    content = header(0x0E, 2**32 - 1, 2**32 - 1) + bytes(64)
    path = written(tmp_path, gzip.compress(content) if packed else content)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="64 bytes of data found"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_gzip_bomb_is_unpacked_no_further_than_its_header_promises(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(header(8, 10) + bytes(100 << 20), compresslevel=1))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="more than 10 bytes of data found"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_cut_or_damaged_gzip_stream_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress(idx(np.random.default_rng(0).integers(0, 9, (50, 4), np.uint8)))
    wrong_check = packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:]
    for i, content in enumerate([packed[:5], packed[:60], packed[:-1], wrong_check]):
        with pytest.raises(ValueError, match=f"file-{i}: .*gzip stream is cut short or damaged"):
            read_idx(written(tmp_path, content, f"file-{i}"))


def test_a_missing_file_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "nowhere")


# MNIST


def put(
    folder: Path, images: np.ndarray, labels: np.ndarray, part: str, dot: str, gz: bool
) -> None:
    for what, axes, array in (("images", 3, images), ("labels", 1, labels)):
        content = gzip.compress(idx(array)) if gz else idx(array)
        written(folder, content, f"{part}-{what}{dot}idx{axes}-ubyte" + ".gz" * gz)


@pytest.mark.parametrize("dot", ["-", "."])
@pytest.mark.parametrize("gz", [False, True])
def test_mnist_is_found_under_its_usual_names(tmp_path: Path, dot: str, gz: bool) -> None:
    rng = np.random.default_rng(0)
    parts = {}
    for part, n in (("train", 5), ("t10k", 3)):
        images = rng.integers(0, 256, (n, 28, 28), np.uint8)
        parts[part] = images, rng.integers(0, 10, n, np.uint8)
        put(tmp_path, *parts[part], part, dot, gz)
    for part, train in (("train", True), ("t10k", False)):
        for read, wanted in zip(mnist(tmp_path, train), parts[part]):
            assert read.dtype == np.uint8
            np.testing.assert_array_equal(read, wanted)


def test_missing_mnist_files_are_listed_by_all_their_names(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        mnist(tmp_path, train=False)
    for name in ("t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte"):
        assert f"{name}, " in str(caught.value)
        assert f"{name}.gz" in str(caught.value)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("images", "labels", "said"),
    [
        (np.zeros((2, 28, 27), np.uint8), np.zeros(2, np.uint8), r"\(2, 28, 27\)"),
        (np.zeros((2, 28, 28), np.float32), np.zeros(2, np.uint8), "float32"),
        (np.zeros((2, 28, 28), np.uint8), np.zeros((2, 1), np.uint8), r"\(2, 1\)"),
        (np.zeros((2, 28, 28), np.uint8), np.zeros(3, np.uint8), "2 images .* 3 labels"),
    ],
)
def test_files_that_are_not_mnists_are_refused(
    tmp_path: Path, images: np.ndarray, labels: np.ndarray, said: str
) -> None:
    put(tmp_path, images, labels, "train", "-", False)
    with pytest.raises(ValueError, match=said):
        mnist(tmp_path)
