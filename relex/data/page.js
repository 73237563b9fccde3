// The forward pass of the cascade (CasRel, CBRRel) on a few layers of BERT, in plain JavaScript.
//
// Numbers that belong together lie in one flat array, row after row: states of n tokens are n×D. The letters are those
// of the Python code: L tokens, D hidden units, R classes of relation. relex/heads/cascade/model.py is what this repeats.
"use strict";

// Weights ------------------------------------------------------------------------------------------------------------

/** base64 of a gzip file → the bytes in it. */
async function inflated(base64) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

/** Weights by name. A vector is floats; a matrix rows×columns is integers −127 … 127, of which as many follow each other
 * as `group` says have one scale, a float that they are multiplied by. First come all floats, then all integers. */
function unpacked(about, buffer) {
  const floats = new Float32Array(buffer, 0, about.floats), integers = new Int8Array(buffer, 4 * about.floats);
  const weights = {};
  for (const [name, at, length] of about.vectors) weights[name] = floats.subarray(at, at + length);
  for (const [name, at, scale, rows, columns, group] of about.matrices) {
    const values = new Float32Array(integers.subarray(at, at + rows * columns));
    for (let i = 0; i < values.length; i++) values[i] *= floats[scale + Math.floor(i / group)];
    weights[name] = { rows, columns, values };
  }
  return weights;
}

/** The model that a page carries: `about` from its JSON, weights and vocabulary. */
function assembled(about, buffer) {
  const model = { ...about, weights: unpacked(about.layout, buffer), rows: new Map() };
  Array.from(about.characters).forEach((c, i) => model.rows.set(c, about.specials.length + i));
  Array.from(about.inside).forEach((c, i) => model.rows.set("##" + c, model.rows.size + about.specials.length));
  model.words = new Set(Array.from(about.words));
  for (const [i, name] of about.specials.entries()) model[name] = i; // the rows of [UNK], [CLS] and [SEP]
  return model;
}

// Tokens (relex/encoders/vocabulary.py) ------------------------------------------------------------------------------

