"""What a page of a report does in the browser: it sorts the table, shows metrics and answers to the pointer."""

# By the places that sorting.py gave to the cells of a column; those without one stay last in either direction.
SORT = """
document.querySelectorAll("th button").forEach(button => button.addEventListener("click", () => {
  const head = button.parentNode, column = head.cellIndex, body = head.closest("table").tBodies[0];
  const up = head.getAttribute("aria-sort") !== "ascending";
  document.querySelectorAll("th").forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const place = row => parseInt(row.cells[column].dataset.place);
  [...body.rows].sort((a, b) => isNaN(place(a)) - isNaN(place(b)) || (up ? 1 : -1) * (place(a) - place(b)))
    .forEach(row => body.append(row));
}));
"""

# A box that is ticked shows the columns of a metric, and its learning curves where they are not on the page already.
CHOOSE = """
const boxes = [...document.querySelectorAll("fieldset input")];
const choose = () => {
  const chosen = boxes.filter(box => box.checked).map(box => box.value);
  document.querySelectorAll("[data-metric]").forEach(cell => cell.hidden = !chosen.includes(cell.dataset.metric));
  document.querySelectorAll("[data-curves]").forEach(section =>
    section.hidden = !chosen.some(name => name.slice(name.indexOf("/") + 1) === section.dataset.curves));
};
boxes.forEach(box => box.addEventListener("change", choose));
if (boxes.length) choose();
"""

# Names the values of the lines at the point of an axis that is nearest to the pointer; the nearest line is bold.
POINT = """
document.querySelectorAll("figure[data-panels]").forEach(figure => {
  const panels = JSON.parse(figure.dataset.panels), picture = figure.querySelector("img");
  const part = className =>
    figure.appendChild(Object.assign(document.createElement("div"), {className, hidden: true}));
  const rule = part("rule"), dot = part("dot"), tip = part("tip");
  const show = shown => [rule, dot, tip].forEach(part => part.hidden = !shown);
  const nearest = (points, x) => points.reduce((a, b) => Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a);
  figure.addEventListener("pointerleave", event => event.pointerType === "mouse" && show(false));
  addEventListener("pointerdown", event => event.target === picture || show(false));  // a finger taps elsewhere
  for (const kind of ["pointermove", "pointerdown"]) picture.addEventListener(kind, event => {
    const {left, top, width, height} = picture.getBoundingClientRect();
    const [x, y] = [(event.clientX - left) / width, (event.clientY - top) / height];
    const panel = panels.find(({box}) => x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3]);
    const lines = panel ? panel.lines.filter(line => line[2].length) : [];
    show(lines.length);
    if (!lines.length) return;
    const [x0, top0, x1, bottom] = panel.box, scale = panel.log ? Math.log : value => value;
    const at = panel.x[0] + (x - x0) / (x1 - x0) * (panel.x[1] - panel.x[0]);
    const place = nearest(lines.map(line => nearest(line[2], at)), at)[0];
    const [low, high] = panel.y.map(scale);
    const across = x0 + (place - panel.x[0]) / (panel.x[1] - panel.x[0]) * (x1 - x0);
    const met = lines.map(([name, color, points]) => ({name, color, point: nearest(points, place)}))
      .filter(({point}) => point[0] === place)
      .map(it => ({...it, up: Math.min(1, Math.max(0, (scale(it.point[1]) - low) / (high - low)))}))  // or at its edge
      .map(it => ({...it, down: bottom - it.up * (bottom - top0)}))
      .sort((a, b) => Math.abs(a.down - y) - Math.abs(b.down - y));
    const named = met.slice(0, 8).sort((a, b) => a.down - b.down);
    tip.replaceChildren(`${panel.unit}: ${place}`, ...named.map(({name, color, point}) => {
      const line = document.createElement("div"), mark = document.createElement("i");
      mark.style.background = color;
      line.append(mark, `${point[1]} `, name);
      line.className = name === met[0].name ? "met" : "";
      return line;
    }));
    const put = (part, x, y) => {
      part.style.left = `${picture.offsetLeft + x}px`;
      part.style.top = `${picture.offsetTop + y * height}px`;
    };
    put(rule, across * width, top0);
    rule.style.height = `${(bottom - top0) * height}px`;
    put(dot, across * width, met[0].down);
    dot.style.background = met[0].color;
    const space = tip.offsetWidth + 12, at0 = across * width;
    if (at0 + space < width) put(tip, at0 + 12, top0 + 0.02);
    else if (at0 > space) put(tip, at0 - space, top0 + 0.02);
    else put(tip, 0, bottom);  // too wide for either side: below, so that it hides no line
  });
});
"""

SCRIPT = SORT + CHOOSE + POINT
