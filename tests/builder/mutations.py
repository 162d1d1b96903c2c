"""Feeds damaged inputs to the builder, all in one process with a small address space, and says how
they were taken. Started by test_mutations.py:

    python mutations.py FOLDER SEED COUNT

Each case is refused with one of our errors, or becomes a pack that verifies, or (a pack, a
manifest) is read without complaint. Anything else ends the program with the case's number, which
gives the same case again with the same seed. Needs no numpy: that alone would fill the space."""

from __future__ import annotations

import json
import random
import resource
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gguf_bytes import Tensor, Typed, gguf_bytes
from llamapack.build import build
from llamapack.errors import LlamapackError
from llamapack.inputs import resolve
from llamapack.inputs.found import Found
from llamapack.inputs.from_modelfile import from_modelfile
from llamapack.inputs.ollama import from_ollama
from llamapack.options import BuildOptions
from llamapack.packs.inspect import pack_facts, pack_lines
from llamapack.packs.opening import open_pack
from llamapack.packs.verify import verify_pack
from llamapack.writing.packwriter import end_of_pack
from llamapack_runtime.pack import Pack
from llamapack_runtime.pack.format import MANIFEST_NAME
from ollama_folder import add_model

ADDRESS_SPACE_BYTES = 300_000_000
LIMIT_S = 1.0  # of the processor's time: others may use it, too
KEYS: Mapping[str, str | Typed] = {
    "general.architecture": "llama",
    "general.name": "Tiny",
    "general.license": "mit",
    "general.alignment": Typed(4, 32),
    "llama.context_length": Typed(4, 512),
    "tokenizer.ggml.tokens": Typed(8, ["<s>", "</s>", *"abcdef"]),
    "tokenizer.ggml.scores": Typed(6, [0.0, 0.5, 1.0]),
    "tokenizer.chat_template": "{{ messages[0].content }}",
}
TENSORS = [Tensor(f"blk.{n}.weight", (32, 4), 0, 512 * n) for n in range(3)]
MODELFILE = b"""# A teacher.
FROM ./model.gguf
PARAMETER temperature 0.25
PARAMETER stop "Q:"
SYSTEM \"\"\"You are
a teacher.\"\"\"
TEMPLATE \"\"\"{{ if .System }}{{ .System }}{{ end }}{{ .Prompt }}{{ .Response }}\"\"\"
MESSAGE user Hello
MESSAGE assistant "Hi!"
LICENSE MIT
"""
TEMPLATE = b"""{{- range $i, $_ := .Messages }}{{- $last := eq (len (slice $.Messages $i)) 1 }}
{{- if eq .Role "user" }}<u>{{ .Content }}{{ else }}<a>{{ .Content }}{{ end }}{{ end }}"""
PARAMS = b'{"temperature": 0.5, "num_ctx": 4096, "stop": ["a", "b"], "top_k": 40}'
MESSAGES = b'[{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]'
ODD_NUMBERS = (0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)


@dataclass(frozen=True, slots=True)
class Image:
    """Stands where a build wants a runtime image."""

    archive: Path
    launcher: Path
    target: str = "linux-x86_64"
    key: str = "0123456789abcdef"
    glibc_floor: str | None = "2.28"
    versions: Mapping[str, str] = field(default_factory=dict)
    architectures: frozenset[str] = frozenset({"llama"})
    licenses: tuple[Path, ...] = ()
    gpu: tuple[str, ...] | None = None
    macos_floor: str | None = None


class Silent:
    def note(self, line: str) -> None:
        pass

    def warn(self, line: str) -> None:
        pass

    def start(self, label: str, total_bytes: int) -> Callable[[int], None]:  # noqa: ARG002
        return lambda _: None


def mutated(data: bytes, draw: random.Random) -> bytes:
    """With one to three changes, of a byte, a number, or a stretch."""
    found = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        at = draw.randrange(len(found) + 1)
        end = min(len(found), at + draw.choice((1, 2, 8, 40, 400)))
        change = draw.randrange(8)
        if change == 0:
            found[at:end] = b""
        elif change == 1:
            found[at:at] = draw.randbytes(draw.choice((1, 3, 20)))
        elif change == 2:
            found[at : at + 8] = struct.pack("<Q", draw.choice(ODD_NUMBERS))
        elif change == 3:
            found[at : at + 4] = struct.pack("<Q", draw.choice(ODD_NUMBERS))[:4]
        elif change == 4:
            del found[at:]
        elif change == 5:
            found[at:at] = found[at:end] * draw.choice((1, 2, 500))
        elif found and at < len(found):
            found[at] = draw.randrange(256) if change == 6 else found[at] ^ (1 << draw.randrange(8))
    return bytes(found)


