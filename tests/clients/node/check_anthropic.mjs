// The npm package @anthropic-ai/sdk: messages, streams, tools, counting tokens, errors.
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { key, url } from "./pack.mjs";

const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0, timeout: 60_000 });
const model = (await client.models.list()).data[0].id;
const messages = [{ role: "user", content: "Name the capital of France." }];
const bounded = { model, max_tokens: 120, temperature: 0 };
const tools = [
  {
    name: "weather",
    input_schema: {
      type: "object",
      properties: {
        city: { type: "string", maxLength: 30 },
        unit: { enum: ["celsius", "fahrenheit"] },
      },
      required: ["city", "unit"],
      additionalProperties: false,
    },
  },
];

test("a stream joins to the whole message", async () => {
  const whole = await client.messages.create({ ...bounded, messages });
  assert.match(whole.content[0].text, /Paris/);
  const pieces = [];
  const stream = client.messages.stream({ ...bounded, messages });
  stream.on("text", (delta) => pieces.push(delta));
  const final = await stream.finalMessage();
  assert.ok(pieces.length > 3);
  assert.equal(pieces.join(""), whole.content[0].text);
  assert.equal(final.usage.output_tokens, whole.usage.output_tokens);
});

test("a required call is streamed, and its result taken", async () => {
  const asked = [{ role: "user", content: "How warm is it in Paris?" }];
  const stream = client.messages.stream({
    ...bounded,
    messages: asked,
    tools,
    tool_choice: { type: "any", disable_parallel_tool_use: true },
  });
  const called = await stream.finalMessage();
  assert.equal(called.stop_reason, "tool_use");
  const call = called.content.find((block) => block.type === "tool_use");
  assert.deepEqual(Object.keys(call.input).sort(), ["city", "unit"]);
  const result = { type: "tool_result", tool_use_id: call.id, content: "20 degrees" };
  const reply = await client.messages.create({
    ...bounded,
    messages: [
      ...asked,
      { role: "assistant", content: called.content },
      { role: "user", content: [result] },
    ],
    tools,
    tool_choice: { type: "none" },
  });
  assert.equal(reply.content[0].type, "text");
});

test("tokens are counted as the message counts them", async () => {
  const counted = await client.messages.countTokens({ model, messages });
  const { usage } = await client.messages.create({ ...bounded, messages, max_tokens: 1 });
  assert.equal(counted.input_tokens, usage.input_tokens + usage.cache_read_input_tokens);
});

test("errors are the client's own", async () => {
  await assert.rejects(
    client.messages.create({ ...bounded, messages, temperature: -1 }),
    (error) => error instanceof Anthropic.BadRequestError && /temperature/.test(error.message),
  );
  const stranger = new Anthropic({ baseURL: url, apiKey: "wrong-key", maxRetries: 0 });
  await assert.rejects(stranger.models.list(), Anthropic.AuthenticationError);
});
