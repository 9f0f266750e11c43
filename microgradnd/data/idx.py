"""The IDX format of the MNIST files: http://yann.lecun.com/exdb/mnist, read with distrust.

A file is: two zero bytes, a code for the element type, the number of axes, each axis as a
big-endian 32-bit unsigned integer, then the elements, big-endian, last axis fastest.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from microgradnd.arguments import FLAG, PATH, require

_ELEMENTS = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_CHUNK = 1 << 20  # memory follows what the file really holds, not what its header claims
_MOST_AXES = 64  # NumPy's limit


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """The array in an IDX file, plain or gzip (told by content, not by name), native byte order.

    Nothing is allocated on the header's word: a plain file must have exactly the promised size,
    and a gzip stream is unpacked piece by piece and no further than promised.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a foreign, truncated, damaged or over-long file; the message names the file,
            what was found and what was needed.
    """
    require("read_idx", "path", path, PATH)
    path = Path(path)
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if not packed:
            return _read_stream(raw, path, os.fstat(raw.fileno()).st_size)
        try:
            with gzip.open(raw) as stream:
                return _read_stream(stream, path, None)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(
                f"{path}: the gzip stream is cut short or damaged ({error}); get the file again"
            ) from error


def _read_stream(stream: BinaryIO | gzip.GzipFile, path: Path, held: int | None) -> np.ndarray:
    """Header and elements of `stream`; `held` is its size in bytes where that is known."""
    element, shape = _read_header(stream, path)
    start, promised = 4 + 4 * len(shape), math.prod(shape) * element.itemsize
    if held is not None and held != start + promised:
        raise _wrong_size(path, element, shape, f"{held - start:,}")
    content = bytearray()
    while chunk := stream.read(min(_CHUNK, promised + 1 - len(content))):
        content += chunk
    if len(content) != promised:
        more = "more than " * (len(content) > promised)
        raise _wrong_size(path, element, shape, f"{more}{min(len(content), promised):,}")
    array = np.frombuffer(content, element)
    try:
        return array.reshape(shape).astype(element.newbyteorder("="), copy=False)
    except ValueError as error:  # an empty array whose other axes overflow
        raise ValueError(f"{path}: NumPy cannot make an array of shape {shape}: {error}") from error


def _read_header(stream: BinaryIO | gzip.GzipFile, path: Path) -> tuple[np.dtype, tuple[int, ...]]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _ELEMENTS:
        codes = " ".join(f"{code:02x}" for code in _ELEMENTS)
        raise ValueError(
            f"{path}: not an IDX file, it starts with {magic.hex(' ') or 'nothing'!r}; needed "
            f"00 00, a type code (one of {codes}) and the number of axes"
        )
    axes = magic[3]
    if axes > _MOST_AXES:
        raise ValueError(f"{path}: claims {axes} axes, an array has at most {_MOST_AXES}")
    sizes = stream.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise ValueError(
            f"{path}: truncated, {len(sizes)} bytes of axis sizes found where its {axes} axes "
            f"need {4 * axes}"
        )
    return np.dtype(_ELEMENTS[magic[2]]), struct.unpack(f">{axes}I", sizes)


def _wrong_size(path: Path, element: np.dtype, shape: tuple[int, ...], found: str) -> ValueError:
    promised = math.prod(shape) * element.itemsize
    return ValueError(
        f"{path}: truncated or over-long, {found} bytes of data found where its header, shape "
        f"{shape} of {element.newbyteorder('=').name}, needs {promised:,}; get the file again"
    )


def mnist(folder: str | os.PathLike[str], train: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """MNIST's images (N, 28, 28) and labels (N,), both uint8, from its files in `folder`.

    Looks for `train-images-idx3-ubyte` and `train-labels-idx1-ubyte` (`t10k-…` with
    train=False), with "-" or "." before "idx", with or without ".gz".

    Raises:
        FileNotFoundError: none of the names is there; the message lists them.
        ValueError: a damaged file, shapes other than MNIST's, or unequal counts.
    """
    require("mnist", "folder", folder, PATH)
    require("mnist", "train", train, FLAG)
    part = "train" if train else "t10k"
    image_file = _find(Path(folder), part, "images", 3)
    label_file = _find(Path(folder), part, "labels", 1)
    images, labels = read_idx(image_file), read_idx(label_file)
    if images.ndim != 3 or images.shape[1:] != (28, 28) or images.dtype != np.uint8:
        raise ValueError(
            f"{image_file}: needed images (N, 28, 28) of uint8, found {images.shape} of "
            f"{images.dtype}"
        )
    if labels.ndim != 1 or labels.dtype != np.uint8:
        raise ValueError(
            f"{label_file}: needed labels (N,) of uint8, found {labels.shape} of {labels.dtype}"
        )
    if len(images) != len(labels):
        raise ValueError(
            f"{len(images)} images in {image_file} but {len(labels)} labels in {label_file}; "
            "both files must be of one set"
        )
    return images, labels


def _find(folder: Path, part: str, what: str, axes: int) -> Path:
    names = [f"{part}-{what}{dot}idx{axes}-ubyte{end}" for end in ("", ".gz") for dot in "-."]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(
        f"no MNIST {what} in {folder}: looked for {', '.join(names)}; put one of them there"
    )
