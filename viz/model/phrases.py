"""How a record says in a few characters what its operation does: W1 @ x, h × o, ( · )², x[:4].

Operands are written by their names, those without one as "·".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from microgradnd.graph import Node
from viz.style.text import brief, number, one_line

NAMELESS = "·"
_SIGNS = {"-": "−", "*": "×", "/": "÷", "**": "^"}  # Python's operators as pictures write them
_SQUARES = {"2": "²", "3": "³"}
_MOST = 3  # operands that are written


def infix_of(sign: str) -> str:
    """A Python operator as pictures write it."""
    return _SIGNS.get(sign, sign)


def phrase_of(node: Node) -> str:
    """What an operation does, in words and signs."""
    words = [_word(x) for x in node.operands]
    op = node.op
    write = getattr(_Notation, op.notation or "", None)
    text = write(words, node) if write is not None else None
    if text is not None:
        return text
    if op.infix and len(words) == 2:
        return f"{words[0]} {infix_of(op.infix[0])} {words[1]}"
    if op.infix and len(words) == 1:
        return f"{infix_of(op.infix[0])}{words[0]}"
    shown = words[: 1 if len(words) > _MOST else _MOST]
    return f"{op.sign or op.name}({', '.join(shown)}{', …' if len(words) > len(shown) else ''})"


class _Notation:
    """How operations are written that have a notation of their own, by its name."""

    @staticmethod
    def element(words: list[str], node: Node) -> str:
        return f"{words[0]}[{one_line(brief(node.options.get('index')))}]"

    @staticmethod
    def power(words: list[str], node: Node) -> str | None:
        return _raised(words[0], _SQUARES[words[1]]) if words[1] in _SQUARES else None

    @staticmethod
    def square(words: list[str], node: Node) -> str:
        return _raised(words[0], "²")

    @staticmethod
    def weighted_sums(words: list[str], node: Node) -> str:
        return f"{words[0]} {words[1]}ᵀ" + (f" + {words[2]}" if len(words) > 2 else "")

    @staticmethod
    def transposed(words: list[str], node: Node) -> str:
        return f"{words[0]}ᵀ"

    @staticmethod
    def magnitude(words: list[str], node: Node) -> str:
        return f"|{words[0]}|"

    @staticmethod
    def root(words: list[str], node: Node) -> str:
        return f"√{words[0]}"

    @staticmethod
    def reciprocal(words: list[str], node: Node) -> str:
        return f"1 ÷ {words[0]}"


def _raised(word: str, power: str) -> str:
    return (f"( {word} )" if word == NAMELESS or " " in word else word) + power


def _word(x: Any) -> str:
    if x.kind == "number" and x.value is not None:
        return number(float(x.value), 3)
    return short(x.name) if x.name else NAMELESS


def short(name: str) -> str:
    """The last part of a name with dots: layers.0.weight is "weight" where it is used.

    >>> short("layers.0.weight"), short("W1")
    ('weight', 'W1')
    """
    return one_line(name).rsplit(".", 1)[-1] or one_line(name)


def written(options: Mapping[str, Any], leave: Sequence[str] = ("index",)) -> str:
    """Options that are not the defaults, as Python has them."""
    return ", ".join(f"{k} {one_line(brief(x))}" for k, x in options.items() if k not in leave)
