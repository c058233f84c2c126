// Names of runs and texts in their files may come from anybody. They reach the page as text nodes and by no other way:
// no markup is ever put together here, and nothing of theirs becomes an attribute.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

// An element with classes and what is in it: texts and other elements.
function make(tag, classes, ...content) {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  element.append(...content);
  return element;
}

// A text of somebody's, which may run from right to left without turning around what stands beside it.
const text = (value, classes) => make("bdi", classes, value);

function draw(tag, attributes, ...content) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...content);
  return element;
}

// ---- numbers

// Three digits, in the shorter notation, as `attractor compare` has them. Null is what is not finite.
function number(x) {
  if (x === undefined) return "";
  if (x === null) return "inf";
  const size = Math.abs(x);
  if (size === 0) return "0";
  return size >= 1e-2 && size < 1e4 ? x.toFixed(3) : x.toExponential(2);
}
const whole = (x) => (x === undefined ? "" : x.toLocaleString("en-US"));
const seconds = (x) => (x === undefined ? "" : x < 10 ? x.toFixed(1) : whole(Math.round(x)));
function duration(x) {
  if (x < 90) return `${Math.round(x)} s`;
  return x < 5400 ? `${Math.round(x / 60)} min` : `${(x / 3600).toFixed(1)} h`;
}

// ---- the table

const STATES = {
  training: ["training", "its steps are being done"],
  scoring: ["scoring", "the steps are done, the scores are being made"],
  started: ["never trained", "it has not come to its first checkpoint, and nobody trains it"],
  stopped: ["stopped", "attractor resume continues it"],
  broken: ["broken", "a file of it cannot be read"],
  complete: ["complete", "it has results"],
};
const ORDER = Object.keys(STATES);
const inProgress = (row) => row.state === "training" || row.state === "scoring";

function stepText(row) {
  if (row.step === undefined) return row.steps === undefined || row.state === "complete" ? "" : `0 / ${whole(row.steps)}`;
  return row.steps === undefined || row.state === "complete" ? whole(row.step) : `${whole(row.step)} / ${whole(row.steps)}`;
}

function nameOfRun(row) {
  const name = text(row.run);
  // Of others there is nothing to report.
  if (row.state === "broken" || row.state === "started") return name;
  const link = make("a", "", name);
  // The key is of 16 digits that the server chose.
  link.href = `/run/${encodeURIComponent(row.key)}/report`;
  return link;
}

// What the columns show, what they are sorted by, and whether the first click puts the largest on top.
const COLUMNS = [
  { id: "experiment", label: "experiment", by: (row) => `${row.experiment} ${row.about}`,
    cell: (row) => [make("span", "name", text(row.experiment)), text(row.about, "faint name")] },
  { id: "run", label: "run", by: (row) => row.run, falling: true,
    cell: (row) => [make("span", "name", nameOfRun(row)), ...(row.within ? [make("span", "faint name", "in ", text(row.within))] : [])] },
  { id: "state", label: "state", by: (row) => ORDER.indexOf(row.state),
    cell: (row) => {
      const word = make("span", "word", STATES[row.state][0]);
      word.title = STATES[row.state][1];
      return row.fault === undefined ? [word] : [word, make("span", "bad name faint", text(row.fault))];
    } },
  { id: "step", label: "step", by: (row) => row.step, falling: true, number: true, cell: (row) => [stepText(row)] },
  { id: "loss", label: "validation loss", by: (row) => row.loss, number: true, cell: (row) => [number(row.loss)] },
  { id: "vpt", label: "valid for (Lyapunov times)", short: "VPT", by: (row) => row.vpt, falling: true, number: true,
    cell: (row) => [row.vpt === undefined ? "" : row.vpt.toFixed(2)] },
  { id: "nrmse", label: "error (nrmse)", by: (row) => (row.nrmse === null ? Infinity : row.nrmse), number: true,
    cell: (row) => [number(row.nrmse)] },
  { id: "seconds", label: "seconds", by: (row) => row.seconds, number: true, cell: (row) => [seconds(row.seconds)] },
];

const rows = new Map(); // key -> { row, element }
let sorted = null; // { column, falling }; without it what is in progress is on top, then the newest