class Bench:
    """The files that cases are made from, and the ways in which each kind is taken."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in ("archive", "launcher"):
            (folder / name).write_bytes(b"#!" + name.encode())
        self._image = Image(folder / "archive", folder / "launcher")
        self._model = gguf_bytes(KEYS, TENSORS, data_bytes=1536)
        self._draft = gguf_bytes(KEYS, TENSORS[:2], data_bytes=1024)
        self._parts = [self._part(number) for number in range(3)]
        (folder / "model.gguf").write_bytes(self._model)
        (folder / "draft.gguf").write_bytes(self._draft)
        self._found = resolve(str(folder / "model.gguf"), Silent())
        self._build(self._found, resolve(str(folder / "draft.gguf"), Silent()))
        self._pack = (folder / "pack").read_bytes()
        with Pack.open(folder / "pack") as pack:
            self._entries, self._manifest = pack.entries[:-1], pack.read(MANIFEST_NAME, 1 << 22)

    def gguf(self, draw: random.Random) -> str:
        path = self._folder / "case.gguf"
        path.write_bytes(mutated(self._model, draw))
        return self._build(resolve(str(path), Silent()))

    def grown(self, draw: random.Random) -> str:
        """Texts as long as a header may have them."""
        key = draw.choice([key for key, value in KEYS.items() if isinstance(value, str)])
        long = str(KEYS[key]) + draw.choice("a\x1b\n é\U0001f600") * draw.choice((10**5, 10**6))
        path = self._folder / "case.gguf"
        path.write_bytes(gguf_bytes({**KEYS, key: long}, TENSORS, data_bytes=1536))
        return self._build(resolve(str(path), Silent()))

    def split(self, draw: random.Random) -> str:
        wrong = draw.randrange(3)
        for number, part in enumerate(self._parts):
            data = mutated(part, draw) if number == wrong else part
            (self._folder / f"case-{number + 1:05}-of-00003.gguf").write_bytes(data)
        named = self._folder / f"case-{draw.randrange(3) + 1:05}-of-00003.gguf"
        return self._build(resolve(str(named), Silent()))

    def draft(self, draw: random.Random) -> str:
        path = self._folder / "case.gguf"
        path.write_bytes(mutated(self._draft, draw))
        return self._build(self._found, resolve(str(path), Silent()))

    def pack(self, draw: random.Random) -> str:
        (self._folder / "case").write_bytes(mutated(self._pack, draw))
        return self._read_pack()

    def manifest(self, draw: random.Random) -> str:
        """A pack whose sums are right: whoever wrote it meant it."""
        first = self._entries[-1]
        at = first.data_offset + first.size
        manifest = mutated(self._manifest, draw)
        body, seal = end_of_pack(self._entries, [(MANIFEST_NAME, manifest)], at)
        (self._folder / "case").write_bytes(self._pack[:at] + body + seal)
        return self._read_pack()

    def modelfile(self, draw: random.Random) -> str:
        path = self._folder / "Modelfile"
        path.write_bytes(mutated(MODELFILE, draw))
        return self._build(from_modelfile(path))

    def ollama(self, draw: random.Random) -> str:
        texts = {"template": TEMPLATE, "params": PARAMS, "messages": MESSAGES}
        chosen = draw.choice([*texts, "manifest"])
        bare = gguf_bytes(
            {key: value for key, value in KEYS.items() if "template" not in key},
            TENSORS,
            data_bytes=1536,
        )
        layers = [
            (kind, mutated(data, draw) if kind == chosen else data) for kind, data in texts.items()
        ]
        path = add_model(self._folder / ".ollama" / "models", [("model", bare), *layers])
        if chosen == "manifest":
            path.write_bytes(mutated(path.read_bytes(), draw))
        return self._build(from_ollama("tiny"))

    def _part(self, number: int) -> bytes:
        own = {"split.no": Typed(2, number), "split.count": Typed(2, 3)}
        keys = {**(KEYS if number == 0 else {}), **own, "split.tensors.count": Typed(5, 3)}
        tensor = Tensor(TENSORS[number].name, TENSORS[number].shape, 0, 0)
        return gguf_bytes(keys, [tensor], data_bytes=512)

    def _build(self, found: Found, draft: Found | None = None) -> str:
        options = BuildOptions(
            model=found,
            draft=draft,
            output=self._folder / "pack",
            target="linux-x86_64",
            settings={
                name: value for name, value in found.settings.items() if name != "system-prompt"
            },
            system_prompt=found.settings.get("system-prompt"),
        )
        build(options, lambda _: self._image, Silent())
        with open_pack(options.output) as pack:
            verify_pack(pack, lambda _: None)
        return "packed"

    def _read_pack(self) -> str:
        with open_pack(self._folder / "case") as pack:
            json.dumps(pack_facts(pack))
            "\n".join(pack_lines(pack)).encode(errors="replace")
            verify_pack(pack, lambda _: None)
        return "read"


def main(folder: Path, seed: int, count: int) -> None:
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    bench = Bench(folder)
    # How many of a hundred cases each has.
    shares = {
        bench.gguf: 24,
        bench.draft: 6,
        bench.grown: 1,
        bench.split: 19,
        bench.pack: 10,
        bench.manifest: 15,
        bench.modelfile: 12,
        bench.ollama: 13,
    }
    kinds = [kind for kind, share in shares.items() for _ in range(share)]
    taken: Counter[str] = Counter()
    slowest = 0.0
    for number in range(count):
        kind = kinds[number % len(kinds)]
        started = time.process_time()
        try:
            outcome = kind(random.Random(f"{seed}-{number}"))
        except LlamapackError as error:
            outcome = "refused" if str(error).isprintable() else f"refused: {error!r}"
        except BaseException:
            print(f"case {number} of seed {seed}, {kind.__name__}", file=sys.stderr)
            raise
        spent = time.process_time() - started
        assert spent < LIMIT_S, f"case {number} of seed {seed}, {kind.__name__}: {spent:.1f} s"
        slowest = max(slowest, spent)
        taken[f"{kind.__name__} {outcome}"] += 1
    print(json.dumps({"taken": taken, "slowest_s": round(slowest, 3)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
