"use strict";
// The page. What documents and models say is data: only ever set as text (`make` and `drawGraph` are in graph.js).
const $ = (id) => document.getElementById(id);
const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
const key = (name) => name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().split(/\s+/).join(" ").trim();
const clear = (element) => { element.replaceChildren(); return element; };
let about, token = sessionStorage.getItem("token"), asking = null;

function button(parent, text, act, kind = "plain") {
  const made = make(parent, "button", { type: "button", class: kind }, text);
  made.addEventListener("click", act);
  return made;
}

// --- the server --------------------------------------------------------------------------------------------
async function api(path, { given = {}, body, signal } = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const options = body ? { method: "POST", body: JSON.stringify(body), headers: { ...headers, "Content-Type": "application/json" } } : { headers };
  const reply = await fetch(`/api/${path}?${new URLSearchParams(given)}`, { ...options, signal });
  if (reply.status === 401) {
    await (asking ??= askToken());
    return api(path, { given, body, signal });
  }
  if (reply.ok) return reply;
  const text = await reply.text();
  let why = text;
  try { why = JSON.parse(text).error; } catch { /* the guard speaks plain text */ }
  throw new Error(why || `the server answered ${reply.status}`);
}

const here = (path) => `${encodeURIComponent($("base").value)}/${path}`;
const get = async (path, given) => (await api(here(path), { given })).json();

function askToken() {
  const dialog = $("asked");
  dialog.showModal();
  return new Promise((resolve) => {
    const done = () => {
      token = $("token").value;
      sessionStorage.setItem("token", token);
      asking = null;
      if (dialog.open) dialog.close();
      resolve();
    };
    dialog.querySelector(".main").onclick = done;
    dialog.querySelector("form").onsubmit = (event) => { event.preventDefault(); done(); };
    dialog.oncancel = (event) => event.preventDefault();
  });
}

async function* events(reply) { // server-sent events
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
      const [kind, data] = text.slice(0, end).split("\n");
      yield [kind.slice(7), JSON.parse(data.slice(6))];
    }
  }
}

async function picture(parent, path, words, given) {
  const image = make(parent, "img", { alt: words });
  try {
    image.src = URL.createObjectURL(await (await api(here(path), { given })).blob());
  } catch (error) {
    image.remove();
    throw error;
  }
  image.onload = () => URL.revokeObjectURL(image.src);
}

// --- a question, watched -----------------------------------------------------------------------------------
const MARKS = { waiting: "·", searching: "…", done: "✓", failed: "✗", skipped: "–" };

class Run {
  constructor(method) {
    this.root = $("run").content.firstElementChild.cloneNode(true);
    this.stopped = new AbortController();
    this.nodes = new Map();
    this.edges = new Map();
    this.steps = new Map();
    this.part("h2").textContent = method;
    this.part(".stop").addEventListener("click", () => this.stopped.abort());
    $("runs").append(this.root);
  }

  part(selector) { return this.root.querySelector(selector); }
  say(text) { this.part(".state").textContent = text; }

  async ask(body) {
    this.root.classList.add("busy");
    this.say("asking");
    try {
      const reply = await api(here("ask"), { body, signal: this.stopped.signal });
      for await (const [kind, data] of events(reply)) this[kind](data);
    } catch (error) {
      if (this.stopped.signal.aborted) this.say("stopped");
      else this.failed({ error: error.message });
    }
    this.root.classList.remove("busy");
    this.part(".stop").hidden = true;
  }

  event({ kind, message, round, seconds, data }) {
    this.say((round ? `round ${round} · ` : "") + message);
    const line = make(this.part(".log"), "li", { class: kind });
    make(line, "span", { class: "at" }, `${seconds.toFixed(2)} s`);
    make(line, "span", { class: "kind" }, kind);
    const words = make(line, "span", { class: "words" });
    if (round) make(words, "span", { class: "turn" }, `round ${round} · `);
    words.append(message);
    if (kind === "linked") this.grow(data.entities ?? [], [], "entity");
    if (kind === "perceived") this.grow([], data.path ?? []);
    if (kind === "adjusted") this.grow(data.starts ?? [], null, "pivot");
    if (data.gaps) this.gaps(data.gaps.map((gap) => gap.description));
    if (data.steps) for (const step of data.steps) this.steps.set(step.id, { ...step, state: "waiting" });
    if (kind === "branch") this.steps.set(data.id, { ...this.steps.get(data.id), ...data });
    if (data.steps || kind === "branch") this.plan();
  }

