"""Why no text comes out of a file.

FileProblem     the message is a sentence for the person who chose the file, `code` is for programs:
                `unsupported_file` (another kind of file), `unreadable_file` (the right kind, but
                damaged, locked, without text or too slow), `too_large` (more text than we take)
"""

from __future__ import annotations

from typing import Literal

ProblemCode = Literal["unsupported_file", "unreadable_file", "too_large"]


class FileProblem(Exception):  # noqa: N818 - names what is wrong
    """The message is whole sentences, and names the file in a form that is safe to show."""

    def __init__(self, code: ProblemCode, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
