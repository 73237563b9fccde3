// What a reader sees and touches. Everything that comes from a text or a model becomes text by textContent, never HTML.
"use strict";

const COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6BB1", "#999999"];
// The darkest colour is at least so many even shares, so that attention that looks nowhere is pale. [CLS] and [SEP], on
// which much of it rests, do not count.
const PALE = 4;
const PATIENCE = 250; // milliseconds after the last key, until the sentence is read

/** A new element with classes, text and children. */
function make(name, classes = "", ...inside) {
  const element = document.createElement(name);
  element.className = classes;
  element.append(...inside); // a string becomes a text node
  return element;
}

const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;

/** One sentence with all that is found in it. `onRead` is called after each reading. */
function panel(model, name, onRead) {
  const root = make("section", "panel"), field = make("textarea"), examples = make("div", "row");
  const tokens = make("div", "tokens"), legend = make("div", "legend"), layers = make("div", "row");
  const said = make("p", "said soft"), found = make("div", "scroll"), time = make("p", "soft");
  const heading = make("h2", "", name), label = make("label", "", heading);
  const own = { root, field, heading, result: null, read: run };
  let layer = model.layers - 1, chosen = -1, waiting = 0;
  root.setAttribute("aria-label", name);
  tokens.setAttribute("role", "group");
  tokens.setAttribute("aria-label", "Tokens");
  field.id = `text-${name.replace(/\W/g, "-")}`;
  field.lang = "zh-Hans";
  field.spellcheck = false;
  field.placeholder = "Type or paste a sentence";
  label.htmlFor = field.id;
  said.setAttribute("aria-live", "polite");
  root.append(label, field, examples, tokens, legend, layers, said, found, time);
  model.examples.forEach((text) => {
    const button = make("button", "example", text);
    button.type = "button";
    button.addEventListener("click", () => { field.value = text; run(); });
    examples.append(button);
  });
  for (let i = 0; i < model.layers; i++) {
    const button = make("button", "", `layer ${i + 1}`);
    button.type = "button";
    button.addEventListener("click", () => { layer = i; look(chosen); });
    layers.append(button);
  }
  layers.prepend(make("span", "soft", "Attention of"));

  /** Read the sentence and draw everything anew. */
  function run() {
    clearTimeout(waiting);
    const began = performance.now();
    own.result = field.value.trim() ? read(model, field.value) : null;
    const seconds = (performance.now() - began) / 1000;
    chosen = -1;
    tokens.replaceChildren();
    legend.replaceChildren();
    found.replaceChildren();
    layers.hidden = said.hidden = !own.result;
    time.textContent = "";
    if (own.result) {
      draw();
      list();
      const count = own.result.tokens.length - 2, { cut } = own.result.tokens.at(-1);
      time.textContent = `${count} token${count === 1 ? "" : "s"} in ${seconds.toFixed(2)} s.` +
        (own.result.tokens.some((token) => !token.known) ? " Wavy: unknown to this page." : "") +
        (cut ? ` The last ${cut} were not read: the page reads ${model.positions - 2} at a time.` : "");
      look(-1);
    }
    onRead();
  }

  /** The tokens, under each the strips of the entities that it is in. */
  function draw() {
    const { tokens: all, triples, text } = own.result, characters = Array.from(text);
    const entities = distinct(triples.flatMap(({ head, tail }) => [head, tail]), (e) => `${e.first} ${e.last} ${e.type}`);
    entities.sort((a, b) => a.first - b.first || b.last - a.last);
    const lanes = []; // entities that share no token share a line of strips
    for (const entity of entities) {
      entity.lane = lanes.findIndex((end) => end < entity.first);
      if (entity.lane < 0) entity.lane = lanes.push(0) - 1;
      lanes[entity.lane] = entity.last;
    }
    all.forEach((token, t) => {
      const border = t === 0 || t === all.length - 1, before = all[t - 1], after = all[t + 1];
      const shared = !border && (before.start === token.start || after.start === token.start) && before.end > 0;
      const shown = border || shared ? token.text : characters.slice(token.start, token.end).join("");
      const button = make("button", "", make("b", "", shown));
      button.type = "button";
      button.tabIndex = t ? -1 : 0;
      if (border) button.classList.add("border");
      if (!token.known) button.classList.add("unknown");
      if (t > 1 && !border && token.start > before.end) button.classList.add("apart");
      lanes.forEach((_, lane) => {
        const entity = entities.find((e) => e.lane === lane && e.first <= t && t <= e.last), strip = make("i", "strip");
        if (entity) {
          strip.classList.add("on");
          strip.classList.toggle("first", entity.first === t);
          strip.classList.toggle("last", entity.last === t);
          strip.style.setProperty("--type", color(entity.type));
        }
        button.append(strip);
      });
      const types = entities.filter((e) => e.first <= t && t <= e.last).map((e) => e.type);
      button.setAttribute("aria-label", [shown, ...types].join(", "));
      button.title = types.join(", ");
      button.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") look(t); });
      button.addEventListener("click", () => { chosen = chosen === t ? -1 : t; look(chosen); });
      button.addEventListener("keydown", (event) => move(event, t));
      tokens.append(button);
    });
    for (const type of distinct(entities.map((e) => e.type), (name) => name)) {
      const chip = make("span", "chip", type);
      chip.style.setProperty("--type", color(type));
      legend.append(chip);
    }
  }

  /** Arrow keys go from token to token, Escape lets go of the chosen one. */
  function move(event, t) {
    const last = tokens.children.length - 1;
    const to = { ArrowRight: t + 1, ArrowLeft: t - 1, Home: 0, End: last, Escape: t }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    chosen = event.key === "Escape" ? -1 : Math.max(0, Math.min(last, to));
    [...tokens.children].forEach((button, i) => { button.tabIndex = i === Math.max(0, chosen) ? 0 : -1; });
    tokens.children[Math.max(0, chosen)].focus();
    look(chosen);
  }

  /** Colour the tokens by the attention of token `t`, of none for −1. */
  function look(t) {
    const looks = own.result.looks[layer], n = own.result.tokens.length, buttons = [...tokens.children];
    const shares = t < 0 ? new Float64Array(n) : looks.subarray(t * n, (t + 1) * n);
    const scale = Math.max(PALE / n, ...shares.subarray(1, n - 1)), word = (i) => `“${buttons[i].firstChild.textContent}”`;
    buttons.forEach((button, i) => {
      button.style.setProperty("--share", (0.62 * Math.min(1, shares[i] / scale)).toFixed(3));
      button.setAttribute("aria-pressed", String(i === t));
    });
    [...layers.querySelectorAll("button")].forEach((b, i) => b.setAttribute("aria-pressed", String(i === layer)));
    const top = Array.from(shares, (share, i) => [share, i]).sort((a, b) => b[0] - a[0]).slice(0, 5);
    said.textContent = t < 0 ? "Hover, tap or choose a token with the arrow keys to see where it looks." :
      `${word(t)} looks most at ${top.map(([share, i]) => `${word(i)} ${percent(share)}`).join(", ")}; ` +
      `an even share is ${percent(1 / n)} (mean of ${model.heads} heads).`;
  }

  /** The triples as a table; a touched row shows its tokens. */
  function list() {
    const { triples, text } = own.result;
    if (!triples.length) return found.append(make("p", "", "No triples are found in this sentence."));
    const [table, body] = sheet(["subject", "relation", "object", "score"]);
    for (const { head, relation, tail, score } of triples) {
      const row = make("tr", "", cell(text, head), make("td", "relation", ...parted(relation)), cell(text, tail),
        make("td", "number", score.toFixed(3)));
      const mark = (on) => [head, tail].forEach(({ first, last }) => {
        for (let t = first; t <= last; t++) tokens.children[t].classList.toggle("chosen", on);
      });
      row.addEventListener("pointerenter", () => mark(true));
      row.addEventListener("pointerleave", () => mark(false));
      body.append(row);
    }
    found.append(table);
  }

  const cell = (text, { start, end, type }) => {
    const chip = make("span", "chip", Array.from(text).slice(start, end).join(""));
    chip.style.setProperty("--type", color(type));
    return make("td", "", chip, " ", make("small", "soft", type));
  };
  const color = (type) => COLORS[Math.max(0, model.types.indexOf(type)) % COLORS.length];
  tokens.addEventListener("pointerleave", () => { if (own.result) look(chosen); });
  field.addEventListener("input", (event) => {
    clearTimeout(waiting);
    if (!event.isComposing) waiting = setTimeout(run, PATIENCE);
  });
  field.addEventListener("compositionend", () => { waiting = setTimeout(run, PATIENCE); });
  return own;
}

