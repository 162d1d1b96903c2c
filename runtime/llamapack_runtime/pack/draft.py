"""Whether a model can guess for another, told from their headers, for whoever packs it and whoever
loads it."""

from __future__ import annotations

from llamapack_runtime.draft_header import Vocabulary, check_draft, check_vocabularies

__all__ = ["Vocabulary", "check_draft", "check_vocabularies"]
