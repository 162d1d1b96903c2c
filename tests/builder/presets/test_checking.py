"""Settings as packers write them: each is taken or refused as a start of the pack would do it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from llamapack.errors import SettingError
from llamapack.presets.checking import (
    checked_setting,
    checked_settings,
    checked_value,
    settings_from_flags,
)
from llamapack_runtime.pack.settings import ALL, PACKABLE, Option
from llamapack_runtime.settings import Settings, read_settings

# Where any text is not enough.
GOOD = {
    "api-key": "me=a-long-secret",
    "chat-template-kwargs": '{"enable_thinking": false}',
    "cors-origin": "https://example.com",
    "gpu-layers": "24",
    "logit-bias": "15043-1",
    "opening-messages": '[{"role": "user", "content": "Hello"}]',
    "samplers": "top_k;temperature",
}
WRONG_TEXTS = {
    "api-key": "short",
    "chat-template-kwargs": "[]",
    "cors-origin": "*",
    "gpu-layers": "most",
    "logit-bias": "one",
    "opening-messages": '[{"role": "system", "content": "Hello"}]',
    "samplers": "top_q",
}


def good_text(option: Option) -> str:
    if option.choices:
        return option.choices[-1]
    if option.kind in ("integer", "number"):
        return f"{option.low:g}"
    return "on" if option.kind == "switch" else GOOD.get(option.name, "words")


def wrong_values(option: Option) -> list[Any]:
    """Of the wrong type, and just out of range."""
    step = 1 if option.kind == "integer" else 0.01
    numbers = [option.low - step, option.high + step, True, "1", math.nan, [1], {}, None]
    wrong: dict[str, list[Any]] = {
        "integer": [*numbers, 1.5, math.inf],
        "number": [*numbers, math.inf],
        "switch": [1, "on", [True], None],
        "text": ["", "a\0b", 1, True, None, {}, *([] if option.is_list else [["a"]])],
    }
    return wrong[option.kind]


@pytest.mark.parametrize("name", PACKABLE)
def test_a_good_value_starts_a_pack(name: str) -> None:
    value = checked_setting(name, good_text(PACKABLE[name]))
    assert checked_value(name, value) == value
    settings = read_settings({name: value}, {}, [])
    assert settings.given == frozenset()
    assert type(settings) is Settings


@pytest.mark.parametrize("name", PACKABLE)
def test_a_value_of_wrong_type_or_range_is_refused_with_what_is_allowed(name: str) -> None:
    for value in wrong_values(PACKABLE[name]):
        with pytest.raises(SettingError, match=f"^here {name} must be .*, not .*\\.$"):
            checked_value(name, value, f"here {name}")


@pytest.mark.parametrize("name", PACKABLE)
def test_a_text_of_wrong_kind_is_refused(name: str) -> None:
    option = PACKABLE[name]
    is_free = option.kind == "text" and not option.choices
    text = WRONG_TEXTS.get(name, "") if is_free else "hot"
    with pytest.raises(SettingError, match=r"^here"):
        checked_setting(name, text, "here")


@pytest.mark.parametrize("name", sorted(ALL.keys() - PACKABLE.keys()))
def test_what_is_for_a_start_alone_is_refused(name: str) -> None:
    with pytest.raises(SettingError, match="cannot be packed"):
        checked_setting(name, "1")


@pytest.mark.parametrize(
    ("pairs", "settings"),
    [
        (["temp=0.5"], {"temp": 0.5}),
        (["--temperature=0.5", "temp=0.25"], {"temp": 0.25}),
        (["ctx_size=4096", "np=2"], {"ctx-size": 4096, "parallel": 2}),
        (["no-mmap", "context-shift=off"], {"no-mmap": True, "context-shift": False}),
        (["logit-bias=1+1,2-inf", "l=3+1"], {"logit-bias": ["1+1", "2-inf", "3+1"]}),
        (["chat-template={{ a=b }}"], {"chat-template": "{{ a=b }}"}),
    ],
)
def test_flags_become_settings(pairs: list[str], settings: dict[str, Any]) -> None:
    assert settings_from_flags(pairs) == settings


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        ("temp=hot", "--set temp must be a number from 0 to 100, not 'hot'."),
        ("tmp=1", "--set: There is no setting 'tmp'. Did you mean 'temp'?"),
        ("ctx-sise=1", "--set: There is no setting 'ctx-sise'. Did you mean 'ctx-size'?"),
        ("=1", "--set: There is no setting ''."),
        ("temp", "--set temp needs a value: --set temp=VALUE."),
        ("no-mmap=", "--set no-mmap must be true or false, not ''."),
        ("mlock", "--set: There is no setting 'mlock': --no-mmap reads the model into memory."),
        ("samplers=x", "--set samplers: --samplers has no sampler 'x'"),
        ("alias=\x1b[2J\0", "--set alias must be a text that is not empty, not '\ufffd[2J\ufffd'."),
    ],
)
def test_a_wrong_flag_is_a_sentence(pair: str, sentence: str) -> None:
    with pytest.raises(SettingError) as caught:
        settings_from_flags([pair])
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"alias": "caf\udce9"}, "not UTF-8"),
        ({"alias": "x" * (1 << 20)}, "more than the 1,048,576"),
    ],
)
def test_what_a_manifest_cannot_hold_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingError, match=words):
        checked_settings(values)
