"""GET /metrics: what a scraper gets, and when."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from event_loop import run_async
from llamapack_runtime.api.access import Access
from llamapack_runtime.api.answer import Answer
from llamapack_runtime.api.exposition import exposition
from llamapack_runtime.api.measures import AnswerWatch, Histogram, Measures, Outcome
from llamapack_runtime.api.service import LoadFailed, Service
from llamapack_runtime.engine.types import (
    EngineStats,
    Event,
    Failed,
    Finished,
    Request,
    TextDelta,
)
from llamapack_runtime.keys import ApiKey
from runtime.api.clients import KEY, make_client
from runtime.api.scripted import ScriptedSession

CHAT = "/v1/chat/completions"
HELLO: dict[str, object] = {"messages": [{"role": "user", "content": "Hi"}]}

Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def values_of(text: str) -> Values:
    """By name (without the prefix, which all have) and labels."""
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    assert all(sample.name.startswith("llamapack_") for sample in samples)
    return {
        (sample.name.removeprefix("llamapack_"), tuple(sorted(sample.labels.items()))): sample.value
        for sample in samples
    }


def scrape(client: TestClient) -> Values:
    reply = client.get("/metrics")
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return values_of(reply.text)


def value(values: Values, name: str, **labels: str) -> float:
    return values[name, tuple(sorted(labels.items()))]


def test_answers_are_counted_and_timed(client: TestClient) -> None:
    client.post(CHAT, json=HELLO)
    client.post(CHAT, json=HELLO | {"stream": True})
    client.post(CHAT, json=HELLO | {"max_tokens": 2})
    too_long = {"messages": [{"role": "user", "content": "x" * 600}]}
    assert client.post(CHAT, json=too_long).status_code == 400
    values = scrape(client)
    assert value(values, "ready") == 1
    for outcome, count in {"stop": 2, "length": 1, "failed": 1, "refused": 0, "aborted": 0}.items():
        assert value(values, "requests_total", outcome=outcome) == count
    assert value(values, "completion_tokens_total") == 7 + 7 + 2
    assert value(values, "time_to_first_token_seconds_count") == 3
    assert value(values, "inter_token_seconds_count") == 5 + 5 + 1
    assert value(values, "request_seconds_count") == 4
    assert value(values, "requests_processing") == value(values, "requests_waiting") == 0


def test_a_scraper_gets_zeros_while_the_model_loads(
    loading_client: TestClient, service: Service
) -> None:
    assert set(scrape(loading_client).values()) == {0.0}
    service.state = LoadFailed("No.")
    assert set(scrape(loading_client).values()) == {0.0}


def test_all_that_the_engine_tells_is_there() -> None:
    numbers = range(1, len(EngineStats.__dataclass_fields__) + 1)
    stats = EngineStats(**dict(zip(EngineStats.__dataclass_fields__, numbers, strict=True)))
    text, _ = exposition(stats, Measures(), is_ready=True)
    values = values_of(text.decode())
    assert value(values, "requests_processing") == stats.busy
    assert value(values, "requests_waiting") == stats.waiting
    assert value(values, "prompt_tokens_total") == stats.prompt_tokens
    assert value(values, "prompt_tokens_cached_total", source="resident") == stats.resident_tokens
    assert value(values, "prompt_tokens_cached_total", source="restored") == stats.restored_tokens
    assert value(values, "prompt_tokens_reread_total") == stats.reread_tokens
    assert value(values, "completion_tokens_total") == stats.completion_tokens
    assert value(values, "kv_cells", state="used") == stats.kv_used
    assert value(values, "kv_cells", state="idle") == stats.kv_idle
    assert value(values, "kv_cells", state="total") == stats.kv_total
    assert value(values, "steps_total") == stats.steps
    assert value(values, "step_seconds_total") == stats.step_seconds
    assert value(values, "draft_tokens_total") == stats.draft_tokens
    assert value(values, "accepted_tokens_total") == stats.accepted_tokens
    assert value(values, "pauses_total") == stats.paused
    assert value(values, "saved_states") == stats.states
    assert value(values, "saved_state_bytes") == stats.state_bytes
    assert value(values, "prompt_token_seconds") == stats.prompt_token_s
    assert value(values, "decode_step_seconds") == stats.decode_step_s
    assert value(values, "threads") == stats.n_threads


def test_metrics_are_guarded_as_other_routes_are(ready: Service, web_root: Path) -> None:
    client = make_client(ready, web_root, Access(keys=(ApiKey("me", KEY),)))
    assert client.get("/metrics").status_code == 401
    headers = {"Authorization": f"Bearer {KEY}"}
    assert client.get("/metrics", headers=headers).status_code == 200
    assert client.get("/metrics", headers=headers | {"Host": "evil.example"}).status_code == 403


def test_a_client_that_leaves_is_one_answer_aborted() -> None:
    async def leave() -> Measures:
        measures = Measures()
        answer = Answer(ScriptedSession(), [Request("id", (1,))], measures)
        answer.close()
        answer.close()
        return measures

    assert run_async(leave()).outcomes["aborted"] == 1


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        *((Finished(reason, 1, 0, 1, 0.0, 0.0), reason) for reason in ("stop", "length")),
        (Finished("aborted", 1, 0, 1, 0.0, 0.0), "aborted"),
        (Failed("Broken.", 500, "broken"), "failed"),
        (Failed("Busy.", 503, "server_busy", 3), "refused"),
    ],
)
def test_each_end_has_its_outcome(event: Event, outcome: Outcome) -> None:
    measures = Measures()
    AnswerWatch(measures, 0.0).see(event, 1.0)
    assert [name for name, count in measures.outcomes.items() if count] == [outcome]


def test_times_are_those_of_the_engines_words() -> None:
    measures = Measures()
    watch = AnswerWatch(measures, 10.0)
    for at_s in (10.5, 10.6, 10.6):
        watch.see(TextDelta("x", 1), at_s)
    watch.see(Finished("stop", 1, 0, 3, 0.0, 0.0), 11.0)
    assert measures.first_token.sum_s == pytest.approx(0.5)
    assert measures.inter_token.sum_s == pytest.approx(0.1)
    assert measures.request.sum_s == pytest.approx(1.0)


def test_a_duration_is_counted_up_to_its_bounds() -> None:
    histogram = Histogram()
    for seconds in (0.0, 0.005, 0.0051, 120.0, 121.0):
        histogram.observe(seconds)
    up_to = dict(histogram.cumulative())
    assert (up_to[0.005], up_to[0.01], up_to[120.0], up_to[float("inf")]) == (2, 3, 4, 5)


def test_the_library_is_not_imported_before_it_is_asked_for() -> None:
    program = (
        "import sys, llamapack_runtime.api.app, llamapack_runtime.chat.session;"
        "sys.exit('prometheus_client' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
