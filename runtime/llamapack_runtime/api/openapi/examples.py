"""Examples to copy: each can be run as it is against a program that listens at BASE, and the tests
do so. They are part of the document, with the address that was asked in place of BASE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

BASE = "http://localhost:8080"

Language = Literal["Shell", "Python", "JavaScript"]


@dataclass(frozen=True, slots=True)
class Example:
    """`label` is what a person reads above it."""

    language: Language
    label: str
    source: str


_CHAT = """{"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 50}"""
_PYTHON_CLIENT = f'''from openai import OpenAI

client = OpenAI(base_url="{BASE}/v1", api_key="none")
'''


def _post(path: str, body: str, options: str = "") -> str:
    return f"curl {options}{BASE}{path} \\\n  -H 'Content-Type: application/json' \\\n  -d '{body}'"


def _fetch(path: str, body: str, last: str) -> str:
    return f'''const reply = await fetch("{BASE}{path}", {{
  method: "POST",
  headers: {{ "Content-Type": "application/json" }},
  body: JSON.stringify({body}),
}});
const answer = await reply.json();
console.log({last});'''


# By the path of the operation, in the order in which they are shown.
EXAMPLES: Mapping[str, tuple[Example, ...]] = {
    "/v1/chat/completions": (
        Example("Shell", "curl", _post("/v1/chat/completions", _CHAT)),
        Example(
            "Shell",
            "curl, streamed",
            _post("/v1/chat/completions", _CHAT[:-1] + ', "stream": true}', "-N "),
        ),
        Example(
            "Python",
            "Python",
            _PYTHON_CLIENT
            + """answer = client.chat.completions.create(
    model="any",
    messages=[{"role": "user", "content": "Say hello."}],
    max_tokens=50,
)
print(answer.choices[0].message.content)""",
        ),
        Example(
            "Python",
            "Python, streamed",
            _PYTHON_CLIENT
            + """stream = client.chat.completions.create(
    model="any",
    messages=[{"role": "user", "content": "Say hello."}],
    max_tokens=50,
    stream=True,
)
for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="", flush=True)
print()""",
        ),
        Example(
            "JavaScript",
            "JavaScript",
            _fetch("/v1/chat/completions", _CHAT, "answer.choices[0].message.content"),
        ),
        Example(
            "JavaScript",
            "JavaScript, streamed",
            f'''const reply = await fetch("{BASE}/v1/chat/completions", {{
  method: "POST",
  headers: {{ "Content-Type": "application/json" }},
  body: JSON.stringify({_CHAT[:-1]}, "stream": true}}),
}});
let rest = "";
for await (const text of reply.body.pipeThrough(new TextDecoderStream())) {{
  const lines = (rest + text).split("\\n");
  rest = lines.pop();
  for (const line of lines.filter((one) => one.startsWith("data: {{"))) {{
    const chunk = JSON.parse(line.slice("data: ".length));
    console.log(chunk.choices[0]?.delta.content ?? "");
  }}
}}''',
        ),
    ),
    "/v1/completions": (
        Example(
            "Shell", "curl", _post("/v1/completions", '{"prompt": "Once upon", "max_tokens": 50}')
        ),
        Example(
            "Python",
            "Python",
            _PYTHON_CLIENT
            + """text = client.completions.create(model="any", prompt="Once upon", max_tokens=50)
print(text.choices[0].text)""",
        ),
    ),
    "/v1/embeddings": (
        Example("Shell", "curl", _post("/v1/embeddings", '{"input": ["a cat", "a dog"]}')),
        Example(
            "Python",
            "Python",
            _PYTHON_CLIENT
            + """found = client.embeddings.create(model="any", input=["a cat", "a dog"])
print(len(found.data), "vectors")""",
        ),
    ),
    "/v1/models": (Example("Shell", "curl", f"curl {BASE}/v1/models"),),
    "/v1/messages": (Example("Shell", "curl", _post("/v1/messages", _CHAT)),),
    "/api/chat": (
        Example(
            "Shell",
            "curl",
            _post("/api/chat", '{"messages": [{"role": "user", "content": "Say hello."}]}', "-N "),
        ),
        Example(
            "JavaScript",
            "JavaScript",
            _fetch(
                "/api/chat",
                '{"messages": [{"role": "user", "content": "Say hello."}], "stream": false}',
                "answer.message.content",
            ),
        ),
    ),
    "/completion": (
        Example("Shell", "curl", _post("/completion", '{"prompt": "Once upon", "n_predict": 50}')),
    ),
    "/tokenize": (Example("Shell", "curl", _post("/tokenize", '{"content": "Once upon"}')),),
    "/health": (Example("Shell", "curl", f"curl {BASE}/health"),),
    "/llamapack/info": (Example("Shell", "curl", f"curl {BASE}/llamapack/info"),),
}
