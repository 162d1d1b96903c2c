"""Why a reader finds no text, as one word that the child sends to its parent, and the sentence
that the parent makes of it. A child that a document took over can choose among these, no more."""

from __future__ import annotations

from typing import Literal

from llamapack_runtime.files.errors import FileProblem, ProblemCode
from llamapack_runtime.files.names import shown_name

# Bytes of UTF-8 that one file may give, and what reading it may take: seconds of a processor,
# seconds of the clock (more, for a model that answers takes its share), and bytes of memory.
MOST_TEXT_BYTES = 8 << 20
MOST_CPU_SECONDS = 30.0
MOST_SECONDS = 60.0
MOST_MEMORY_BYTES = 512 << 20

Reason = Literal[
    "binary", "damaged", "empty", "locked", "memory", "nameless", "scan", "slow", "swollen", "wordy"
]

# Those that are not "unreadable_file".
_CODES: dict[str, ProblemCode] = {"binary": "unsupported_file", "wordy": "too_large"}
_SENTENCES = {
    "binary": "{name} is not text in any usual encoding. Save it as UTF-8 text or as PDF.",
    "damaged": "{name} cannot be read: it is damaged or incomplete. Open it in the program that "
    "made it, save it again and attach the new file.",
    "empty": "{name} holds no text. Attach a file with text in it.",
    "locked": "{name} is protected with a password. Save a copy without the password and attach "
    "that.",
    "memory": f"{{name}} is too complex: reading it takes more than {MOST_MEMORY_BYTES >> 20} MB "
    "of memory. Attach a part of it, or save it as plain text.",
    "nameless": "{name} shows letters but does not say which they are, so no text can be taken "
    "from it. Save it again from the program that made it, or recognise its text (OCR).",
    "scan": "{name} holds no text: its pages are pictures, as a scanner makes them. Recognise the "
    "text first (OCR) and attach the new file.",
    "slow": f"{{name}} takes more than {MOST_CPU_SECONDS:.0f} seconds to read. Attach a part of "
    "it, or save it as plain text.",
    "swollen": "{name} unpacks to far more than a document holds. Save it again from the program "
    "that made it, or attach a part of it.",
    "wordy": f"{{name}} holds more than {MOST_TEXT_BYTES >> 20} MiB of text. Attach a part of it.",
}


class NoText(Exception):  # noqa: N818 - names what is wrong
    """Raised by a reader; says why without knowing the file's name."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: str = reason


def problem(reason: str, name: str) -> FileProblem:
    """The sentence of a reason; an unknown one, from a child that went wrong, reads as damaged."""
    sentence = _SENTENCES.get(reason, _SENTENCES["damaged"]).format(name=shown_name(name))
    return FileProblem(_CODES.get(reason, "unreadable_file"), sentence)
