// The page that shows the API's document: openapi.json of the same server, as text to read and to copy.
import { byId, element } from "./dom.js";
import { typeOf } from "./schema-words.js";

const SHOWN_MS = 1600;
const METHODS = ["get", "post", "patch", "delete"];

const code = (text, className = "") => element("code", { className, children: [text] });

/** A sentence in which `such words` are code. */
function sentence(text) {
  return text.split("`").map((part, index) => (index % 2 ? code(part) : part));
}

async function start() {
  const reply = await fetch("openapi.json");
  if (!reply.ok) throw new Error(`The program answered with status ${reply.status}.`);
  const shown = await reply.json();
  document.title = byId("title").textContent = shown.info.title;
  byId("description").textContent = `${shown.info.description} Version ${shown.info.version}.`;
  byId("address").textContent = shown.servers[0].url;
  const groups = shown.tags.map((tag) => group(shown, tag.name));
  byId("groups").replaceChildren(...shown.tags.map((tag) => element("a", { href: `#${tag.name}`, children: [tag.name] })));
  byId("operations").replaceChildren(...groups);
  byId("search").addEventListener("input", (event) => filter(event.target.value));
  openTarget();
}

function group(shown, name) {
  const operations = [];
  for (const [path, item] of Object.entries(shown.paths)) {
    for (const method of METHODS.filter((one) => item[one]?.tags.includes(name) && !item[one]["x-alias-of"])) {
      operations.push(operation(shown, method, path, item[method]));
    }
  }
  return element("section", { id: name, children: [element("h2", { children: [name] }), ...operations] });
}

function operation(shown, method, path, facts) {
  const summary = element("summary", {
    children: [code(method, "method"), code(path, "path"), element("span", { className: "muted", children: [facts.summary] })],
  });
  const node = element("details", { className: "operation", id: facts.operationId, children: [summary] });
  const fill = () => {
    if (node.childElementCount === 1) node.append(inside(shown, method, path, facts));
  };
  node.addEventListener("toggle", fill);
  node.dataset.words = words(shown, path, facts);
  return node;
}

/** What the search looks through. */
function words(shown, path, facts) {
  const names = Object.keys(requestSchema(shown, facts)?.properties ?? {});
  return [path, facts.summary, ...aliases(shown, path), ...names].join(" ").toLowerCase();
}

function aliases(shown, path) {
  const same = (item) => METHODS.some((method) => item[method]?.["x-alias-of"] === path);
  return Object.keys(shown.paths).filter((other) => same(shown.paths[other]));
}

function requestSchema(shown, facts) {
  const schema = Object.values(facts.requestBody?.content ?? {})[0]?.schema;
  return schema?.$ref ? resolve(shown, schema.$ref) : schema;
}

const resolve = (shown, reference) => reference.split("/").slice(1).reduce((found, name) => found[name], shown);

function inside(shown, method, path, facts) {
  const children = [];
  const add = (title, ...nodes) => children.push(element("h3", { children: [title] }), ...nodes);
  const others = aliases(shown, path).filter((other) => shown.paths[other][method]);
  if (facts.description) children.push(element("p", { children: sentence(facts.description) }));
  if (others.length) children.push(element("p", { className: "muted", children: ["Also at ", others.join(", ")] }));
  if (facts["x-codeSamples"]) add("Examples", ...facts["x-codeSamples"].map(example));
  if (facts.parameters) add("In the address", table(facts.parameters.map(parameterRow)));
  const schema = requestSchema(shown, facts);
  if (schema?.description) add("The body", element("p", { children: sentence(schema.description) }));
  if (schema?.properties) add("Parameters of the body", table(rows(schema)), ...nested(shown, schema));
  add("Replies", table(Object.entries(facts.responses).map(([status, it]) => replyRow(shown, status, it))));
  return element("div", { className: "inside", children });
}

function table(found) {
  return element("div", { className: "scroll", children: [element("table", { children: [element("tbody", { children: found })] })] });
}

function row(name, second, third, isNeeded = false) {
  const heading = element("th", { scope: "row", className: isNeeded ? "needed" : "", children: [code(name)] });
  const cells = [second, third].map((text) => element("td", { children: [text] }));
  return element("tr", { children: [heading, ...cells] });
}

function rows(schema) {
  const needed = new Set(schema.required ?? []);
  const names = Object.keys(schema.properties).sort((one, other) => needed.has(other) - needed.has(one));
  return names.map((name) => {
    const field = schema.properties[name];
    return row(name, typeOf(field), field.description ?? "", needed.has(name));
  });
}

const parameterRow = (one) => row(one.name, typeOf(one.schema), one.description ?? "", one.required);

function replyRow(shown, status, response) {
  const found = response.$ref ? resolve(shown, response.$ref) : response;
  return row(status, Object.keys(found.content ?? {}).join(", "), found.description);
}

/** Tables of the objects inside, each once. */
function nested(shown, schema) {
  const names = new Set();
  const collect = (value) => {
    for (const [, name] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (names.has(name)) continue;
      names.add(name);
      collect(shown.components.schemas[name]);
    }
  };
  collect(schema.properties);
  return [...names].flatMap((name) => {
    const found = shown.components.schemas[name];
    const title = element("h3", { children: [name.split(".").at(-1)] });
    const about = found.description ? [element("p", { className: "muted", children: sentence(found.description) })] : [];
    return found.properties ? [title, ...about, table(rows(found))] : [];
  });
}

function example(sample) {
  const source = element("pre", { tabindex: "0", children: [code(sample.source)] });
  const button = element("button", { type: "button", children: ["Copy"] });
  button.addEventListener("click", async () => {
    await copy(source, sample.source);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, SHOWN_MS);
  });
  return element("div", { className: "example", children: [element("p", { children: [sample.label, button] }), source] });
}

/** Without a secure context there is no clipboard, but what is selected can be copied. */
async function copy(node, text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  getSelection().selectAllChildren(node);
  document.execCommand("copy");
  return undefined;
}

function filter(text) {
  const asked = text.trim().toLowerCase().split(/\s+/);
  for (const node of document.querySelectorAll("details.operation")) {
    node.hidden = !asked.every((word) => node.dataset.words.includes(word));
  }
  for (const section of document.querySelectorAll("main section")) {
    section.hidden = !section.querySelector("details:not([hidden])");
  }
}

/** An address such as docs.html#post_v1_chat_completions opens that route. */
function openTarget() {
  const node = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (node instanceof HTMLDetailsElement) node.open = true;
  node?.scrollIntoView();
}

addEventListener("hashchange", openTarget);
start().catch((error) => {
  byId("state").textContent = `The document could not be loaded. ${error.message}`;
});
