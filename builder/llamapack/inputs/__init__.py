"""Every form in which a model may be named, and what is packed for it."""

from llamapack.inputs.found import Found
from llamapack.inputs.resolve import resolve

__all__ = ["Found", "resolve"]