  // Entities, and a path of [subject, relation, object]: what was seen before stays, the path now is what shines.
  grow(names, path, kind = "entity") {
    const node = (name, as) => {
      const known = this.nodes.get(key(name)) ?? { id: key(name), label: name, kind: as, note: "" };
      this.nodes.set(known.id, known);
      if (known.label === known.id) known.label = name; // a key until its spelling is met
      return known;
    };
    if (kind === "pivot") for (const other of this.nodes.values()) if (other.kind === "pivot") other.kind = "entity";
    for (const name of names) node(name, kind).kind = kind;
    if (path) for (const edge of this.edges.values()) edge.path = false;
    for (const [subject, label, object] of path ?? []) {
      const [from, to] = [node(subject, "entity").id, node(object, "entity").id];
      this.edges.set(`${from}\n${label}\n${to}`, { from, to, label, path: true, quote: "", origin: "" });
    }
    if (!this.nodes.size) return;
    this.part(".walk").hidden = false;
    const nodes = [...this.nodes.values()].map((known) => ({ ...known })), places = new Map(nodes.map(({ id }, place) => [id, place]));
    const edges = [...this.edges.values()].map(({ from, to, ...edge }) => ({ ...edge, source: places.get(from), target: places.get(to) }));
    this.drawing = drawGraph(this.part(".walk"), { nodes, edges }, { before: this.drawing });
  }

  gaps(words) {
    const list = clear(this.part(".missing ul"));
    list.className = "bullets";
    for (const text of words) make(list, "li", {}, text);
    this.part(".missing").hidden = !words.length;
  }

  plan() {
    const list = clear(this.part(".plan"));
    for (const { id, question, depends_on: before, state, answer, failure } of this.steps.values()) {
      const item = make(list, "li", { class: state });
      make(make(item, "span", { class: "mark" }, MARKS[state]), "span", { class: "unseen" }, state);
      const words = make(item, "span");
      make(words, "span", { class: "place" }, `#${id} `);
      words.append(`${question} `);
      if (before?.length) make(words, "span", { class: "place" }, `after ${before.map((name) => `#${name}`).join(", ")} `);
      if (answer || failure) make(words, "span", { class: "result" }, answer || failure);
    }
    this.part(".scheme").hidden = !this.steps.size;
  }

  answer({ text, declined, missing, sources, path, confidence, cost, warnings }) {
    const parent = this.part(".answer");
    make(parent, "p", { class: text === null ? "said declined" : "said" }, text ?? declined);
    const line = make(parent, "p", { class: "cost" });
    if (text !== null) make(make(line, "span", { class: "bar" }), "span").style.width = `${confidence * 100}%`;
    line.append(cost);
    bullets(parent, "Missing", missing);
    if (sources.length) {
      make(parent, "h3", {}, text === null ? "Nearest found" : "Sources");
      cite(make(parent, "ol", { class: "sources" }), sources);
    }
    if (path.length) {
      make(parent, "h3", {}, "Evidence path");
      const list = make(parent, "ul", { class: "facts" });
      for (const { subject, relation, object, citation } of path) {
        const item = make(list, "li");
        item.append(subject);
        make(item, "span", { class: "soft" }, ` — ${relation} → `);
        item.append(`${object} `);
        const cited = sources.find(({ number }) => number === citation);
        if (cited) button(item, `[${citation}]`, () => read(cited));
      }
      this.grow([], path.map(({ subject, relation, object }) => [subject, relation, object]));
    }
    if (text !== null && this.nodes.has(key(text))) this.grow([text], null, "focus");
    bullets(parent, "Warnings", warnings);
    this.part(".missing").hidden = true;
    this.part("details").open = false;
    this.say(text === null ? "no answer" : "answered");
  }

  failed({ error }) {
    make(this.part(".answer"), "p", { class: "fault" }, error);
    this.say("failed");
  }
}

function bullets(parent, title, texts) {
  if (!texts.length) return;
  make(parent, "h3", {}, title);
  const list = make(parent, "ul", { class: "bullets" });
  for (const text of texts) make(list, "li", {}, text);
}

function cite(list, sources) {
  for (const source of sources) {
    const item = make(list, "li");
    make(item, "span", { class: "number" }, `[${source.number}]`);
    button(item, source.title || source.source, () => read(source));
    make(item, "blockquote", {}, shorten(source.quote.replace(/\n\s*\n/g, "\n"), 320));
    make(item, "span", { class: "place" }, source.place);
  }
}

const encoded = (file) => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
  reader.onerror = () => reject(reader.error);
  reader.readAsDataURL(file);
});

