"""The report as one HTML page that needs nothing else: pictures are inside it, nothing is loaded from anywhere."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape

from .asking import further_metrics
from .curves import draw_curves
from .direction import without_stage
from .page_script import SCRIPT
from .pointer import as_text
from .results import Results
from .sorting import places
from .table import cells, columns

STYLE = """
:root { color-scheme: light dark; --line: #8885; --best: #d55e0022; --dim: #777; }
@media (prefers-color-scheme: dark) { :root { --dim: #aaa; --best: #e69f0033; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem;
  overflow-wrap: anywhere; }
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
figure { position: relative; margin: 0; } figure[data-panels] img { touch-action: pan-y pinch-zoom; }
.rule, .dot, .tip { position: absolute; pointer-events: none; }
.rule { border-left: 1px solid #555; }
.dot { width: 9px; height: 9px; margin: -5px; border-radius: 50%; border: 1px solid white; box-sizing: content-box; }
.tip { background: #fffe; color: #111; border: 1px solid #888; border-radius: 4px; padding: .25rem .5rem;
  font-size: 13px; max-width: 100%; box-sizing: border-box; }
.tip i { display: inline-block; width: .7em; height: .7em; margin-right: .4em; } .tip .met { font-weight: bold; }
fieldset { border: 0; padding: 0; margin: 1rem 0; } fieldset label { display: inline-block; margin-right: 1rem; }
summary { cursor: pointer; } .notes { color: var(--dim); }
"""
PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
{body}
<script>{script}</script>
</body>
</html>
"""
MOST_CELLS = 2000  # of metrics that can be chosen on the page: settings times metrics
MOST_CURVES = 400  # of metrics that can be chosen on the page: runs times metrics
HEADINGS = {  # of the pictures, by the name of their file
    "chart.png": "Results",
    "parameters.png": "Settings",
    "curves.png": "Learning curves",
    "regions.png": "Decision regions",
}


def page_of(
    title: str, results: Results, paragraphs: list[str], pictures: dict[str, bytes], panels: dict[str, str]
) -> str:
    """Return the page, on which further metrics can be chosen as long as the table is not too large for it."""
    further = further_metrics(results.found.runs, results.metrics, MOST_CELLS // len(results.rows))
    names = {without_stage(metric) for metric in further} - {without_stage(metric) for metric in results.metrics}
    for name in sorted(names) if len(names) * len(results.runs) <= MOST_CURVES else ():
        curves = draw_curves(replace(results, metrics=[name]))
        if curves.picture is not None:
            pictures = pictures | {f"curves/{name}": curves.picture}
            panels = panels | {f"curves/{name}": as_text(curves.panels)}
    everything = replace(results, metrics=[*results.metrics, *further])
    return html_page(title, everything, paragraphs, pictures, panels, results.metrics)


def html_page(
    title: str,
    results: Results,
    paragraphs: list[str],
    pictures: Mapping[str, bytes],
    panels: Mapping[str, str],
    chosen: Sequence[str],
) -> str:
    """The page. All text from the runs is escaped, and the browser is told to run our script alone and load nothing.

    Args:
        title: of the page.
        results: the table, with every metric that may be chosen on the page.
        paragraphs: what is to be said below it.
        pictures: by the name of their file; one of `curves/<metric>` is shown while that metric is chosen.
        panels: what the pointer finds in a picture, by the same name, as JSON.
        chosen: metrics that are shown at first.
    """
    script = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{script}'"
    body = [
        *choices(results.metrics, chosen),
        *html_table(results, chosen),
        *html_notes(paragraphs),
        *(section(name, picture, panels.get(name, "")) for name, picture in pictures.items()),
    ]
    return PAGE.format(title=escape(title), policy=policy, style=STYLE, body="\n".join(body), script=SCRIPT)


def choices(metrics: Sequence[str], chosen: Sequence[str]) -> list[str]:
    """A box to tick for each metric; nothing where there is only one."""
    boxes = [
        f'<label><input type="checkbox" value="{escape(name)}"{" checked" * (name in chosen)}> {escape(name)}</label>'
        for name in metrics
    ]
    return ["<fieldset>", *boxes, "</fieldset>"] if len(metrics) > 1 else []


def html_table(results: Results, chosen: Sequence[str]) -> list[str]:
    """The table of `table.md`, its header made of buttons that sort, the best settings tinted."""
    text_columns = len(results.settings)
    names, metrics = zip(*columns(results), strict=True)
    kinds = [
        ' class="text"' * (i < text_columns)
        + (f' data-metric="{escape(metric)}"' + " hidden" * (metric not in chosen) if metric else "")
        for i, metric in enumerate(metrics)
    ]
    head = "".join(
        f'<th{kind}><button type="button">{escape(name)}</button></th>' for kind, name in zip(kinds, names, strict=True)
    )
    lines = ['<div class="wide"><table>', f"<thead><tr>{head}</tr></thead>", "<tbody>"]
    table = [cells(results, row) for row in results.rows]
    placed_columns = [places(column, i < text_columns) for i, column in enumerate(zip(*table, strict=True))]
    for row, texts, of_row in zip(results.rows, table, zip(*placed_columns, strict=True), strict=True):
        placed = ["" if place is None else f" data-place={place}" for place in of_row]
        line = "".join(f"<td{k}{p}>{escape(text)}</td>" for k, p, text in zip(kinds, placed, texts, strict=True))
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


def section(name: str, picture: bytes, panels: str) -> str:
    """A picture under its heading; that of one metric is hidden until it is chosen."""
    metric = name.partition("/")[2]
    heading = f"Learning curves: {metric}" if metric else HEADINGS.get(name, name)
    data = base64.b64encode(picture).decode()
    begin = f'<section data-curves="{escape(metric)}" hidden>' if metric else "<section>"
    values = f' data-panels="{escape(panels)}"' if panels else ""
    image = f'<img alt="{escape(heading)}" src="data:image/png;base64,{data}">'
    return f"{begin}<h2>{escape(heading)}</h2>\n<figure{values}>{image}</figure></section>"
