"""The log of writes: which memory was written to in place, and when.

A node saves arrays, not copies of them. A write through any Tensor that shares their memory, be it
a view, a detached tensor or a constant, is logged here with the clock that numbers the nodes; a
walk over a graph older than the newest write asks whether what it is about to use was written to.
Recording pays nothing for it. Writes through the bare NumPy array are seen by nobody.
"""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple

import numpy as np

from microgradnd import errors
from microgradnd.node import Array, Node, next_seq

MANY = 64  # places of one array, beyond which a write counts as one to the whole of it
_WORK = 10_000  # how hard two strided views are compared before they are taken to overlap


class Place(NamedTuple):
    """Where a view lies within the array that owns its memory."""

    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype


class Written(NamedTuple):
    """An array that owns its memory, and when each place in it was last written to."""

    owner: weakref.ref[Array]
    places: dict[Place, int]


newest = [0]  # the clock of the newest write
_log: dict[int, Written] = {}


def owner_of(array: Array) -> Array:
    """The array whose memory a view looks at."""
    while isinstance(array.base, Array):
        array = array.base
    return array


def _address(array: Array) -> int:
    return array.__array_interface__["data"][0]


def log(array: Array) -> int:
    """Notes that an array was written to in place; returns the clock."""
    newest[0] = clock = next_seq()
    owner = owner_of(array)
    key = id(owner)
    written = _log.get(key)
    if written is None or written.owner() is not owner:
        forget = weakref.ref(owner, lambda _: _log.pop(key, None))
        _log[key] = written = Written(forget, {})
    offset = _address(array) - _address(owner)
    place = Place(offset, array.shape, array.strides, array.dtype)
    if place not in written.places and len(written.places) >= MANY:
        written.places.clear()
        place = Place(0, owner.shape, owner.strides, owner.dtype)
    written.places[place] = clock
    return clock


def written_since(array: Any, clock: int) -> bool:
    """Whether any element of an array was written to, through a Tensor, after a time."""
    if newest[0] <= clock or not isinstance(array, Array):
        return False
    owner = owner_of(array)
    written = _log.get(id(owner))
    if written is None or written.owner() is not owner:
        return False
    for place, when in list(written.places.items()):
        if when > clock:
            view = np.asarray(_Memory(_address(owner) + place.offset, place))
            if _overlap(array, view):
                return True
    return False


class _Memory:
    """Memory that is alive, as NumPy's array interface describes it."""

    def __init__(self, address: int, place: Place) -> None:
        self.__array_interface__ = {
            "data": (address, True),
            "shape": place.shape,
            "strides": place.strides,
            "typestr": place.dtype.str,
            "version": 3,
        }


def _overlap(one: Array, other: Array) -> bool:
    try:
        return np.shares_memory(one, other, max_work=_WORK)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True


def check_fresh(nodes: list[Node], saved_of: Any) -> None:
    """Raises if what a node's rules need was freed, or written to since it was saved."""
    for node in nodes:
        if node.saved is None and saved_of(node) is None:
            raise errors.freed(node.plan.op.name)
    if not nodes or newest[0] <= nodes[-1].seq:
        return
    for node in nodes:
        for k, array in zip(node.plan.save, node.plan.unpacked(saved_of(node))):
            if written_since(array, node.seq):
                raise errors.stale(node.plan.op, k, node)
        for key, option in zip(node.plan.op.options, node.options):  # an index may be an array
            for part in option if isinstance(option, tuple) else (option,):
                if written_since(part, node.seq):
                    raise errors.stale_option(node.plan.op.name, key)
