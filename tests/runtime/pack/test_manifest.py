"""The manifest: the same out as in, and a sentence that names the field when it is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from llamapack_runtime.pack import EntrySum, Manifest, ModelInfo, PackError, RuntimeInfo

MANIFEST = Manifest(
    pack_id="0123456789abcdef",
    name="Überall",
    target="linux-x86_64",
    llamapack_version="0.1.0",
    model=ModelInfo("model/m.gguf", "M", "llama", "Q4_K_M", 7, 4096, True, None),
    runtime=RuntimeInfo("runtime/r.tar.zst", "key", "2.28", {"python": "3.11"}),
    settings={"ctx-size": 4096, "temp": 0.5},
    entries=(EntrySum("model/m.gguf", 5, "ab" * 32), EntrySum("runtime/r.tar.zst", 1, "cd" * 32)),
)


def test_it_comes_back_as_it_was() -> None:
    assert Manifest.from_json(MANIFEST.to_json()) == MANIFEST


def test_a_packed_state_is_named_only_where_there_is_one() -> None:
    baked = replace(MANIFEST, state="state/system.state")
    assert Manifest.from_json(baked.to_json()) == baked
    assert "state" not in json.loads(MANIFEST.to_json())


def test_its_text_is_always_the_same() -> None:
    assert MANIFEST.to_json() == Manifest.from_json(MANIFEST.to_json()).to_json()
    assert MANIFEST.to_json().endswith(b"}\n")


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (["name"], 5, "manifest.name"),
        (["pack_id"], None, "manifest.pack_id"),
        (["model"], [], "manifest.model"),
        (["model", "parameter_count"], "7", "model.parameter_count"),
        (["model", "context_length"], True, "model.context_length"),
        (["model", "license"], 3, "model.license"),
        (["runtime", "versions"], "x", "runtime.versions"),
        (["state"], 3, "manifest.state"),
        (["entries"], {}, "manifest.entries"),
        (["entries", 0], 7, "entries"),
        (["entries", 0, "size"], -1, "entries.size"),
        (["runtime", "versions"], {"python": 3}, "runtime.versions"),
        (["model", "parameter_count"], -1, "model.parameter_count"),
    ],
)
def test_a_wrong_field_is_named(path: list[Any], value: object, named: str) -> None:
    fields = json.loads(MANIFEST.to_json())
    place = fields
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(PackError, match=f"'{named}'"):
        Manifest.from_json(json.dumps(fields).encode())


def test_a_newer_schema_says_what_to_do() -> None:
    fields = json.loads(MANIFEST.to_json()) | {"schema": 2}
    with pytest.raises(PackError, match="Use the llamapack version that made the pack"):
        Manifest.from_json(json.dumps(fields).encode())


@pytest.mark.parametrize("data", [b"", b"{", b"[" * 200_000, b"\xff\xfe", b"null", b'"x"'])
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(PackError):
        Manifest.from_json(data)
