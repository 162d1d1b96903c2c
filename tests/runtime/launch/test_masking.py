"""What a report's reader need not know is taken out, and nothing else."""

from __future__ import annotations

import pytest

from llamapack_runtime.launch.masking import Mask

MASK = Mask(("/home/alicia", "/data/alicia-home"), "alicia", ("topsecret-key", "topsecret"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("The file /home/alicia/a b.gguf is cut off.", "The file ~/a b.gguf is cut off."),
        ("/home/alicia", "~"),
        ("/home/alicia2/x", "/home/alicia2/x"),
        ("/home/alicia.old/x", "/home/USER.old/x"),
        ("/data/alicia-home/x", "~/x"),
        ("/media/alicia/STICK/chat", "/media/USER/STICK/chat"),
        (r"C:\Users\alicia\chat", r"C:\Users\USER\chat"),
        ("alicia's alicia@host said malicia", "USER's USER@host said malicia"),
        ("Bearer topsecret-key and topsecret", "Bearer (hidden) and (hidden)"),
        ("nothing of that", "nothing of that"),
    ],
)
def test_a_text_is_masked(text: str, shown: str) -> None:
    assert MASK.text(text) == shown


def test_a_short_name_stays_where_it_is_no_folder() -> None:
    mask = Mask(("/",), "jo", ("abc",))
    assert mask.text("/home/jo/x: jo abc /") == "/home/USER/x: jo abc /"


def test_without_a_name_nothing_is_missing() -> None:
    assert Mask(("",), "").text("/home/x") == "/home/x"


def test_facts_are_masked_and_their_names_are_not() -> None:
    facts = {"alicia": {"paths": ["/home/alicia/x"], "n": 3}, "on": True}
    assert MASK.facts(facts) == {"alicia": {"paths": ["~/x"], "n": 3}, "on": True}
