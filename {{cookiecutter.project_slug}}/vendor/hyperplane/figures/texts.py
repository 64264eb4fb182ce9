"""What texts are predicted by: words, by what a prediction loses without them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from .style import new_figure

AGAINST, FOR = "#D55E00", "#0072B2"  # what speaks against a prediction, and for it
SHADES = LinearSegmentedColormap.from_list("for and against", [AGAINST, "#FFFFFF", FOR])
MOST_WORDS = 12  # of a panel
MOST_PANELS = 6
LINE = 92  # characters of a line of a text
MOST_LINES = 4  # of a text
LINE_HEIGHT = 0.24  # inches
WORD: dict[str, Any] = {"fontsize": 7.5, "family": "monospace", "va": "center", "ha": "center"}


class ExplainedText(NamedTuple):
    """A text, and what each of its tokens did."""

    title: str  # what was predicted, and what is true
    tokens: Sequence[str]
    effects: np.ndarray  # (tokens,): by how much the output that was predicted is higher with the token


def words_that_mattered(effects: dict[str, dict[str, float]]) -> Figure:
    """Which words raise an output, and which lower it, on average over the texts that they stand in.

    For each output, by its name, `effects` are the mean effects of each word.
    """
    names = list(effects)[:MOST_PANELS]
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure = new_figure(max(4.8, 3.6 * columns), 0.6 + 3.4 * rows)
    for number, name in enumerate(names, 1):
        axes = figure.add_subplot(rows, columns, number)
        ordered = sorted(effects[name].items(), key=lambda one: -abs(one[1]))[:MOST_WORDS]
        ordered.sort(key=lambda one: one[1])
        values = [value for _, value in ordered]
        axes.barh(range(len(ordered)), values, color=[FOR if value > 0 else AGAINST for value in values])
        axes.set_yticks(range(len(ordered)), [printable(word) for word, _ in ordered], fontsize=8)
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_title(name, fontsize="medium")
        axes.set_xlabel("change of the output by the word")
    figure.suptitle("Words of the test texts: what the output loses without them", fontsize="medium")
    return figure


def explained_texts(texts: Sequence[ExplainedText]) -> Figure:
    """Some texts, each token in a shade of what it did to the prediction."""
    laid = [(text, lines_of(text.tokens)) for text in texts]
    height = sum(1.6 + len(lines) for _, lines in laid)
    figure = new_figure(8.4, 0.7 + LINE_HEIGHT * height)
    axes = figure.add_subplot()
    axes.set_xlim(0, LINE)
    axes.set_ylim(height, 0)
    axes.axis("off")
    y = 0.8
    for text, lines in laid:
        scale = max(float(np.abs(text.effects).max()), 1e-9)
        axes.text(0, y, text.title, fontsize=8, fontweight="bold", va="center")
        for line in lines:
            y += 1
            x = 0.0
            for number in line:
                shown = printable(text.tokens[number])
                strength = float(text.effects[number]) / scale
                ink = "white" if abs(strength) > 0.7 else "black"
                width = len(shown) + 1
                corners = [x, x + width - 0.3, x + width - 0.3, x], [y - 0.42, y - 0.42, y + 0.42, y + 0.42]
                axes.fill(*corners, color=SHADES(0.5 + 0.5 * strength), linewidth=0)
                axes.text(x + (width - 0.3) / 2, y, shown, color=ink, **WORD)
                x += width
        y += 1.6
    figure.suptitle("Blue words speak for the prediction, orange ones against it", fontsize="medium")
    return figure


def lines_of(tokens: Sequence[str]) -> list[list[int]]:
    """Return the numbers of the tokens of each line; what does not fit into a few lines is left out."""
    lines: list[list[int]] = [[]]
    used = 0
    for number, token in enumerate(tokens):
        width = len(printable(token)) + 1
        if used + width > LINE:
            if len(lines) == MOST_LINES:
                break
            lines.append([])
            used = 0
        lines[-1].append(number)
        used += width
    return lines


def printable(token: str) -> str:
    """Return a token as it can be drawn: short, blanks visible, dollars no formula, no sign that fonts lack."""
    shown = token.replace("\n", "↵").replace("\t", "→").replace(" ", "·").replace("$", r"\$")
    shown = "".join(sign if ord(sign) < 0x3000 else "□" for sign in shown)
    return shown if len(shown) <= 24 else f"{shown[:23]}…"
