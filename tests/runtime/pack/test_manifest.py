"""The manifest: the same out as in, and a sentence that names the field when it is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from llamapack_runtime.pack import (
    AdapterInfo,
    Brand,
    EntrySum,
    Manifest,
    ModelInfo,
    PackError,
    RuntimeInfo,
)

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


PIRATE = AdapterInfo("pirate", "lora/pirate.gguf", 0.5)
OTHER = ModelInfo("model/e.gguf", "E", "bert", "F16", 3, 512, False, "mit", "embedding")
SEEING = replace(
    MANIFEST.model, adapters=(PIRATE,), projector="mmproj/p.gguf", draft="draft/d.gguf"
)


def test_several_models_and_their_parts_come_back_as_they_were() -> None:
    many = replace(MANIFEST, model=SEEING, others=(OTHER,))
    assert Manifest.from_json(many.to_json()) == many
    assert many.models == (SEEING, OTHER)
    parts = ("lora/pirate.gguf", "mmproj/p.gguf", "draft/d.gguf")
    assert SEEING.entry_names == ("model/m.gguf", *parts)


def test_a_pack_with_one_plain_model_says_no_more() -> None:
    fields = json.loads(MANIFEST.to_json())
    assert "others" not in fields
    assert not {"kind", "adapters", "projector", "draft"} & set(fields["model"])


@pytest.mark.parametrize(
    ("many", "named"),
    [
        (replace(MANIFEST, others=(replace(OTHER, name="M"),)), "two models have the name 'M'"),
        (
            replace(MANIFEST, model=replace(MANIFEST.model, adapters=(PIRATE, PIRATE))),
            "two adapters have the name 'pirate'",
        ),
    ],
)
def test_names_are_given_once(many: Manifest, named: str) -> None:
    with pytest.raises(PackError, match=named):
        Manifest.from_json(many.to_json())


@pytest.mark.parametrize(
    ("field", "value"),
    [("kind", "poet"), ("kind", 1), ("adapters", {}), ("adapters", [1]), ("projector", 2)]
    + [("adapters", [{"name": "a", "entry": "e", "scale": bad}]) for bad in (None, "1", True)],
)
def test_parts_of_the_wrong_kind_are_named(field: str, value: object) -> None:
    fields = json.loads(MANIFEST.to_json())
    fields["model"][field] = value
    with pytest.raises(PackError, match=r"adapters|kind|projector"):
        Manifest.from_json(json.dumps(fields).encode())


BRAND = Brand(
    title="Küchenhilfe",
    color="#1A7f5a",
    logo="brand/logo.svg",
    welcome="Willkommen!\nFrag mich etwas.",
    prompts=("Was koche ich heute?", "今天吃什么"),
    languages=("zh",),
    disclaimer="It can be wrong.",
    about="Made by us.",
    is_system_prompt_locked=True,
)


def test_the_packers_wishes_come_back_as_they_were() -> None:
    branded = replace(MANIFEST, brand=BRAND)
    assert Manifest.from_json(branded.to_json()) == branded


def test_a_pack_without_wishes_is_as_before() -> None:
    assert "brand" not in json.loads(MANIFEST.to_json())
    assert Manifest.from_json(MANIFEST.to_json()).brand == Brand()


def test_wishes_of_a_later_version_are_left_out() -> None:
    fields = json.loads(MANIFEST.to_json()) | {"brand": {"title": "T", "tune": 7}}
    assert Manifest.from_json(json.dumps(fields).encode()).brand == Brand(title="T")


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
        (["brand"], "x", "manifest.brand"),
        (["brand"], {"title": 3}, "brand.title"),
        (["brand"], {"title": "x" * 81}, "brand.title"),
        (["brand"], {"title": "two\nlines"}, "brand.title"),
        (["brand"], {"title": "  "}, "brand.title"),
        (["brand"], {"color": "red"}, "brand.color"),
        (["brand"], {"color": "#12345g"}, "brand.color"),
        (["brand"], {"color": "#123456;x"}, "brand.color"),
        (["brand"], {"welcome": "x" * 2001}, "brand.welcome"),
        (["brand"], {"welcome": "\x1b[31m"}, "brand.welcome"),
        (["brand"], {"welcome": "\ud800"}, "brand.welcome"),
        (["brand"], {"prompts": "x"}, "brand.prompts"),
        (["brand"], {"prompts": [1]}, "brand.prompts"),
        (["brand"], {"prompts": ["x"] * 9}, "brand.prompts"),
        (["brand"], {"prompts": ["x" * 201]}, "brand.prompts"),
        (["brand"], {"prompts": [""]}, "brand.prompts"),
        (["brand"], {"disclaimer": "x" * 501}, "brand.disclaimer"),
        (["brand"], {"about": "x" * 4001}, "brand.about"),
        (["brand"], {"is_system_prompt_locked": "yes"}, "brand.is_system_prompt_locked"),
        (["brand"], {"languages": "zh"}, "brand.languages"),
        (["brand"], {"languages": [1]}, "brand.languages"),
        (["brand"], {"languages": ["fr"]}, "brand.languages"),
        (["brand"], {"logo": ["x"]}, "brand.logo"),
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
