"""What the page says about graphics cards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect

from e2e.conftest import Watched
from e2e.speaking import WEB, SpeakingSession
from llamapack_runtime.api.service import AnswerDefaults, GpuWords, Ready, Service
from llamapack_runtime.engine.sampling import SamplingParams
from runtime.api.served import ABOUT, Server, serving

USED = GpuWords("used", "NVIDIA RTX 3060", 2.9, 24, 32, "A sentence.")
SOFTWARE = GpuWords("software", "llvmpipe", 0.0, 0, 0, "A sentence.")


@pytest.fixture
def service(tmp_path: Path) -> Service:
    service = Service(ABOUT, AnswerDefaults(SamplingParams()), lambda: None, "c0ffee" * 8)
    service.data_folder = tmp_path
    return service


@pytest.fixture
def server(service: Service) -> Iterator[Server]:
    with serving(service, SpeakingSession(lambda _: ["Yes."]), WEB) as server:
        yield server


@pytest.mark.parametrize(
    ("gpu", "words"),
    [
        (USED, "NVIDIA RTX 3060 does the computing, 24 of 32 layers: 2.9 times as fast"),
        (SOFTWARE, "None is used: the only device, llvmpipe, is a software device"),
    ],
)
def test_it_says_what_computes_and_why(
    watched: Watched, server: Server, service: Service, gpu: GpuWords, words: str
) -> None:
    assert isinstance(service.state, Ready)
    service.state = replace(service.state, gpu=gpu)
    watched.page.goto(server.url)
    watched.page.get_by_role("button", name="Settings").click()
    watched.page.get_by_role("tab", name="About").click()
    expect(watched.page.locator("#about-facts")).to_contain_text(f"Graphics card{words}")
    assert watched.complaints == []
    watched.page.goto("about:blank")
