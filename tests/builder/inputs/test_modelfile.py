"""A Modelfile: what it says is packed, and what is wrong in it is named with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import Run, names
from gguf_bytes import LLAMA, gguf_bytes
from llamapack.inputs.modelfile import Instruction, read_modelfile
from llamapack_runtime.pack import Pack
from llamapack_runtime.settings import Settings, read_settings
from make_gguf import make_gguf
from ollama_folder import add_model

FULL = '''# A teacher.
FROM ./models/tiny.gguf

PARAMETER temperature 0.25
parameter stop "Q:"
PARAMETER stop """
END"""
PARAMETER num_keep 4
SYSTEM """You are a "patient" teacher.
# this is no comment
"""
MESSAGE user Conjugate amare.
MESSAGE assistant "amo, amas, amat"
TEMPLATE "{{ .System }} Q: {{ .Prompt }}
A: {{ .Response }}"
LICENSE """
MIT
"""
'''


@pytest.fixture
def folder(workplace: Path, bare_model: bytes) -> Path:
    (workplace / "models").mkdir()
    (workplace / "models" / "tiny.gguf").write_bytes(bare_model)
    return workplace


def settings_of(path: Path) -> Settings:
    with Pack.open(path) as pack:
        return read_settings(pack.manifest.settings, {}, [])


@pytest.mark.parametrize("form", [["-f", "Modelfile"], ["--modelfile=Modelfile"], ["Modelfile"]])
def test_all_of_it_is_packed(folder: Path, run: Run, form: list[str]) -> None:
    (folder / "Modelfile").write_text(FULL)
    ran = run("build", *form)
    assert ran.code == 0
    assert ran.err == (
        "Warning: Line 8 of Modelfile: PARAMETER num_keep is left out: the packed system prompt is "
        "always kept.\n"
    )
    settings = settings_of(folder / "tiny")
    assert settings.temp == 0.25
    assert settings.stop == ("Q:", "\nEND")
    assert settings.system_prompt == 'You are a "patient" teacher.\n# this is no comment\n'
    assert settings.opening_messages is not None
    assert json.loads(settings.opening_messages)[1] == {
        "role": "assistant",
        "content": "amo, amas, amat",
    }
    assert settings.chat_template is not None
    assert run("verify", "tiny").code == 0


def test_from_is_relative_to_the_file(folder: Path, run: Run) -> None:
    (folder / "models" / "x.Modelfile").write_text("from tiny.gguf\r\nSYSTEM hello\r\n")
    assert run("build", "-f", "models/x.Modelfile").code == 0
    assert settings_of(folder / "tiny").system_prompt == "hello"


def test_from_names_a_folder(folder: Path, run: Run) -> None:
    (folder / "Modelfile").write_text("FROM models")
    assert run("build", "-f", "Modelfile").code == 0
    assert "tiny" in names(folder)


def test_from_names_a_model_of_ollamas_and_changes_it(
    folder: Path, run: Run, home: Path, bare_model: bytes
) -> None:
    add_model(
        home / ".ollama" / "models",
        [
            ("model", bare_model),
            ("template", b"{{ .Prompt }}!{{ .Response }}"),
            ("params", b'{"temperature": 0.5, "top_k": 7, "stop": ["a"]}'),
            ("system", b"Be kind."),
            ("license", b"one"),
        ],
    )
    (folder / "Modelfile").write_text(
        "FROM tiny:latest\nPARAMETER temperature 1\nPARAMETER stop b\nLICENSE two\n"
    )
    assert run("build", "-f", "Modelfile", "-o", "x").code == 0
    settings = settings_of(folder / "x")
    assert (settings.temp, settings.top_k, settings.stop) == (1, 7, ("b",))
    assert settings.system_prompt == "Be kind."
    with Pack.open(folder / "x") as pack:
        assert pack.read("licenses/model/LICENSE.txt", 100) == b"one\n\ntwo"


def test_a_projector_is_left_out_with_a_warning(folder: Path, run: Run) -> None:
    (folder / "mm.gguf").write_bytes(gguf_bytes({"general.architecture": "clip"}))
    (folder / "Modelfile").write_text("FROM models/tiny.gguf\nFROM mm.gguf\nSYSTEM x\n")
    ran = run("build", "-f", "Modelfile")
    assert ran.code == 0
    assert "The projector mm.gguf, which makes images readable" in ran.err


def test_a_system_message_is_the_system_prompt(folder: Path, run: Run) -> None:
    (folder / "Modelfile").write_text("FROM models\nMESSAGE system Be kind.\nMESSAGE user Hi\n")
    assert run("build", "-f", "Modelfile").code == 0
    settings = settings_of(folder / "tiny")
    assert settings.system_prompt == "Be kind."
    assert settings.opening_messages == '[{"role": "user", "content": "Hi"}]'


WRONG = {
    "FORM x": "Line 1 of Modelfile: there is no instruction 'FORM'. Did you mean 'FROM'?",
    "# a\n\nFROM": "Line 3 of Modelfile: FROM says nothing.",
    "SYSTEM x": "Modelfile has no FROM line",
    "": "Modelfile has no FROM line",
    "FROM models/tinny.gguf": "Line 1 of Modelfile: FROM: Cannot read models/tinny.gguf: No such "
    "file or directory. Did you mean models/tiny.gguf?",
    "FROM nothing:7b": "Line 1 of Modelfile: FROM: There is no model nothing:7b",
    "FROM models\nFROM models/tiny.gguf": "Line 2 of Modelfile: FROM: a second model",
    "FROM mm.gguf": "names a projector only",
    "FROM models\n\nPARAMETER temprature 1": "Line 3 of Modelfile: PARAMETER temprature is no "
    "parameter that a pack has. Did you mean 'temperature'?",
    "FROM models\nPARAMETER temperature hot": "Line 2 of Modelfile: PARAMETER temperature must be "
    "a number from 0 to 100, not 'hot'",
    "FROM models\nPARAMETER temperature": "Line 2 of Modelfile: PARAMETER says nothing.",
    "FROM models\nPARAMETER num_ctx -5": "Line 2 of Modelfile: PARAMETER num_ctx must be",
    'FROM models\nSYSTEM """\nx': 'Line 2 of Modelfile: the text of SYSTEM begins with """ and',
    'FROM models\nSYSTEM "x\n': 'Line 2 of Modelfile: the text of SYSTEM begins with " and',
    "FROM models\nMESSAGE tool x": "Line 2 of Modelfile: MESSAGE tool has the role 'tool'",
    "FROM models\nMESSAGE user x\nMESSAGE system y": "Line 3 of Modelfile: MESSAGE system has",
    "FROM models\nTEMPLATE {{ .Prompt }}{{ .Tools }}": "2 of Modelfile: TEMPLATE cannot become",
    "FROM models\nADAPTER a.gguf": "Line 2 of Modelfile: ADAPTER: Cannot read a.gguf",
    "FROM models\nADAPTER models": "models is no GGUF; convert the adapter",
    "FROM models\nADAPTER models/tiny.gguf": "is not a LoRA adapter",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_named_with_its_line(folder: Path, run: Run, text: str) -> None:
    (folder / "mm.gguf").write_bytes(gguf_bytes({"general.architecture": "clip"}))
    (folder / "Modelfile").write_text(text)
    ran = run("build", "-f", "Modelfile")
    assert (ran.code, ran.out) == (1, "")
    assert WRONG[text] in ran.err
    assert ran.err.count("\n") == 1
    assert names(folder) == ["Modelfile", "mm.gguf", "models"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"GGUF\x03\0\0\0", "is a GGUF, not a Modelfile"),
        (b"#" * (5 << 20), "is larger than a Modelfile"),
        (b"SYSTEM x\n" * 2001, "more than 2,000 lines"),
        (None, "Cannot read x: No such file"),
    ],
)
def test_what_is_no_modelfile(workplace: Path, run: Run, data: bytes | None, words: str) -> None:
    if data is not None:
        (workplace / "x").write_bytes(data)
    ran = run("build", "-f", "x")
    assert (ran.code, words in ran.err) == (1, True)


def test_newer_instructions_are_left_out_with_a_warning(folder: Path, run: Run) -> None:
    (folder / "Modelfile").write_text("FROM models\nREQUIRES 0.14.0\nPARSER qwen3\nSYSTEM x")
    ran = run("build", "-f", "Modelfile")
    assert ran.code == 0
    assert "Line 2 of Modelfile: REQUIRES is left out: it is about Ollama itself." in ran.err


def test_a_model_and_a_modelfile_are_one_too_many(run: Run, folder: Path) -> None:
    ran = run("build", folder / "models", "-f", "Modelfile")
    assert (ran.code, "Name one MODEL, or a Modelfile with -f." in ran.err) == (2, True)


def test_lines_are_counted_through_long_texts(tmp_path: Path) -> None:
    path = tmp_path / "Modelfile"
    path.write_text('FROM a\nSYSTEM """\n\n\n"""\n# x\nTEMPLATE "a"b"\nMESSAGE user  "hi\nyou"  \n')
    assert read_modelfile(path) == [
        Instruction(1, "FROM", "", "a"),
        Instruction(2, "SYSTEM", "", "\n\n\n"),
        Instruction(7, "TEMPLATE", "", 'a"b'),
        Instruction(8, "MESSAGE", "user", "hi\nyou"),
    ]


def test_a_second_gguf_that_is_no_model_is_refused(workplace: Path, run: Run) -> None:
    make_gguf(workplace / "m.gguf", license_name="mit")
    (workplace / "l.gguf").write_bytes(gguf_bytes({**LLAMA, "general.type": "adapter"}))
    (workplace / "Modelfile").write_text("FROM l.gguf\nFROM m.gguf")
    ran = run("build", "-f", "Modelfile")
    assert (ran.code, "Line 1 of Modelfile: FROM: l.gguf is a LoRA adapter" in ran.err) == (1, True)
