"""Ollama's parameters as settings of the runtime.

Source of the names: api/types.go of Ollama, Options and Runner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llamapack.errors import SettingError
from llamapack.inputs.said import Said
from llamapack.presets.checking import checked_setting, checked_value, near_miss

SETTINGS = {
    "frequency_penalty": "frequency-penalty",
    "min_p": "min-p",
    "mirostat": "mirostat",
    "mirostat_eta": "mirostat-eta",
    "mirostat_tau": "mirostat-tau",
    "num_batch": "batch-size",
    "num_ctx": "ctx-size",
    "num_predict": "predict",
    "num_thread": "threads",
    "presence_penalty": "presence-penalty",
    "repeat_last_n": "repeat-last-n",
    "repeat_penalty": "repeat-penalty",
    "seed": "seed",
    "stop": "stop",
    "temperature": "temp",
    "top_k": "top-k",
    "top_p": "top-p",
    "typical_p": "typical-p",
}
_ITSELF = "the runtime decides that by itself"
_GONE = "llama.cpp no longer has it"
# What changes nothing in a pack, and why.
WITHOUT_MEANING = {
    "embedding_only": _ITSELF,
    "f16_kv": _ITSELF,
    "logits_all": _ITSELF,
    "low_vram": _ITSELF,
    "main_gpu": _ITSELF,
    "num_gpu": _ITSELF,
    "num_gqa": "it is taken as the model's file has it",
    "num_keep": "the packed system prompt is always kept",
    "numa": _ITSELF,
    "penalize_newline": _GONE,
    "rope_frequency_base": "it is taken as the model's file has it",
    "rope_frequency_scale": "it is taken as the model's file has it",
    "tfs_z": _GONE,
    "use_mlock": _ITSELF,
    "use_mmap": _ITSELF,
    "vocab_only": _ITSELF,
}
# Ollama's marks for "as far as there is room", as the runtime has them.
_MARKS = {("num_predict", "-2"): "-1", ("repeat_last_n", "-1"): "1048576"}
MAX_STOPS = 32


def settings_of(
    parameters: Sequence[tuple[str, Said]],
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The settings, and warnings about what has no meaning in a pack. SettingError that says where
    the parameter stands that there is not, or whose value is wrong."""
    settings: dict[str, Any] = {}
    stops: list[str] = []
    warnings = []
    for name, said in parameters:
        if name in WITHOUT_MEANING:
            warnings.append(f"{said.at_start} is left out: {WITHOUT_MEANING[name]}.")
        elif name not in SETTINGS:
            near = near_miss(name, SETTINGS)
            raise SettingError(f"{said.at_start} is no parameter that a pack has.{near}")
        elif name == "stop":
            stops += _stop(said, stops)
        else:
            text = _MARKS.get((name, said.text), said.text)
            settings[SETTINGS[name]] = _checked(SETTINGS[name], text, said)
    if stops:
        settings["stop"] = checked_value("stop", stops)
    return settings, tuple(warnings)


def _stop(said: Said, before: Sequence[str]) -> list[str]:
    if not said.text:
        raise SettingError(f"{said.at_start} is empty, and every text would contain it.")
    if len(before) >= MAX_STOPS:
        raise SettingError(f"{said.at_start} is one too many; up to {MAX_STOPS} are possible.")
    return [] if said.text in before else [said.text]


def _checked(name: str, text: str, said: Said) -> Any:
    """Whole numbers may be written as 40.0, which JSON does."""
    whole = text.removesuffix(".0")
    is_whole = whole != text and whole.lstrip("-").isdigit()
    return checked_setting(name, whole if is_whole else text, said.at_start)
