"""Graphviz's dot layout through pygraphviz: DOT on stdin, SVG on stdout.

`viz.layout` runs this file by its path in a process of its own, so that an abort or an endless
loop in C ends the child only. It imports nothing but pygraphviz, to start fast. The exit code is
3 when pygraphviz cannot be imported.
"""

import sys

MISSING = 3


def main() -> int:
    """Lay out the graph on stdin; the exit code."""
    try:
        from pygraphviz import AGraph
    except ImportError as error:
        print(error, file=sys.stderr)
        return MISSING
    sys.stdout.buffer.write(AGraph(string=sys.stdin.read()).draw(format="svg", prog="dot"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
