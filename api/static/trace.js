// Draws the trace of a session: what the service sends for the range in view, and more detail of it when zoomed in.
"use strict";

const ZOOM = 2;
const STEP = 0.5;
const SHORTEST_MS = 200;
const SETTLE_MS = 250;
const COLOURS = ["#0b5394", "#9c3d00", "#1b6b3a"];

const tool = document.getElementById("trace-tool");
const plot = document.getElementById("plot");
const shown = document.getElementById("shown");
const choice = document.getElementById("stream");
const shift = Number(tool.dataset.shift);
const sets = Array.from(document.querySelectorAll(".show-set"), (link) => ({
  number: link.textContent.trim(),
  from: Number(link.dataset.from) + shift,
  to: Number(link.dataset.to) + shift,
  link,
}));

let whole = null; // [from, to] of the session, on the gym's clocks
let view = null; // [from, to] of what is in view
let trace = null;
let asked = 0;
let settle = null;

const timeOf = (milliseconds) => new Date(milliseconds).toISOString().slice(11, 21);

async function load(range) {
  const number = ++asked;
  let address = tool.dataset.trace;
  if (range) {
    address += `&from=${Math.floor(range[0] - shift)}&to=${Math.ceil(range[1] - shift)}`;
  }
  let answer;
  try {
    answer = await fetch(address, { cache: "no-store", credentials: "same-origin" });
  } catch (error) {
    answer = { ok: false };
  }
  if (number !== asked) {
    return; // the view has moved on since
  }
  if (!answer.ok || answer.redirected) {
    shown.textContent = "The trace could not be loaded. Load the page again.";
    return;
  }
  trace = await answer.json();
  if (number !== asked) {
    return;
  }
  if (!whole) {
    whole = [trace.from_ms, trace.to_ms];
    view = whole;
    offerStreams();
  }
  await draw();
}

function offerStreams() {
  for (const stream of trace.streams) {
    choice.append(new Option(`${stream.name} (${stream.unit})`, stream.id));
  }
}

function bands(stream, axes) {
  const shapes = [];
  for (const set of sets) {
    shapes.push({
      type: "rect", xref: "x", yref: "paper", x0: set.from, x1: set.to, y0: 0, y1: 1, layer: "below",
      fillcolor: "rgba(85, 96, 90, 0.16)", line: { width: 1, color: "rgba(85, 96, 90, 0.6)" },
      label: { text: `Set ${set.number}`, textposition: "top left", font: { size: 12, color: "#1a211c" } },
    });
  }
  for (const [from, to] of stream.gaps) {
    shapes.push({
      type: "rect", xref: "x", yref: "paper", x0: from, x1: to, y0: 0, y1: 1, layer: "below",
      fillcolor: "rgba(155, 28, 28, 0.10)", line: { width: 1.5, color: "#9b1c1c", dash: "dot" },
    });
  }
  return shapes;
}

function figure(stream) {
  const axes = Object.keys(stream.values);
  const layout = {
    margin: { l: 70, r: 15, t: 15, b: 45 }, showlegend: false, dragmode: "zoom", hovermode: "x",
    paper_bgcolor: "#ffffff", plot_bgcolor: "#ffffff", font: { family: "system-ui, sans-serif", color: "#1a211c" },
    shapes: bands(stream, axes),
    xaxis: {
      type: "date", range: view.slice(), anchor: axes.length > 1 ? `y${axes.length}` : "y", showgrid: true,
      tickformatstops: [
        { dtickrange: [null, 1000], value: "%H:%M:%S.%L" },
        { dtickrange: [1000, 60000], value: "%H:%M:%S" },
        { dtickrange: [60000, null], value: "%H:%M" },
      ],
    },
  };
  const traces = axes.map((axis, row) => {
    const suffix = row === 0 ? "" : String(row + 1);
    const height = 0.95 / axes.length; // the rest is for the names of the sets
    layout[`yaxis${suffix}`] = {
      title: { text: axis === "value" ? stream.unit : `${axis} (${stream.unit})` }, fixedrange: true, zeroline: true,
      domain: [0.95 - (row + 1) * height + 0.03, 0.95 - row * height],
    };
    return {
      type: "scatter", mode: "lines", name: axis, x: stream.t, y: stream.values[axis], xaxis: "x", yaxis: `y${suffix}`,
      connectgaps: false, line: { width: 1, color: COLOURS[row % COLOURS.length] },
      hovertemplate: `%{x|%H:%M:%S.%L}  ${axis === "value" ? "" : axis + " "}%{y} ${stream.unit}<extra></extra>`,
    };
  });
  return { traces, layout };
}

