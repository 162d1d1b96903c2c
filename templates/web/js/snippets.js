// Programs of a few lines that ask this one. Pure.

const QUESTION = "Say hello.";
export const KEY_PLACEHOLDER = "YOUR_KEY"; // a key is never shown

/** One line, with quotes as both a Unix shell and Windows' cmd.exe read them. */
function curl(base, needsKey) {
  const key = needsKey ? ` -H "Authorization: Bearer ${KEY_PLACEHOLDER}"` : "";
  const body = JSON.stringify({ messages: [{ role: "user", content: QUESTION }] }).replaceAll('"', '\\"');
  return `curl ${base}/chat/completions${key} -H "Content-Type: application/json" -d "${body}"`;
}

/** A JSON string is a Python string too. */
function python(base, needsKey, model) {
  return `from openai import OpenAI  # pip install openai

client = OpenAI(base_url=${JSON.stringify(base)}, api_key="${needsKey ? KEY_PLACEHOLDER : "none"}")
reply = client.chat.completions.create(
    model=${JSON.stringify(model)},
    messages=[{"role": "user", "content": "${QUESTION}"}],
)
print(reply.choices[0].message.content)`;
}

function javascript(base, needsKey) {
  const key = needsKey ? `, Authorization: "Bearer ${KEY_PLACEHOLDER}"` : "";
  return `const reply = await fetch(${JSON.stringify(`${base}/chat/completions`)}, {
  method: "POST",
  headers: { "Content-Type": "application/json"${key} },
  body: JSON.stringify({ messages: [{ role: "user", content: "${QUESTION}" }] }),
});
const { choices } = await reply.json();
console.log(choices[0].message.content);`;
}

/** [{label, language, text}]; `base` is the address that the API's paths follow, without a slash at its end. */
export function snippets({ base, needsKey, model }) {
  return [
    { label: "curl", language: "bash", text: curl(base, needsKey) },
    { label: "Python", language: "python", text: python(base, needsKey, model) },
    { label: "JavaScript", language: "javascript", text: javascript(base, needsKey) },
  ];
}
