import assert from "node:assert/strict";
import { test } from "node:test";
import { costOf } from "../../templates/web/js/context.js";
import { othersSeeImages, seesImages } from "../../templates/web/js/models.js";
import { isPicture, isPictureFile, longestSide, sizeWithin } from "../../templates/web/js/pictures.js";

test("what the server calls PNG or JPEG is a picture", () => {
  assert.ok(isPicture({ kind: "png" }) && isPicture({ kind: "jpeg" }));
  for (const info of [{ kind: "pdf" }, { kind: "text", name: "a.png" }, {}, null]) assert.ok(!isPicture(info));
});

test("a file is a picture by its kind, and by its name where it has none", () => {
  const pictures = [{ name: "a", type: "image/png" }, { name: "a.txt", type: "image/webp" }, { name: "IMG 1.HEIC" }, { name: "a.jpg", type: "" }];
  const others = [{ name: "a.svg", type: "image/svg+xml" }, { name: "a.png", type: "text/plain" }, { name: "a.png.txt" }, { name: "png" }];
  for (const file of pictures) assert.ok(isPictureFile(file), file.name);
  for (const file of others) assert.ok(!isPictureFile(file), file.name);
});

test("a photo is made smaller in its own shape, and a small picture stays", () => {
  assert.deepEqual(sizeWithin(4000, 3000, 1536), { width: 1536, height: 1152 });
  assert.deepEqual(sizeWithin(3000, 4000, 1536), { width: 1152, height: 1536 });
  assert.deepEqual(sizeWithin(80, 60, 1536), { width: 80, height: 60 });
  assert.deepEqual(sizeWithin(30_000, 2, 1536), { width: 1536, height: 1 });
});

test("a small context gets smaller pictures", () => {
  assert.ok(longestSide(4096) < longestSide(8192));
  assert.equal(longestSide(undefined), longestSide(32_768));
});

const model = (id, sees) => ({ id, name: id, kind: "chat", sees_images: sees });

test("the model that answers decides about pictures", () => {
  const one = (sees) => ({ info: { model: model("a", sees), models: [] }, chatId: null, lastModel: null, chat: null });
  assert.ok(seesImages(one(true)) && !seesImages(one(false)));
  assert.ok(!seesImages({ ...one(true), info: {} }));
  const models = [model("a", false), model("b", true)];
  const two = { info: { model: models[0], models }, chatId: "c", lastModel: "b", chat: { model: "a" } };
  assert.ok(!seesImages(two) && othersSeeImages(two));
  assert.ok(seesImages({ ...two, chatId: null }) && !othersSeeImages({ ...two, chatId: null }));
  assert.ok(!othersSeeImages(one(false)));
});

test("pictures must fit whole, beside documents that need not", () => {
  const cost = (more) => costOf({ words: 10, pictures: 100, files: 0, earlier: 0, used: 0, size: 1000, ...more });
  assert.deepEqual(cost({}), { tokens: 110, room: 750, kind: "fits" });
  assert.equal(cost({ used: 700 }).kind, "crowds");
  assert.equal(cost({ pictures: 800 }).kind, "pictures");
  assert.equal(cost({ words: 800 }).kind, "long");
  assert.equal(cost({ files: 650 }).kind, "passages");
});