async function draw() {
  const stream = trace.streams.find((each) => each.id === choice.value) || trace.streams[0];
  if (!stream) {
    shown.textContent = `Nothing was measured from ${timeOf(view[0])} to ${timeOf(view[1])}.`;
    return;
  }
  const { traces, layout } = figure(stream);
  await Plotly.react(plot, traces, layout, { displayModeBar: false, responsive: true, scrollZoom: false });
  describe(stream);
}

function describe(stream) {
  const inside = sets.filter((set) => set.from < view[1] && set.to > view[0]).map((set) => set.number);
  const parts = [`${timeOf(view[0])} to ${timeOf(view[1])} (${((view[1] - view[0]) / 1000).toFixed(1)} s)`];
  parts.push(stream.envelope ? "lowest and highest value of each moment" : "every sample");
  parts.push(inside.length ? `${inside.length === 1 ? "set" : "sets"} ${inside.join(", ")}` : "no set");
  const gaps = stream.gaps.filter(([from, to]) => from < view[1] && to > view[0]).length;
  parts.push(gaps === 0 ? "no gap" : gaps === 1 ? "1 gap" : `${gaps} gaps`);
  for (const [axis, values] of Object.entries(stream.values)) {
    const known = values.filter((value) => value !== null);
    if (known.length) {
      const name = axis === "value" ? "" : `${axis} `;
      parts.push(`${name}${known.reduce((a, b) => Math.min(a, b))} to ${known.reduce((a, b) => Math.max(a, b))} ${stream.unit}`);
    }
  }
  shown.textContent = `In view: ${parts.join("; ")}.${trace.truncated ? " Only the first part is shown: zoom in for the rest." : ""}`;
  plot.dataset.from = view[0];
  plot.dataset.to = view[1];
  plot.dataset.detail = stream.envelope ? "envelope" : "samples";
}

function show(from, to) {
  const length = Math.min(Math.max(to - from, SHORTEST_MS), whole[1] - whole[0]);
  const start = Math.min(Math.max((from + to - length) / 2, whole[0]), whole[1] - length);
  view = [start, start + length];
  Plotly.relayout(plot, { "xaxis.range": view.slice() });
}

function zoom(factor) {
  const middle = (view[0] + view[1]) / 2;
  const half = (view[1] - view[0]) / 2 / factor;
  show(middle - half, middle + half);
}

function move(share) {
  const by = (view[1] - view[0]) * share;
  show(view[0] + by, view[1] + by);
}

const showWhole = () => show(whole[0], whole[1]);

function moved(change) {
  if (change["xaxis.autorange"]) {
    view = whole;
  } else if (change["xaxis.range[0]"] !== undefined) {
    // From the mouse: dates without a zone, which are the gym's clocks written as UTC.
    view = [0, 1].map((end) => Date.parse(String(change[`xaxis.range[${end}]`]).replace(" ", "T") + "Z"));
  } else if (change["xaxis.range"] === undefined) {
    return;
  }
  clearTimeout(settle);
  settle = setTimeout(() => load(view), SETTLE_MS);
}

const KEYS = {
  "+": () => zoom(ZOOM), "=": () => zoom(ZOOM), "-": () => zoom(1 / ZOOM), "−": () => zoom(1 / ZOOM),
  ArrowLeft: () => move(-STEP), ArrowRight: () => move(STEP), 0: showWhole,
};

async function begin() {
  tool.hidden = false;
  await load(null);
  if (!whole) {
    return;
  }
  plot.on("plotly_relayout", moved);
  choice.addEventListener("change", draw);
  const buttons = { "zoom-in": "+", "zoom-out": "-", "go-earlier": "ArrowLeft", "go-later": "ArrowRight", whole: "0" };
  for (const [id, key] of Object.entries(buttons)) {
    document.getElementById(id).addEventListener("click", () => KEYS[key]());
  }
  plot.addEventListener("keydown", (event) => {
    if (KEYS[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      KEYS[event.key]();
    }
  });
  for (const set of sets) {
    set.link.addEventListener("click", () => {
      const around = (set.to - set.from) * 0.25 + 1000;
      show(set.from - around, set.to + around);
    });
  }
}

begin();
