// The npm package openai: chat, calls of functions, structured output, responses, errors.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import { key, url } from "./pack.mjs";

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, timeout: 60_000 });
const model = (await client.models.list()).data[0].id;
const question = [{ role: "user", content: "Name the capital of France." }];
const asked = [{ role: "user", content: "How warm is it in Paris?" }];
const bounded = { model, temperature: 0, max_tokens: 120 };
const Weather = z.object({ city: z.string().max(30), unit: z.enum(["celsius", "fahrenheit"]) });
const parameters = {
  type: "object",
  properties: {
    city: { type: "string", maxLength: 30 },
    unit: { enum: ["celsius", "fahrenheit"] },
  },
  required: ["city", "unit"],
  additionalProperties: false,
};
const tools = [{ type: "function", function: { name: "weather", parameters } }];

test("a stream joins to the whole answer", async () => {
  const whole = await client.chat.completions.create({ ...bounded, messages: question });
  assert.match(whole.choices[0].message.content, /Paris/);
  const pieces = [];
  const stream = client.chat.completions.stream({
    ...bounded,
    messages: question,
    stream_options: { include_usage: true },
  });
  stream.on("content.delta", ({ delta }) => pieces.push(delta));
  const final = await stream.finalChatCompletion();
  assert.ok(pieces.length > 3);
  assert.equal(pieces.join(""), whole.choices[0].message.content);
  assert.equal(final.usage.completion_tokens, whole.usage.completion_tokens);
});

test("a required call and its result", async () => {
  const called = await client.chat.completions.create({
    ...bounded,
    messages: asked,
    tools,
    tool_choice: "required",
    parallel_tool_calls: false,
  });
  const { message, finish_reason } = called.choices[0];
  assert.equal(finish_reason, "tool_calls");
  const [call] = message.tool_calls;
  Weather.parse(JSON.parse(call.function.arguments));
  const result = { role: "tool", tool_call_id: call.id, content: "20 degrees" };
  const reply = await client.chat.completions.create({
    ...bounded,
    messages: [...asked, message, result],
    tools,
    tool_choice: "none",
  });
  assert.ok(reply.choices[0].message.content);
});

test("a required call is streamed", async () => {
  const stream = client.chat.completions.stream({
    ...bounded,
    messages: asked,
    tools,
    tool_choice: { type: "function", function: { name: "weather" } },
  });
  const pieces = [];
  stream.on("tool_calls.function.arguments.delta", (event) => pieces.push(event.arguments_delta));
  const final = await stream.finalChatCompletion();
  assert.ok(pieces.length > 3);
  const [call] = final.choices[0].message.tool_calls;
  assert.equal(pieces.join(""), call.function.arguments);
  Weather.parse(JSON.parse(call.function.arguments));
});

test("an answer is parsed into a type", async () => {
  const reply = await client.chat.completions.parse({
    ...bounded,
    messages: asked,
    response_format: zodResponseFormat(Weather, "weather"),
  });
  Weather.parse(reply.choices[0].message.parsed);
});

test("a response whole, streamed, followed and parsed", async () => {
  const limits = { model, temperature: 0, max_output_tokens: 120 };
  const whole = await client.responses.create({ ...limits, input: question[0].content });
  assert.match(whole.output_text, /Paris/);
  const stream = client.responses.stream({ ...limits, input: question[0].content });
  const pieces = [];
  stream.on("response.output_text.delta", ({ delta }) => pieces.push(delta));
  assert.equal((await stream.finalResponse()).output_text, whole.output_text);
  assert.equal(pieces.join(""), whole.output_text);
  const followed = await client.responses.create({
    ...limits,
    input: "Repeat that sentence.",
    previous_response_id: whole.id,
  });
  assert.match(followed.output_text, /Paris/);
  const parsed = await client.responses.parse({
    ...limits,
    input: asked[0].content,
    text: { format: zodTextFormat(Weather, "weather") },
  });
  Weather.parse(parsed.output_parsed);
});

test("embeddings in base64 and as numbers", async () => {
  const packed = await client.embeddings.create({ model, input: ["Paris", "Rome"] });
  assert.equal(packed.data.length, 2);
  const plain = await client.embeddings.create({ model, input: "Paris", encoding_format: "float" });
  const [left, right] = [packed.data[0].embedding, plain.data[0].embedding];
  assert.equal(left.length, right.length);
  assert.ok(left.every((value, index) => Math.abs(value - right[index]) < 1e-3));
});

test("errors are the client's own", async () => {
  await assert.rejects(
    client.chat.completions.create({ ...bounded, messages: question, temperature: -1 }),
    (error) => error instanceof OpenAI.BadRequestError && error.param === "temperature",
  );
  const stranger = new OpenAI({ baseURL: `${url}/v1`, apiKey: "wrong-key", maxRetries: 0 });
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
});
