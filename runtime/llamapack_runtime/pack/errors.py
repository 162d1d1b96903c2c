"""The one error of the pack format."""

from __future__ import annotations


class PackError(Exception):
    """The file is not a pack, or was cut off or altered. The message is a whole sentence."""
