"""Bar charts as SVG, made on the server: figures into rectangles, which ``chart.html`` draws with a table.

No text stands in the drawing (it would shrink with it): the scale is told beside it, each bar in its title.
"""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 600.0, 120.0  # the drawing's own units; the page stretches it


@dataclass(frozen=True, slots=True)
class Series:
    """One kind of figure over all steps. ``look`` is its CSS class, ``title`` its name in words."""

    look: str
    title: str
    values: Sequence[float]

    @property
    def total(self) -> float:
        """All steps together."""
        return sum(self.values)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle. Lengths in the drawing's units, from the top left."""

    look: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """A step: its rectangles, and what it says (``told``: one text per series)."""

    at_ms: int
    boxes: Sequence[Box]
    told: Sequence[str]


@dataclass(frozen=True, slots=True)
class Line:
    """A mark: something happened at ``x``."""

    x: float
    look: str
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """``top`` is the figure at the upper edge, 0 where there is nothing to draw."""

    title: str
    series: Sequence[Series]
    columns: Sequence[Column]
    top: float
    top_text: str
    lines: Sequence[Line] = ()


def number(value: float) -> str:
    """``1,204``."""
    return f"{value:,.0f}"


def seconds(value: float) -> str:
    """``0.4 s``, ``12 s``, ``5 min``, ``3.2 h``: as precise as one can see."""
    for unit, size in (("h", 3600), ("min", 60)):
        if value >= 2 * size:
            return f"{_short(value / size)} {unit}"
    return f"{_short(value)} s"


def share(value: float) -> str:
    """``14 %``; what is there is never told as nothing."""
    return "under 1 %" if 0 < value < 0.01 else f"{100 * value:.0f} %"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}".removesuffix(".0")


def stacked(title: str, starts: Sequence[int], series: Sequence[Series], lines: Sequence[Line] = ()) -> Chart:
    """Bars that stand on each other: the first series at the bottom."""
    shown = [one for one in series if one.total]
    top = max((sum(one.values[n] for one in shown) for n in range(len(starts))), default=0.0)
    columns = []
    for n, start_ms in enumerate(starts):
        boxes, base = [], HEIGHT
        for one in shown:
            height = HEIGHT * one.values[n] / top if top else 0.0
            if height:
                # What is there can be seen, were it one of a million.
                height = max(height, 1.5)
                boxes.append(_box(one.look, n, len(starts), base - height, height))
                base -= height
        columns.append(Column(start_ms, boxes, [number(one.values[n]) for one in shown]))
    return Chart(title, shown, columns, top, number(top), lines)


def behind(
    title: str,
    starts: Sequence[int],
    front: Sequence[float | None],
    back: Sequence[float | None],
    names: tuple[str, str],
    lines: Sequence[Line] = (),
) -> Chart:
    """Two figures per step, the smaller one before the larger one: the median before the 95th percentile."""
    top = max((value for value in back if value is not None), default=0.0)
    columns = []
    for n, start_ms in enumerate(starts):
        pair = (("late", back[n]), ("usual", front[n]))
        boxes = [
            _box(look, n, len(starts), HEIGHT - (height := max(1.5, HEIGHT * value / top)), height)
            for look, value in pair
            if value is not None and top
        ]
        told = ["–" if value is None else seconds(value) for value in (front[n], back[n])]
        columns.append(Column(start_ms, boxes, told))
    series = [
        Series(look, name, [value or 0.0 for value in values])
        for look, name, values in zip(("usual", "late"), names, (front, back), strict=True)
    ]
    return Chart(title, series, columns, top, seconds(top) if top else "", lines)


def line(at_ms: int, since_ms: int, until_ms: int, look: str, title: str) -> Line:
    """A mark at its place."""
    return Line(round(WIDTH * (at_ms - since_ms) / (until_ms - since_ms), 1), look, title)


def _box(look: str, step: int, steps: int, y: float, height: float) -> Box:
    width = WIDTH / steps
    y = max(0.0, y)
    return Box(
        look, round(step * width + width * 0.08, 2), round(y, 2), round(width * 0.84, 2), round(height, 2)
    )
