"""Draws the rooms of the engine and which imports which: `python docs/engine.py` writes vendor/hyperplane/rooms.png.

A room is a folder, or a file of the engine that is in no folder. Each stands above the rooms that it imports; an arrow
that follows from others is left out. Read from the source, with nothing imported.
"""

import ast
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt

ENGINE = Path(__file__).resolve().parents[1] / "{{cookiecutter.project_slug}}" / "vendor" / "hyperplane"
# Files that belong together without a folder, by the room that the page names them in.
TOGETHER = {
    "components": ("components", "component_settings", "setting_types", "signatures"),
    "settings": ("settings", "validation"),
    "errors, paths": ("errors", "paths", "whole_file", "secrets", "digest", "terminal"),
    "project, configs": ("project", "configs", "logs"),
}
ROOM_OF = {part: room for room, parts in TOGETHER.items() for part in parts}
SHADES = ("#d7e8f5", "#dff0df", "#fbf1d8", "#f6e0dc", "#e9e2f3")

Graph = dict[str, set[str]]


def imports(path: Path) -> Iterator[str]:
    """Yield the first part of each module of the engine that a file imports, those for types alone left out."""
    package = path.relative_to(ENGINE).parts[:-1]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level and node not in for_types:
            home = [*package[: len(package) - node.level + 1], *(node.module or "").split(".")]
            first = next(filter(None, home), None)
            yield from [first] if first else [alias.name for alias in node.names]


def rooms() -> Graph:
    """Return the rooms that each room imports."""
    found: Graph = defaultdict(set)
    for path in sorted(ENGINE.rglob("*.py")):
        first = path.relative_to(ENGINE).parts[0].removesuffix(".py")
        if first != "__init__":
            room = ROOM_OF.get(first, first)
            found[room] |= {ROOM_OF.get(other, other) for other in imports(path)} - {room}
    return dict(found)


def reachable(graph: Graph, start: str) -> set[str]:
    """Return what a room leads to."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph.get(waiting.pop(), set()) - seen
        seen |= new
        waiting += new
    return seen


def depths(graph: Graph) -> dict[str, int]:
    """Return how many rooms lie below each on the longest way down.

    Raises:
        ValueError: rooms import each other.
    """
    for room in graph:
        if room in reachable(graph, room):
            circle = sorted(other for other in reachable(graph, room) if room in reachable(graph, other))
            raise ValueError(f"These rooms import each other: {', '.join(circle)}")
    found: dict[str, int] = {}

    def depth(room: str) -> int:
        if room not in found:
            found[room] = max((1 + depth(other) for other in graph.get(room, ())), default=0)
        return found[room]

    for room in graph:
        depth(room)
    return found


def reduced(graph: Graph) -> Graph:
    """Return the graph without the arrows that follow from others."""
    return {
        room: {one for one in below if not any(one in reachable(graph, other) for other in below - {one})}
        for room, below in graph.items()
    }


def places(graph: Graph) -> dict[str, tuple[float, float]]:
    """Return where each room stands: rows by depth, and in a row near the middle of what it is tied to."""
    row_of = depths(graph)
    rows = [sorted(room for room in row_of if row_of[room] == row) for row in range(max(row_of.values()) + 1)]
    place = {room: (i - (len(row) - 1) / 2, float(y)) for y, row in enumerate(rows) for i, room in enumerate(row)}
    tied = {room: graph[room] | {other for other in graph if room in graph[other]} for room in graph}
    for _ in range(30):
        for y, row in enumerate(rows):
            middle = {room: sum(place[other][0] for other in tied[room]) / max(1, len(tied[room])) for room in row}
            for i, room in enumerate(sorted(row, key=middle.__getitem__)):
                place[room] = (i - (len(row) - 1) / 2, float(y))
    return place


def draw(path: Path) -> None:
    """Write the picture."""
    graph = reduced(rooms())
    place = places(graph)
    width = max(x for x, _ in place.values()) - min(x for x, _ in place.values()) + 1
    figure, axes = plt.subplots(figsize=(1.75 * width, 1.0 * (max(y for _, y in place.values()) + 1)))
    for room, below in graph.items():
        x, y = place[room]
        for other in below:
            to_x, to_y = place[other]
            bend = 0.0 if abs(y - to_y) <= 1 else math.copysign(0.12, to_x - x or 1)
            axes.annotate(
                "",
                (to_x, to_y + 0.2),
                (x, y - 0.2),
                arrowprops={"arrowstyle": "-|>", "color": "#8a8a8a", "connectionstyle": f"arc3,rad={bend}"},
            )
    for room, (x, y) in place.items():
        box = {"boxstyle": "round,pad=0.35", "facecolor": SHADES[int(y) % len(SHADES)], "edgecolor": "#555555"}
        axes.text(x, y, room.replace("_", " "), ha="center", va="center", fontsize=10, bbox=box)
    axes.set_xlim(min(x for x, _ in place.values()) - 0.7, max(x for x, _ in place.values()) + 0.7)
    axes.set_ylim(-0.5, max(y for _, y in place.values()) + 0.5)
    axes.axis("off")
    figure.savefig(path, dpi=110, bbox_inches="tight", metadata={"Software": None})


if __name__ == "__main__":
    draw(ENGINE / "rooms.png")
