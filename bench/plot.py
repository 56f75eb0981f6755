"""The ratios as a picture: a line per row, a dot per column, on a logarithmic scale; light or dark like the desktop."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

from bench.columns import Column
from bench.results import Result
from bench.rows import Unit
from bench.table import compared

LABELS, WIDTH, STEP, TOP = 330, 1000, 19, 74
# Distinguishable with colour blindness; each readable on white and on black.
COLOURS = ("#8a8a8a", "#d55e00", "#cc79a7", "#0095d9", "#009e73", "#b59b00", "#7f6bd9", "#a0522d", "#5b7fa6", "#d4447c")
STYLE = """
svg { background: #fff; color: #222; font: 12px system-ui, sans-serif; }
text { fill: currentColor; } .faint { stroke: currentColor; stroke-opacity: .15; } .native { stroke: currentColor; }
.target { stroke: currentColor; stroke-width: 2; } .title { font-size: 15px; font-weight: 600; }
@media (prefers-color-scheme: dark) { svg { background: #16181c; color: #dcdcdc; } }
"""


def svg(results: list[Result], columns: list[Column], caption: str) -> ElementTree.Element:
    rows = [result for result in results if result.row.unit is Unit.TIME and result.native]
    points = [
        (line, place, result.cells[column.name].ratio())
        for line, result in enumerate(rows)
        for place, column in enumerate(columns)
    ]
    points = [point for point in points if point[2] is not None]
    ratios = [ratio for _, _, ratio in points] + [result.limit() for result in rows if result.limit()]
    low, high = math.log10(min([0.8, *ratios])), math.log10(max([10.0, *ratios])) + 0.05

    def across(ratio: float) -> str:
        return f"{LABELS + (math.log10(ratio) - low) / (high - low) * (WIDTH - LABELS - 20):.1f}"

    height = TOP + STEP * len(rows) + 34
    root = ElementTree.Element(
        "svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {height}", role="img", width="100%"
    )
    _add(root, "title", {}, "What forkwatch costs, beside its peers")
    _add(root, "style", {}, STYLE)
    _add(root, "text", {"x": "12", "y": "24", "class": "title"}, "Time as a ratio to native (logarithmic)")
    _add(root, "text", {"x": str(WIDTH - 12), "y": "24", "text-anchor": "end"}, caption)
    _legend(root, columns, {place for _, place, _ in points})
    bottom = str(TOP + STEP * len(rows))
    for power in range(math.ceil(low), math.floor(high) + 1):
        x = across(10.0**power)
        line = {"x1": x, "x2": x, "y1": str(TOP - 6), "y2": bottom, "class": "native" if power == 0 else "faint"}
        _add(root, "line", line)
        _add(root, "text", {"x": x, "y": str(int(bottom) + 16), "text-anchor": "middle"}, f"{10**power:,}×")
    for line, result in enumerate(rows):
        y = TOP + STEP * line + STEP // 2
        _add(root, "text", {"x": str(LABELS - 10), "y": str(y + 4), "text-anchor": "end"}, result.row.name)
        _add(root, "line", {"x1": str(LABELS), "x2": str(WIDTH - 20), "y1": str(y), "y2": str(y), "class": "faint"})
        if result.limit():
            x = across(result.limit())
            tick = _add(root, "line", {"x1": x, "x2": x, "y1": str(y - 7), "y2": str(y + 7), "class": "target"})
            _add(tick, "title", {}, f"target: {compared(result.limit(), Unit.TIME)}")
    for line, place, ratio in points:
        y = TOP + STEP * line + STEP // 2
        dot = _add(root, "circle", {"cx": across(ratio), "cy": str(y), "r": "4", "fill": COLOURS[place % len(COLOURS)]})
        _add(dot, "title", {}, f"{rows[line].row.name}, {columns[place].name}: {compared(ratio, Unit.TIME)}")
    return root


def _legend(root: ElementTree.Element, columns: list[Column], shown: set[int]) -> None:
    x = 12
    for place in sorted(shown):
        _add(root, "circle", {"cx": str(x + 4), "cy": "46", "r": "4", "fill": COLOURS[place % len(COLOURS)]})
        _add(root, "text", {"x": str(x + 13), "y": "50"}, columns[place].name)
        x += 34 + 7 * len(columns[place].name)
    _add(root, "line", {"x1": str(x + 4), "x2": str(x + 4), "y1": "39", "y2": "53", "class": "target"})
    _add(root, "text", {"x": str(x + 13), "y": "50"}, "target")


def _add(parent: ElementTree.Element, tag: str, attributes: dict[str, str], text: str = "") -> ElementTree.Element:
    element = ElementTree.SubElement(parent, tag, attributes)
    element.text = text or None
    return element


def write(path: Path, results: list[Result], columns: list[Column], caption: str) -> None:
    ElementTree.ElementTree(svg(results, columns, caption)).write(path, encoding="utf-8", xml_declaration=True)
