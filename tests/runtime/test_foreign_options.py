"""What a start script of llama-server's is told."""

from __future__ import annotations

import pytest

from llamapack_runtime.errors import UsageError
from llamapack_runtime.foreign_options import FOREIGN
from llamapack_runtime.options import ALWAYS_SO, OPTIONS
from llamapack_runtime.settings import read_settings

OURS = {form for option in OPTIONS for form in option.forms} | ALWAYS_SO


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-ts", "1,1"], "--gpu names the one"),
        (["--fit-ctx=99"], "'--fit-ctx': this program decides"),
        (["--no-slots"], "/slots is always there"),
        (["--props"], "set at the start"),
        (["--no-webui"], "--no-browser"),
        (["--ignore-eos"], '"ignore_eos": true'),
        (["-hf", "a/b"], "--model"),
        (["--mlock"], "--no-mmap"),
        (["--cors-origins", "x"], "--cors-origin"),
        (["--rope-freq-base", "1"], "as the model's file has it"),
        (["--spec-draft-n-max", "3"], "--spec-type ngram"),
        (["--log-timestamps"], "--log-file"),
        (["--ctx-sise", "3"], "Did you mean --ctx-size?"),
    ],
)
def test_an_argument_of_llama_servers_is_told_what_to_do_instead(
    arguments: list[str], words: str
) -> None:
    with pytest.raises(UsageError, match=r"[.]$") as caught:
        read_settings({}, {}, arguments)
    assert words in str(caught.value)


def test_what_a_start_script_commonly_has_is_taken() -> None:
    common = "-c 0 -t 4 -np 2 -b 512 -ub 512 -fa on --jinja --metrics --slots -cb -n 64 --alias m"
    more = "--host 127.0.0.1 --port 1 --api-key a-long-secret -ctk q8_0 -ctv q8_0 --no-mmap -v"
    read_settings({}, {}, [*common.split(), *more.split()])


def test_no_argument_is_both_ours_and_foreign() -> None:
    assert not OURS & FOREIGN.keys()


def test_the_options_that_are_named_are_there() -> None:
    named = {word.strip(".,;:") for text in FOREIGN.values() for word in text.split()}
    assert {word for word in named if word.startswith("--")} <= OURS