let runs = [];
$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  for (const run of runs) run.stopped.abort();
  clear($("runs"));
  const [file] = $("image").files;
  const body = { question: $("question").value, rounds: $("rounds").valueAsNumber, seconds: $("seconds").valueAsNumber };
  if (file) body.image = await encoded(file);
  const methods = [...new Set([$("method").value, $("beside").value])].filter(Boolean);
  runs = methods.map((method) => new Run(method));
  runs.forEach((run, place) => run.ask({ ...body, method: methods[place] }));
});
$("question").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); $("form").requestSubmit(); }
});
$("image").addEventListener("change", () => { if ($("image").files.length) { $("method").value = "multimodal"; describe(); } });
const describe = () => { $("about").textContent = about.methods.find(({ name }) => name === $("method").value).about; };
$("method").addEventListener("change", describe);

// --- reading -----------------------------------------------------------------------------------------------
const reader = $("reader"), inside = (name) => reader.querySelector("." + name);
const MOST = 50000; // characters that the server gives at once
let shown = null;

// A citation, or a document: the characters from `start` to `end` are marked, with what stands around them. Of a PDF
// the page is seen, where its file is still what it was; a picture is framed there, and else seen alone.
function read({ document_id: document, chunk_id: chunk, title, source, place, page, quote = "", start = 0, end = 0, picture: cited }) {
  const now = shown = { document, start, end, quote, offset: Math.max(0, start - 1000), limit: end - start + 4000 };
  $("reader-title").textContent = title || source;
  inside("place").textContent = place;
  const seen = clear(inside("pictures"));
  const alone = () => picture(seen, `pictures/${chunk}`, quote || title).catch(unreadable);
  if (page) {
    picture(seen, `pages/${chunk}`, `Page ${page}: ${quote}`, { start, end }).catch((error) => {
      if (shown !== now) return;
      make(seen, "p", { class: "soft" }, `Page ${page} cannot be shown: ${error.message}`);
      if (cited) alone();
    });
  } else if (cited) alone();
  clear(inside("passage"));
  if (!reader.open) reader.showModal();
  reader.scrollTop = 0;
  const found = () => page || inside("passage").querySelector("mark")?.scrollIntoView({ block: "center" });
  text(!cited).then(found).catch(unreadable);
}

const unreadable = (error) => make(inside("passage"), "p", { class: "fault" }, error.message);

async function text(whole) {
  const { document, start, end, quote, offset, limit } = shown, path = `documents/${encodeURIComponent(document)}`;
  const given = await get(path, { offset, limit: Math.min(limit, MOST), start, end });
  const passage = clear(inside("passage")), [before, marked, after] = given.parts;
  if (whole && given.image) picture(inside("pictures"), `${path}/image`, given.title).catch(unreadable);
  passage.append(before);
  if (marked || (quote && !before && !after)) make(passage, "mark", {}, marked || quote); // or a fact that is in no text
  passage.append(after);
  inside("earlier").hidden = !given.offset;
  inside("later").hidden = given.end >= given.characters;
}

inside("close").addEventListener("click", () => reader.close());
inside("earlier").addEventListener("click", () => {
  const by = Math.min(4000, shown.offset);
  Object.assign(shown, { offset: shown.offset - by, limit: Math.min(MOST, shown.limit + by) });
  text().catch(unreadable);
});
inside("later").addEventListener("click", () => {
  const by = Math.max(0, shown.limit + 4000 - MOST);
  Object.assign(shown, { offset: shown.offset + by, limit: Math.min(MOST, shown.limit + 4000) });
  text().catch(unreadable);
});

