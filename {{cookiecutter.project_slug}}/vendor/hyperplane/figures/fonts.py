"""Fonts of scripts that matplotlib's own lacks: those that are installed stand in, and boxes are explained once."""

import warnings
from functools import cache
from typing import Any

from loguru import logger
from matplotlib import rcParams
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names
from matplotlib.text import Text

NAMES = (
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Source Han Sans", "WenQuanYi Zen Hei"),  # of Linux
    *("PingFang SC", "Hiragino Sans", "Arial Unicode MS", "Yu Gothic", "Microsoft YaHei", "Malgun Gothic"),
)
INSTALLED = [name for name in get_font_names() if name in NAMES]
FIRST = "\u2e80"  # of the signs of Chinese, Japanese and Korean

rcParams["font.family"] = [*rcParams["font.family"], *INSTALLED]
warnings.filterwarnings("ignore", "Glyph .* missing from")  # one for each sign


def say_boxes(figure: Figure) -> None:
    """Say why a figure shows boxes, if it does."""
    texts: Any = figure.findobj(Text)
    if not INSTALLED and any(max(text.get_text(), default="") >= FIRST for text in texts):
        warn_of_boxes()


@cache
def warn_of_boxes() -> None:
    logger.warning("No font here has the signs of some names: figures show boxes. Install one, such as Noto Sans CJK")
