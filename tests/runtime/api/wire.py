"""What comes over the wire, read back by the tests of OpenAI's dialect."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

_TIMES = re.compile(r'"((?:prompt|predicted)_(?:ms|per_token_ms|per_second)|time_ms)":[0-9.e+-]+')


def choices(text: str) -> list[str]:
    """Of each chunk of a stream, up to [DONE], what is after the envelope, without times."""
    frames = [line.removeprefix("data: ") for line in text.split("\n\n") if line.startswith("data")]
    assert frames.pop() == "[DONE]"
    heads = {frame.partition('"choices":')[0] for frame in frames}
    assert len(heads) == 1, "one envelope for all chunks"
    tails = (frame.partition('"choices":')[2].removesuffix("}") for frame in frames)
    return [_TIMES.sub(r'"\1":0', tail) for tail in tails]


def chunks(text: str) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line.startswith("data")]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


def joined(pieces: Iterable[str | None]) -> str:
    return "".join(piece or "" for piece in pieces)
