"""A river picture that plays its backward pass: CSS keyframes, and no script.

What a step adds is in the file from the start, and an animation hides it until its moment comes:
where nothing is animated (on paper, as PNG, for who asks for less motion) all of it is there.
"""

from __future__ import annotations

from viz.model.elements import ClosedGroup, Operation, PictureModel
from viz.svg.canvas import Canvas

_BEFORE, _PACE, _AFTER = 0.8, 0.5, 2.2  # seconds: the values alone, a step, the whole picture
_LONGEST = 12.0  # seconds of a turn
_SHORTEST = 0.1  # seconds between moments; steps that would be nearer come together
_DASH = 1.01  # of a ribbon whose length counts as 1


class Motion:
    """The moments at which parts of a picture appear: its backward steps, 0 for the start.

    Attributes:
        moments: by step, its number among those at which something happens.
        count: of moments that are apart in time.
        turn: the seconds after which all begins anew.
    """

    def __init__(self, model: PictureModel) -> None:
        steps = {0, *(edge.steps[-1] for edge in model.edges.values() if edge.steps)}
        for node in model.nodes.values():
            if isinstance(node, Operation) and node.step is not None:
                steps.add(node.step)
            if isinstance(node, ClosedGroup) and node.steps is not None:
                steps.update(node.steps)
        room = _LONGEST - _BEFORE - _AFTER
        together = max(1, round(len(steps) * _SHORTEST / room + 0.5))
        self.moments = {step: k // together for k, step in enumerate(sorted(steps))}
        self.count = max(self.moments.values()) + 1
        self.pace = min(_PACE, room / self.count)
        self.turn = _BEFORE + self.pace * self.count + _AFTER

    def at(self, step: int | None, svg: str) -> str:
        """What appears at a step; what belongs to none is always there."""
        return svg if step is None or not svg else f'<g class="{self.name("b", step)}">{svg}</g>'

    def arrived(self, step: int | None, svg: str) -> str:
        """What is there when the ribbons of a step have reached the records they flow to."""
        return svg if step is None or not svg else f'<g class="{self.name("a", step)}">{svg}</g>'

    def ribbon(self, path: str) -> str:
        """A ribbon that runs from its end to its start when it appears."""
        return path.replace("<path ", '<path pathLength="1" ', 1)

    def glow(self, canvas: Canvas, step: int | None, width: float, height: float) -> str:
        """A light around a record while its step is the current one."""
        if step is None:
            return ""
        ring = canvas.border(width, height, -4.5, 9.0, stroke="tip", line=2.5)
        return f'<g class="{self.name("n", step)}" opacity="0">{ring}</g>'

    def name(self, kind: str, step: int) -> str:
        """A class and its keyframes; where pictures share a name, they share the timing, too."""
        return f"mg-{kind}{self.count}-{self.moments[step]}"

    def style(self) -> str:
        """The style block; nothing moves where less motion is asked for."""
        rules = [f".mg path[pathLength]{{stroke-dasharray:{_DASH}}}"]
        for k in range(self.count):
            start, soon, near, end, over = (
                f"{100 * (_BEFORE + (k + share) * self.pace) / self.turn:.2f}%"
                for share in (0.0, 0.25, 0.7, 1.0, 1.5)
            )
            frames = {
                "b": f"0%,{start}{{opacity:0;stroke-dashoffset:-{_DASH}}}{soon}{{opacity:1}}"
                f"{end},99%{{opacity:1;stroke-dashoffset:0}}to{{opacity:0;stroke-dashoffset:0}}",
                "a": f"0%,{near}{{opacity:0}}{end},99%{{opacity:1}}to{{opacity:0}}",
                "n": f"0%,{start},{over},to{{opacity:0}}{soon},{end}{{opacity:1}}",
            }
            for kind, steps in frames.items():
                name = f"mg-{kind}{self.count}-{k}"
                rules.append(f"@keyframes {name}{{{steps}}}")
                rules.append(f".{name}{{animation:{name} {self.turn:.2f}s linear infinite}}")
        return f"<style>@media(prefers-reduced-motion:no-preference){{{''.join(rules)}}}</style>"


class Still(Motion):
    """All is there at once."""

    def __init__(self) -> None:
        pass

    def at(self, step: int | None, svg: str) -> str:
        return svg

    arrived = at

    def ribbon(self, path: str) -> str:
        return path

    def glow(self, canvas: Canvas, step: int | None, width: float, height: float) -> str:
        return ""

    def style(self) -> str:
        return ""


STILL = Still()
