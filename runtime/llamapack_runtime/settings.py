"""One Settings object: the pack's defaults, then the environment, then the command line."""

from __future__ import annotations

import math
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from llamapack_runtime.errors import UsageError
from llamapack_runtime.options import OPTIONS, PRESENTATION, Kind, Option, Value

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
MAX_PROMPT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting; None where the program decides for itself. `given` names the fields that came
    from the environment or the command line."""

    model: str | None = None
    alias: str | None = None
    ctx_size: int | None = None
    cache_type_k: str | None = None
    cache_type_v: str | None = None
    flash_attn: str = "auto"
    context_shift: bool = False
    no_mmap: bool = False
    chat_template: str | None = None
    chat_template_file: str | None = None
    system_prompt: str | None = None  # also the text of the file, once it has been read
    system_prompt_file: str | None = None
    threads: int | None = None
    threads_batch: int | None = None
    batch_size: int = 512  # a step; a client that leaves frees its slot after one
    ubatch_size: int = 512
    parallel: int = 4
    cache_ram: int | None = None
    spec_type: str = "ngram"
    gemm: str = "auto"
    cpu_variant: str | None = None
    temp: float = 0.8
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    seed: int = -1
    predict: int = -1
    host: str = "127.0.0.1"
    port: int | None = None
    api_key: str | None = field(default=None, repr=False)
    no_browser: bool = False
    verbose: bool = False
    log_file: str | None = None
    info: bool = False
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
        if self.api_key is not None and not is_usable_key(self.api_key):
            raise UsageError(
                "--api-key must have 8 to 256 letters, digits or signs, without spaces."
            )

    @property
    def shapes_the_service(self) -> frozenset[str]:
        """The given fields that change what is served: a running instance may not have them."""
        return self.given - PRESENTATION

    @property
    def max_tokens(self) -> int | None:
        return None if self.predict < 0 else self.predict

    @property
    def default_seed(self) -> int | None:
        return None if self.seed < 0 else self.seed


def is_usable_key(key: str) -> bool:
    return 8 <= len(key) <= 256 and key.isascii() and key.isprintable() and " " not in key


def is_usable_prompt(text: str) -> bool:
    try:
        return len(text.encode()) <= MAX_PROMPT_BYTES
    except UnicodeEncodeError:  # bytes of the command line that are not UTF-8
        return False


def read_settings(
    packed: Mapping[str, Any], environment: Mapping[str, str], arguments: Sequence[str]
) -> Settings:
    """Merge the three sources, and read the system prompt's file. Raises UsageError that names the
    source and the value."""
    from_environment = dict(_environment_values(environment))
    given = _merged(from_environment, dict(_argument_values(arguments)))
    values = _merged(dict(_packed_values(packed)), given)
    settings = Settings(**values, given=frozenset(given))
    if settings.system_prompt_file is None or settings.help or settings.version:
        return settings
    text = _prompt_in(Path(settings.system_prompt_file))
    return replace(settings, system_prompt=text, system_prompt_file=None)


def _merged(earlier: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    """The later values win; a text displaces an earlier file, and a file a text."""
    displaced = {
        name for pair in TEXT_OR_FILE if not later.keys().isdisjoint(pair) for name in pair
    }
    return {name: value for name, value in earlier.items() if name not in displaced} | later


def _prompt_in(path: Path) -> str:
    """Without the newline that editors put at the end, as llama-server takes it."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe could be read only once
            raise UsageError(f"The system prompt file {path} is not a plain file.")
        with path.open("rb") as file:
            data = file.read(MAX_PROMPT_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"The system prompt file {path} cannot be read: {error.strerror}."
        ) from None
    if len(data) > MAX_PROMPT_BYTES:
        raise UsageError(f"The system prompt file {path} has more than 1 MiB.")
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n").removesuffix("\n")
    except UnicodeDecodeError:
        raise UsageError(f"The system prompt file {path} is not UTF-8 text.") from None
    if not text or "\0" in text:
        raise UsageError(f"The system prompt file {path} must hold a text that is not empty.")
    return text


def _packed_values(packed: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    by_name = {option.name: option for option in OPTIONS if option.is_packable}
    for name, value in packed.items():
        option = by_name.get(name)
        if option is None:
            raise UsageError(f"The pack sets '{name}', which this program does not know.")
        yield option.field, _from_json(option, value, f"The pack's setting '{name}'")


def _environment_values(environment: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for option in OPTIONS:
        text = environment.get(option.variable)
        if text is None or option.name in ("help", "version", "info", "json"):
            continue
        if option.kind == "switch":
            if text.lower() not in SWITCH_WORDS:
                raise UsageError(f"{option.variable} must be 1 or 0, not '{text}'.")
            yield option.field, SWITCH_WORDS[text.lower()]
        else:
            yield option.field, _from_text(option, text, option.variable)


def _argument_values(arguments: Sequence[str]) -> Iterator[tuple[str, Any]]:
    by_form = {form: option for option in OPTIONS for form in option.forms}
    rest = iter(arguments)
    for argument in rest:
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
        yield option.field, _from_text(option, value, form)


def _next_value(form: str, rest: Iterator[str]) -> str:
    for value in rest:
        return value
    raise UsageError(f"{form} needs a value.")


def _unknown_argument(form: str, known: Iterable[str]) -> str:
    import difflib  # only on this path: it would slow down every start

    near = difflib.get_close_matches(form, known, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"There is no argument '{form}'.{hint} Use --help to see all of them."


def _from_text(option: Option, text: str, source: str) -> Value:
    if option.kind == "text":
        return _checked(option, text, source)
    try:
        number = int(text) if option.kind == "integer" else float(text)
    except ValueError:
        raise UsageError(f"{source} must be {_expected(option)}, not '{text}'.") from None
    return _checked(option, number, source)


def _from_json(option: Option, value: object, source: str) -> Value:
    kinds: dict[Kind, tuple[type, ...]] = {
        "text": (str,),
        "integer": (int,),
        "number": (int, float),
        "switch": (bool,),
    }
    is_right = isinstance(value, kinds[option.kind])
    if not is_right or (isinstance(value, bool) and option.kind != "switch"):
        raise UsageError(f"{source} must be {_expected(option)}, not {value!r}.")
    assert isinstance(value, str | int | float)
    return _checked(option, value, source)


def _checked(option: Option, value: Value, source: str) -> Value:
    if isinstance(value, str):
        is_right = value in option.choices if option.choices else value != "" and "\0" not in value
    else:
        is_right = option.low <= value <= option.high
    if not is_right:
        raise UsageError(f"{source} must be {_expected(option)}, not '{value}'.")
    return value


def _expected(option: Option) -> str:
    if option.choices:
        return "one of " + ", ".join(option.choices)
    if option.kind == "text":
        return "a text that is not empty"
    if option.kind == "switch":
        return "true or false"
    noun = "a whole number" if option.kind == "integer" else "a number"
    if option.high in (math.inf, 2**31 - 1):
        return f"{noun} of {option.low:g} or more"
    return f"{noun} from {option.low:g} to {option.high:.10g}"
