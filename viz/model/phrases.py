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
_TERSE = {"square": "{0}²", "magnitude": "|{0}|", "root": "√{0}", "transposed": "{0}ᵀ",
          "reciprocal": "1 ÷ {0}", "itself": "{0}", "weighted_sums": "{0} {1}ᵀ + {2}"}  # fmt: skip
_SQUARES = {"2": "²", "3": "³"}
_MOST = 3  # operands that are written


def infix_of(sign: str) -> str:
    """A Python operator as pictures write it."""
    return _SIGNS.get(sign, sign)


def phrase_of(node: Node) -> str:
    """What an operation does, in words and signs."""
    words = [_word(x) for x in node.operands]
    op, notation = node.op, node.op.notation or ""
    if notation == "element":
        return f"{words[0]}[{one_line(brief(node.options.get('index')))}]"
    if op.infix and len(words) == 2:
        sign = infix_of(op.infix[0])
        if notation == "power" and words[1] in _SQUARES:
            return _raised(words[0], _SQUARES[words[1]])
        return f"{words[0]} {sign} {words[1]}"
    if op.infix and len(words) == 1:
        return f"{infix_of(op.infix[0])}{words[0]}"
    if notation == "weighted_sums" and len(words) == 2:
        return f"{words[0]} {words[1]}ᵀ"
    if notation in _TERSE:
        inner = _raised(words[0], "") if notation == "square" else words[0]
        return _TERSE[notation].format(inner, *words[1:])
    shown = words[: 1 if len(words) > _MOST else _MOST]
    return f"{op.sign or op.name}({', '.join(shown)}{', …' if len(words) > len(shown) else ''})"


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