/** A name that may go on in a new line behind each of its underscores, as parts of an element. */
function parted(name) {
  return name.split(/(?<=_)/).flatMap((part) => [part, make("wbr")]);
}

/** The first of all items with the same key. */
function distinct(items, key) {
  return [...new Map(items.map((item) => [key(item), item]).reverse()).values()].reverse();
}

/** A table with these columns, and its body. */
function sheet(columns) {
  const body = make("tbody"), row = make("tr");
  columns.forEach((name, i) => row.append(make("th", i > 2 ? "number" : "", name)));
  return [make("table", "", make("thead", "", row), body), body];
}

/** Triples of two sentences by what they say, with both scores; those that differ come first. */
function differences(first, second) {
  const lines = new Map();
  [first, second].forEach(({ text, triples }, i) => {
    const characters = Array.from(text), said = ({ start, end }) => characters.slice(start, end).join("");
    for (const { head, relation, tail, score } of triples) {
      const words = [said(head), relation, said(tail)], key = JSON.stringify(words);
      if (!lines.has(key)) lines.set(key, { words, scores: [null, null] });
      const { scores } = lines.get(key);
      scores[i] = Math.max(scores[i] ?? 0, score);
    }
  });
  return [...lines.values()].sort((a, b) => b.scores.includes(null) - a.scores.includes(null));
}

