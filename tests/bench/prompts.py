"""What the servers are asked: texts of a wanted length, never the same twice unless on purpose.

Lengths are in words of SmolLM2's vocabulary, so a word is about one token. Pure.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

_VOCABULARY = """
time people way water day man world life house place work book hand night home room area
money story fact month right study word side kind head service friend father power hour game
line end member law car city name team minute idea body back parent face others level office
door health person art war history party result change morning reason research girl guy food
moment air teacher force education foot boy age policy music market sense thing child field
old new great small large long young early public good able local late hard major white real
read write call move live bring happen hold turn start show play run like believe stay walk
"""
_TOPICS = (
    *("a lighthouse keeper", "a lost dog", "the first snow", "an old clock", "a long journey"),
    *("a village market", "two brothers", "a broken bridge", "the night train", "a quiet teacher"),
)
# A stream that does not end by itself before the client has seen enough.
COUNTING = "Numbers in order: " + " ".join(str(number) for number in range(1, 41))
_CODE = '''def read_table(path, separator=","):
    """Read a table of numbers from a text file."""
    rows = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            cells = line.split(separator)
            rows.append([float(cell) for cell in cells])
    return rows


def column_means(rows):
    """The mean of each column of a table."""
    if not rows:
        return []
    totals = [0.0] * len(rows[0])
    for row in rows:
        for index, value in enumerate(row):
            totals[index] += value
    return [total / len(rows) for total in totals]
'''
_TEXT = """The harbour of the small town lies open to the north, and in winter the wind drives the \
waves over the wall. Three families have kept boats there for longer than anybody can remember. \
They fish for herring in spring, for mackerel in summer, and mend their nets when the storms come. \
The eldest of them, a woman of eighty years, still walks to the end of the pier each morning to \
look at the sky. She says that the colour of the clouds above the island tells her more than the \
radio ever could, and most of the time she is right. Last year the council wanted to close the \
harbour and build a hotel, but everybody signed a letter, and the plan was dropped. \
"""
# What differs from turn to turn, or a server could know the text from the turn before.
_CODE_NAMES = {
    "table": ("matrix", "sheet", "report"),
    "row": ("record", "entry", "item"),
    "cell": ("field", "part", "token"),
    "total": ("sum", "amount", "result"),
}
_TEXT_NAMES = {
    "harbour": ("market", "station", "school"),
    "herring": ("apples", "salmon", "flowers"),
    "woman of eighty": ("man of seventy", "teacher of sixty", "sailor of ninety"),
    "hotel": ("road", "factory", "tower"),
}


def words(count: int, seed: object) -> str:
    """Sentences without much sense, about `count` tokens; the same for the same seed."""
    chance = random.Random(str(seed))
    vocabulary = _VOCABULARY.split()
    sentences, left = [], count
    while left > 0:
        length = min(left, chance.randint(8, 14))
        chosen = chance.choices(vocabulary, k=max(1, length - 1))
        sentences.append(" ".join(chosen).capitalize() + ".")
        left -= length
    return " ".join(sentences)


def code(index: int) -> str:
    """Python to be copied; no two of the first four have the same names in it."""
    return _renamed(_CODE, _CODE_NAMES, index)


def tale(index: int) -> str:
    """English to be copied; no two of the first four tell of the same things."""
    return _renamed(_TEXT, _TEXT_NAMES, index)


def _renamed(text: str, names: Mapping[str, Sequence[str]], index: int) -> str:
    for old, others in names.items():
        text = text.replace(old, (old, *others)[index % (1 + len(others))])
    return text


def topic(index: int) -> str:
    return _TOPICS[index % len(_TOPICS)]


def story(index: int) -> str:
    """Asks for an answer of several hundred tokens."""
    return f"Write a very long and detailed story about {topic(index)}, with many events."
