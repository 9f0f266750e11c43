"""State dicts in files: .npz and safetensors.

A file appears whole or not at all: it is written beside its place and renamed. Nothing is pickled,
so reading a file runs no code of its.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from microgradnd import errors
from microgradnd.arguments import PATH, optional, require, whole

__all__ = ["FileFormatError", "load", "save"]
if not TYPE_CHECKING:  # type checkers are to see misspelt names themselves
    __getattr__, __dir__ = errors.public_names(__name__, __all__)

_TREE = "__tree__"  # the member that holds, as JSON, how a nested state is put together
_SIZES = ("8", "16", "32", "64")
# The dtypes that both safetensors and NumPy have, as each calls them.
_SAFETENSORS_NAMES = {"BOOL", "C64", "F16", "F32", "F64", *(s + n for s in "IU" for n in _SIZES)}
_NUMPY_NAMES = {"bool", "complex64", "float16", "float32", "float64"} | {
    kind + n for kind in ("int", "uint") for n in _SIZES
}
_PREFIX = "microgradnd-"  # of the names of files under way; then comes the process that writes
_KINDS = "biufcSU"  # of dtypes that mean the same in every program that reads the file


class FileFormatError(ValueError):
    """A file that is not what its name says; nothing of it was loaded."""

    def __init__(self, path: str | os.PathLike[str], reason: object) -> None:
        super().__init__(f"{os.fspath(path)!r} cannot be loaded: {reason}")


def save(path: str | os.PathLike[str], state: Any) -> None:
    """Writes a state to a file; the suffix says how: `.npz` or `.safetensors`.

    A dict of arrays, as `state_dict()` gives, becomes a file that `numpy.load` reads under the same
    names. An .npz also takes nested dicts, lists and tuples of arrays, numbers, strings, booleans
    and None, as optimisers and generators have them; safetensors files hold arrays alone.

    A file of that name is replaced in one step once the new one is on the disk: whatever goes wrong
    meanwhile, the old one is left as it was.

    Raises:
        TypeError: names what in the state cannot be saved.
        ValueError: the suffix is another one.

    >>> import tempfile
    >>> from microgradnd import nn
    >>> net = nn.Linear(2, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/net.npz", net.state_dict())
    ...     net.load_state_dict(load(f"{folder}/net.npz"))
    """
    writer = _by_suffix("save", path, {".npz": _write_npz, ".safetensors": _write_safetensors})
    place = Path(os.path.realpath(path))  # a link stays one
    _sweep(place.parent)
    fresh = place.with_name(f".{_PREFIX}{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with open(fresh, "xb") as file:
            writer(file, state)
            file.flush()
            os.fsync(file.fileno())
        if place.exists():
            fresh.chmod(place.stat().st_mode & 0o777)
        os.replace(fresh, place)
    except BaseException:  # also when interrupted
        fresh.unlink(missing_ok=True)
        raise
    _sync_folder(place.parent)


def load(path: str | os.PathLike[str], *, max_bytes: int | None = None) -> Any:
    """Reads what `save` wrote, or any .npz or .safetensors file of arrays.

    Args:
        path: of the file.
        max_bytes: how large all arrays together may be; a file that says or holds more is refused
            before memory is taken for it. Default: 64 times the size of the file, which all but
            contrived compressed files keep to, and at least 64 MiB.

    Raises:
        FileFormatError: a ValueError that says why: truncated, foreign, pickled, incomplete,
            larger than `max_bytes`.
        FileNotFoundError: there is no such file.
    """
    reader = _by_suffix("load", path, {".npz": _read_npz, ".safetensors": _read_safetensors})
    require("load", "max_bytes", max_bytes, optional(whole(0)))
    with open(path, "rb") as file:
        try:
            if max_bytes is None:
                max_bytes = max(64 * os.fstat(file.fileno()).st_size, 2**26)
            return reader(file, max_bytes)
        except (FileFormatError, ImportError, MemoryError):
            raise
        except Exception as error:  # what a damaged file sets off is of any kind
            raise FileFormatError(path, f"{error or type(error).__name__}") from error


def _by_suffix(
    function: str, path: str | os.PathLike[str], functions: dict[str, Callable]
) -> Callable:
    require(function, "path", path, PATH)
    suffix = Path(path).suffix
    if suffix not in functions:
        raise ValueError(
            f"{function}: path={os.fspath(path)!r}: the suffix must say the format, one of "
            f"{', '.join(functions)}, not {suffix!r}"
        )
    return functions[suffix]


def _sweep(folder: Path) -> None:
    """Removes what saves that were killed have left, once their processes are gone."""
    for left in folder.glob(f".{_PREFIX}*-*"):
        process = left.name.removeprefix(f".{_PREFIX}").partition("-")[0]
        if process.isdigit() and not _alive(int(process)):
            left.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # it is another user's
        pass
    return True


def _sync_folder(folder: Path) -> None:
    """Makes a renaming last through a power cut, where the system can."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _savable(path: str, value: Any) -> np.ndarray:
    """An array, or the array of a Tensor, once it is known to mean the same elsewhere."""
    array = value if isinstance(value, np.ndarray) else np.asarray(getattr(value, "_array", value))
    if array.dtype.kind not in _KINDS:
        raise TypeError(f"{path or 'the state'}: arrays of dtype {array.dtype} cannot be saved")
    return array


def _is_flat(state: Any) -> bool:
    """Whether a state is a dict of named arrays, which needs no tree."""
    return isinstance(state, Mapping) and all(
        isinstance(key, str) and key != _TREE and "\0" not in key and _is_array(value)
        for key, value in state.items()
    )


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) or hasattr(value, "_array")


