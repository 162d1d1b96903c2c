import assert from "node:assert/strict";
import { test } from "node:test";
import { draftFile, hasFiles, isPasteOfFiles, nameParts, pagesOf, readyInfos } from "../../templates/web/js/files.js";
import { isAdded, treeOf } from "../../templates/web/js/tree.js";
import { restoredUnsent, withUnsent } from "../../templates/web/js/unsent.js";

const info = (id, more = {}) => ({ id, name: `${id}.txt`, kind: "text", size_bytes: 10, characters: 10, pages: null, tokens: 3, ...more });

test("a long name keeps its end, a short one stays whole", () => {
  assert.deepEqual(nameParts("notes.md"), ["notes.md", ""]);
  const [first, last] = nameParts("Report of the third quarter, chapter 12.pdf");
  assert.equal(first + last, "Report of the third quarter, chapter 12.pdf");
  assert.ok(last.endsWith("12.pdf"));
});

test("a name is cut between signs, and shows what it is", () => {
  const [first, last] = nameParts("🙂".repeat(30));
  assert.equal([...first].length + [...last].length, 30);
  assert.ok(!/[\ud800-\udbff]$/.test(first));
  assert.equal(nameParts("invoice\u202efdp.exe").join(""), "invoicefdp.exe");
});

test("a paste is of files unless it has other text", () => {
  const files = [{ name: "a.pdf" }, { name: "b c.txt" }];
  assert.ok(isPasteOfFiles("", files));
  assert.ok(isPasteOfFiles("a.pdf\nb c.txt\n", files));
  assert.ok(isPasteOfFiles("/home/me/b c.txt", files));
  assert.ok(!isPasteOfFiles("A table\t1\t2", [{ name: "image.png" }]));
  assert.ok(!isPasteOfFiles("", []));
  assert.ok(!isPasteOfFiles("words", []));
});

test("pages are split at form feeds, and long ones at lines, with nothing lost", () => {
  assert.deepEqual(pagesOf("one\ftwo\f"), [["one"], ["two"], []]);
  const text = "A line of a text without pages.\n".repeat(3000);
  const [chunks] = pagesOf(text);
  assert.equal(chunks.join(""), text);
  assert.ok(chunks.length > 2 && chunks.every((chunk) => chunk.endsWith("\n") && chunk.length <= 20_000));
});

test("a page without lines is split between signs", () => {
  const text = `a${"🙂".repeat(30_000)}`;
  const [chunks] = pagesOf(text);
  assert.equal(chunks.join(""), text);
  assert.ok(chunks.length > 1 && chunks.every((chunk) => !/[\ud800-\udbff]$/.test(chunk)));
});

test("a long text without lines is split quickly", () => {
  const text = "word ".repeat(1_600_000);
  const started = performance.now();
  assert.equal(pagesOf(text)[0].join(""), text);
  assert.ok(performance.now() - started < 1000);
});

test("only files that were read can be sent", () => {
  const files = [draftFile(info("a")), { ...draftFile(info("b")), status: "reading" }, { ...draftFile(info("c")), status: "refused" }];
  assert.deepEqual(readyInfos(files), [info("a")]);
});

test("a message with other files is another message", () => {
  assert.ok(hasFiles({ files: [info("b"), info("a")] }, [info("a"), info("b")]));
  assert.ok(hasFiles({}, []));
  const tree = treeOf([{ id: "q", parent: null, role: "user", content: "", files: [info("a")] }]);
  assert.ok(isAdded(tree, { content: "", files: [info("a")], parent: null, known: [] }));
  assert.ok(!isAdded(tree, { content: "", files: [info("b")], parent: null, known: [] }));
});

test("a draft of files alone is kept", () => {
  assert.deepEqual(Object.keys(withUnsent({}, "c", { files: [draftFile(info("a"))] })), ["c"]);
  assert.deepEqual(withUnsent({}, "c", { files: [] }), {});
});

function afterReload(saved) {
  globalThis.window = { sessionStorage: { getItem: () => JSON.stringify(saved) } };
  return restoredUnsent();
}

test("after a reload read files are there, and unfinished ones say what happened", () => {
  const unfinished = { key: "k", name: "big.pdf", size: 5, status: "uploading", progress: 0.4, info: null, problem: null };
  const { files } = afterReload({ c: { draft: "see", files: [{ ...draftFile(info("a")), key: "1-0" }, unfinished] } }).c;
  assert.deepEqual(files.map(({ key, status }) => [key, status]), [["1-0", "ready"], ["k", "refused"]]);
  assert.equal(files[1].problem.kind, "file_interrupted");
});

test("what was kept before there were files, or is no file, does no harm", () => {
  const restored = afterReload({ a: { draft: "old" }, b: { draft: "x", files: [null, { key: "k", name: "n", status: "ready", info: null }, 7] } });
  assert.deepEqual(restored.a.files, []);
  assert.deepEqual(restored.b.files, []);
  assert.deepEqual(afterReload({ c: { waiting: { content: "q", known: [], status: "waiting" } } }).c.waiting.files, []);
});
