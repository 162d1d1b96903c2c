// Why a graphics card computes or not: the page has words of its own for every code, in every language.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const web = new URL("../../templates/web/js/lang/", import.meta.url);
const choice = new URL("../../runtime/llamapack_runtime/hardware/gpu_choice.py", import.meta.url);

test("every code has words", async () => {
  const source = await readFile(fileURLToPath(choice), "utf8");
  const literal = source.match(/GpuCode = Literal\[([^\]]*)\]/)[1].replaceAll(/#.*/g, "");
  const codes = [...literal.matchAll(/"(\w+)"/g)].map((found) => found[1]);
  assert.ok(codes.length > 10);
  for (const language of ["en", "zh"]) {
    const { default: words } = await import(new URL(`${language}.js`, web));
    assert.deepEqual(codes.filter((code) => !words[`about.gpu.${code}`]), []);
  }
});
