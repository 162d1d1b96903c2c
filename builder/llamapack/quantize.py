"""`llamapack build --quantize`: the model becomes smaller before it is packed. The runtime does it,
with llama.cpp's own quantizer, into a file that is gone when the pack is made."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from llamapack.child import ChildError
from llamapack.errors import OutputError, QuantizeError, SettingError
from llamapack.gguf_files.model import GgufModel, read_model
from llamapack.inputs import Found
from llamapack.presets.checking import near_miss
from llamapack.reporter import Reporter
from llamapack.text import plain, size_text
from llamapack.writing.copying import Advance
from llamapack.writing.newfile import check_free_space
from llamapack.writing.source import Stretch

# As llamapack_runtime.launch.program has it.
QUANTIZE_MODEL = "--quantize-model"

# llama-quantize's names, the largest first.
TYPES = (
    *("F16", "BF16", "Q8_0", "Q6_K", "Q5_1", "Q5_K_M", "Q5_K_S", "Q5_0", "Q4_1", "Q4_K_M"),
    *("Q4_K_S", "Q4_0", "IQ4_NL", "IQ4_XS", "Q3_K_L", "Q3_K_M", "IQ3_M", "Q3_K_S", "IQ3_S"),
    *("IQ3_XS", "Q2_K"),
)
ALIASES = {"Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M"}
# What they leave of a model is of use only with measurements of which weights matter.
NEED_IMATRIX = (*("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ3_XXS", "Q2_K_S"),)
_WHOLE = ("F32", "F16", "BF16")
# At the end of a file's name.
_TYPE_ENDING = re.compile(r"[-._](I?Q\d(_[A-Z0-9]+)*|B?F16|F?P?(16|32))$", re.IGNORECASE)
_HEADER_ROOM = 1 << 20  # the size that is told is that of the tensors, rounded


class Runner(Protocol):
    """A runtime image's program; `llamapack.image.program.RuntimeProgram` is one."""

    def run(self, arguments: list[str | Path], on_line: Callable[[str], None]) -> None: ...


def file_type(text: str, source: str = "--quantize") -> str:
    """The type that is meant, in any case of letters. SettingError with those there are, which
    begins with `source`."""
    name = text.upper().replace("-", "_")
    name = ALIASES.get(name, name)
    if name in NEED_IMATRIX:
        raise SettingError(
            f"{source} {name} needs an importance matrix, without which the model would talk "
            "nonsense; take a model that was quantized with one, or a larger type such as Q3_K_M."
        )
    if name not in TYPES:
        raise SettingError(
            f"{source}: there is no type '{plain(text)[:40]}'.{near_miss(name, TYPES)} "
            f"There are {', '.join(TYPES)}."
        )
    return name


def quantized_stem(stem: str, kind: str) -> str:
    """The name of the smaller model: the type takes the place of the older one's."""
    match = _TYPE_ENDING.search(stem)
    bare = stem if match is None else stem[: match.start()]
    sign = "." if match is None else match[0][0]
    return f"{bare}{sign}{kind}"


def renamed(found: Found, kind: str) -> Found:
    """As it will be called when it is smaller."""
    return replace(found, stem=quantized_stem(found.stem, kind))


@contextlib.contextmanager
def quantized(
    found: Found, kind: str, output: Path, runner: Runner, reporter: Reporter
) -> Iterator[Found]:
    """The model as `kind`, in a file beside `output` that is there until the block ends.
    QuantizeError; OutputError when the disk has no room for it."""
    model = found.gguf
    _check(model, kind, reporter)
    stem = quantized_stem(found.stem, kind)
    folder = output.with_name(f".{output.name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        folder.mkdir(mode=0o700)
        target = folder / f"{plain(stem)[:150]}.gguf"
        _run(model, kind, target, runner, reporter)
        yield replace(found, gguf=read_model(target, target.name), stem=stem)
    except OSError as error:
        raise OutputError.from_os_error(output, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def planned(found: Found, kind: str, output: Path, runner: Runner, reporter: Reporter) -> Found:
    """As `quantized` would give it, with the same errors, but for a plan: of the right size, some
    kB more or less, and nothing to be copied."""
    model = found.gguf
    _check(model, kind, reporter)
    sizes: list[int] = []

    def take(line: str) -> None:
        size = _told_size(line)
        if size is not None:
            sizes.append(size)

    with _told_errors():
        runner.run([QUANTIZE_MODEL, model.path.absolute(), kind], take)
    if not sizes:
        raise QuantizeError("the runtime does not say how large it would become")
    _check_size(model, kind, sizes[0], output)
    file = next(part for part in model.parts if isinstance(part, Stretch))
    smaller = replace(file, offset=0, size=model.header.data_offset + sizes[0])
    return replace(
        found, gguf=replace(model, parts=(smaller,)), stem=quantized_stem(found.stem, kind)
    )


def _check(model: GgufModel, kind: str, reporter: Reporter) -> None:
    before = model.header.quantization
    if before == kind:
        raise QuantizeError(f"{model.name} is {kind} already; leave out --quantize")
    if before not in _WHOLE:
        reporter.warn(
            f"{model.name} is {before}: making it {kind} loses more than making {kind} from its "
            "F16 file would."
        )


def _run(model: GgufModel, kind: str, target: Path, runner: Runner, reporter: Reporter) -> None:
    progress = _Progress(model, kind, target, reporter)
    with _told_errors():
        runner.run([QUANTIZE_MODEL, model.path.absolute(), target.absolute(), kind], progress.take)
    progress.finish()


@contextlib.contextmanager
def _told_errors() -> Iterator[None]:
    try:
        yield
    except ChildError as error:
        raise QuantizeError(error.reason) from error


def _told_size(line: str) -> int | None:
    """The bytes of the tensors, where the runtime says them."""
    word, _, number = line.partition(" ")
    return int(number) if word == "size" and number.isdecimal() else None


def _check_size(model: GgufModel, kind: str, size: int, target: Path) -> None:
    """QuantizeError for one that would not become smaller, OutputError when the disk has no room
    for it."""
    weights = model.header.required_bytes - model.header.data_offset
    if size >= weights:
        raise QuantizeError(
            f"{model.name} would not become smaller as {kind}: it has "
            f"{size_text(weights)} of weights, and would have {size_text(size)}"
        )
    # The file and the pack that it goes into.
    check_free_space(target, 2 * (size + _HEADER_ROOM))


class _Progress:
    """Follows what the runtime says, by the growing file."""

    def __init__(self, model: GgufModel, kind: str, target: Path, reporter: Reporter) -> None:
        self._model = model
        self._kind = kind
        self._target = target
        self._reporter = reporter
        self._advance: Advance = lambda _: None
        self._done = self._total = 0

    def take(self, line: str) -> None:
        size = _told_size(line)
        if size is not None:
            self._begin(size)
        elif line.startswith("tensor ") and self._target.exists():
            self._move(min(self._target.stat().st_size, self._total))

    def finish(self) -> None:
        self._move(self._total)

    def _begin(self, size: int) -> None:
        """Before anything is written."""
        _check_size(self._model, self._kind, size, self._target)
        self._total = size
        label = f"Quantizing {self._model.name} to {self._kind}"
        self._advance = self._reporter.start(label, size)

    def _move(self, done: int) -> None:
        self._advance(done - self._done)
        self._done = done
