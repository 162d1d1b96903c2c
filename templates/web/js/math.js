// Formulas: TeX that a model writes becomes MathML, which browsers draw and screen readers read. The library is loaded
// with the first formula; what it does not understand stays as it was written.
import { element } from "./dom.js";
import { toElement } from "./math-dom.js";

const KEPT = 500; // formulas; while an answer grows, its last block is made anew many times a second
const DEFINES = /\\(?:[egx]?def|(?:re)?newcommand|(?:re)?newenvironment|providecommand|DeclareMathOperator|let|futurelet|global)(?![a-z])/i;

const made = new Map(); // key -> element to be copied, or null where the formula cannot be drawn
let temml = null;
let loading = null;

/** Resolves to whether the library is there; not when the program that serves it has quit. */
function load() {
  const address = (name) => new URL(`../vendor/temml/${name}`, import.meta.url).href;
  return new Promise((resolve) => {
    const script = element("script", { src: address("temml.js") });
    script.addEventListener("load", () => {
      temml = window.temml;
      resolve(true);
    });
    script.addEventListener("error", () => {
      script.remove();
      loading = null;
      resolve(false);
    });
    document.head.append(element("link", { rel: "stylesheet", href: address("temml.css") }), script);
  });
}

const asWritten = (tex, kind) => (kind === "display" ? `$$${tex}$$` : `$${tex}$`);

/** The drawn formula, null where there is none. Definitions are refused: they are what makes a short text endless. */
function draw(tex, isDisplay) {
  if (DEFINES.test(tex)) return null;
  const options = { displayMode: isDisplay, throwOnError: true, trust: false, maxExpand: 1000, wrap: isDisplay ? "none" : "tex" };
  try {
    return toElement(temml.__renderToMathMLTree(tex, { ...options, macros: { "\\pmb": "\\boldsymbol{#1}" } }));
  } catch {
    return null; // of whatever kind the error is: the text is a model's, and the library's parser not ours
  }
}

function drawn(tex, isDisplay) {
  const key = `${isDisplay ? "display" : "inline"} ${tex}`;
  if (!made.has(key)) {
    if (made.size >= KEPT) made.delete(made.keys().next().value);
    made.set(key, draw(tex, isDisplay));
  }
  return made.get(key)?.cloneNode(true) ?? null;
}

const wide = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const isWide = target.scrollWidth > target.clientWidth;
    if (isWide) target.tabIndex = 0; // so that the keyboard can scroll it
    else target.removeAttribute("tabindex");
  }
});

function fill(place) {
  const formula = drawn(place.dataset.tex, place.classList.contains("display"));
  if (!formula) return place.classList.add("plain");
  place.replaceChildren(formula);
  if (place.classList.contains("display")) wide.observe(place);
}

async function fillAll() {
  loading ??= load();
  if (!(await loading)) return;
  for (const place of document.querySelectorAll(".math[data-tex]:not(:has(math), .plain)")) fill(place);
}

/**
 * Draw the formulas of a fragment, which are <code class="math inline"> and <code class="math display"> in it; and
 * <code class="math begun"> where one is still being written.
 */
export function showFormulas(fragment) {
  const codes = fragment.querySelectorAll("code.math");
  for (const code of codes) {
    const tex = code.textContent;
    const kind = ["display", "inline", "begun"].find((name) => code.classList.contains(name));
    const place = element("span", { className: `math ${kind}`, dir: "ltr", children: [kind === "begun" ? "…" : asWritten(tex, kind)] });
    code.replaceWith(place);
    if (kind === "begun") continue;
    place.dataset.tex = tex;
    if (temml) fill(place);
  }
  if (codes.length && !temml) fillAll();
}
