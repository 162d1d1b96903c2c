"""The metrics in Prometheus' text format. Names are in the style of llama-server and vLLM.

Imported when they are first asked for: the library takes longer to import than the page may wait.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from llamapack_runtime.api.measures import Histogram, Measures
from llamapack_runtime.engine.types import EngineStats

PREFIX = "llamapack_"

# Name, field of EngineStats, what it is.
GAUGES = (
    ("requests_processing", "busy", "Answers that the engine works on."),
    ("requests_waiting", "waiting", "Answers that wait for the engine."),
    ("saved_states", "states", "Prompts whose state is kept outside the cache."),
    ("saved_state_bytes", "state_bytes", "Memory that saved states take."),
    ("prompt_token_seconds", "prompt_token_s", "Expected time for one more token of a prompt."),
    ("decode_step_seconds", "decode_step_s", "Expected time for a step of one token."),
    ("threads", "n_threads", "Threads that compute."),
)
COUNTERS = (
    ("prompt_tokens", "prompt_tokens", "Tokens of prompts that were computed."),
    ("prompt_tokens_reread", "reread_tokens", "Known once, but the cache cannot go back to them."),
    ("completion_tokens", "completion_tokens", "Tokens generated."),
    ("steps", "steps", "Steps of the engine; tokens divided by it are the batch width."),
    ("step_seconds", "step_seconds", "Time that steps took."),
    ("draft_tokens", "draft_tokens", "Tokens guessed ahead."),
    ("accepted_tokens", "accepted_tokens", "Tokens guessed ahead that proved right."),
    ("pauses", "paused", "Answers sent back to the queue to make room for others."),
)


def exposition(stats: EngineStats, measures: Measures, *, is_ready: bool) -> tuple[bytes, str]:
    """The text and its content type."""
    registry = CollectorRegistry()
    registry.register(_Snapshot(stats, measures, is_ready=is_ready))
    encode, content_type = choose_encoder("")
    return encode(registry), content_type


class _Snapshot(Collector):
    def __init__(self, stats: EngineStats, measures: Measures, *, is_ready: bool) -> None:
        self._stats = stats
        self._measures = measures
        self._is_ready = is_ready

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(PREFIX + "ready", "1 when the model answers.", int(self._is_ready))
        for name, field, words in GAUGES:
            yield GaugeMetricFamily(PREFIX + name, words, getattr(self._stats, field))
        for name, field, words in COUNTERS:
            yield CounterMetricFamily(PREFIX + name, words, getattr(self._stats, field))
        yield from self._with_labels()
        yield from self._histograms()

    def _with_labels(self) -> Iterator[Metric]:
        stats = self._stats
        words = "Answers that ended; each choice of a request counts."
        outcomes = CounterMetricFamily(PREFIX + "requests", words, labels=["outcome"])
        yield _filled(outcomes, self._measures.outcomes.items())
        words = "Tokens of prompts that were found: in the cache, or among saved states."
        cached = CounterMetricFamily(PREFIX + "prompt_tokens_cached", words, labels=["source"])
        found = {"resident": stats.resident_tokens, "restored": stats.restored_tokens}
        yield _filled(cached, found.items())
        words = "Cells of the cache that hold a token (idle: only for prompts to come), and all."
        cells = GaugeMetricFamily(PREFIX + "kv_cells", words, labels=["state"])
        held = {"used": stats.kv_used, "idle": stats.kv_idle, "total": stats.kv_total}
        yield _filled(cells, held.items())

    def _histograms(self) -> Iterator[Metric]:
        measures = self._measures
        yield _histogram(
            "time_to_first_token_seconds",
            "From the engine's getting a request to the first text.",
            measures.first_token,
        )
        yield _histogram("inter_token_seconds", "From one text to the next.", measures.inter_token)
        yield _histogram(
            "request_seconds",
            "From the engine's getting a request to its end; refusals left out.",
            measures.request,
        )


def _filled(
    family: CounterMetricFamily | GaugeMetricFamily, values: Iterable[tuple[str, int]]
) -> CounterMetricFamily | GaugeMetricFamily:
    for label, value in values:
        family.add_metric([label], value)
    return family


def _histogram(name: str, words: str, histogram: Histogram) -> Metric:
    buckets = [
        ("+Inf" if math.isinf(bound) else str(bound), count)
        for bound, count in histogram.cumulative()
    ]
    return HistogramMetricFamily(PREFIX + name, words, buckets, histogram.sum_s)