const BLANK = /^[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$/; // as str.isspace has it

/** What the tokenizer looks up in place of a stretch of text: NFKC, then lower case, character by character. */
function normalised(text) {
  return Array.from(text.normalize("NFKC")).map((c) => c.toLowerCase()).join("");
}

/** Tokens of a text, [CLS] and [SEP] among them: row of the embedding, first and end character in the text, whose
 * characters are counted as Python counts them, and whether the model knows it. In a word of Latin letters and digits
 * all but the first begin with ##. */
function tokenize(model, text) {
  const characters = Array.from(text, (c) => (/^[\ud800-\udfff]$/.test(c) ? "\ufffd" : c));
  const tokens = [{ id: model.cls, start: 0, end: 0, text: "[CLS]", known: true }];
  let inWord = false;
  for (let start = 0, end; start < characters.length; start = end) {
    let piece = characters[start]; // with the marks behind it that Unicode melts into it, such as e + ´
    for (end = start + 1; end < characters.length; end++) {
      const longer = piece + characters[end];
      if (longer.normalize("NFKC") === piece.normalize("NFKC") + characters[end].normalize("NFKC")) break;
      piece = longer;
    }
    for (const c of normalised(piece)) {
      const blank = BLANK.test(c), key = inWord && model.words.has(c) ? "##" + c : c;
      if (!blank && !BLANK.test(piece)) {
        const known = model.rows.has(key);
        tokens.push({ id: known ? model.rows.get(key) : model.unk, start, end, text: c, known });
      }
      inWord = !blank && model.words.has(c);
    }
  }
  const kept = tokens.slice(0, model.positions - 1); // a text that is longer than the model has positions is cut
  return [...kept, { id: model.sep, start: 0, end: 0, text: "[SEP]", known: true, cut: tokens.length - kept.length }];
}

// Layers -------------------------------------------------------------------------------------------------------------

/** x Wᵀ + b: n×columns → n×rows. Four tokens at a time meet a row of W, so that it is read a quarter as often. */
function linear(x, n, { rows, columns, values }, bias) {
  const out = new Float64Array(n * rows);
  for (let r = 0; r < rows; r++) {
    const row = values.subarray(r * columns, (r + 1) * columns);
    let t = 0;
    for (; t + 4 <= n; t += 4) {
      let p = 0, q = 0, u = 0, v = 0;
      for (let k = 0, i = t * columns; k < columns; k++, i++) {
        const w = row[k];
        p += w * x[i];
        q += w * x[i + columns];
        u += w * x[i + 2 * columns];
        v += w * x[i + 3 * columns];
      }
      [p, q, u, v].forEach((sum, j) => { out[(t + j) * rows + r] = sum + bias[r]; });
    }
    for (; t < n; t++) {
      let sum = 0;
      for (let k = 0; k < columns; k++) sum += row[k] * x[t * columns + k];
      out[t * rows + r] = sum + bias[r];
    }
  }
  return out;
}

/** LayerNorm over each of n rows, in place: mean 0 and variance 1, then a factor and a summand for each column. */
function normalise(x, n, factor, summand, epsilon) {
  const width = factor.length;
  for (let t = 0; t < n; t++) {
    const row = x.subarray(t * width, (t + 1) * width);
    const mean = row.reduce((sum, value) => sum + value, 0) / width;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width;
    const scale = 1 / Math.sqrt(variance + epsilon);
    for (let k = 0; k < width; k++) row[k] = (row[k] - mean) * scale * factor[k] + summand[k];
  }
  return x;
}

/** x Φ(x), Φ the normal distribution; the error function is that of Abramowitz and Stegun 7.1.26, right to 2e-7. */
function gelu(x) {
  const z = Math.abs(x) / Math.SQRT2, t = 1 / (1 + 0.3275911 * z);
  const series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  const tail = 0.5 * series * Math.exp(-z * z); // 1 − Φ(|x|)
  return x * (x < 0 ? tail : 1 - tail);
}

/** Embeddings: what the token is, where it stands, and the one segment that there is; n tokens → n×D. */
function embed(model, tokens) {
  const { words, positions, segment } = model.weights, width = words.columns;
  const x = new Float64Array(tokens.length * width);
  tokens.forEach(({ id }, t) => {
    for (let k = 0; k < width; k++) {
      x[t * width + k] = words.values[id * width + k] + positions.values[t * width + k] + segment[k];
    }
  });
  return normalise(x, tokens.length, model.weights["norm.factor"], model.weights["norm.summand"], model.epsilon);
}

/** Self-attention with its residual (Vaswani et al. 2017, Eq. 1): n×D → n×D, and where each token looks, n×n, the
 * mean of all heads. */
function attend(model, x, n, layer) {
  const of = (name) => linear(x, n, model.weights[layer + name], model.weights[layer + name + ".bias"]);
  const query = of("query"), key = of("key"), value = of("value"), width = x.length / n, size = width / model.heads;
  const mixed = new Float64Array(x.length), looks = new Float64Array(n * n), share = new Float64Array(n);
  for (let h = 0; h < model.heads; h++) {
    for (let i = 0; i < n; i++) {
      const at = i * width + h * size;
      let highest = -Infinity, total = 0;
      for (let j = 0; j < n; j++) {
        let score = 0;
        for (let k = 0, to = j * width + h * size; k < size; k++) score += query[at + k] * key[to + k];
        share[j] = score / Math.sqrt(size);
        highest = Math.max(highest, share[j]);
      }
      for (let j = 0; j < n; j++) total += share[j] = Math.exp(share[j] - highest); // softmax
      for (let j = 0; j < n; j++) {
        const part = share[j] / total;
        looks[i * n + j] += part / model.heads;
        for (let k = 0, from = j * width + h * size; k < size; k++) mixed[at + k] += part * value[from + k];
      }
    }
  }
  const out = linear(mixed, n, model.weights[layer + "out"], model.weights[layer + "out.bias"]).map((v, i) => v + x[i]);
  const norm = [model.weights[layer + "attended.factor"], model.weights[layer + "attended.summand"]];
  return { x: normalise(out, n, ...norm, model.epsilon), looks };
}

/** The feed-forward network with its residual (Vaswani et al. 2017, Eq. 2, with GELU): n×D → n×D. */
function feedForward(model, x, n, layer) {
  const wide = linear(x, n, model.weights[layer + "wide"], model.weights[layer + "wide.bias"]).map(gelu);
  const out = linear(wide, n, model.weights[layer + "narrow"], model.weights[layer + "narrow.bias"]);
  const norm = [model.weights[layer + "fed.factor"], model.weights[layer + "fed.summand"]];
  return normalise(out.map((v, i) => v + x[i]), n, ...norm, model.epsilon);
}

/** States n×D of the last layer, and for each layer where tokens look. */
function encode(model, tokens) {
  let x = embed(model, tokens);
  const looks = [];
  for (let layer = 0; layer < model.layers; layer++) {
    const attended = attend(model, x, tokens.length, `${layer}.`);
    looks.push(attended.looks);
    x = feedForward(model, attended.x, tokens.length, `${layer}.`);
  }
  return { states: x, looks };
}

// The cascade --------------------------------------------------------------------------------------------------------

/** n×2: the logits with which a token is the first and the last of a subject (CBRRel Eq. 12, 13). */
function subjectLogits(model, states, n) {
  return linear(states, n, model.weights.subjects, model.weights["subjects.bias"]);
}

/** n×R×2: the same of the objects of one subject (CBRRel Eq. 15, 16): (x + v)W + b. v is the mean of its first and its
 * last state. With a gate the state x is multiplied by 1 + tanh(vU + c) first, which is ours. */
function objectLogits(model, states, n, [first, last]) {
  const { objects, gate } = model.weights, width = states.length / n, vector = new Float64Array(width);
  for (let k = 0; k < width; k++) vector[k] = (states[first * width + k] + states[last * width + k]) / 2;
  const factor = gate ? linear(vector, 1, gate, model.weights["gate.bias"]).map((v) => 1 + Math.tanh(v)) : null;
  const sum = states.map((x, i) => (factor ? x * factor[i % width] : x) + vector[i % width]);
  return linear(sum, n, objects, model.weights["objects.bias"]);
}

const probability = (logit) => 1 / (1 + Math.exp(-logit));

/** Spans [first, last, score]: each start with the nearest end at or after it (CasRel). `logit(token, end)` is that of a
 * start (0) or an end (1). [CLS] and [SEP], at both ends of n tokens, begin and end nothing. A score is the lower of both
 * probabilities. */
function spans(n, limit, logit) {
  const found = [];
  for (let last = null, first = n - 2; first > 0; first--) {
    if (logit(first, 1) >= limit) last = first;
    if (last !== null && logit(first, 0) >= limit) {
      found.unshift([first, last, probability(Math.min(logit(first, 0), logit(last, 1)))]);
    }
  }
  return found;
}

/** Everything that is found in a text: its tokens, their states, where they look in each layer, and triples. A triple's score is the
 * lowest of its four probabilities, of first and last token of subject and object. */
function read(model, text) {
  const tokens = tokenize(model, text), n = tokens.length, { states, looks } = encode(model, tokens);
  const ofSubjects = subjectLogits(model, states, n), classes = model.classes.length, triples = new Map();
  const entity = ([first, last], type) => ({ start: tokens[first].start, end: tokens[last].end, type, first, last });
  for (const subject of spans(n, model.limit, (t, end) => ofSubjects[2 * t + end])) {
    const ofObjects = objectLogits(model, states, n, subject);
    model.classes.forEach(([relation, headType, tailType], c) => {
      for (const object of spans(n, model.limit, (t, end) => ofObjects[2 * (t * classes + c) + end])) {
        const head = entity(subject, headType), tail = entity(object, tailType);
        const score = Math.min(subject[2], object[2]);
        const key = JSON.stringify([head.start, head.end, headType, relation, tail.start, tail.end, tailType]);
        if (!(triples.get(key)?.score > score)) triples.set(key, { head, relation, tail, score });
      }
    });
  }
  const found = [...triples.values()].sort((a, b) => a.head.start - b.head.start || a.tail.start - b.tail.start);
  return { text, tokens, states, looks, triples: found };
}