// --- documents ---------------------------------------------------------------------------------------------
const PAGE = 50;
let first = 0;

async function list() {
  const like = $("like").value, { documents, count: all } = await get("documents", { like, offset: first, limit: PAGE });
  if (like !== $("like").value) return; // more was typed meanwhile
  const body = clear($("list"));
  for (const { id, title, source, kind, characters } of documents) {
    const row = make(body, "tr"), name = make(row, "td");
    button(name, title, () => read({ document_id: id, title, place: source }));
    make(name, "span", { class: "place" }, source);
    make(row, "td", {}, kind);
    make(row, "td", { class: "figure" }, characters.toLocaleString("en"));
  }
  $("page").textContent = all ? `${first + 1}–${first + documents.length} of ${all.toLocaleString("en")}` : "no document has these letters";
  $("previous").disabled = !first;
  $("next").disabled = first + PAGE >= all;
}

const told = (place) => (error) => { $(place).textContent = error.message; };
const turn = (by) => { first = Math.max(0, first + by); list().catch(told("page")); };
$("previous").addEventListener("click", () => turn(-PAGE));
$("next").addEventListener("click", () => turn(PAGE));
let typing = 0;
const soon = (act) => () => { clearTimeout(typing); typing = setTimeout(act, 150); };
$("like").addEventListener("input", soon(() => { first = 0; clear($("passages")); list().catch(told("page")); }));
$("finder").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!$("like").value.trim()) return;
  clearTimeout(typing); // what was typed last would clear the passages
  const found = await get("search", { query: $("like").value, k: 10 }).catch(told("page"));
  cite(clear($("passages")), (found?.passages ?? []).map((passage, place) => ({ ...passage, number: place + 1, quote: passage.text, place: passage.source })));
});

// --- the graph ---------------------------------------------------------------------------------------------
let drawing = null;

async function look(entity) {
  $("entity").value = entity;
  try {
    const graph = await get("graph", { entity, hops: $("hops").value });
    $("entity").value = graph.title;
    $("note").textContent = graph.note;
    drawing?.end();
    drawing = drawGraph($("neighbourhood"), graph, { visit: (node) => { location.hash = `#graph/${encodeURIComponent(node.label)}`; } });
    drawing.focus();
  } catch (error) { told("note")(error); }
}

$("around").addEventListener("submit", (event) => {
  event.preventDefault();
  const wanted = `#graph/${encodeURIComponent($("entity").value.trim())}`;
  if (location.hash === wanted) show(); else location.hash = wanted;
});
$("hops").addEventListener("change", () => $("around").requestSubmit());
$("entity").addEventListener("input", soon(async () => {
  const like = $("entity").value.trim();
  const { names } = like ? await get("names", { like }).catch(() => ({ names: [] })) : { names: [] };
  const options = clear($("entities"));
  for (const name of names) make(options, "option", { value: name });
}));

// --- views -------------------------------------------------------------------------------------------------
function show() {
  const [, view = "ask", name = ""] = /^#(ask|documents|graph)(?:\/(.*))?$/.exec(location.hash) ?? [];
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== `view-${view}`;
  for (const link of document.querySelectorAll(".top nav a")) {
    if (link.hash === `#${view}`) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  if (view === "documents") list().catch(told("page"));
  if (view === "graph") look(decodeURIComponent(name));
  if (view === "ask") $("question").focus();
}

function choose() {
  const base = about.bases.find(({ name }) => name === $("base").value);
  for (const run of runs) run.stopped.abort();
  clear($("runs")); // their sources are those of another knowledge base
  $("size").textContent = `${count(base.documents, "document")} · ${count(base.triples, "relation")}`;
  first = 0;
  show();
}

about = await (await api("about")).json();
for (const { name } of about.bases) make($("base"), "option", { value: name }, name);
document.querySelector(".chooser").hidden = about.bases.length < 2;
for (const { name } of about.methods) for (const place of ["method", "beside"]) make($(place), "option", { value: name }, name);
describe();
$("base").addEventListener("change", choose);
addEventListener("hashchange", show);
choose();
