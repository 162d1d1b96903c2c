"""One Settings object: the pack's defaults, then the environment, then the command line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from llamapack_runtime.chat_options import (
    check_stops,
    parse_opening_messages,
    parse_template_variables,
)
from llamapack_runtime.errors import UsageError
from llamapack_runtime.gpu_options import check_gpu_layers
from llamapack_runtime.keys import ApiKey, lines_of_key_file, parse_keys
from llamapack_runtime.lora_options import parse_loras
from llamapack_runtime.option_values import from_json, from_text
from llamapack_runtime.options import ALWAYS_SO, OPTIONS, PRESENTATION
from llamapack_runtime.pack.lora import LoraWish
from llamapack_runtime.sampling_options import parse_logit_biases, parse_samplers
from llamapack_runtime.text_file import MAX_BYTES, read_text_file

SWITCH_WORDS = {"1": True, "true": True, "on": True, "yes": True} | {
    "0": False,
    "false": False,
    "off": False,
    "no": False,
    "": False,
}


# Fields of which one source may give only one, and which replace each other between sources.
TEXT_OR_FILE = (
    ("chat_template", "chat_template_file"),
    ("system_prompt", "system_prompt_file"),
)
# Of a web page or an application's window; no "*", which would let in every page there is.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#@*]+")


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting; None where the program decides for itself. `given` names the fields that came
    from the environment or the command line."""

    model: str | None = None
    mmproj: str | None = None
    alias: str | None = None
    ctx_size: int | None = None
    cache_type_k: str | None = None
    cache_type_v: str | None = None
    flash_attn: str = "auto"
    context_shift: bool = False
    no_mmap: bool = False
    model_draft: str | None = None
    draft_max: int = 16
    draft_min: int = 0
    draft_p_min: float = 0.0
    lora: tuple[str, ...] = ()
    lora_scaled: tuple[str, ...] = ()
    lora_init_without_apply: bool = False
    chat_template: str | None = None
    chat_template_file: str | None = None
    system_prompt: str | None = None  # also the text of the file, once it has been read
    system_prompt_file: str | None = None
    embeddings: bool = False
    pooling: str | None = None
    embd_normalize: int = 2
    threads: int | None = None
    threads_batch: int | None = None
    batch_size: int = 512  # a step; a client that leaves frees its slot after one
    ubatch_size: int = 512
    parallel: int = 4
    cache_ram: int | None = None
    spec_type: str = "ngram"
    gemm: str = "auto"
    cpu_variant: str | None = None
    gpu: str = "auto"
    gpu_layers: str = "auto"
    temp: float = 0.8
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    seed: int = -1
    typical_p: float = 1.0
    top_n_sigma: float = -1.0
    repeat_penalty: float = 1.0
    repeat_last_n: int = 64
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    dry_multiplier: float = 0.0
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    dry_penalty_last_n: int = 64
    xtc_probability: float = 0.0
    xtc_threshold: float = 0.1
    mirostat: int = 0
    mirostat_tau: float = 5.0
    mirostat_eta: float = 0.1
    dynatemp_range: float = 0.0
    dynatemp_exponent: float = 1.0
    adaptive_target: float = -1.0
    adaptive_decay: float = 0.9
    samplers: str | None = None
    logit_bias: tuple[str, ...] = ()
    reasoning: str = "auto"
    reasoning_effort: str | None = None
    reasoning_budget: int = -1
    chat_template_kwargs: str | None = None
    stop: tuple[str, ...] = ()
    opening_messages: str | None = None
    predict: int = -1
    host: str = "127.0.0.1"
    port: int | None = None
    api_key: tuple[str, ...] = field(default=(), repr=False)  # also the lines of the file
    api_key_file: str | None = None
    cors_origin: tuple[str, ...] = ()
    timeout: int = 0
    no_browser: bool = False
    quit_when_closed: str = "auto"
    verbose: bool = False
    log_file: str | None = None
    info: bool = False
    list_devices: bool = False
    json: bool = False
    help: bool = False
    version: bool = False
    given: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.json and not self.info:
            raise UsageError("--json only goes together with --info.")
        for text, file in TEXT_OR_FILE:
            if getattr(self, text) is not None and getattr(self, file) is not None:
                flags = (f"--{name.replace('_', '-')}" for name in (text, file))
                raise UsageError(f"Give either {' or '.join(flags)}, not both.")
        if self.system_prompt is not None and not is_usable_prompt(self.system_prompt):
            raise UsageError("--system-prompt must be UTF-8 text of at most 1 MiB.")
        if self.draft_min > self.draft_max:
            raise UsageError(
                f"--draft-min {self.draft_min} is more than --draft-max {self.draft_max} allows."
            )
        check_gpu_layers(self.gpu_layers)
        parse_keys(self.api_key)
        parse_samplers(self.samplers)
        parse_template_variables(self.chat_template_kwargs)
        parse_opening_messages(self.opening_messages)
        check_stops(self.stop)
        parse_logit_biases(self.logit_bias)
        parse_loras(self.lora)
        parse_loras(self.lora_scaled, "--lora-scaled")
        for origin in self.cors_origin:
            if not _ORIGIN.fullmatch(origin):
                raise UsageError(
                    "--cors-origin must be an origin such as https://example.com, without a path, "
                    f"not '{origin}'."
                )

    @property
    def shapes_the_service(self) -> frozenset[str]:
        """The given fields that change what is served: a running instance may not have them."""
        return self.given - PRESENTATION

    @property
    def adapter_wishes(self) -> tuple[LoraWish, ...]:
        return parse_loras((*self.lora, *self.lora_scaled))

    @property
    def keys(self) -> tuple[ApiKey, ...]:
        return parse_keys(self.api_key)

    @property
    def timeout_s(self) -> int | None:
        return self.timeout or None

    @property
    def max_tokens(self) -> int | None:
        return None if self.predict < 0 else self.predict

    @property
    def default_seed(self) -> int | None:
        return None if self.seed < 0 else self.seed


