// The npm package ollama: chat, generate, formats, models, errors.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Ollama } from "ollama";
import { z } from "zod";
import { key, url } from "./pack.mjs";

const client = new Ollama({ host: url, headers: { Authorization: `Bearer ${key}` } });
const model = (await client.list()).models[0].model;
const messages = [{ role: "user", content: "Name the capital of France." }];
const options = { temperature: 0, seed: 1, num_predict: 120 };

test("the model is shown and running", async () => {
  assert.equal((await client.show({ model })).details.family, "llama");
  assert.deepEqual((await client.ps()).models.map((one) => one.model), [model]);
});

test("a stream joins to the whole answer", async () => {
  const whole = await client.chat({ model, messages, options });
  assert.match(whole.message.content, /Paris/);
  const pieces = [];
  for await (const piece of await client.chat({ model, messages, options, stream: true })) {
    pieces.push(piece);
  }
  assert.ok(pieces.length > 3);
  assert.equal(pieces.map((piece) => piece.message.content).join(""), whole.message.content);
  assert.equal(pieces.at(-1).eval_count, whole.eval_count);
  assert.equal(pieces.at(-1).done, true);
});

test("a stream can be left", async () => {
  const stream = await client.generate({ model, prompt: "Tell a long story.", stream: true });
  await assert.rejects(
    async () => {
      for await (const piece of stream) if (piece.response) stream.abort();
    },
    { name: "AbortError" },
  );
});

test("an answer follows a schema", async () => {
  const Weather = z.object({ city: z.string().max(30), unit: z.enum(["celsius", "fahrenheit"]) });
  const reply = await client.chat({
    model,
    messages: [{ role: "user", content: "How warm is it in Paris?" }],
    format: z.toJSONSchema(Weather),
    options,
  });
  Weather.parse(JSON.parse(reply.message.content));
});

test("embeddings are made", async () => {
  const { embeddings } = await client.embed({ model, input: ["Paris", "Rome"] });
  assert.equal(embeddings.length, 2);
  assert.notDeepEqual(embeddings[0], embeddings[1]);
});

test("errors say what is wrong", async () => {
  await assert.rejects(
    client.chat({ model, messages, options: { temperature: -1 } }),
    (error) => error.status_code === 400 && /temperature/.test(error.message),
  );
  const stranger = new Ollama({ host: url, headers: { Authorization: "Bearer wrong-key" } });
  await assert.rejects(stranger.list(), (error) => /needs its key/.test(error.message));
});