function compare(a, b) {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function order(a, b) {
  if (sorted) {
    const [x, y] = [sorted.column.by(a.row), sorted.column.by(b.row)];
    // What a run does not have is last, whichever way.
    if ((x === undefined) !== (y === undefined)) return x === undefined ? 1 : -1;
    const found = compare(x, y) * (sorted.falling ? -1 : 1);
    if (found) return found;
  } else if (inProgress(a.row) !== inProgress(b.row)) {
    return inProgress(a.row) ? -1 : 1;
  }
  return -compare(a.row.run, b.row.run) || compare(a.row.key, b.row.key);
}

function headings() {
  for (const column of COLUMNS) {
    const button = make("button", "", column.label);
    button.type = "button";
    const heading = make("th", column.number ? "number" : "", button);
    heading.scope = "col";
    button.addEventListener("click", () => {
      const again = sorted && sorted.column === column;
      sorted = { column, falling: again ? !sorted.falling : Boolean(column.falling) };
      for (const other of byId("headings").children) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", sorted.falling ? "descending" : "ascending");
      arrange();
    });
    byId("headings").append(heading);
  }
}

function rowElement(row) {
  const element = make("tr", row.state);
  for (const column of COLUMNS) {
    const cell = make("td", column.number ? `${column.id} number` : column.id, ...column.cell(row));
    cell.dataset.label = column.short || column.label;
    element.append(cell);
  }
  return element;
}

// Takes over what is other in a new version of an element. The rest stays, so that a link does not go away under the
// mouse, nor the keyboard's place, while a training goes on.
function renew(element, newer) {
  element.className = newer.className;
  const children = [...newer.children];
  children.forEach((child, i) => {
    const old = element.children[i];
    if (!old) element.append(child);
    else if (!old.isEqualNode(child)) old.replaceWith(child);
  });
  while (element.children.length > children.length) element.lastElementChild.remove();
}

// Puts the rows into order, moving only those that are not where they belong.
function arrange() {
  const body = byId("rows");
  let place = body.firstChild;
  for (const { element } of [...rows.values()].sort(order)) {
    if (element === place) place = place.nextSibling;
    else body.insertBefore(element, place);
  }
}

// ---- the curves

const cards = new Map(); // key -> card

// The largest number of cards of ended runs. The cards of a sweep of a thousand runs would fill the page.
const MOST_ENDED = 4;

function card(key) {
  const swatch = (kind) => {
    const line = draw("line", { class: `curve ${kind}`, x1: 0, x2: 26, y1: 5, y2: 5 });
    return draw("svg", { viewBox: "0 0 26 10", "aria-hidden": "true" }, line);
  };
  const parts = {
    title: make("h3"), about: make("p", "faint"), bar: make("progress"), now: make("p"),
    train: make("span"), validation: make("span"), plot: make("div", "plot"), columns: null, key,
  };
  const legend = make("p", "legend", make("span", "", swatch("train"), "train ", parts.train),
    make("span", "", swatch("validation"), "validation ", parts.validation));
  parts.element = make("article", "card", parts.title, parts.about, parts.bar, parts.now, legend, parts.plot);
  new ResizeObserver(() => plot(parts)).observe(parts.plot);
  cards.set(key, parts);
  return parts;
}

// Puts a card under the heading for the state of its run: in progress, or ended. A run that has ended keeps its curve
// on the page; the run that ended last stands first.
function place(parts, row) {
  const [running, ended] = [byId("cards"), byId("ended-cards")];
  const home = inProgress(row) ? running : ended;
  if (parts.element.parentNode === home) return;
  if (home === running) running.append(parts.element);
  else ended.prepend(parts.element);
  const kept = new Set([...ended.children].slice(0, MOST_ENDED));
  for (const other of [...cards.values()]) if (other.element.parentNode === ended && !kept.has(other.element)) discard(other.key);
}

function discard(key) {
  if (cards.has(key)) cards.get(key).element.remove();
  cards.delete(key);
}

function fill(parts, row) {
  renew(parts.title, make("h3", "", make("span", "name", text(row.experiment))));
  renew(parts.about, make("p", "faint", make("span", "name", nameOfRun(row)), ...(row.about ? [text(row.about, "name")] : [])));
  parts.bar.hidden = !inProgress(row) || row.steps === undefined;
  parts.bar.max = row.steps || 1;
  parts.bar.value = row.step || 0;
  const words = [STATES[row.state][0]];
  if (row.step !== undefined) {
    words.push(row.steps === undefined ? `step ${whole(row.step)}` : `step ${whole(row.step)} of ${whole(row.steps)}`);
    words.push(`${seconds(row.seconds)} s`);
    if (row.state === "training" && row.steps > row.step && row.step > 0) {
      words.push(`about ${duration((row.seconds / row.step) * (row.steps - row.step))} left`);
    }
  } else if (row.state === "training") {
    words.push("no validation yet");
  }
  parts.now.replaceChildren(words.join(", "));
  parts.element.setAttribute("class", `card ${row.state}`);
  place(parts, row);
}

// Round numbers over a range: 1, 2 or 5 times a power of ten apart, at most `most` of them.
function ticks(low, high, most) {
  const rough = (high - low) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const apart = [1, 2, 5, 10].map((times) => times * power).find((step) => step >= rough * (1 - 1e-9));
  const found = [];
  for (let i = Math.ceil(low / apart - 1e-9); i * apart <= high + apart * 1e-9; i++) found.push(i * apart);
  return found;
}

// Powers of ten over a range of positive numbers; where there are fewer than three, also 2 and 5 times these.
function logTicks(low, high, most) {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const inside = (value) => value >= low * 0.999 && value <= high * 1.001;
  const powers = [];
  const apart = Math.max(1, Math.ceil((last - first) / most));
  for (let power = first; power <= last; power++) if (power % apart === 0) powers.push(Number(`1e${power}`));
  const whole = powers.filter(inside);
  if (whole.length >= 3) return whole;
  const finer = [];
  for (let power = first; power <= last; power++) for (const times of [1, 2, 5]) finer.push(Number(`${times}e${power}`));
  const found = finer.filter(inside);
  return found.length >= 2 ? found : ticks(low, high, 4).filter((value) => value > 0);
}

// A number at an axis, as short as it is exact.
function tickText(value) {
  const short = Number(value.toPrecision(6));
  const size = Math.abs(short);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return short.toExponential().replace("e+", "e");
  return short.toLocaleString("en-US", { maximumFractionDigits: 8 });
}

function plot(parts) {
  const columns = parts.columns;
  const [width, height] = [parts.plot.clientWidth, parts.plot.clientHeight];
  if (!columns || width < 50) return;
  const values = [...columns.train, ...columns.validation].filter((value) => value !== null);
  if (!values.length) {
    parts.plot.replaceChildren();
    return;
  }
  const positive = values.every((value) => value > 0);
  let [low, high] = [Math.min(...values), Math.max(...values)];
  // Room around the curves, and around a single point or a loss that stays as it is.
  if (positive) {
    const room = Math.max(1.1, (high / low) ** 0.05);
    [low, high] = [low / room, high * room];
  } else {
    const room = high > low ? 0.05 * (high - low) : 1;
    [low, high] = [low - room, high + room];
  }
  const end = columns.step[columns.step.length - 1] || 1;

  const yTicks = positive ? logTicks(low, high, 6) : ticks(low, high, 5);
  const labels = yTicks.map(tickText);
  const left = 34 + 7 * Math.max(3, ...labels.map((label) => label.length));
  const [right, top, bottom] = [width - 14, 8, height - 38];
  const x = (step) => left + (step / end) * (right - left);
  const part = positive
    ? (value) => Math.log(value / low) / Math.log(high / low)
    : (value) => (value - low) / (high - low);
  const y = (value) => bottom - part(value) * (bottom - top);
  const at = (value) => value.toFixed(1);

  const picture = draw("svg", { width, height, role: "img" });
  const label = `loss against step, to step ${whole(end)}`;
  picture.append(draw("title", {}, label));
  yTicks.forEach((value, i) => {
    picture.append(
      draw("line", { class: "grid", x1: left, x2: right, y1: at(y(value)), y2: at(y(value)) }),
      draw("text", { x: left - 6, y: at(y(value) + 4), "text-anchor": "end" }, labels[i]));
  });
  for (const value of ticks(0, end, Math.min(6, (right - left) / 75))) {
    // The last label would run out of the picture.
    const anchor = right - x(value) < 20 ? "end" : "middle";
    picture.append(
      draw("line", { class: "axis", x1: at(x(value)), x2: at(x(value)), y1: bottom, y2: bottom + 4 }),
      draw("text", { x: at(anchor === "end" ? right + 12 : x(value)), y: bottom + 17, "text-anchor": anchor }, tickText(value)));
  }
  picture.append(
    draw("path", { class: "axis", fill: "none", d: `M${left} ${top}V${bottom}H${right}` }),
    draw("text", { x: (left + right) / 2, y: height - 5, "text-anchor": "middle" }, "step"),
    draw("text", { transform: `translate(13 ${(top + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" },
      positive ? "loss, log scale" : "loss"));
  for (const kind of ["train", "validation"]) {
    let [path, last] = ["", null];
    columns[kind].forEach((value, i) => {
      if (value === null) {
        last = null;
        return;
      }
      path += `${last === null ? "M" : "L"}${at(x(columns.step[i]))} ${at(y(value))}`;
      last = i;
    });
    picture.append(draw("path", { class: `curve ${kind}`, d: path }));
    if (last !== null) {
      picture.append(draw("circle", { class: `dot ${kind}`, cx: at(x(columns.step[last])), cy: at(y(columns[kind][last])), r: 3 }));
    }
    parts[kind].replaceChildren(last === null ? "" : number(columns[kind][last]));
  }
  parts.plot.replaceChildren(picture);
}

// ---- news

function take({ folder, news }) {
  byId("folder").replaceChildren(make("code", "", text(folder)));
  const told = new Set(news.rows.map((row) => row.key));
  const gone = news.all ? [...rows.keys()].filter((key) => !told.has(key)) : news.gone.filter((key) => rows.has(key));
  for (const key of gone) {
    rows.get(key).element.remove();
    rows.delete(key);
    discard(key);
  }
  for (const row of news.rows) {
    const element = rowElement(row);
    const before = rows.get(row.key);
    if (before) {
      renew(before.element, element);
      before.row = row;
    } else {
      rows.set(row.key, { row, element });
    }
    if (cards.has(row.key)) fill(cards.get(row.key), row);
  }
  for (const [key, columns] of Object.entries(news.curves)) {
    const parts = cards.get(key) || card(key);
    fill(parts, rows.get(key).row);
    parts.columns = columns;
    plot(parts);
  }
  arrange();
  byId("all").hidden = rows.size === 0;
  for (const [section, home] of [["progress", "cards"], ["ended", "ended-cards"]]) {
    byId(section).hidden = byId(home).children.length === 0;
  }
  const running = [...rows.values()].filter(({ row }) => inProgress(row)).length;
  byId("count").textContent = `${whole(rows.size)} ${rows.size === 1 ? "run" : "runs"}, ${whole(running)} in progress`;
  document.title = running ? `Attractor: ${running} in progress` : "Attractor: runs";
  const notes = news.notes.map((note) => make("p", "", note));
  if (rows.size === 0) {
    notes.push(make("p", "", "No runs under ", make("code", "", text(folder)), " yet: ",
      make("code", "", "attractor train rnn-lorenz"), " makes one."));
  }
  byId("notes").replaceChildren(...notes);
}

// ---- the connection

let source = null;

function connect() {
  if (source || document.hidden) return;
  source = new EventSource("/events");
  source.addEventListener("open", () => { byId("connection").hidden = true; });
  source.addEventListener("message", (event) => take(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    byId("connection").textContent =
      "The program behind this page has ended or does not answer. What is shown is what it said last; trying again …";
    byId("connection").hidden = false;
    // A browser tries again by itself, but not where it was answered with a refusal.
    if (source && source.readyState === EventSource.CLOSED) {
      source = null;
      setTimeout(connect, 3000);
    }
  });
}

// A page that nobody sees leaves the folder alone, and its connection to others.
document.addEventListener("visibilitychange", () => {
  if (document.hidden && source) {
    source.close();
    source = null;
  }
  connect();
});

headings();
connect();