def is_usable_prompt(text: str) -> bool:
    try:
        return len(text.encode()) <= MAX_BYTES
    except UnicodeEncodeError:  # bytes of the command line that are not UTF-8
        return False


def read_settings(
    packed: Mapping[str, Any], environment: Mapping[str, str], arguments: Sequence[str]
) -> Settings:
    """Merge the three sources, and read the files of texts and keys. UsageError that names the
    source and the value."""
    from_environment = dict(_environment_values(environment))
    given = _merged(from_environment, _gathered(_argument_values(arguments)))
    values = _merged(dict(_packed_values(packed)), given)
    settings = Settings(**values, given=frozenset(given))
    return settings if settings.help or settings.version else _with_files(settings)


def _with_files(settings: Settings) -> Settings:
    """With what the files say that stand for other settings."""
    if settings.system_prompt_file is not None:
        text = _prompt_in(Path(settings.system_prompt_file))
        settings = replace(settings, system_prompt=text, system_prompt_file=None)
    if settings.api_key_file is not None:
        lines = lines_of_key_file(Path(settings.api_key_file))
        settings = replace(settings, api_key=(*settings.api_key, *lines))
    return settings


def _gathered(given: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The last one wins; a list grows."""
    values: dict[str, Any] = {}
    for name, value in given:
        values[name] = (*values.get(name, ()), *value) if isinstance(value, tuple) else value
    return values


def _merged(earlier: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    """The later values win; a text displaces an earlier file, and a file a text."""
    displaced = {
        name for pair in TEXT_OR_FILE if not later.keys().isdisjoint(pair) for name in pair
    }
    return {name: value for name, value in earlier.items() if name not in displaced} | later


def _prompt_in(path: Path) -> str:
    """Without the newline that editors put at the end, as llama-server takes it."""
    text = read_text_file(path, "system prompt").removesuffix("\n")
    if not text or "\0" in text:
        raise UsageError(f"The system prompt file {path} must hold a text that is not empty.")
    return text


def _packed_values(packed: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    by_name = {option.name: option for option in OPTIONS if option.is_packable}
    for name, value in packed.items():
        option = by_name.get(name)
        if option is None:
            raise UsageError(f"The pack sets '{name}', which this program does not know.")
        yield option.field, from_json(option, value, f"The pack's setting '{name}'")


def _environment_values(environment: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for option in OPTIONS:
        text = environment.get(option.variable)
        if text is None or option.name in ("help", "version", "info", "json", "list-devices"):
            continue
        if option.kind == "switch":
            if text.lower() not in SWITCH_WORDS:
                raise UsageError(f"{option.variable} must be 1 or 0, not '{text}'.")
            yield option.field, SWITCH_WORDS[text.lower()]
        else:
            yield option.field, from_text(option, text, option.variable)


def _argument_values(arguments: Sequence[str]) -> Iterator[tuple[str, Any]]:
    by_form = {form: option for option in OPTIONS for form in option.forms}
    rest = iter(arguments)
    for argument in rest:
        if argument in ALWAYS_SO:
            continue
        form, has_value, value = argument, False, ""
        if argument.startswith("--") and "=" in argument:
            form, _, value = argument.partition("=")
            has_value = True
        option = by_form.get(form)
        if option is None:
            raise UsageError(_unknown_argument(form, by_form))
        if option.kind == "switch":
            if has_value:
                raise UsageError(f"{form} takes no value.")
            yield option.field, True
            continue
        if not has_value:
            value = _next_value(form, rest)
        yield option.field, from_text(option, value, form)


def _next_value(form: str, rest: Iterator[str]) -> str:
    for value in rest:
        return value
    raise UsageError(f"{form} needs a value.")


def _unknown_argument(form: str, known: Iterable[str]) -> str:
    import difflib  # only on this path: they would slow down every start

    from llamapack_runtime.foreign_options import instead_of

    instead = instead_of(form)
    if instead is not None:
        return f"There is no argument '{form}': {instead}."
    near = difflib.get_close_matches(form, known, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"There is no argument '{form}'.{hint} Use --help to see all of them."
