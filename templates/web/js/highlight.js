// Colours in code. The library and each language are loaded when the first block needs them.
import DOMPurify from "../vendor/dompurify/purify.js";

const LANGUAGES = new Set([
  "bash", "c", "cpp", "csharp", "css", "diff", "go", "ini", "java", "javascript", "json", "markdown",
  "php", "powershell", "python", "rust", "sql", "typescript", "xml", "yaml",
]);
const ALIASES = {
  "c#": "csharp", "c++": "cpp", cc: "cpp", console: "bash", cs: "csharp", golang: "go", h: "c", hpp: "cpp", htm: "xml",
  html: "xml", js: "javascript", jsx: "javascript", md: "markdown", mjs: "javascript", patch: "diff", ps1: "powershell",
  py: "python", python3: "python", rs: "rust", sh: "bash", shell: "bash", svg: "xml", toml: "ini", ts: "typescript",
  tsx: "typescript", yml: "yaml", zsh: "bash",
};
const LONGEST = 50_000; // characters; more stays plain, so that a weak computer does not stall
const SPANS_ONLY = { ALLOWED_TAGS: ["span"], ALLOWED_ATTR: ["class"], RETURN_DOM_FRAGMENT: true };

const library = { core: null, ready: new Set() };

/** Whether the language is there now; not when the program that serves it has quit, and then the code stays plain. */
async function load(name) {
  try {
    const [core, grammar] = await Promise.all([
      import("../vendor/highlight/core.js"),
      import(`../vendor/highlight/languages/${name}.js`),
    ]);
    library.core = core.default;
    library.core.registerLanguage(name, grammar.default);
    library.ready.add(name);
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

/**
 * Show `text` with colours inside `code`. Where the language is unknown it stays as it is; where it is still
 * loading, the colours follow unless the text has changed meanwhile.
 */
export async function highlight(code, text, label) {
  const name = ALIASES[label] ?? label;
  if (!LANGUAGES.has(name) || text.length > LONGEST) return;
  if (!library.ready.has(name) && !(await load(name))) return;
  if (code.textContent !== text) return;
  const { value } = library.core.highlight(text, { language: name, ignoreIllegals: true });
  code.replaceChildren(DOMPurify.sanitize(value, SPANS_ONLY));
}
