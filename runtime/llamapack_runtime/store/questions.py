"""From a question in anybody's words to what is looked up in the index of passages. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from llamapack_runtime.store.words import is_unspaced, tokens_of

MAX_QUESTION = 4000  # characters that are looked at
MAX_TERMS = 64

# Words that questions have and answers need not.
_COMMON_WORDS = """
a about all am an and any are as at be been but by can could did do does for from get give had has
have how i if in into is it its me my no not of on or our out please s say she so t tell that the
their them then there these they this to us was we were what when where which who whom whose why
will with would you your
das der die ein eine ist sind und wer wie wo
el es est et la las le les los que qui quoi son sont un une y
"""
_COMMON = frozenset(_COMMON_WORDS.split())
_COMMON_PAIRS = frozenset(["什 么", "怎 么", "如 何", "哪 个", "哪 些", "多 少", "为 什", "么 是"])


def terms_of(question: str) -> tuple[str, ...]:
    """What is to be looked for, each once: words, and of scripts without spaces every two
    characters in a row. Common words only where there is nothing else."""
    found = tuple(dict.fromkeys(_terms(question[:MAX_QUESTION])))
    telling = tuple(term for term in found if term not in _COMMON and term not in _COMMON_PAIRS)
    return (telling or found)[:MAX_TERMS]


def any_of(terms: Iterable[str]) -> str:
    """SQLite's MATCH expression for texts that have some of them."""
    return " OR ".join(f'"{term}"' for term in terms)


def _terms(question: str) -> Iterable[str]:
    for chunk in question.lower().split():
        tokens = tokens_of(chunk)
        for place, token in enumerate(tokens):
            after = tokens[place + 1] if place + 1 < len(tokens) else ""
            before = tokens[place - 1] if place else ""
            if not is_unspaced(token):
                yield token
            elif is_unspaced(after):
                yield f"{token} {after}"
            elif not is_unspaced(before):
                yield token
