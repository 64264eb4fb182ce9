"""The report as one HTML page that needs nothing else: pictures are inside it, nothing is loaded from anywhere."""

import base64
import hashlib
from html import escape

from .results import Results
from .table import cells, header

STYLE = """
:root { color-scheme: light dark; --line: #8885; --best: #d55e0022; --dim: #777; }
@media (prefers-color-scheme: dark) { :root { --dim: #aaa; --best: #e69f0033; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2.5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { border-bottom-width: 2px; vertical-align: bottom; }
th button { all: unset; cursor: pointer; } th button:focus-visible { outline: 2px solid; }
th[aria-sort=ascending] button::after { content: " \\2191"; }
th[aria-sort=descending] button::after { content: " \\2193"; }
th.text, td.text { text-align: left; }
tr.best { background: var(--best); }
img { max-width: 100%; background: white; border-radius: 6px; display: block; margin: 1rem 0; }
summary { cursor: pointer; } .notes { color: var(--dim); } li { overflow-wrap: anywhere; }
"""
# Sorts by the number that a cell begins with, or else by its text; empty cells stay last.
SCRIPT = """
const number = text => { const n = parseFloat(text); return isNaN(n) ? null : n; };
const compare = (a, b) => number(a) !== null && number(b) !== null ? number(a) - number(b) : a.localeCompare(b);
document.querySelectorAll("th button").forEach(button => button.addEventListener("click", () => {
  const head = button.parentNode, column = head.cellIndex, body = head.closest("table").tBodies[0];
  const up = head.getAttribute("aria-sort") !== "ascending";
  document.querySelectorAll("th").forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const text = row => row.cells[column].textContent;
  [...body.rows].sort((a, b) => !text(a) - !text(b) || (up ? 1 : -1) * compare(text(a), text(b)))
    .forEach(row => body.append(row));
}));
"""
HEADINGS = {  # of the pictures, by the name of their file
    "chart.png": "Results",
    "parameters.png": "Settings",
    "curves.png": "Learning curves",
    "regions.png": "Decision regions",
}


def html_page(title: str, results: Results, paragraphs: list[str], pictures: dict[str, bytes]) -> str:
    """The page. All text from the runs is escaped, and the browser is told to run our script alone and load nothing."""
    script = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{script}'"
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            "</head>",
            "<body>",
            f"<h1>{escape(title)}</h1>",
            *html_table(results),
            *html_notes(paragraphs),
            *(section(HEADINGS.get(name, name), picture) for name, picture in pictures.items()),
            f"<script>{SCRIPT}</script>",
            "</body>",
            "</html>",
            "",
        ]
    )


def html_table(results: Results) -> list[str]:
    """The table of `table.md`, its header made of buttons that sort, the best settings tinted."""
    names, text_columns = header(results), len(results.settings)
    kinds = [' class="text"' if i < text_columns else "" for i in range(len(names))]
    head = "".join(
        f'<th{kind}><button type="button">{escape(name)}</button></th>' for kind, name in zip(kinds, names, strict=True)
    )
    lines = ['<div class="wide"><table>', f"<thead><tr>{head}</tr></thead>", "<tbody>"]
    for row in results.rows:
        line = "".join(f"<td{kind}>{escape(cell)}</td>" for kind, cell in zip(kinds, cells(results, row), strict=True))
        tint = ' class="best"' if results.is_best(row) else ""
        lines.append(f"<tr{tint}>{line}</tr>")
    return [*lines, "</tbody></table></div>"]


def html_notes(paragraphs: list[str]) -> list[str]:
    """Paragraphs; a list, which may be long, is folded up under the sentence before it."""
    blocks: list[tuple[str, list[str]]] = []
    for text in paragraphs:
        if text.startswith("- ") and blocks:
            blocks[-1][1].append(text[2:])
        else:
            blocks.append((text, []))
    lines = ['<div class="notes">']
    for text, items in blocks:
        listed = "".join(f"<li>{escape(item)}</li>" for item in items)
        folded = f"<details><summary>{escape(text)}</summary><ul>{listed}</ul></details>"
        lines.append(folded if items else f"<p>{escape(text)}</p>")
    return [*lines, "</div>"]


def section(heading: str, picture: bytes) -> str:
    data = base64.b64encode(picture).decode()
    return f'<h2>{escape(heading)}</h2>\n<img alt="{escape(heading)}" src="data:image/png;base64,{data}">'
