"""The process: from the command line to a page that answers, and to a clean end."""

from llamapack_runtime.launch.program import main

__all__ = ["main"]
