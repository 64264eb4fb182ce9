"""The results table for a paper: LaTeX in the style of booktabs."""

from operator import itemgetter

from .results import Results
from .table import cells, header

SPECIAL = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",  # after a line break, \\[ would be the height of a gap
    "]": "{]}",
    "±": r"$\pm$",
    "−": "$-$",
    "–": "--",
    "…": r"\dots{}",
}


def latex_text(results: Results) -> str:
    """A `table` environment. The best setting by validation data is bold; no column of counts is shown."""
    names = header(results)
    kept = [i for i, name in enumerate(names) if name not in results.counted]
    columns = "l" * len(results.settings) + "r" * (len(kept) - len(results.settings))
    caption = "Mean $\\pm$ sample standard deviation over the completed runs of each setting."
    if results.best:
        caption += f" Bold: the best by {escape(results.validation)}."
    return "\n".join(
        [
            r"% needs \usepackage{booktabs}",
            r"\begin{table}",
            r"  \centering",
            rf"  \caption{{{caption}}}",
            rf"  \begin{{tabular}}{{{columns}}}",
            r"    \toprule",
            line([names[i] for i in kept]),
            r"    \midrule",
            *(line(itemgetter(*kept)(cells(results, row)), results.is_best(row)) for row in results.rows),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def line(texts: list[str], bold: bool = False) -> str:
    escaped = map(escape, texts)
    return "    " + " & ".join(rf"\textbf{{{text}}}" if bold and text else text for text in escaped) + r" \\"


def escape(text: str) -> str:
    """Keep LaTeX from reading names and values as commands."""
    return "".join(SPECIAL.get(character, character) for character in text)
