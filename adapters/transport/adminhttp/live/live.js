// The live view of one Guardy process. It polls /runtime once a second and turns totals into rates;
// a poll that fails leaves a gap and says so, so that old figures are never taken for new ones.
"use strict";

const points = 120; // two minutes
const period = 1000;

const number = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

function count(v) { return v >= 100 ? Math.round(v).toLocaleString("en") : number.format(v); }

function bytes(v) {
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (v < 1024 || unit === "GiB") return number.format(v) + " " + unit;
    v /= 1024;
  }
}

function time(s) {
  if (s === 0) return "0";
  if (s < 1e-6) return number.format(s * 1e9) + " ns";
  if (s < 1e-3) return number.format(s * 1e6) + " µs";
  if (s < 1) return number.format(s * 1e3) + " ms";
  if (s < 120) return number.format(s) + " s";
  if (s < 7200) return Math.floor(s / 60) + " min";
  if (s < 172800) return Math.floor(s / 3600) + " h";
  return Math.floor(s / 86400) + " days";
}

function percent(v) { return number.format(100 * v) + " %"; }

// rate is the growth of a total a second; null when it is not known, as after a reset.
function rate(now, before, total) {
  if (!before) return null;
  const seconds = (Date.parse(now.time) - Date.parse(before.time)) / 1000;
  const grown = total(now) - total(before);
  return seconds > 0 && grown >= 0 ? grown / seconds : null;
}

// share is the growth of one total in the growth of another.
function share(now, before, part, whole) {
  const p = rate(now, before, part), w = rate(now, before, whole);
  return p === null || !w ? null : p / w;
}

const sum = (list, key) => list.reduce((s, m) => s + m[key], 0);
const hits = r => sum(r.models, "cache_hits");
const lookups = r => hits(r) + sum(r.models, "cache_misses");

const charts = [
  { name: "Requests a second", format: count, floor: 1,
    value: (r, b) => rate(r, b, x => x.requests.total), note: r => count(r.requests.total) + " in all" },
  { name: "Failed a second", format: count, floor: 1,
    value: (r, b) => rate(r, b, x => x.requests.failed), note: r => count(r.requests.failed) + " in all" },
  { name: "Answers a second", format: count, floor: 1,
    value: (r, b) => rate(r, b, x => sum(x.models, "predictions")), note: r => count(sum(r.models, "predictions")) + " in all" },
  { name: "Mean latency, last second", format: time, floor: 1e-4,
    value: (r, b) => share(r, b, x => x.requests.mean_seconds * x.requests.total, x => x.requests.total),
    note: r => "median " + time(r.requests.median_seconds) + ", slowest " + time(r.requests.max_seconds) },
  { name: "p99 latency, since reset", format: time, floor: 1e-4,
    value: r => r.requests.total ? r.requests.p99_seconds : null, note: r => "p95 " + time(r.requests.p95_seconds) },
  { name: "Cache hit rate, last second", format: percent, floor: 1,
    value: (r, b) => share(r, b, hits, lookups), note: r => lookups(r) ? percent(hits(r) / lookups(r)) + " since reset" : "not asked yet" },
  { name: "Processor", format: percent, floor: 0.1,
    value: (r, b) => { const v = rate(r, b, x => x.process.cpu_seconds); return v === null ? null : v / r.process.cpus; },
    note: r => "of " + r.process.cpus + "; " + time(r.process.cpu_seconds) + " used" },
  { name: "Resident memory", format: bytes, floor: 1 << 20, value: r => r.process.resident_bytes,
    note: r => "Go holds " + bytes(r.go.memory_bytes) + (r.go.memory_limit_bytes ? " of " + bytes(r.go.memory_limit_bytes) : "") },
  { name: "Heap", format: bytes, floor: 1 << 20,
    value: r => r.go.heap_bytes, note: r => "next collection at " + bytes(r.go.heap_goal_bytes) },
  { name: "Allocation a second", format: bytes, floor: 1 << 20,
    value: (r, b) => rate(r, b, x => x.go.allocated_bytes), note: () => "" },
  { name: "Goroutines", format: count, floor: 10,
    value: r => r.go.goroutines, note: r => "p99 wait to run " + time(r.go.sched_latency_p99_seconds) },
  { name: "Last collection's pause", format: time, floor: 1e-4,
    value: r => r.go.gc_cycles ? r.go.gc_last_pause_seconds : null,
    note: r => time(r.go.gc_pause_seconds) + " in all, cycles: " + count(r.go.gc_cycles) },
];

