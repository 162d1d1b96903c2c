"""Presets: what they say, and that everything wrong is told with its file, line and key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.presets.test_checking import good_text, wrong_values
from llamapack.errors import SettingError
from llamapack.presets.checking import checked_setting
from llamapack.presets.fields import FIELDS, TABLES, Field
from llamapack.presets.reader import read_preset
from llamapack.presets.schema import example_preset, preset_schema
from llamapack.presets.writing import preset_text, toml_value
from llamapack_runtime.pack.settings import PACKABLE

OPTIONS = [(table.name, option.name) for table in TABLES.values() for option in table.options]
OWN_KEYS = [field for field in FIELDS if field.kind != "version"]
VALIDATOR = jsonschema.Draft7Validator(preset_schema())


def refusal(folder: Path, text: str) -> str:
    (folder / "bad.toml").write_bytes(text.encode())
    with pytest.raises(SettingError) as caught:
        read_preset(folder / "bad.toml")
    return str(caught.value)


def wrong_wishes(field: Field) -> list[Any]:
    texts = [1, True, ["a"], "", " ", "x" * (field.most + 1), "\x1b[2J"]
    wrong: dict[str, list[Any]] = {
        "line": [*texts, "a\nb"],
        "text": [1, True, ["a"], "", "x" * (field.most + 1), "\0"],
        "texts": ["a", [1], [""], ["x" * (field.most + 1)], ["x"] * (field.most_items + 1)],
        "choices": ["zh", [1], ["fr"], ["zh", "zh"]],
        "color": ["teal", "#12", 0x123456, ["#123456"]],
        "file": [1, "", "none.txt", ".", ["owl.svg"], "a\0"],
        "model": [*texts, "none.gguf", "a\0b"],
        "models": ["a.gguf", [1], [""], ["none.gguf"], ["x=none.gguf"], ["a\0b"]],
        "adapters": ["a.gguf", [1], [""], ["none.gguf"], ["pirate.gguf:200"], ["/=pirate.gguf"]],
        "quantization": [1, "", "Q9", "Q2_K_S", ["Q4_K_M"]],
        "choice": [1, True, "", "rocm", ["auto"]],
        "switch": [1, "on", "true", [True]],
    }
    return wrong[field.kind]


def test_every_setting_has_its_place() -> None:
    own = {"system-prompt", "quit-when-closed"}
    assert sorted(name for _, name in OPTIONS) == sorted(PACKABLE.keys() - own)


def test_the_example_says_everything_and_is_good(folder: Path) -> None:
    (folder / "example.toml").write_text(example_preset())
    assert read_preset(folder / "example.toml").flags == {}
    text = re.sub(r"^# (?=\[?[a-z-]+(\]| = ).*$)", "", example_preset(), flags=re.MULTILINE)
    text = re.sub("^system-prompt = .*$", "", text, flags=re.MULTILINE)
    (folder / "full.toml").write_text(text)
    preset = read_preset(folder / "full.toml")
    said = {*preset.flags, "system-prompt-file", "preset"}
    assert said == {field.name for field in FIELDS}
    assert sorted(preset.settings) == sorted(name for _, name in OPTIONS)
    assert preset.flags["logo"] == folder / "owl.svg"
    assert preset.flags["system-prompt"] == "You teach Latin."


@pytest.mark.parametrize("table_and_name", OPTIONS, ids=str)
def test_a_good_setting_is_taken_by_reader_and_schema(
    folder: Path, table_and_name: tuple[str, str]
) -> None:
    table, name = table_and_name
    value = checked_setting(name, good_text(PACKABLE[name]))
    (folder / "good.toml").write_text(f"preset = 1\n[{table}]\n{name} = {toml_value(value)}\n")
    assert read_preset(folder / "good.toml").settings == {name: value}
    assert VALIDATOR.is_valid({"preset": 1, table: {name: value}})


@pytest.mark.parametrize("table_and_name", OPTIONS, ids=str)
def test_a_wrong_setting_is_told_with_its_line(
    folder: Path, table_and_name: tuple[str, str]
) -> None:
    table, name = table_and_name
    for value in wrong_values(PACKABLE[name]):
        if value is None or value == {} or value != value or value == float("inf"):
            continue  # what the writer cannot write
        text = f'preset = 1\nname = "x"\n[{table}]\n# why\n{name} = {toml_value(value)}\n'
        message = refusal(folder, text)
        assert message.startswith(f"bad.toml:5: {table}.{name} must be "), message
        assert not VALIDATOR.is_valid({"preset": 1, table: {name: value}}) or value == "a\0b"


@pytest.mark.parametrize("field", OWN_KEYS, ids=lambda field: field.name)
def test_a_wrong_wish_is_told_with_its_line(folder: Path, field: Field) -> None:
    for value in wrong_wishes(field):
        message = refusal(folder, f"preset = 1\n\n{field.name} = {toml_value(value)}\n")
        begin = rf"bad\.toml:3: {field.name}(\[\d\])?:? "
        assert re.match(begin, message), message
        assert len(message) < 250
        assert message.isprintable()


@pytest.mark.parametrize("field", OWN_KEYS, ids=lambda field: field.name)
def test_the_schema_knows_types_and_bounds(field: Field) -> None:
    assert VALIDATOR.is_valid({"preset": 1, field.name: field.example})
    wrong: tuple[Any, ...] = (1, {}, [1])
    for value in wrong:
        assert not VALIDATOR.is_valid({"preset": 1, field.name: value})
    if field.most and field.kind != "texts":
        assert not VALIDATOR.is_valid({"preset": 1, field.name: "x" * (field.most + 1)})


def test_the_schema_is_one() -> None:
    jsonschema.Draft7Validator.check_schema(preset_schema())
    assert not VALIDATOR.is_valid({})
    assert not VALIDATOR.is_valid({"preset": 2})
    assert not VALIDATOR.is_valid({"preset": 1, "nmae": "x"})
    both = {"system-prompt": "a", "system-prompt-file": "b"}
    assert not VALIDATOR.is_valid({"preset": 1, **both})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "bad.toml is no preset of llamapack: begin it with the line 'preset = 1'."),
        ("preset = 2", "bad.toml:1: preset must be 1, the one kind of preset that this llamapack"),
        ("preset = true", "bad.toml:1: preset must be 1,"),
        ("preset = 1\nnmae = 'x'", "bad.toml:2: nmae: there is no such key. Did you mean 'name'?"),
        (
            "preset = 1\ntemp = 1",
            "bad.toml:2: temp: this setting belongs into the table [sampling]",
        ),
        ("preset = 1\n[samplign]\n", "bad.toml:2: samplign: there is no such key. Did you mean 's"),
        ("preset = 1\nserver = 1", "bad.toml:2: server must be a table: [server]."),
        ("preset = 1\n[[server]]", "bad.toml:2: server must be a table: [server]."),
        (
            "preset = 1\n[sampling]\n\ntemprature = 1",
            "bad.toml:4: sampling.temprature: there is no such setting. Did you mean 'temp'?",
        ),
        (
            "preset = 1\nsampling.ctx-size = 1",
            "bad.toml:2: sampling.ctx-size: this setting belongs into the table [model].",
        ),
        (
            "preset = 1\n[server]\nlog-file = 'x'",
            "bad.toml:3: server.log-file: this cannot be packed: it is for the command line",
        ),
        (
            "preset = 1\n[model]\nname = 'x'",
            "bad.toml:3: model.name: this key stands before all tables, not in [model].",
        ),
        (
            "preset = 1\n[server]\nprallel = 2",
            "bad.toml:3: server.prallel: there is no such setting in [server]. Did you mean 'para",
        ),
        ("preset = 1\nname = ", "bad.toml:2: this is not TOML: Invalid value."),
        ("preset = 1\nname = 'a'\nname = 'b'", "bad.toml:3: this is not TOML: Cannot overwrite"),
        ("preset = 1\na = " + "[" * 5000, "bad.toml has values inside values without end."),
        (
            "preset = 1\nprompts = [\n  'one',\n  2,\n]",
            "bad.toml:4: prompts[1] must be a text, not 2.",
        ),
        (
            "preset = 1\nsystem-prompt = 'a'\nsystem-prompt-file = 'teacher.txt'",
            "bad.toml:3: system-prompt-file: there is a system-prompt already; keep one of them.",
        ),
        (
            "preset = 1\nsystem-prompt-file = 'empty.txt'",
            "bad.toml:2: system-prompt-file: The system prompt is empty",
        ),
        ("preset = 1\nbake = true", "bad.toml:2: bake needs a system-prompt."),
        ("preset = 1\nlock-system-prompt = true", "bad.toml:2: lock-system-prompt needs a system"),
        ("preset = 1\nlogo = 'teacher.txt'", "bad.toml:2: logo: The logo "),
        ("preset = 1\r\n\r\ncolor = 'red'\r\n", "bad.toml:3: color must be a colour such as"),
        ("preset = 1\n[sampling]\nsamplers = 'x'", "bad.toml:3: sampling.samplers: --samplers has"),
        ("preset = 1\n[server]\nport = 1979-05-27", "bad.toml:3: server.port must be a whole"),
        ('preset = 1\n"\\u001b[2J" = 1', "bad.toml:2: \ufffd[2J: there is no such key."),
    ],
)
def test_what_is_wrong_is_one_sentence(folder: Path, text: str, sentence: str) -> None:
    assert refusal(folder, text).startswith(sentence)


def test_what_is_packed_lies_where_the_preset_lies(folder: Path) -> None:
    (folder / "good.toml").write_text(
        "preset = 1\n"
        "with = ['Qwen3.gguf', 'search=all-MiniLM-L6-v2.gguf', 'other=ollama:qwen3:4b']\n"
        "lora = ['pirate.gguf:0.5', 'formal=formal-v2.gguf']\n"
        "mmproj = 'mmproj-model.gguf'\n"
        "draft = 'small.gguf'\n"
        "quantize = 'q4_k'\n"
        "readme = true\n"
    )
    preset = read_preset(folder / "good.toml")
    assert preset.parameters == {
        "further": (
            str(folder / "Qwen3.gguf"),
            f"search={folder / 'all-MiniLM-L6-v2.gguf'}",
            "other=ollama:qwen3:4b",
        ),
        "loras": (
            f"pirate={folder / 'pirate.gguf'}:0.5",
            f"formal={folder / 'formal-v2.gguf'}:1.0",
        ),
        "mmproj": folder / "mmproj-model.gguf",
        "draft": str(folder / "small.gguf"),
        "quantize": "Q4_K_M",
        "readme": True,
    }


def test_a_file_that_is_none_is_a_sentence(folder: Path) -> None:
    for path, words in [
        (folder / "none.toml", "none.toml cannot be read: No such file"),
        (folder, "is not a plain file"),
    ]:
        with pytest.raises(SettingError, match=words):
            read_preset(path)
    (folder / "bytes.toml").write_bytes(b"\xff")
    with pytest.raises(SettingError, match="not UTF-8"):
        read_preset(folder / "bytes.toml")
    (folder / "large.toml").write_bytes(b"#" * ((2 << 20) + 1))
    with pytest.raises(SettingError, match="more than 2 MiB"):
        read_preset(folder / "large.toml")


TEXTS = st.text(min_size=1, max_size=30).filter(
    lambda text: text.strip() != "" and "\0" not in text
)


@given(prompt=TEXTS, temp=st.floats(0, 100), size=st.integers(0, 1 << 31 - 1), bake=st.booleans())
def test_what_is_written_reads_the_same(
    tmp_path_factory: pytest.TempPathFactory, prompt: str, temp: float, size: int, bake: bool
) -> None:
    flags = {"system-prompt": prompt, "bake": bake, "prompts": ("One", 'Two \\ "three"')}
    settings = {"temp": temp, "ctx-size": size, "logit-bias": ["1+1"], "no-mmap": True}
    path = tmp_path_factory.getbasetemp() / "written.toml"
    path.write_bytes(preset_text(flags, settings).encode())
    preset = read_preset(path)
    assert preset.flags == flags
    assert preset.settings == settings