async function start() {
  const state = document.getElementById("state"), panels = document.getElementById("panels");
  const compare = document.getElementById("compare"), section = document.getElementById("differences");
  const text = (id) => document.getElementById(id).textContent;
  if (!("DecompressionStream" in window)) {
    state.textContent = "This browser cannot unpack the model; take one of 2023 or later.";
    return;
  }
  state.textContent = "The model is being unpacked …";
  const model = assembled(JSON.parse(text("model")), await inflated(text("weights")));
  await document.fonts.load("1em 'relex zh'", "中").catch(() => []); // else what is drawn first may stay without its characters
  window.relexModel = model; // for whoever wants to look inside
  const both = ["First sentence", "Second sentence"].map((name) => panel(model, name, differ));

  function differ() {
    section.replaceChildren();
    section.hidden = compare.getAttribute("aria-pressed") !== "true" || !both.every(({ result }) => result);
    if (section.hidden) return;
    const [table, body] = sheet(["subject", "relation", "object", "first", "second"]);
    for (const { words, scores } of differences(both[0].result, both[1].result)) {
      body.append(make("tr", scores.includes(null) ? "" : "same", ...words.map((word) => make("td", "relation", ...parted(word))),
        ...scores.map((score) => make("td", "number", score === null ? "–" : score.toFixed(3)))));
    }
    section.append(make("h2", "", "Which sentence says what, with scores"), make("div", "scroll", table));
  }

  compare.addEventListener("click", () => {
    const on = compare.getAttribute("aria-pressed") !== "true";
    compare.setAttribute("aria-pressed", String(on));
    compare.textContent = on ? "Back to one sentence" : "Compare with a second sentence";
    panels.classList.toggle("two", on);
    both[0].heading.textContent = on ? "First sentence" : "Sentence";
    both[1].root.hidden = !on;
    if (on && !both[1].field.value) {
      both[1].field.value = model.examples[1] ?? both[0].field.value;
      both[1].read();
    }
    differ();
  });
  both[0].heading.textContent = "Sentence";
  both[1].root.hidden = true;
  panels.append(...both.map(({ root }) => root));
  document.getElementById("threshold").textContent = String(model.threshold);
  document.getElementById("main").hidden = false;
  state.remove();
  both[0].field.value = model.examples[0] ?? "";
  both[0].read();
  if (window.parent !== window) { // in a frame: the page around it can give it as much room as it needs
    const tell = () => window.parent.postMessage({ relexHeight: document.documentElement.offsetHeight }, "*");
    new ResizeObserver(tell).observe(document.documentElement);
  }
}

start();
