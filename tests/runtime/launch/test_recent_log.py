"""The last lines of the log, without what somebody wrote."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from llamapack_runtime.launch.recent_log import MAX_CHARS, MAX_LINES, RecentLog


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, RecentLog]]:
    logger, recent = logging.getLogger("test.recent"), RecentLog()
    logger.addHandler(recent)
    logger.propagate = False
    yield logger, recent
    logger.removeHandler(recent)
    logger.propagate = True


def test_the_last_lines_are_kept(log: tuple[logging.Logger, RecentLog]) -> None:
    logger, recent = log
    for number in range(MAX_LINES + 5):
        logger.warning("line %d", number)
    assert len(recent.lines) == MAX_LINES
    assert recent.lines[0].endswith("WARNING test.recent: line 5")
    assert recent.lines[-1].endswith(f"line {MAX_LINES + 4}")


def test_lines_are_bounded(log: tuple[logging.Logger, RecentLog]) -> None:
    logger, recent = log
    logger.error("first\n%s", "x" * 10_000)
    assert [len(line) for line in recent.lines[1:]] == [MAX_CHARS]


def test_an_error_is_told_by_its_place_and_not_by_its_words(
    log: tuple[logging.Logger, RecentLog],
) -> None:
    logger, recent = log
    try:
        raise ValueError("what somebody said in a chat")
    except ValueError:
        logger.exception("An answer failed.")
    text = "\n".join(recent.lines)
    assert "An answer failed." in text
    assert "test_recent_log.py" in text
    assert text.endswith("ValueError")
    assert "somebody said" not in text