function element(name, text, className) {
  const e = document.createElement(name);
  if (text !== undefined) e.textContent = text;
  if (className) e.className = className;
  return e;
}

function addCards() {
  const cards = document.getElementById("cards");
  for (const c of charts) {
    const card = element("div", undefined, "card");
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", `0 0 ${points - 1} 40`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    c.line = svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "path"));
    c.shown = element("div", "–", "value");
    c.noted = element("div", "", "note");
    c.past = [];
    card.append(element("div", c.name, "name"), c.shown, c.noted, svg);
    cards.append(card);
  }
}

// draw scales to the highest value in view, from zero; floor keeps noise from filling the height.
function draw(c) {
  const top = Math.max(c.floor, ...c.past.filter(v => v !== null));
  let d = "", pen = false;
  c.past.forEach((v, i) => {
    if (v === null) { pen = false; return; }
    const x = points - c.past.length + i, y = 38 - 36 * v / top;
    d += (pen ? "L" : "M") + x + " " + y.toFixed(2);
    if (!pen) d += "h0.01"; // a single point is seen too
    pen = true;
  });
  c.line.setAttribute("d", d);
}

function push(c, v) {
  c.past.push(v);
  if (c.past.length > points) c.past.shift();
  draw(c);
}

// fill writes a table: columns are [title, text of a cell, align left?, class of a cell?].
function fill(id, columns, rows) {
  const head = element("tr");
  for (const [title, , left] of columns) head.append(element("th", title, left ? "text" : ""));
  const body = rows.map(row => {
    const tr = element("tr");
    for (const [, cell, left, mark] of columns) {
      tr.append(element("td", cell(row), ((left ? "text " : "") + (mark ? mark(row) : "")).trim()));
    }
    return tr;
  });
  document.getElementById(id).replaceChildren(head, ...body);
}

const modelColumns = [
  ["model", m => m.name, true],
  ["version", m => m.loaded ? m.version : "not loaded", true, m => m.loaded ? "" : "bad"],
  ["source", m => m.source, true],
  ["answers", m => count(m.predictions)],
  ["computed", m => count(m.computed)],
  ["errors", m => count(m.errors), false, m => m.errors ? "bad" : ""],
  ["high or extreme", m => count((m.by_level.high || 0) + (m.by_level.extreme || 0))],
  ["mean", m => m.computed ? time(m.mean_seconds) : "–"],
  ["p95", m => m.computed ? time(m.p95_seconds) : "–"],
  ["p99", m => m.computed ? time(m.p99_seconds) : "–"],
  ["hit rate", m => m.cache_hits + m.cache_misses ? percent(m.hit_rate) : "–"],
  ["reloads", m => count(m.reloads)],
  ["last load error", m => m.last_error || "–", true, m => m.last_error ? "bad" : ""],
];

const checkColumns = [
  ["check", c => c.name, true],
  ["state", c => c.ok ? "ok" : c.required ? "failing" : "degraded", true, c => c.ok ? "good" : c.required ? "bad" : "warn"],
  ["detail", c => c.detail || "–", true],
];

const tierColumns = [
  ["tier", t => t.name, true],
  ["entries", t => t.entries < 0 ? "–" : count(t.entries)],
  ["size", t => t.bytes < 0 ? "–" : bytes(t.bytes) + (t.max_bytes ? " of " + bytes(t.max_bytes) : "")],
  ["evictions", t => count(t.evictions)],
  ["errors", t => count(t.errors), false, t => t.errors ? "bad" : ""],
  ["p95", t => t.latency_p95_seconds ? time(t.latency_p95_seconds) : "–"],
  ["breaker", t => t.state || "–", true, t => t.state && t.state !== "ok" ? "warn" : ""],
];

const routeColumns = [["route or code", r => r[0], true], ["requests", r => count(r[1])]];

