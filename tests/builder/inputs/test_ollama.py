"""ollama:NAME, out of a folder as Ollama keeps it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import Run
from llamapack.inputs.ollama_store import ModelName, parse_name
from llamapack_runtime.pack import Pack
from llamapack_runtime.settings import read_settings
from ollama_folder import add_model, blob_of

LICENSE = b"Apache License\nVersion 2.0, January 2004\n"
TEMPLATE = b"{{ if .System }}{{ .System }}\n{{ end }}Q: {{ .Prompt }}\nA: {{ .Response }}\n"
PARAMS = {
    "temperature": 0.5,
    "num_ctx": 4096,
    "stop": ["Q:", "a, b"],
    "top_k": 40.0,
    "num_gpu": 1,
    "num_predict": -2,
}
MESSAGES = [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]


@pytest.fixture
def store(home: Path) -> Path:
    return home / ".ollama" / "models"


def everything(model: bytes) -> list[tuple[str, bytes]]:
    return [
        ("model", model),
        ("template", TEMPLATE),
        ("system", b"Be kind."),
        ("params", json.dumps(PARAMS).encode()),
        ("messages", json.dumps(MESSAGES).encode()),
        ("license", LICENSE),
        ("license", b"And a notice."),
    ]


def test_all_that_ollama_keeps_is_packed(
    workplace: Path, run: Run, store: Path, bare_model: bytes
) -> None:
    add_model(store, everything(bare_model))
    ran = run("build", "ollama:tiny")
    assert ran.code == 0
    assert ran.err == (
        "Warning: The parameter num_gpu of tiny:latest is left out: the runtime decides that by "
        "itself.\n"
    )
    with Pack.open(workplace / "tiny") as pack:
        settings = read_settings(pack.manifest.settings, {}, [])
        text = pack.read("licenses/model/LICENSE.txt", 1000)
        license_name = pack.manifest.model.license
    assert (settings.temp, settings.ctx_size, settings.top_k, settings.predict) == (
        0.5,
        4096,
        40,
        -1,
    )
    assert settings.stop == ("Q:", "a, b")
    assert settings.system_prompt == "Be kind."
    assert settings.chat_template is not None
    assert settings.opening_messages is not None
    assert json.loads(settings.opening_messages) == MESSAGES
    assert text == b"Apache License\nVersion 2.0, January 2004\n\nAnd a notice."
    assert license_name == "mit"
    assert run("verify", "tiny").code == 0
    assert run("extract", "tiny").code == 0
    assert (workplace / "tiny.gguf").read_bytes() == bare_model


def test_flags_win(workplace: Path, run: Run, store: Path, bare_model: bytes) -> None:
    add_model(store, everything(bare_model))
    ran = run("build", "ollama:tiny", "--system-prompt", "Be brief.", "--set", "temp=0.1")
    assert ran.code == 0
    with Pack.open(workplace / "tiny") as pack:
        settings = read_settings(pack.manifest.settings, {}, [])
    assert (settings.system_prompt, settings.temp, settings.ctx_size) == ("Be brief.", 0.1, 4096)


def test_a_model_with_a_chat_template_keeps_it(
    workplace: Path, run: Run, store: Path, model: Path
) -> None:
    add_model(store, [("model", model.read_bytes()), ("template", b"{{ .Strange }}")])
    ran = run("build", "ollama:tiny")
    assert ran.code == 0
    assert ran.err == "The template of tiny:latest is left out: tiny:latest has a chat template.\n"
    with Pack.open(workplace / "tiny") as pack:
        assert dict(pack.manifest.settings) == {}


def test_a_template_that_cannot_be_translated(
    workplace: Path, run: Run, store: Path, bare_model: bytes
) -> None:
    add_model(store, [("model", bare_model), ("template", b"{{ .Prompt }}{{ .Tools }}")])
    ran = run("build", "ollama:tiny")
    assert ran.code == 1
    assert "The template of tiny:latest cannot become the chat template" in ran.err
    assert "it uses .Tools in '{{ .Tools }}'" in ran.err
    assert list(workplace.iterdir()) == []


@pytest.mark.parametrize("variable", [True, False])
def test_a_folder_named_by_the_environment(
    workplace: Path,
    run: Run,
    tmp_path: Path,
    bare_model: bytes,
    monkeypatch: pytest.MonkeyPatch,
    variable: bool,
) -> None:
    add_model(tmp_path / "own", [("model", bare_model)], "hf.co/me/Tiny-GGUF/Q8_0")
    if variable:
        monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "own"))
    ran = run("build", "ollama:hf.co/me/Tiny-GGUF:Q8_0")
    assert (ran.code == 0) == variable
    assert (workplace / "Tiny-GGUF-Q8_0").exists() == variable
    assert variable or "does not exist. Set OLLAMA_MODELS" in ran.err


@pytest.mark.usefixtures("workplace")
def test_what_is_missing_is_named(run: Run, store: Path, bare_model: bytes) -> None:
    add_model(store, everything(bare_model))
    blob = blob_of(store, TEMPLATE)
    blob.unlink()
    ran = run("build", "ollama:tiny")
    assert ran.code == 1
    assert f"the file of its template, {blob.name}, is not in" in ran.err
    assert "ollama pull tiny:latest" in ran.err


@pytest.mark.usefixtures("workplace")
def test_what_was_altered_is_refused(run: Run, store: Path, bare_model: bytes) -> None:
    add_model(store, everything(bare_model))
    blob_of(store, TEMPLATE).write_bytes(TEMPLATE.replace(b"Q", b"K"))
    assert "was damaged or altered" in run("build", "ollama:tiny").err
    blob_of(store, bare_model).write_bytes(bare_model[:-1])
    assert f"instead of {len(bare_model):,}" in run("build", "ollama:tiny").err


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("ollama:tinny", "Did you mean 'tiny'?"),
        ("ollama:tiny:late", "Did you mean 'tiny'?"),
        ("ollama:zzz", "There are other/big:7b, tiny."),
        ("olama:tiny", "Did you mean 'ollama'?"),
        ("tiny", "Ollama has it: write ollama:tiny"),
        ("ollama:../../x", "is no name of a model of Ollama's"),
        ("ollama:a b", "is no name of a model of Ollama's"),
    ],
)
def test_an_unknown_name_is_answered_with_a_near_one(
    run: Run, store: Path, asked: str, hint: str
) -> None:
    add_model(store, [("model", b"x")])
    add_model(store, [("model", b"x")], "registry.ollama.ai/other/big/7b")
    ran = run("build", asked)
    assert (ran.code, ran.out) == (1, "")
    assert hint in ran.err


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([], "has no weights in Ollama's folder"),
        ([("tensor", b"x")], "is kept as single tensors"),
        ([("model", b"x"), ("model", b"y")], "has 2 files of weights"),
        ([("model", b"x")], "tiny:latest is not a GGUF file"),
        ([("model", None), ("params", b"[]")], "The params of tiny:latest are damaged"),
        ([("model", None), ("params", b'{"stop": {}}')], "damaged at 'stop'"),
        ([("model", None), ("params", b'{"tempe": 1}')], "is no parameter that a pack has"),
        ([("model", None), ("params", b'{"temperature": "x"}')], "temperature of tiny:latest must"),
        ([("model", None), ("messages", b'[{"role": 1}]')], "are damaged at number 1"),
        (
            [
                ("model", None),
                ("messages", b'[{"role":"user","content":"x"},{"role":"system","content":"x"}]'),
            ],
            "has the role 'system'",
        ),
        ([("model", None), ("adapter", b"x")], "is not a GGUF file"),
        ([("model", None), ("template", b"x" * (1 << 20) + b"y")], "too large to be genuine"),
    ],
)
def test_what_cannot_be_packed(
    run: Run, store: Path, bare_model: bytes, layers: list[tuple[str, bytes | None]], words: str
) -> None:
    add_model(store, [(kind, bare_model if data is None else data) for kind, data in layers])
    ran = run("build", "ollama:tiny")
    assert (ran.code, ran.out) == (1, "")
    assert words in ran.err


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"{}",
        b"[" * 100_000,
        b'{"layers": [1]}',
        b'{"layers": [{"mediaType": "x", "digest": "sha256:../../etc/passwd", "size": 1}]}',
        b'{"layers": ' + json.dumps([{}] * 65).encode() + b"}",
        b" " * (1 << 20) + b'{"layers": []}',
    ],
)
def test_a_damaged_manifest_is_refused(run: Run, store: Path, manifest: bytes) -> None:
    add_model(store, []).write_bytes(manifest)
    assert "Ollama's manifest of tiny:latest is damaged" in run("build", "ollama:tiny").err


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a", ModelName("registry.ollama.ai", "library", "a", "latest")),
        ("a:b", ModelName("registry.ollama.ai", "library", "a", "b")),
        ("n/a:b", ModelName("registry.ollama.ai", "n", "a", "b")),
        ("localhost:5000/n/a", ModelName("localhost:5000", "n", "a", "latest")),
        ("x/h/n/a", None),
        ("/a", None),
        ("", None),
        ("a:", ModelName("registry.ollama.ai", "library", "a", "latest")),
    ],
)
def test_names(text: str, name: ModelName | None) -> None:
    assert parse_name(text) == name
