"""The same requests to a real llama-server and to us: the same statuses and the same keys."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from running_pack import free_port
from runtime.launch.processes import TIMEOUT_S, Home, Running, running

_NEEDED = ("LLAMAPACK_TEST_LIBRARIES", "LLAMAPACK_TEST_MODEL", "LLAMAPACK_BENCH_LLAMA_SERVER")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(sys.platform != "linux", reason="starts a llama-server for Linux"),
    pytest.mark.skipif(not all(map(os.environ.get, _NEEDED)), reason=f"needs {', '.join(_NEEDED)}"),
]
HI: list[dict[str, Any]] = [{"role": "user", "content": "Hi"}]
GREEDY: dict[str, Any] = {"temperature": 0, "n_predict": 4}
REQUESTS: list[tuple[str, str, Any]] = [
    ("GET", "/health", None),
    ("GET", "/props", None),
    ("GET", "/slots", None),
    ("GET", "/lora-adapters", None),
    ("POST", "/lora-adapters", []),
    ("POST", "/props", {}),
    ("POST", "/slots/0?action=erase", {}),
    ("POST", "/tokenize", {"content": "Hello <|im_end|> \u00e9 \u65e5\u672c", "with_pieces": True}),
    ("POST", "/tokenize", {"content": ["Hello", 5, "a"], "add_special": True}),
    ("POST", "/tokenize", {"content": "<|im_end|>", "parse_special": False}),
    ("POST", "/tokenize", {}),
    ("POST", "/detokenize", {"tokens": [1, 2, 19556]}),
    ("POST", "/apply-template", {"messages": HI}),
    ("POST", "/apply-template", {"messages": [*HI, {"role": "assistant", "content": "Well"}]}),
    ("POST", "/v1/chat/completions/input_tokens", {"messages": HI}),
    ("POST", "/infill", {"input_prefix": "a", "input_suffix": "b"}),
    ("POST", "/completion", {"prompt": "Once", "n_probs": 2, "return_tokens": True, **GREEDY}),
    ("POST", "/completion", {"prompt": [28, "Once upon", 5], **GREEDY}),
    ("POST", "/completion", {"prompt": ["Once", [1, 2]], "n_cmpl": 2, **GREEDY}),
    ("POST", "/completion", {"prompt": "Once", "grammar": 'root ::= "a" | "b"', **GREEDY}),
    ("POST", "/completion", {"prompt": "Once", "response_fields": ["content", "x"], **GREEDY}),
    ("POST", "/completion", {"prompt": "a b " * 1500}),
    ("POST", "/completion", {"prompt": []}),
    ("POST", "/completion", {"n_predict": 1}),
    ("POST", "/completion", {"prompt": "x", "n_predict": "y"}),
]
# Texts and tokens, not only keys, are the same.
EXACT = ("/health", "/tokenize", "/detokenize", "/apply-template", "/lora-adapters")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def ours(home: Home) -> Iterator[Running]:
    variables = {"LLAMAPACK_LIBRARIES": os.environ["LLAMAPACK_TEST_LIBRARIES"]}
    arguments = ("--no-browser", "-m", os.environ["LLAMAPACK_TEST_MODEL"], "-t", "1", "-c", "2048")
    with running(home, free_port(), *arguments, **variables) as program:
        program.wait_for("/health", {200})
        yield program


@pytest.fixture(scope="module")
def theirs(home: Home) -> Iterator[Running]:
    server, model, port = os.environ[_NEEDED[2]], os.environ[_NEEDED[1]], free_port()
    command = [server, "-m", model, "-t", "1", "-c", "2048", "--port", str(port)]
    log = home.root / "llama-server.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        program = Running(process, f"http://127.0.0.1:{port}", log)
        program.wait_for("/health", {200})
        yield program
    finally:
        process.kill()
        process.wait()


def shape(value: Any, path: str = "") -> set[str]:
    """The paths of all keys. Of lists the first item speaks for all."""
    if isinstance(value, dict):
        # What we tell in addition, and what was guessed ahead, is not a difference.
        kept = {key: inner for key, inner in value.items() if key not in ("param", "draft_n")}
        return {
            one
            for key, inner in kept.items()
            if key != "draft_n_accepted"
            for one in {f"{path}.{key}"} | shape(inner, f"{path}.{key}")
        }
    if isinstance(value, list) and value:
        return shape(value[0], f"{path}[]")
    return set()


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
def test_the_same_request_has_the_same_keys(
    ours: Running, theirs: Running, method: str, path: str, body: Any
) -> None:
    got, wanted = (
        httpx.request(method, one.url + path, json=body, trust_env=False, timeout=TIMEOUT_S)
        for one in (ours, theirs)
    )
    assert got.status_code == wanted.status_code
    assert shape(got.json()) == shape(wanted.json())
    if path in EXACT and got.status_code == 200:
        assert got.json() == wanted.json()


def test_the_same_stream_has_the_same_keys(ours: Running, theirs: Running) -> None:
    body = {"prompt": "Once", "stream": True, "timings_per_token": True, "n_probs": 1, **GREEDY}
    streams = []
    for program in (ours, theirs):
        url = f"{program.url}/completion"
        text = httpx.post(url, json=body, trust_env=False, timeout=TIMEOUT_S).text
        streams.append([part for part in text.split("\n\n") if part.startswith("data: ")])
    (first, *_, last), (their_first, *_, their_last) = (
        [shape(httpx.Response(200, text=event.removeprefix("data: ")).json()) for event in stream]
        for stream in streams
    )
    assert first == their_first
    assert last == their_last
