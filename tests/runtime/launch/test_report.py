"""The report: there in every state, telling what helps and nothing that is nobody's business."""

from __future__ import annotations

import sys

import pytest

from llamapack_runtime.launch.report import differences
from llamapack_runtime.settings import read_settings
from runtime.launch.processes import Home, running

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the home folder is POSIX's")

KEY, PROMPT = "a-very-long-secret", "You are the accountant of Miller & Sons."


def lines_below(report: str, heading: str) -> list[str]:
    lines = report.splitlines()
    start = lines.index(f"{heading}:") + 1
    ends = [at for at in range(start, len(lines)) if not lines[at].startswith(" ")]
    return [line.strip() for line in lines[start : (ends or [len(lines)])[0]]]


def test_it_tells_what_failed_and_where_and_no_secrets(home: Home, free_port: int) -> None:
    desktop, model = home.write_opener(), home.write_model()
    blocked = {"XDG_DATA_HOME": str(model)}
    arguments = ["-m", str(model), "--api-key", f"me={KEY}", "-sys", PROMPT, "-c", "512"]
    with running(home, free_port, *arguments, **desktop, **blocked, LOGNAME="alicia") as program:
        headers = {"Authorization": f"Bearer {KEY}"}
        assert program.get("/llamapack/report").status_code == 401
        while "failed" not in program.get("/health").json():
            pass
        reply = program.get("/llamapack/report", headers)
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    report = reply.text
    assert lines_below(report, "state")[:2] == ["now: failed", "kind: other"]
    assert "libraries" in lines_below(report, "state")[2]
    assert "model: ~/a model.gguf" in lines_below(report, "places")
    assert lines_below(report, "settings") == [
        "--model: ~/a model.gguf",
        "--ctx-size: 512",
        f"--system-prompt: {len(PROMPT)} characters",
        f"--port: {free_port}",
        "--api-key: 1 of them",
    ]
    assert any(line.startswith("usable: ") for line in lines_below(report, "cpu"))
    assert any(line.startswith("available bytes: ") for line in lines_below(report, "memory"))
    assert [line.partition(":")[0] for line in lines_below(report, "seconds since the start")] == [
        "starting",
        "probing",
        "failed",
        "now",
    ]
    assert any("A second start will not find this one" in one for one in lines_below(report, "log"))
    for hidden in (KEY, PROMPT, "Miller", str(home.root), "alicia"):
        assert hidden not in report


def test_it_is_there_while_the_program_starts(home: Home, free_port: int) -> None:
    desktop, model = home.write_opener(), str(home.write_model())
    with running(home, free_port, "-m", model, **desktop) as program:
        report = program.get("/llamapack/report").text
    assert report.startswith("llamapack report\n")
    assert "versions:" in report


def test_only_what_was_chosen_is_told() -> None:
    assert differences(read_settings({}, {}, [])) == {}
    chosen = read_settings(
        {"chat-template": "{{ secret }}"}, {}, ["--top-k", "7", "--cors-origin", "a://b,c://d"]
    )
    assert differences(chosen) == {
        "--chat-template": "12 characters",
        "--top-k": "7",
        "--cors-origin": "a://b, c://d",
    }
