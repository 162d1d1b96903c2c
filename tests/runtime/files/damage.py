"""A program for `test_hostile.py`: damages documents at random and reads each one as a reader's
process would, confined. Prints a line of JSON for each. Arguments: the kind, the first seed, how
many."""

from __future__ import annotations

import io
import json
import logging
import random
import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from llamapack_runtime.files.confine import confine
from llamapack_runtime.files.worker import READERS, answer
from runtime.files.docx_bytes import docx, item, paragraph, part, table
from runtime.files.pdf.locked_samples import OPEN
from runtime.files.pdf_bytes import (
    HELVETICA,
    composite,
    composite_parts,
    document,
    packed,
    words,
)

NAMES = dict(enumerate("人工智能是计算机科学的分支", 1))


def samples(kind: str) -> list[bytes]:
    if kind == "pdf":
        glyphs = b"BT /F2 12 Tf 50 500 Td <00010002000300040005> Tj ET"
        fonts = {"F1": HELVETICA, "F2": composite(NAMES)}
        pages = [
            words(b"plain words", b"in lines") + glyphs,
            packed(words(b"packed words") + glyphs),
        ]
        return [
            document(pages, fonts, composite_parts(NAMES)),
            OPEN["RC4 128 bit"],
            OPEN["AES 128 bit"],
        ]
    numbering = part("numbering", '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>')
    body = paragraph("words") + item("first") + item("second", 1) + table(("a", "b"), ("c", "d"))
    return [docx(body * 3, {"word/numbering.xml": numbering})]


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Some bytes changed, taken out, doubled, or swapped for ones that mean something."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        at = chance.randrange(len(out))
        size = chance.choice((1, 1, 2, 8, 60))
        action = chance.randrange(5)
        if action == 0:
            out[at : at + size] = chance.randbytes(size)
        elif action == 1:
            del out[at : at + size]
        elif action == 2:
            out[at:at] = out[at : at + size] * chance.choice((1, 3, 50))
        elif action == 3:
            out[at : at + size] = chance.choice((b"<<", b">>", b"[", b"0 R", b"99999999999", b"-1"))
        elif action == 4:
            out[at:at] = out[chance.randrange(len(out)) :][:size]
    return bytes(out) or b"x"


def damaged_part(data: bytes, chance: random.Random) -> bytes:
    """A .docx whose zip is whole but one part of it is not: else its checksum tells at once."""
    buffer = io.BytesIO()
    with ZipFile(io.BytesIO(data)) as old, ZipFile(buffer, "w", ZIP_DEFLATED) as new:
        victim = chance.choice(old.namelist())
        for name in old.namelist():
            body = old.read(name)
            new.writestr(name, damaged(body, chance) if name == victim else body)
    return buffer.getvalue()


def main(kind: str, first: str, count: str) -> None:
    originals = samples(kind)
    read = READERS[kind]()
    confine()
    logging.disable()
    for seed in range(int(first), int(first) + int(count)):
        chance = random.Random(seed)
        data = chance.choice(originals)
        is_part = kind == "docx" and chance.random() < 0.7
        said = answer(read, damaged_part(data, chance) if is_part else damaged(data, chance))
        print(json.dumps({"seed": seed, **said, "most_kib": most_kib()}), flush=True)


def most_kib() -> int:
    """The most memory that this process has had; 0 where the system does not tell it so."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    return int(status.read_text().partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