def _encoded(state: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    """A state as JSON can say it; arrays go to `arrays`, under names made of their paths."""
    scalar, what = isinstance(state, np.generic), path or "the state"  # its dtype is to be kept
    if _is_array(state) or scalar:
        name = path.replace("\0", "␀") or "state"  # a zip's names end at a NUL
        while name in arrays or name == _TREE:
            name += "'"
        arrays[name] = _savable(path, state)
        return {"scalar" if scalar else "array": name}
    if state is None or isinstance(state, (bool, int, float, str)):
        return state
    if isinstance(state, Mapping):
        wrong = [key for key in state if not isinstance(key, (str, int))]
        if wrong:
            raise TypeError(f"{what}: keys must be strings or ints, not {wrong[0]!r}")
    elif type(state) not in (list, tuple):
        raise TypeError(f"{what}: a {type(state).__name__} cannot be saved")
    pairs = state.items() if isinstance(state, Mapping) else enumerate(state)
    inner = [(key, _encoded(x, f"{path}/{key}".lstrip("/"), arrays)) for key, x in pairs]
    if isinstance(state, Mapping):
        return {"dict": inner}
    return {type(state).__name__: [x for _, x in inner]}


def _decoded(tree: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """The state that `_encoded` took apart."""
    if not isinstance(tree, dict):
        return tree
    ((kind, content),) = tree.items()
    if kind == "dict":
        return {key: _decoded(value, arrays) for key, value in content}
    if kind in ("list", "tuple"):
        items = [_decoded(value, arrays) for value in content]
        return items if kind == "list" else tuple(items)
    if content not in arrays:
        raise ValueError(f"the array {content!r} is missing")
    return {"array": arrays[content], "scalar": arrays[content][()]}[kind]


def _write_npz(file: IO[bytes], state: Any) -> None:
    if _is_flat(state):
        arrays = {key: _savable(key, value) for key, value in state.items()}
    else:
        arrays = {}
        tree = json.dumps(_encoded(state, "", arrays))
        arrays[_TREE] = np.frombuffer(tree.encode(), np.uint8)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _read_npz(file: IO[bytes], max_bytes: int) -> Any:
    if not zipfile.is_zipfile(file):
        raise ValueError("it is no zip archive, as .npz files are, or its end is missing")
    with zipfile.ZipFile(file) as archive:
        total = sum(member.file_size for member in archive.infolist())
        if total > max_bytes:
            raise _too_large(total, max_bytes)
        arrays = dict(_read_member(archive, name) for name in archive.namelist())
    tree = arrays.pop(_TREE, None)
    return arrays if tree is None else _decoded(json.loads(tree.tobytes()), arrays)


def _too_large(total: int, max_bytes: int) -> ValueError:
    return ValueError(
        f"its arrays claim {total:,} bytes, more than max_bytes = {max_bytes:,}; if you trust the "
        f"file, load it with max_bytes={total}"
    )


def _read_member(archive: zipfile.ZipFile, name: str) -> tuple[str, np.ndarray]:
    if not name.endswith(".npy"):
        raise ValueError(f"it holds {name!r}, which is not an array")
    try:
        with archive.open(name) as member:
            _check_claim(member, archive.getinfo(name).file_size)
            member.seek(0)
            array = np.lib.format.read_array(member, allow_pickle=False)
            if member.read(1):  # reading to the end has the checksum compared
                raise ValueError("more bytes than the array has")
    except Exception as error:
        raise ValueError(f"{name}: {error or type(error).__name__}") from error
    return name.removesuffix(".npy"), array


def _check_claim(member: IO[bytes], held: int) -> None:
    """Refuses an array whose header claims more than its member holds, before memory is taken."""
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    version = np.lib.format.read_magic(member)
    if version not in read_header:
        raise ValueError(f"its format has version {version}, known are {[*read_header]}")
    shape, _, dtype = read_header[version](member)
    claimed = math.prod(shape) * dtype.itemsize
    if claimed > held:
        raise ValueError(f"shape {shape} of {dtype} needs {claimed:,} bytes, it holds {held:,}")


def _safetensors() -> Any:
    """The safetensors package, which is an extra."""
    try:
        import safetensors.numpy
    except ImportError as error:
        cure = 'pip install "microgradnd[safetensors]", or save as .npz'
        raise ImportError(f"files of this kind need the package safetensors: {cure}") from error
    return safetensors


def _write_safetensors(file: IO[bytes], state: Any) -> None:
    package = _safetensors()
    if not _is_flat(state):
        raise TypeError("safetensors files hold a dict of named arrays and nothing else; use .npz")
    strange = [f"{key}: {x.dtype}" for key, x in state.items() if x.dtype.name not in _NUMPY_NAMES]
    if strange:
        raise TypeError(f"safetensors files have no such dtypes, .npz files do: {strange}")
    # order="C" since the bytes are taken as they lie; np.ascontiguousarray would lose 0-d shapes
    arrays = {key: np.asarray(_savable(key, value), order="C") for key, value in state.items()}
    file.write(package.numpy.save(arrays))


def _read_safetensors(file: IO[bytes], max_bytes: int) -> dict[str, np.ndarray]:
    size = os.fstat(file.fileno()).st_size  # what it holds is not compressed
    if size > max_bytes:
        raise _too_large(size, max_bytes)
    package = _safetensors()
    out = {}
    with package.safe_open(file.name, framework="numpy") as archive:
        for key in archive.keys():  # noqa: SIM118 - it is no dict
            kind = archive.get_slice(key).get_dtype()
            if kind not in _SAFETENSORS_NAMES:
                raise ValueError(f"{key!r} has dtype {kind}, which NumPy has not; save it as F32")
            out[key] = archive.get_tensor(key)
    return out
