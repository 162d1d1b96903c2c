"""The errors of the pack format.

PackError           the file cannot be used
└── BrandError      one of the packer's wishes for the page cannot be met
"""

from __future__ import annotations


class PackError(Exception):
    """The file is not a pack, or was cut off or altered. The message is a whole sentence."""


class BrandError(PackError):
    """`field` is a name in `Brand`; `problem` goes on where a sentence began with what it is called
    there: "must be one line"."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"In the pack's manifest, 'brand.{field}' {problem}.")
        self.field = field
        self.problem = problem
