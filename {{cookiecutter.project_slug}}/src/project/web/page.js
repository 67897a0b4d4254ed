// The page of the prediction service: draws a form from form.json, posts one row to predict, shows the answer, and posts
// it to explain for what moved the answer.
// Names, titles and values are untrusted: they enter the page as text, never as markup.

const $ = (id) => document.getElementById(id);
const svgTags = ["svg", "rect", "line", "circle", "text"];

function el(tag, attributes = {}, ...children) {
  const namespace = svgTags.includes(tag) ? "http://www.w3.org/2000/svg" : "http://www.w3.org/1999/xhtml";
  const node = document.createElementNS(namespace, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

// What a sentence or list inserts is isolated: right-to-left text cannot reorder the words around it.
const bdi = (value) => (value instanceof Node ? value : el("bdi", {}, String(value)));
const span = (...children) => el("span", {}, ...children);
const sentence = (parts, ...values) => span(...parts.flatMap((part, i) => (i ? [bdi(values[i - 1]), part] : part)));
const list = (values) => span(...values.flatMap((value, i) => (i ? [", ", bdi(value)] : bdi(value))));

function say(node, text) {
  if (node.textContent !== text) node.textContent = text; // a live region speaks at every change
}

// --- Numbers ---

function show(number, decimals) {
  const all = { maximumSignificantDigits: 15 };
  const digits = decimals === undefined ? all : { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  const text = number.toLocaleString("en", { useGrouping: "min2", ...digits });
  return text.replace("-", "−").replaceAll(",", "\u202f");
}

function percent(share) {
  if (share > 0 && share < 0.001) return "< 0.1 %";
  if (share > 0.999 && share < 1) return "> 99.9 %";
  return `${Number((100 * share).toFixed(1))} %`;
}

const withUnit = (text, unit) => (unit ? `${text} ${unit}` : text);

function range(low, high) {
  if (low === null && high === null) return "any number";
  if (high === null) return `at least ${show(low)}`;
  return low === null ? `at most ${show(high)}` : `${show(low)} to ${show(high)}`;
}

// --- Fields: each kind of input gives its node and a function that reads the value, undefined if there is none ---

function numberInput({ type, minimum, maximum, low, typical }, attributes) {
  const value = type === "integer" && typical !== null ? Math.round(typical) : typical;
  const inputmode = (minimum ?? low ?? 0) < 0 ? null : "decimal"; // the decimal keypad of some phones has no minus
  const limits = { min: minimum, max: maximum, step: "any" };
  const node = el("input", { ...attributes, type: "number", inputmode, ...limits, value });
  return { node, read: () => (node.value === "" ? undefined : node.valueAsNumber) };
}

function dateInput({ type, typical }, attributes) {
  const kind = type === "date" ? { type } : { type: "datetime-local", step: 1 };
  const node = el("input", { ...attributes, ...kind, value: typical });
  const whole = (text) => (/T\d\d:\d\d$/.test(text) ? `${text}:00` : text); // browsers leave out seconds that are 0
  return { node, read: () => whole(node.value) || undefined };
}

function textInput({ typical }, attributes) {
  const node = el("input", { ...attributes, type: "text", dir: "auto", spellcheck: "false", value: typical });
  return { node, read: () => node.value || undefined };
}

function choiceInput(field, attributes) {
  const values = field.enum ?? [true, false];
  const names = field.enum ?? ["Yes", "No"];
  const isTypical = (i) => values[i] === field.typical;
  const options = names.map((name, i) => el("option", { value: i, selected: isTypical(i) }, String(name)));
  const none = el("option", { value: "" }, field.required ? "Choose …" : "not given");
  if (!field.required || !values.includes(field.typical)) options.unshift(none);
  const node = el("select", attributes, ...options);
  return { node, read: () => values[node.value] };
}

function drawField(field, index) {
  const { title, unit, required, minimum, maximum, low, high } = field;
  const id = `f${index}`;
  const numeric = !field.enum && ["number", "integer"].includes(field.type);
  const choice = field.enum || field.type === "boolean";
  const draw = numeric ? numberInput : choice ? choiceInput : field.type.startsWith("date") ? dateInput : textInput;
  const { node, read } = draw(field, { id, required, "aria-describedby": `${id}-unit ${id}-help` });

  const label = el("label", { for: id }, bdi(title), el("span", { class: "help" }, required ? "" : " optional"));
  const control = el("div", { class: "box" }, node, el("bdi", { id: `${id}-unit`, class: "unit" }, unit ?? ""));
  const error = el("p", { class: "error" });
  const description = el("p", { dir: "auto" }, field.description ?? "");
  const seen = el("span", { "aria-live": "polite" });
  const limits = el("p", { class: "limits", hidden: !numeric }, span(`Allowed: ${range(minimum, maximum)}`), seen);
  const help = el("div", { id: `${id}-help`, class: "help" }, error, description, limits);
  const box = el("div", { class: "field" }, label, control, help);

  const problem = () => {
    const { badInput, valueMissing, rangeUnderflow, rangeOverflow } = node.validity;
    if (badInput) return sentence`${title} must be a ${numeric ? "number" : "date"}.`;
    if (valueMissing) return sentence`${title} needs a value.`;
    if (rangeUnderflow) return sentence`${title} must be at least ${withUnit(show(minimum), unit)}.`;
    if (rangeOverflow) return sentence`${title} must be at most ${withUnit(show(maximum), unit)}.`;
    return field.type === "integer" && read() % 1 ? sentence`${title} must be a whole number.` : null;
  };
  const mark = (message) => {
    error.replaceChildren(message?.cloneNode(true) ?? "");
    box.classList.toggle("wrong", message !== null);
    node.setAttribute("aria-invalid", message !== null);
  };
  const refresh = () => {
    if (error.textContent) mark(problem());
    if (!numeric || low === null || high === null) return;
    const outside = read() < low || read() > high;
    seen.className = outside ? "outside" : "";
    say(seen, `${outside ? "Outside what the model has seen" : "Seen in training"}: ${range(low, high)}`);
  };
  box.addEventListener("input", refresh);
  refresh();
  const words = [title, field.name, field.description].join(" ").toLowerCase();
  return { field, box, words, node, read, problem, mark, refresh };
}

// --- The form ---

let form;
let controls = [];
let answered = null; // the row whose answer is on the page

// Object.fromEntries keeps even a field named __proto__; JSON.stringify leaves out what has no value.
const row = () => JSON.stringify(Object.fromEntries(controls.map(({ field, read }) => [field.name, read()])));
const find = (name) => controls.find(({ field }) => field.name === name);

// At most so many fields are shown at a time: the rest is found by the filter.
const MOST = 40;

function filterFields() {
  const wanted = $("filter").value.trim().toLowerCase();
  const shown = controls.filter(({ words }) => words.includes(wanted)).slice(0, MOST);
  for (const { box } of controls) box.hidden = true;
  for (const { box } of shown) box.hidden = false;
  say($("found"), `${shown.length} of ${controls.length} fields shown. Hidden fields keep their values.`);
}

function markStale() {
  const stale = answered !== null && answered !== row();
  $("result").classList.toggle("old", stale);
  say($("stale"), stale ? "The inputs have changed since this prediction." : "");
}

function linkTo({ box, node }, content) {
  const link = el("a", { href: `#${node.id}` }, content);
  link.addEventListener("click", (event) => {
    event.preventDefault();
    $("filter").value = "";
    filterFields();
    box.hidden = false;
    node.focus();
  });
  return link;
}

// A problem is a message and the control to blame, if there is one. The summary takes the focus.
function report(title, problems) {
  for (const control of controls) control.mark(null);
  for (const [message, control] of problems) control?.mark(message);
  const items = problems.map(([message, control]) => el("li", {}, control ? linkTo(control, message) : message));
  $("problems-title").textContent = title;
  $("problems-list").replaceChildren(...items);
  $("problems").hidden = !problems.length;
  $("problems").focus();
}

async function fetchJson(url, key, options) {
  const response = await fetch(url, { ...options, signal: AbortSignal.timeout(60_000) }).catch(({ name }) => {
    if (name === "TimeoutError") throw new Error("The service did not answer within a minute. Try again.");
    throw new Error("The service cannot be reached. Check that it runs and that you are connected, then try again.");
  });
  const content = await response.json().catch(() => null);
  if (response.ok && content?.[key]) return content;
  const status = `(status ${response.status})`;
  if (response.status >= 500 && response.status !== 503) throw new Error(`The service failed ${status}. Try again, or read its log.`);
  const message = content?.error ?? `The service gave an answer that this page does not understand ${status}.`;
  throw Object.assign(new Error(message), { field: content?.field });
}

function post(path, key, body) {
  const headers = { "Content-Type": "application/json" };
  if (form.keyed) headers.Authorization = `Bearer ${$("key").value.trim()}`;
  return fetchJson(path, key, { method: "POST", headers, body });
}

async function predict(event) {
  event.preventDefault();
  const button = $("predict");
  const problems = controls.map((control) => [control.problem(), control]).filter(([message]) => message);
  report(problems.length === 1 ? "One field needs attention" : `${problems.length} fields need attention`, problems);
  if (problems.length) return;

  const body = row();
  const focused = document.activeElement;
  button.disabled = true;
  try {
    const answer = await post("predict", "predictions", body);
    showAnswer(answer, body);
    answered = body;
    markStale();
    explain(body, $("why"));
    $("result").scrollIntoView({ block: "nearest" });
  } catch (error) {
    report("No prediction was made", [[bdi(error.message), find(error.field)]]);
  } finally {
    button.disabled = false;
    if (focused === button && document.activeElement === document.body) button.focus(); // disabling took it away
  }
}

// --- The answer ---

function barLists(probabilities) {
  const items = Object.entries(probabilities).sort(([, a], [, b]) => b - a).map(([label, share]) => {
    const mark = el("rect", { class: "mark", width: `${100 * share}%`, height: "100%" });
    const bar = el("svg", { class: "bar", "aria-hidden": "true" }, el("rect", { width: "100%", height: "100%" }), mark);
    return el("li", {}, bdi(label), span(percent(share)), bar);
  });
  const rest = items.splice(5);
  const bars = (content) => el("ul", { class: "bars" }, ...content);
  return [bars(items), el("details", { hidden: !rest.length }, el("summary", {}, `${rest.length} more`), bars(rest))];
}

function numberLine(value, low, high) {
  const [from, to] = [Math.min(value, low), Math.max(value, high)];
  const margin = (to - from) / 2 || Math.abs(value) / 10 || 1;
  const span = to - from + 2 * margin;
  const at = (x) => `${(100 * (x - from + margin)) / span}%`;
  const power = 10 ** Math.floor(Math.log10(span / 6));
  const step = [1, 2, 5, 10].find((factor) => 6 * factor * power >= span) * power;
  const first = Math.ceil((from - 0.9 * margin) / step);
  const ticks = [...Array(7).keys()].map((i) => (first + i) * step).filter((x) => x < to + 0.9 * margin);
  return el("svg", { class: "scale", "aria-hidden": "true" },
    el("line", { x1: 0, x2: "100%", y1: 16, y2: 16 }),
    ...ticks.map((x) => el("line", { x1: at(x), x2: at(x), y1: 16, y2: 24 })),
    ...ticks.map((x) => el("text", { x: at(x), y: 42 }, show(Number(x.toPrecision(12))))),
    el("line", { class: "mark", x1: at(low), x2: at(high), y1: 16, y2: 16 }),
    el("circle", { class: "mark", cx: at(value), cy: 16, r: 8 }));
}

// --- What moved the answer ---

const MOVERS = 8; // fields that are shown at once

async function explain(body, place) {
  try {
    place.replaceChildren(...explanation(await post("explain", "contributions", body)));
  } catch (error) {
    place.replaceChildren(el("p", { class: "help" }, `What moved this answer cannot be shown. ${error.message}`));
  }
}

function explanation({ explained, base, prediction, contributions }) {
  const scale = explained === null ? 1 : 100; // probabilities in points of a hundred
  const unit = explained === null ? form.target.unit : "points";
  const most = Math.max(...contributions.map(({ contribution }) => Math.abs(contribution)), Number.MIN_VALUE);
  const decimals = Math.min(12, Math.max(0, 1 - Math.floor(Math.log10(scale * most))));
  const told = (value) => withUnit(show(scale * value, decimals), explained === null ? unit : "%");
  const items = contributions.map(({ field, contribution }) => {
    const [share, up] = [(50 * Math.abs(contribution)) / most, contribution > 0];
    const mark = el("rect", { class: up ? "mark" : "down", x: `${up ? 50 : 50 - share}%`, width: `${share}%`, height: "100%" });
    const middle = el("rect", { x: "50%", width: 1, height: "100%" });
    const bar = el("svg", { class: "bar", "aria-hidden": "true" }, mark, middle);
    const [moved, none] = [scale * contribution, 0].map((value) => show(value, decimals));
    const size = moved.replace("−", "") === none ? none : up ? `+${moved}` : moved;
    return el("li", {}, bdi(find(field)?.field.title ?? field), span(withUnit(size, unit)), bar);
  });
  const rest = items.splice(MOVERS);
  const list = (content) => el("ul", { class: "bars moves" }, ...content);
  const of = explained === null ? form.target.title : sentence`the probability of ${explained}`;
  const words = sentence`From ${told(base)}, the mean for training rows, to ${told(prediction)} for this one: how far each field moves ${of}.`;
  const more = el("details", { hidden: !rest.length }, el("summary", {}, `${rest.length} more`), list(rest));
  return [el("h3", {}, "What moved this answer"), el("p", { class: "help" }, words), list(items), more];
}

function classAnswer({ prediction, probabilities, prediction_set: set }, coverage) {
  const none = sentence`${coverage} no answer fits: the model does not recognise this row.`;
  const some = sentence`${coverage} the answer is${set.length > 1 ? " one of" : ""}: ${list(set)}.`;
  return { value: [bdi(prediction)], words: set.length ? some : none, figure: barLists(probabilities) };
}

function valueAnswer({ prediction, interval: [low, high] }, coverage) {
  const decimals = high > low ? Math.min(12, Math.max(0, 2 - Math.floor(Math.log10(high - low)))) : undefined;
  const [value, from, to] = [prediction, low, high].map((number) => show(number, decimals));
  const words = sentence`${coverage} the value lies between ${from} and ${withUnit(to, form.target.unit)}.`;
  const unit = el("span", { class: "unit" }, " ", bdi(form.target.unit ?? ""));
  return { value: [value, unit], words, figure: [numberLine(prediction, low, high)] };
}

function warning({ in_domain: inside, out_of_domain: names }) {
  const fields = names.map((name) => (find(name) ? linkTo(find(name), bdi(find(name).field.title)) : name));
  const where = fields.length ? list(fields) : "these values together";
  const words = sentence`Unlike the training rows: ${where}. The prediction and its uncertainty may be wrong here.`;
  return el("div", { class: "notice", hidden: inside }, el("h3", {}, "Outside what the model has seen"), el("p", {}, words));
}

// JSON in single quotes for a POSIX shell; invisible characters, which could disguise the command, as \uXXXX.
function curl(json) {
  const escape = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  const visible = json.replace(/\p{Cf}/gu, (character) => character.split("").map(escape).join(""));
  const address = new URL("predict", location.href).href;
  const key = form.keyed ? `  -H "Authorization: Bearer $KEY" \\\n` : "";
  return `curl '${address}' \\\n  -H 'Content-Type: application/json' \\\n${key}  -d '${visible.replaceAll("'", "'\\''")}'`;
}

function showAnswer({ predictions: [result], coverage, model_version: version }, body) {
  const draw = form.kind === "classification" ? classAnswer : valueAnswer;
  const { value, words, figure } = draw(result, `At ${percent(coverage)} coverage`);
  const command = el("pre", { tabindex: 0, dir: "ltr" }, curl(JSON.stringify(JSON.parse(body), null, 2)));
  $("answer").replaceChildren(el("p", { class: "value" }, ...value), el("p", {}, words), warning(result));
  const details = el("details", {}, el("summary", {}, "The same request with curl"), command);
  const origin = sentence`Prediction ${el("bdi", { class: "id" }, result.id)}, model version ${version}`;
  const why = el("div", { id: "why", class: "why", "aria-live": "polite" });
  $("more").replaceChildren(...figure, why, details, el("p", { class: "meta" }, origin));
}

// --- Start ---

async function start() {
  form = await fetchJson("form.json", "fields");
  document.title = $("title").textContent = form.title;
  $("description").textContent = form.description ?? "";
  $("target").textContent = form.target.title;
  $("target-description").textContent = form.target.description ?? "";
  controls = form.fields.map(drawField);
  $("fields").append(...controls.map(({ box }) => box));
  $("finder").hidden = controls.length <= 12;
  $("keyed").hidden = !form.keyed;
  filterFields();
  $("filter").addEventListener("input", filterFields);
  $("form").addEventListener("submit", predict);
  $("form").addEventListener("input", markStale);
  $("form").addEventListener("reset", () => setTimeout(() => { // the event comes before the values change
    report("", []);
    for (const control of controls) control.refresh();
    markStale();
  }));
  $("inputs").hidden = $("result").hidden = false;
  if (location.hash === "#predict") $("form").requestSubmit(); // a link that shows an answer too
}

start().catch(({ message }) => {
  $("failure").textContent = `The form cannot be shown. ${message}`;
  $("failure").hidden = false;
});
