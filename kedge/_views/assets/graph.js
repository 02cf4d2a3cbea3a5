"use strict";
// Names and quotes are data: only ever set as text.
function make(parent, tag, attributes = {}, text = "") {
  const svg = parent.namespaceURI.endsWith("svg");
  const element = svg ? document.createElementNS(parent.namespaceURI, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text) element.textContent = text;
  return parent.appendChild(element);
}

const shorten = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text);
let drawings = 0;

// Draws a graph into the parts of `root`: .stage, and where they are there .panel, .tip, .find, .names and the buttons.
// `before` is an earlier drawing there: it ends, and what both show stays about where it was. `visit` is offered for each node.
function drawGraph(root, { nodes, edges }, { before, visit: around } = {}) {
  const [stage, panel, tip, find] = ["stage", "panel", "tip", "find"].map((name) => root.querySelector("." + name));
  const view = { x: 0, y: 0, k: 1 }, number = ++drawings, ended = new AbortController(), { signal } = ended;
  let chosen = null;
  if (before) before.end();

  // --- model -----------------------------------------------------------------------------------------------
  const kept = before ? before.places() : new Map();
  nodes.forEach((node) => Object.assign(node, { links: [], vx: 0, vy: 0 }, kept.get(node.id)));
  const pairs = new Map(); // edges between the same two nodes bend apart
  for (const edge of edges) {
    edge.from = nodes[edge.source];
    edge.to = nodes[edge.target];
    edge.from.links.push(edge);
    if (edge.to !== edge.from) edge.to.links.push(edge);
    const pair = [edge.source, edge.target].sort((a, b) => a - b).join();
    edge.nth = pairs.get(pair) ?? 0;
    pairs.set(pair, edge.nth + 1);
  }
  const byDegree = [...nodes].sort((a, b) => b.links.length - a.links.length);
  byDegree.forEach((node, rank) => {
    node.rank = node.kind === "focus" ? -1 : rank;
    node.r = node.kind === "passage" ? 8 : Math.min(20, 7 + 1.6 * Math.sqrt(node.links.length)) + (node.kind === "focus" ? 3 : 0);
  });

  // A repeatable start that crosses few edges: every node next to the one it was reached from, the best-connected first.
  const [push, reach] = [2600 + 420000 / (nodes.length + 4), nodes.length < 60 ? 180 : 105]; // few nodes: more air
  let met = 0;
  for (const first of [...byDegree].sort((a, b) => !("x" in a) - !("x" in b) || a.rank - b.rank)) {
    if (first.met) continue;
    const away = met ? 60 * Math.sqrt(met + 20) : 0;
    if (!("x" in first)) Object.assign(first, { x: away * Math.cos(met * 2.4), y: away * Math.sin(met * 2.4), angle: met * 2.4 });
    first.met = true;
    for (const queue = [first]; queue.length; met++) {
      const node = queue.shift();
      const others = [...new Set(node.links.map((edge) => (edge.from === node ? edge.to : edge.from)))].filter((n) => !n.met);
      others.forEach((other) => { other.met = true; queue.push(other); });
      const fresh = others.filter((n) => !("x" in n));
      const spread = node === first && !kept.size ? 2 * Math.PI : Math.PI * 0.9;
      fresh.forEach((child, i) => {
        child.angle = node.angle + spread * ((i + 0.5) / fresh.length - 0.5);
        const far = reach * (0.5 + 0.15 * Math.sqrt(fresh.length)) * (1 + 0.3 * (i % 3));
        child.x = node.x + far * Math.cos(child.angle);
        child.y = node.y + far * Math.sin(child.angle);
      });
    }
  }

  // --- layout: springs along edges, repulsion between all pairs, a pull to the middle -------------------------
  function tick(heat) {
    for (let i = 0; i < nodes.length; i++) {
      const a = nodes[i];
      for (let j = i + 1; j < nodes.length; j++) {
        const b = nodes[j];
        const dx = a.x - b.x || 0.01, dy = a.y - b.y || 0.01;
        const force = (push * heat) / Math.max(80, dx * dx + dy * dy);
        const d = Math.hypot(dx, dy);
        a.vx += (dx / d) * force; a.vy += (dy / d) * force;
        b.vx -= (dx / d) * force; b.vy -= (dy / d) * force;
      }
      a.vx -= a.x * 0.01 * heat; a.vy -= a.y * 0.02 * heat;
    }
    for (const { from, to } of edges) {
      if (from === to) continue;
      const dx = to.x - from.x, dy = to.y - from.y, d = Math.hypot(dx, dy) || 0.01;
      const length = reach + from.r + to.r;
      const pull = ((d - length) / d) * 0.6 * heat / Math.sqrt(Math.min(from.links.length, to.links.length) || 1);
      from.vx += dx * pull * 0.5; from.vy += dy * pull * 0.5;
      to.vx -= dx * pull * 0.5; to.vy -= dy * pull * 0.5;
    }
    for (const node of nodes) {
      if (!node.held) { node.x += Math.max(-40, Math.min(40, node.vx)); node.y += Math.max(-40, Math.min(40, node.vy)); }
      node.vx *= 0.55; node.vy *= 0.55;
    }
  }
  const until = performance.now() + 1500;
  for (let step = 0; step < 320 && performance.now() < until; step++) tick(Math.max(0.06, (kept.size ? 0.5 : 1) - step / 320));

  // --- drawing ---------------------------------------------------------------------------------------------
  stage.replaceChildren();
  const world = make(stage, "g");
  for (const kind of ["plain", "path"]) {
    const marker = make(make(stage, "defs"), "marker", { id: `arrow-${kind}-${number}`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto" });
    make(marker, "path", { d: "M0 0L8 4L0 8z", class: "arrow " + kind });
  }
  const lines = make(world, "g"), dots = make(world, "g"), words = make(world, "g", { "aria-hidden": "true" });
  for (const edge of edges) {
    edge.group = make(lines, "g");
    edge.line = make(edge.group, "path", { class: "edge" + (edge.path ? " path" : ""), "marker-end": `url(#arrow-${edge.path ? "path" : "plain"}-${number})` });
    edge.reach = make(edge.group, "path", { class: "reach" });
    edge.text = make(words, "text", { class: "relation" }, shorten(edge.label, 34));
    edge.group.addEventListener("pointermove", (event) => showTip(event, edge));
    edge.group.addEventListener("pointerleave", hideTip);
  }
  for (const node of byDegree) {
    const count = node.links.length;
    node.dot = make(dots, "g", { class: "node " + node.kind + (before && !kept.has(node.id) ? " fresh" : ""), tabindex: 0, role: "button", "aria-label": `${node.label}, ${count} relation${count === 1 ? "" : "s"}` });
    if (node.kind === "passage") make(node.dot, "rect", { x: -9, y: -7, width: 18, height: 14, rx: 3 });
    else make(node.dot, "circle", { r: node.r });
    node.text = make(words, "text", {}, shorten(node.label, 30));
    node.dot.addEventListener("pointerdown", (event) => grab(event, node));
    node.dot.addEventListener("pointermove", (event) => showTip(event, node));
    node.dot.addEventListener("pointerleave", hideTip);
    node.dot.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(node); }
    });
  }

  function draw() {
    const small = Math.min(1, view.k); // words stay as large as can be read
    world.style.setProperty("--k", small);
    world.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.k})`);
    for (const edge of edges) {
      const { from, to } = edge;
      let d, mx, my;
      if (from === to) {
        d = `M${from.x - 6} ${from.y - from.r}C${from.x - 46} ${from.y - 72} ${from.x + 46} ${from.y - 72} ${from.x + 6} ${from.y - from.r}`;
        [mx, my] = [from.x, from.y - 58];
      } else {
        const dx = to.x - from.x, dy = to.y - from.y, length = Math.hypot(dx, dy) || 1;
        const side = edge.source < edge.target ? 1 : -1;
        const bend = side * Math.ceil(edge.nth / 2) * (edge.nth % 2 ? 34 : -34);
        const cx = (from.x + to.x) / 2 - (dy / length) * bend, cy = (from.y + to.y) / 2 + (dx / length) * bend;
        const out = Math.hypot(cx - from.x, cy - from.y) || 1, back = Math.hypot(cx - to.x, cy - to.y) || 1;
        const sx = from.x + ((cx - from.x) / out) * from.r, sy = from.y + ((cy - from.y) / out) * from.r;
        const ex = to.x + ((cx - to.x) / back) * (to.r + 3), ey = to.y + ((cy - to.y) / back) * (to.r + 3);
        d = `M${sx} ${sy}Q${cx} ${cy} ${ex} ${ey}`;
        [mx, my] = [(sx + 2 * cx + ex) / 4, (sy + 2 * cy + ey) / 4];
      }
      edge.line.setAttribute("d", d);
      edge.reach.setAttribute("d", d);
      place(edge.text, mx, my - 3);
    }
    for (const node of nodes) {
      node.dot.setAttribute("transform", `translate(${node.x} ${node.y})`);
      place(node.text, node.x, node.y + node.r + 14 / small);
    }
    declutter();
  }

  function place(text, x, y) { text.setAttribute("x", x); text.setAttribute("y", y); }

  // As many names as fit: the best-connected first, more when zoomed in, always those around the chosen one.
  function declutter() {
    const room = 45 * view.k * view.k * (stage.clientWidth / 900);
    for (const node of nodes) node.text.classList.toggle("hidden", !(near(node) || (!chosen && node.rank < room)));
    for (const edge of edges) {
      const own = chosen && chosen.links.length < 16 && (edge.from === chosen || edge.to === chosen); // the panel tells of more
      edge.text.classList.toggle("hidden", !(own || (!chosen && (edge.path || edges.length * 3 < room))));
    }
  }
  const near = (node) => chosen && (node === chosen || node.links.some((e) => e.from === chosen || e.to === chosen));

  function fit() {
    const [w, h] = [stage.clientWidth || 900, stage.clientHeight || 600];
    const xs = nodes.map((n) => n.x), ys = nodes.map((n) => n.y);
    const [left, right, top, bottom] = [Math.min(...xs) - 70, Math.max(...xs) + 70, Math.min(...ys) - 40, Math.max(...ys) + 50];
    view.k = nodes.length ? Math.min(1.3, w / (right - left), h / (bottom - top)) : 1;
    view.x = w / 2 - (view.k * (left + right)) / 2;
    view.y = h / 2 - (view.k * (top + bottom)) / 2;
    draw();
  }

  // --- choosing a node -------------------------------------------------------------------------------------
  function choose(node) {
    chosen = node;
    for (const other of nodes) {
      other.dot.classList.toggle("chosen", other === node);
      other.dot.classList.toggle("faded", Boolean(node) && !near(other));
    }
    for (const edge of edges) edge.group.classList.toggle("faded", Boolean(node) && edge.from !== node && edge.to !== node);
    if (panel) panel.replaceChildren();
    if (panel && node) describe(node);
    else if (panel) make(panel, "p", { class: "soft" }, "Choose a name to see what the documents say about it. Orange is in focus or on the evidence path, blue squares are cited passages. Drag to move, scroll to zoom; Tab, Enter and Escape work too.");
    hideTip();
    draw();
  }

  function describe(node) {
    make(panel, "h2", {}, node.label);
    const count = node.links.length;
    make(panel, "p", { class: "soft" }, node.note || `${count} relation${count === 1 ? "" : "s"} shown`);
    if (around && node.kind === "entity") {
      make(panel, "button", { type: "button", class: "around" }, "Look around here").addEventListener("click", () => around(node));
    }
    const list = make(panel, "ul");
    for (const edge of node.links) {
      const item = make(list, "li"), outward = edge.from === node, other = outward ? edge.to : edge.from;
      make(item, "span", { class: "soft" }, outward ? edge.label + " → " : "← " + edge.label + " — ");
      make(item, "button", { type: "button" }, other.label).addEventListener("click", () => visit(other));
      source(item, edge);
    }
  }

  function source(parent, { quote, origin }) {
    if (quote) make(parent, "blockquote", {}, shorten(quote, 400));
    if (origin) make(parent, "cite", {}, origin);
  }

  function visit(node) {
    view.x = stage.clientWidth / 2 - node.x * view.k;
    view.y = stage.clientHeight / 2 - node.y * view.k;
    choose(node);
  }

  function hideTip() { if (tip) tip.hidden = true; }

  function showTip(event, thing) {
    if (event.buttons || !tip) return;
    tip.replaceChildren();
    const edge = Boolean(thing.from);
    make(tip, "strong", {}, edge ? `${thing.from.label} — ${thing.label} → ${thing.to.label}` : thing.label);
    if (edge) source(tip, thing);
    else make(tip, "div", { class: "soft" }, thing.note || `${thing.links.length} relations`);
    tip.hidden = false;
    tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + "px";
    tip.style.top = Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8) + "px";
  }

  // --- moving things ---------------------------------------------------------------------------------------
  function grab(event, node) {
    if (event.button) return;
    event.stopPropagation();
    drag(event, (dx, dy) => { node.x += dx / view.k; node.y += dy / view.k; node.held = true; draw(); }, () => choose(chosen === node ? null : node));
  }

  function drag(event, move, click) {
    let [x, y, moved] = [event.clientX, event.clientY, 0];
    const onMove = (next) => {
      moved += Math.abs(next.clientX - x) + Math.abs(next.clientY - y);
      if (moved > 4) { hideTip(); stage.classList.add("held"); move(next.clientX - x, next.clientY - y); }
      [x, y] = [next.clientX, next.clientY];
    };
    const onUp = () => {
      removeEventListener("pointermove", onMove);
      removeEventListener("pointerup", onUp);
      removeEventListener("pointercancel", onUp);
      stage.classList.remove("held");
      if (moved <= 4) click();
    };
    addEventListener("pointermove", onMove);
    addEventListener("pointerup", onUp);
    addEventListener("pointercancel", onUp);
  }

  function zoom(factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
    const k = Math.max(0.08, Math.min(6, view.k * factor));
    view.x = x - ((x - view.x) * k) / view.k;
    view.y = y - ((y - view.y) * k) / view.k;
    view.k = k;
    draw();
  }

  stage.addEventListener("pointerdown", (event) => {
    if (!event.button) drag(event, (dx, dy) => { view.x += dx; view.y += dy; draw(); }, () => choose(null));
  }, { signal });
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = stage.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY / 500), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false, signal });
  const buttons = { closer: () => zoom(1.3), wider: () => zoom(1 / 1.3), whole: fit };
  for (const [name, act] of Object.entries(buttons)) root.querySelector("." + name)?.addEventListener("click", act, { signal });
  const resized = new ResizeObserver(fit);
  resized.observe(stage);
  root.addEventListener("keydown", (event) => {
    if (["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName) || event.ctrlKey || event.metaKey || event.altKey) return;
    const keys = { Escape: chosen && (() => choose(null)), "+": () => zoom(1.3), "-": () => zoom(1 / 1.3), 0: fit, "/": find && (() => find.focus()) };
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  }, { signal });

  const names = root.querySelector(".names");
  if (names) for (const node of byDegree) make(names, "option", { value: node.label });
  find?.addEventListener("input", () => {
    const wanted = find.value.trim().toLowerCase();
    const match = (test) => byDegree.find((node) => test(node.label.toLowerCase()));
    const found = wanted && (match((name) => name === wanted) || match((name) => name.startsWith(wanted)) || match((name) => name.includes(wanted)));
    find.setAttribute("aria-invalid", String(Boolean(wanted) && !found));
    if (found) visit(found);
    else choose(null);
  }, { signal });

  choose(null);
  fit();
  return {
    end() { ended.abort(); resized.disconnect(); },
    places: () => new Map(nodes.map(({ id, x, y, angle }) => [id, { x, y, angle }])),
    focus() { if (nodes.length) visit(nodes.find((node) => node.kind === "focus") || byDegree[0]); },
  };
}
