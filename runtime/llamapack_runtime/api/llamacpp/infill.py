"""The prompt of a text with a gap (fill-in-the-middle), as llama-server's /infill makes it.

    [REPO]myproject [FILE]name text ... [FILE]filename        other files, the end of them
    [BOS][PRE]prefix prompt [SUF]suffix [MID]                  what is next to the gap

Format: https://arxiv.org/pdf/2409.12186. Pure: knows nothing of HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llamapack_runtime.api.errors import ApiError

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.chat.session import Vocabulary

# Of the prefix and the suffix together: editors send whole files and leave the cutting to the
# server. llama-server takes its batch size, which is this by default.
WINDOW_TOKENS = 2048
# Left free for an answer without a limit.
ANSWER_TOKENS = 256
# Between files where the vocabulary has no token for it.
_SNIP = "\n\n--- snip ---\n\n"


@dataclass(frozen=True, slots=True)
class Gap:
    """What goes into the gap continues `prefix` and `prompt` and is followed by `suffix`. `extra`:
    pairs of a name and a text of other files."""

    prefix: str
    suffix: str
    prompt: str = ""
    extra: Sequence[tuple[str, str]] = ()


def infill_prompt(
    vocabulary: Vocabulary, gap: Gap, *, n_ctx: int, max_tokens: int | None = None
) -> tuple[int, ...]:
    """The tokens. Of a long prefix and suffix what is next to the gap stays, 3 to 1; other files
    get the room that is left beside an answer of `max_tokens`. The texts' own control tokens are
    text, but those of `prompt`. ApiError 501 when the model was not made for this."""
    marks = vocabulary.infill_tokens
    if marks.prefix is None or marks.suffix is None or marks.middle is None:
        raise _unsupported(prefix=marks.prefix, suffix=marks.suffix, middle=marks.middle)
    window = min(WINDOW_TOKENS, n_ctx * 3 // 4)
    start = vocabulary.tokenize(gap.prompt, add_special=False, parse_special=True)
    prefix = _plain(vocabulary, gap.prefix)[-(3 * window // 4) :]
    suffix = _plain(vocabulary, gap.suffix)[: max(0, window // 4 - 2 - len(start))]
    bos = () if marks.bos is None else (marks.bos,)
    near = (*bos, marks.prefix, *prefix, *start, marks.suffix, *suffix, marks.middle)
    reserve = ANSWER_TOKENS if max_tokens is None else 2 * max_tokens
    room = max(0, n_ctx - len(near) - reserve)
    extra = tuple(_extra(vocabulary, gap))[-room:] if room else ()
    return extra + near


def _extra(vocabulary: Vocabulary, gap: Gap) -> Iterator[int]:
    """The other files, and the name of the one with the gap."""
    marks = vocabulary.infill_tokens
    if marks.repository is not None:
        yield marks.repository
        yield from _plain(vocabulary, "myproject\n")
    for name, text in gap.extra:
        if marks.file is None:
            yield from _plain(vocabulary, _SNIP)
        else:
            yield marks.file
            yield from _plain(vocabulary, f"{name}\n")
        yield from _plain(vocabulary, text)
    if marks.file is not None:
        yield marks.file
        yield from _plain(vocabulary, "filename\n")


def _plain(vocabulary: Vocabulary, text: str) -> tuple[int, ...]:
    return vocabulary.tokenize(text, add_special=False, parse_special=False)


def _unsupported(**marks: int | None) -> ApiError:
    missing = " and ".join(name for name, token in marks.items() if token is None)
    message = f"This model cannot fill gaps: its vocabulary has no token for {missing}."
    return ApiError(501, message, "infill_not_supported")
