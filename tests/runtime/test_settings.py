"""Settings from the pack, the environment and the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from llamapack_runtime.errors import UsageError
from llamapack_runtime.keys import warning_about_key_file
from llamapack_runtime.launch.usage import help_text
from llamapack_runtime.options import OPTIONS
from llamapack_runtime.settings import Settings, read_settings


def refusal(
    *arguments: str, packed: dict[str, Any] | None = None, environment: dict[str, str] | None = None
) -> str:
    with pytest.raises(UsageError) as caught:
        read_settings(packed or {}, environment or {}, arguments)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_without_any_source_the_defaults_hold() -> None:
    assert read_settings({}, {}, []) == Settings()


def test_later_sources_win() -> None:
    packed = {"ctx-size": 1, "top-k": 1, "port": 1}
    environment = {"LLAMAPACK_CTX_SIZE": "2", "LLAMAPACK_PORT": "2"}
    settings = read_settings(packed, environment, ["--port", "3"])
    assert (settings.top_k, settings.ctx_size, settings.port) == (1, 2, 3)
    assert settings.given == {"ctx_size", "port"}


@pytest.mark.parametrize(
    ("arguments", "field", "value"),
    [
        (["-m", "a b.gguf"], "model", "a b.gguf"),
        (["--model=x=y.gguf"], "model", "x=y.gguf"),
        (["-c", "4096"], "ctx_size", 4096),
        (["--ctx-size", "0"], "ctx_size", 0),
        (["-t", "3"], "threads", 3),
        (["-tb", "3"], "threads_batch", 3),
        (["-b", "64"], "batch_size", 64),
        (["-ub", "64"], "ubatch_size", 64),
        (["-np", "2"], "parallel", 2),
        (["-fa", "on"], "flash_attn", "on"),
        (["-ctk", "q8_0"], "cache_type_k", "q8_0"),
        (["-ctv", "q8_0"], "cache_type_v", "q8_0"),
        (["--no-mmap"], "no_mmap", True),
        (["-a", "name"], "alias", "name"),
        (["--temperature", "0.5"], "temp", 0.5),
        (["-s", "-1"], "seed", -1),
        (["--n-predict", "-1"], "predict", -1),
        (["-n", "7"], "predict", 7),
        (["-v"], "verbose", True),
        (["--port", "1", "--port", "2"], "port", 2),
        (["-sys", "Be kind.\nAlways."], "system_prompt", "Be kind.\nAlways."),
        (["--spec-type", "none"], "spec_type", "none"),
        (["--context-shift"], "context_shift", True),
        (["-cram", "0"], "cache_ram", 0),
        (["--cache-ram", "512"], "cache_ram", 512),
        (["--timeout", "60"], "timeout_s", 60),
        (["-to", "0"], "timeout_s", None),
        (
            ["--cors-origin", "https://a.example", "--cors-origin", "app://b, http://c:3000"],
            "cors_origin",
            ("https://a.example", "app://b", "http://c:3000"),
        ),
    ],
)
def test_arguments_carry_llama_servers_names(
    arguments: list[str], field: str, value: object
) -> None:
    assert getattr(read_settings({}, {}, arguments), field) == value


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--prot=1"], "Did you mean --port?"),
        (["--ctxsize", "1"], "Did you mean --ctx-size?"),
        (["--temperture", "1"], "Did you mean --temperature?"),
        (["model.gguf"], "There is no argument 'model.gguf'"),
        (["-zzzzz"], "There is no argument '-zzzzz'. Use --help"),
        ([""], "There is no argument ''"),
        (["--port"], "--port needs a value"),
        (["--port", "http"], "--port must be a whole number from 0 to 65535, not 'http'"),
        (["--port", "65536"], "from 0 to 65535"),
        (["-c", "-1"], "of 0 or more, not '-1'"),
        (["--temp", "nan"], "--temp must be a number"),
        (["--top-p", "1.5"], "from 0 to 1"),
        (["-fa", "maybe"], "one of on, off, auto"),
        (["--no-mmap=1"], "--no-mmap takes no value"),
        (["--alias="], "not empty"),
        (["--json"], "--info"),
        (["--api-key", "short"], "Each --api-key and"),
        (["--api-key", "with a space in it"], "Each --api-key and"),
        (["--api-key", "a-long-secret,,b"], "--api-key must be a text that is not empty"),
        (["--api-key", "me=a-long-secret,me=another-secret"], "the name 'me'"),
        (["--api-key-file", "/nowhere/keys"], "/nowhere/keys cannot be read: No such file"),
        (["--cors-origin", "*"], "--cors-origin must be an origin such as"),
        (["--cors-origin", "https://example.com/"], "without a path, not 'https://example.com/'"),
        (["--timeout", "-1"], "of 0 or more"),
        (["--chat-template", "a", "--chat-template-file", "b"], "not both"),
        (["-sys", "a", "-sysf", "b"], "either --system-prompt or --system-prompt-file, not both"),
        (["-sys", ""], "not empty"),
        (["-sys", "caf\udce9"], "UTF-8"),
        (["-sys", "x" * 2**20 + "x"], "1 MiB"),
        (["-sysf", "/nowhere/prompt.txt"], "/nowhere/prompt.txt cannot be read: No such file"),
        (["--spec-type", "ngram-mod"], "one of none, ngram"),
        (["-cram", "-1"], "of 0 or more"),
    ],
)
def test_a_wrong_argument_is_a_sentence(arguments: list[str], words: str) -> None:
    message = refusal(*arguments)
    assert words in message
    assert message.endswith(".")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("LLAMAPACK_PORT", "x", "LLAMAPACK_PORT must be"),
        ("LLAMAPACK_NO_BROWSER", "perhaps", "LLAMAPACK_NO_BROWSER must be 1 or 0"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str, words: str) -> None:
    assert words in refusal(environment={name: value})


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("TRUE", True), ("0", False), ("", False)]
)
def test_a_switch_in_the_environment(text: str, value: bool) -> None:
    assert read_settings({}, {"LLAMAPACK_NO_BROWSER": text}, []).no_browser is value


def test_other_variables_are_left_alone() -> None:
    environment = {"LLAMAPACK_PACK": "x", "LLAMAPACK_CACHE": "y", "PORT": "1"}
    assert read_settings({}, environment, []) == Settings()


@pytest.mark.parametrize(
    ("packed", "words"),
    [
        ({"colour": 1}, "The pack sets 'colour'"),
        ({"port": "8080"}, "The pack's setting 'port' must be a whole number"),
        ({"port": True}, "must be a whole number"),
        ({"temp": "hot"}, "must be a number"),
        ({"no-browser": 1}, "must be true or false"),
        ({"alias": None}, "must be a text"),
        ({"model": "/etc/passwd"}, "The pack sets 'model'"),
        ({"log-file": "x"}, "The pack sets 'log-file'"),
        ({"system-prompt-file": "/etc/passwd"}, "The pack sets 'system-prompt-file'"),
        ({"system-prompt": "\ud800"}, "UTF-8"),
    ],
)
def test_a_wrong_packed_setting_is_named(packed: dict[str, Any], words: str) -> None:
    assert words in refusal(packed=packed)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"Be kind.\n", "Be kind."),
        (b"\xef\xbb\xbfBe kind.\r\n\r\nAlways.\r\n", "Be kind.\n\nAlways."),
        ("Sei höflich.".encode(), "Sei höflich."),
        (b"x" * 2**20, "x" * 2**20),
    ],
)
def test_the_system_prompts_file_becomes_its_text(
    tmp_path: Path, content: bytes, text: str
) -> None:
    path = tmp_path / "prompt.txt"
    path.write_bytes(content)
    settings = read_settings({}, {"LLAMAPACK_SYSTEM_PROMPT_FILE": str(path)}, [])
    assert (settings.system_prompt, settings.system_prompt_file) == (text, None)
    assert settings.shapes_the_service == {"system_prompt_file"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\n", "must hold a text"),
        (b"a\0b", "must hold a text"),
        (b"caf\xe9", "is not UTF-8"),
        (b"x" * 2**20 + b"x", "more than 1 MiB"),
    ],
)
def test_a_system_prompts_file_that_is_no_prompt(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "prompt.txt"
    path.write_bytes(content)
    assert words in refusal("-sysf", str(path))
    assert "not a plain file" in refusal("-sysf", str(tmp_path))
    assert read_settings({}, {}, ["-sysf", str(path), "--help"]).help


@pytest.mark.parametrize("name", ["system-prompt", "chat-template"])
def test_a_text_and_a_file_replace_each_other_between_sources(tmp_path: Path, name: str) -> None:
    path = tmp_path / "text"
    path.write_text("from the file")
    packed = {name: "packed"}
    variable = f"LLAMAPACK_{name.upper().replace('-', '_')}"
    settings = read_settings(packed, {}, [f"--{name}-file", str(path)])
    assert "packed" not in (settings.chat_template, settings.system_prompt)
    assert settings.chat_template_file == (str(path) if name == "chat-template" else None)
    settings = read_settings(packed, {f"{variable}_FILE": "/nowhere"}, [f"--{name}", "text"])
    assert "text" in (settings.chat_template, settings.system_prompt)
    assert settings.chat_template_file is settings.system_prompt_file is None


def test_keys_come_from_arguments_and_a_file_and_have_names(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("# of the team\n\nann=a-secret-of-ann\n  base64-secret==\r\n")
    settings = read_settings(
        {"api-key": "packed-secret"},
        {"LLAMAPACK_API_KEY_FILE": str(path)},
        ["--api-key", "first-secret,bob=bobs-secret", "--api-key", "third=secret=="],
    )
    assert [(key.name, key.secret) for key in settings.keys] == [
        ("key 1", "first-secret"),
        ("bob", "bobs-secret"),
        ("third", "secret=="),
        ("ann", "a-secret-of-ann"),
        ("key 5", "base64-secret=="),
    ]
    assert "secret" not in repr(settings)


def test_a_pack_can_hold_several_keys() -> None:
    keys = read_settings({"api-key": ["a-long-secret", "b=another-one"]}, {}, []).keys
    assert [key.name for key in keys] == ["key 1", "b"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"# nothing\n", "holds no key"),
        (b"caf\xe9-secret", "is not UTF-8"),
        (b"#" * (2**20 + 1), "more than 1 MiB"),
        (b"a-long-secret\nshort\n", "number 2 of them does not"),
        (b"a-long-secret with words\n", "without spaces"),
    ],
)
def test_a_key_file_that_cannot_be_used(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "keys"
    path.write_bytes(content)
    message = refusal("--api-key-file", str(path))
    assert words in message
    assert "secret" not in message
    assert "not a plain file" in refusal("--api-key-file", str(tmp_path))


@pytest.mark.skipif(sys.platform == "win32", reason="there, access lists say who can read")
def test_a_key_file_that_others_can_read_is_worth_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("a-long-secret")
    path.chmod(0o600)
    assert warning_about_key_file(path) is None
    path.chmod(0o644)
    assert f"chmod 600 {path}" in (warning_about_key_file(path) or "")


def test_only_what_shapes_the_service_counts_as_a_wish() -> None:
    settings = read_settings({}, {}, ["--no-browser", "-v", "--port", "9000"])
    assert settings.shapes_the_service == {"port"}


def test_every_option_is_a_setting_and_in_the_help() -> None:
    text = help_text("chat")
    for option in OPTIONS:
        assert hasattr(Settings(), option.field)
        assert all(form in text for form in option.forms)
    forms = [form for option in OPTIONS for form in option.forms]
    assert len(forms) == len(set(forms))
    assert max(map(len, text.splitlines())) <= 100


def test_the_examples_in_the_help_are_right() -> None:
    lines = help_text("chat").partition("Examples:\n")[2].splitlines()
    assert len(lines) >= 4
    for line in lines:
        program, *arguments = line.split()
        assert program == "chat"
        read_settings({}, {}, arguments)


def test_paths_are_not_looked_at() -> None:
    assert read_settings({}, {}, ["-m", str(Path("/nowhere.gguf"))]).model == "/nowhere.gguf"