function byCount(counts) { return Object.entries(counts).sort((a, b) => b[1] - a[1]).slice(0, 20); }

function state(text, kind) {
  const pill = document.getElementById("state");
  pill.textContent = text;
  pill.className = "pill " + kind;
}

let before = null, answered = null;

async function poll() {
  if (document.hidden) { before = null; return; }
  try {
    const answer = await fetch("/runtime", { signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error("status " + answer.status);
    const r = await answer.json();
    if (before && before.process.started_at !== r.process.started_at) before = null;
    for (const c of charts) {
      const v = c.value(r, before);
      c.shown.textContent = v === null ? "–" : c.format(v);
      c.noted.textContent = c.note(r);
      push(c, v);
    }
    state(r.health.draining ? "draining" : r.health.ready ? "ready" : "not ready", r.health.draining ? "warn" : r.health.ready ? "good" : "bad");
    document.getElementById("facts").textContent =
      `${r.health.version} · up ${time(r.process.uptime_seconds)} · ${r.process.go_version}`;
    fill("models", modelColumns, r.models);
    fill("routes", routeColumns, [...byCount(r.requests.by_route), ...byCount(r.requests.by_code)]);
    fill("checks", checkColumns, r.health.checks);
    fill("cache", tierColumns, r.cache);
    before = r;
    answered = new Date();
  } catch {
    before = null;
    for (const c of charts) { c.shown.textContent = "–"; push(c, null); }
    state(answered ? "no answer since " + answered.toLocaleTimeString() : "no answer", "bad");
  }
}

const pause = () => new Promise(done => setTimeout(done, period));

async function watch() {
  addCards();
  for (;;) {
    await poll();
    await pause();
  }
}

// What follows is "top". It is on while the address ends in #top, so that a link or a reload starts it too.
const topSeconds = 2;

const functionColumns = [
  ["function", f => f.function.slice(f.package.lastIndexOf("/") + 1), true, f => f.ours ? "name ours" : "name"],
  ["itself", f => percent(f.flat_percent / 100)],
  ["with what it calls", f => percent(f.cumulative_percent / 100)],
  ["package", f => f.package || "–", true],
];

let profile = null, topping = null; // the last profile, and what ends the profiles while they are taken

function drawTop() {
  if (!profile) { document.getElementById("functions").replaceChildren(); return; }
  fill("functions", functionColumns, document.getElementById("top-cumulative").checked ? profile.cumulative : profile.flat);
}

async function takeTop(stopped) {
  let note;
  try {
    const patience = AbortSignal.timeout((topSeconds + 5) * 1000);
    const answer = await fetch("/top?seconds=" + topSeconds, { signal: AbortSignal.any([stopped, patience]) });
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.detail);
    profile = said;
    note = `${time(said.cpu_seconds)} of processor time in the ${time(said.seconds)} from ` +
      `${new Date(said.time).toLocaleTimeString()}, ${count(said.samples)} samples`;
  } catch (e) {
    if (stopped.aborted) return; // the last profile stays to be read
    profile = null;
    note = "No profile: " + e.message;
  }
  document.getElementById("top-note").textContent = note;
  drawTop();
}

async function repeatTop(stopped) {
  while (!stopped.aborted) {
    if (!document.hidden) await takeTop(stopped);
    await pause();
  }
}

const wanted = () => location.hash === "#top";

function followAddress() {
  const on = wanted();
  if (on === (topping !== null)) return;
  const button = document.getElementById("top-switch"), note = document.getElementById("top-note");
  button.textContent = on ? "Stop top" : "Start top";
  button.setAttribute("aria-pressed", on);
  if (on) {
    profile = null;
    drawTop();
    note.textContent = "The first profile takes a moment.";
    topping = new AbortController();
    repeatTop(topping.signal);
  } else {
    note.textContent = profile ? "Stopped. " + note.textContent : "Off.";
    topping.abort();
    topping = null;
  }
}

document.getElementById("top-switch").addEventListener("click", () => { location.hash = wanted() ? "" : "top"; });
document.getElementById("top-cumulative").addEventListener("change", drawTop);
addEventListener("hashchange", followAddress);
watch();
followAddress();
