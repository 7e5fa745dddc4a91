"use strict";
// Figures: drawn when they come near the screen, in the colours of the theme, narrower on narrow screens.

const NARROW = 560;
const LINE = { wide: 21, narrow: 15 };
const PAPER = { wide: 690, half: 335 }; // widths that fit a printed page
let shownRows = null; // numbers of the rows that the filters leave, null for all

function colour(name) {
  const [variable, share] = name.split("/");
  const value = getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
  if (!share) return value;
  const parts = [1, 3, 5].map((at) => Number.parseInt(value.slice(at, at + 2), 16));
  return `rgba(${parts.join(",")},${share})`;
}

// A copy in which colours that name custom properties of the style sheet have their values.
function coloured(value, key = "") {
  if (Array.isArray(value)) return value.map((item) => coloured(item, key));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, coloured(item, name)]));
  }
  const isColour = key.toLowerCase().endsWith("color") && typeof value === "string" && value.startsWith("--");
  return isColour ? colour(value) : value;
}

// A copy of a trace with only some of its points.
function kept(trace, keep) {
  if (Array.isArray(trace)) return trace.filter((_, place) => keep[place]);
  const whole = (value) => Array.isArray(value) && value.length === keep.length;
  return Object.fromEntries(
    Object.entries(trace).map(([name, value]) => {
      if (whole(value)) return [name, kept(value, keep)];
      return [name, value && typeof value === "object" && !Array.isArray(value) ? kept(value, keep) : value];
    }),
  );
}

function filtered(figure) {
  if (!shownRows || !figure.data.some((trace) => trace.ids)) return figure;
  const data = figure.data.map((trace) => kept(trace, trace.ids.map((id) => shownRows.has(id))));
  const axis = figure.layout.yaxis;
  const keep = axis.tickvals.map((id) => shownRows.has(id));
  const count = keep.filter(Boolean).length;
  const yaxis = {
    ...axis,
    range: [-0.7, count - 0.3],
    categoryarray: axis.categoryarray.filter((id) => shownRows.has(id)),
    tickvals: axis.tickvals.filter((_, place) => keep[place]),
    ticktext: axis.ticktext.filter((_, place) => keep[place]),
  };
  return { ...figure, data, layout: { ...figure.layout, yaxis }, lines: count };
}

// Text in lines of about so many characters, broken between words.
function broken(text, length) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines[lines.length - 1];
    if (last && last.length + word.length >= length) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`.trim();
  }
  return lines.join("<br>");
}

function layoutOf(figure, width) {
  const narrow = width < NARROW;
  const axis = { gridcolor: "--line", linecolor: "--line", zerolinecolor: "--ink", zeroline: false, automargin: true };
  const layout = structuredClone(figure.layout);
  let rows = figure.lines;
  if (rows && narrow) {
    const texts = layout.yaxis.ticktext.map((text) => broken(text, 19));
    const tallest = Math.max(1, ...texts.map((text) => text.split("<br>").length));
    layout.yaxis.ticktext = texts;
    rows *= Math.max(1.4, tallest);
  }
  const names = figure.data.filter((trace) => trace.showlegend !== false).map((trace) => trace.name ?? "");
  const letters = Math.max(0, ...names.map((name) => name.length)) * 6.6 + 56;
  const perLine = Math.max(1, Math.floor((width - 60) / letters));
  const legend = names.length > 1 ? Math.ceil(names.length / perLine) * 19 + 14 : 0;
  const height = (rows ? rows * (narrow ? LINE.narrow : LINE.wide) : narrow ? 250 : 300) + 60 + legend;
  const onTop = layout.xaxis.side === "top";
  return {
    ...layout,
    width,
    height,
    font: { family: "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif", size: narrow ? 11 : 12, color: "--ink" },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 8, r: 22, t: onTop ? 46 : 8, b: legend + (onTop ? 8 : 42), pad: 4 },
    xaxis: { ...axis, automargin: false, ...layout.xaxis, title: { standoff: 8, ...layout.xaxis.title, font: { size: 12, color: "--faint" } } },
    yaxis: { ...axis, ...layout.yaxis, title: { standoff: 8, ...layout.yaxis.title, font: { size: 12, color: "--faint" } } },
    legend: { orientation: "h", traceorder: "normal", maxheight: 1, x: 0, xanchor: "left", yref: "container", y: 0, yanchor: "bottom", font: { size: narrow ? 10 : 11 } },
    hoverlabel: { bgcolor: "--panel", bordercolor: "--line", font: { color: "--ink" }, align: "left" },
    dragmode: matchMedia("(pointer: fine)").matches ? "zoom" : false,
    showlegend: names.length > 1,
  };
}

function widthOf(box) {
  if (!document.documentElement.classList.contains("printing")) return box.querySelector(".plot").clientWidth;
  return box.classList.contains("wide") ? PAPER.wide : PAPER.half;
}

function draw(box) {
  const figure = filtered(page.figures[Number(box.dataset.figure)]);
  box.hidden = figure.lines === 0 && page.figures[Number(box.dataset.figure)].lines > 0;
  if (box.hidden) return;
  const plot = box.querySelector(".plot");
  const made = coloured({ data: figure.data, layout: layoutOf(figure, widthOf(box)) });
  Plotly.react(plot, made.data, made.layout, { displayModeBar: false });
  box.dataset.width = widthOf(box);
}

const boxes = [...document.querySelectorAll("[data-figure]")];
const drawn = () => boxes.filter((box) => box.dataset.width);
const near = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      draw(target);
    }
  },
  { rootMargin: "800px" },
);
for (const box of boxes) near.observe(box);

document.addEventListener("rows-filtered", (event) => {
  shownRows = event.detail;
  for (const box of drawn()) draw(box);
});
new ResizeObserver(() => {
  for (const box of drawn()) {
    if (!box.hidden && Number(box.dataset.width) !== widthOf(box)) draw(box);
  }
}).observe(document.body);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn().forEach(draw));
addEventListener("beforeprint", () => {
  document.documentElement.classList.add("printing"); // light colours
  boxes.forEach(draw);
});
addEventListener("afterprint", () => {
  document.documentElement.classList.remove("printing");
  boxes.forEach(draw);
});
