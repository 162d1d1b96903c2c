import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { snippets } from "../../templates/web/js/snippets.js";

const WHERE = { base: "http://127.0.0.1:8099/v1", needsKey: false, model: "A model" };
const textOf = (label, change = {}) => snippets({ ...WHERE, ...change }).find((one) => one.label === label).text;

test("a shell reads the line for curl as it is meant", () => {
  const shown = execFileSync("sh", ["-c", `curl() { printf '%s\\n' "$@"; }; ${textOf("curl")}`], { encoding: "utf8" }).split("\n");
  assert.equal(shown[0], "http://127.0.0.1:8099/v1/chat/completions");
  assert.deepEqual(JSON.parse(shown[shown.indexOf("-d") + 1]).messages, [{ role: "user", content: "Say hello." }]);
});

test("the script asks what it should, and prints the answer", async () => {
  const asked = [];
  const fetch = async (url, init) => {
    asked.push({ url, ...init });
    return { json: async () => ({ choices: [{ message: { content: "Hello!" } }] }) };
  };
  const said = [];
  const AsyncFunction = (async () => {}).constructor;
  await new AsyncFunction("fetch", "console", textOf("JavaScript"))(fetch, { log: (text) => said.push(text) });
  assert.equal(asked[0].url, "http://127.0.0.1:8099/v1/chat/completions");
  assert.equal(JSON.parse(asked[0].body).messages[0].role, "user");
  assert.deepEqual(said, ["Hello!"]);
});

test("a model's name cannot leave its quotes", () => {
  const name = 'x", api_key="$(id)`\\';
  assert.match(textOf("Python", { model: name }), /model="x\\", api_key=\\"\$\(id\)`\\\\",/);
  assert.ok(!textOf("curl", { model: name }).includes("api_key="));
});

test("only where a key is needed its place is shown", () => {
  for (const { text } of snippets(WHERE)) assert.ok(!text.includes("YOUR_KEY"));
  for (const { text } of snippets({ ...WHERE, needsKey: true })) assert.ok(text.includes("YOUR_KEY"));
});
