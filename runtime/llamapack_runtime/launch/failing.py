"""A page that says why the program cannot even begin, for somebody who double-clicked it and would
see nothing else."""

from __future__ import annotations

import secrets
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from llamapack_runtime.errors import ProgramError
from llamapack_runtime.launch import browser
from llamapack_runtime.launch.desktop import is_double_click
from llamapack_runtime.launch.listen import listen, url_of
from llamapack_runtime.launch.process_start import process_started_s
from llamapack_runtime.launch.recent_log import RecentLog
from llamapack_runtime.launch.stopping import StopRequest
from llamapack_runtime.paths import Paths, find_paths
from llamapack_runtime.settings import Settings

if TYPE_CHECKING:  # see `_serve`
    from llamapack_runtime.api.service import About

_HOST = "127.0.0.1"
_NO_BROWSER = "LLAMAPACK_NO_BROWSER"


def show_failure(
    problem: ProgramError, environment: Mapping[str, str], stop: StopRequest, log: RecentLog
) -> None:
    """Until the page is closed; at once where nobody double-clicked, no browser can or shall be
    opened, or there is nothing to serve the page with."""
    is_unwanted = environment.get(_NO_BROWSER, "0") != "0"  # the settings may be what is wrong
    if is_unwanted or not browser.can_open(environment) or not is_double_click(environment):
        return
    try:
        paths = find_paths(environment)
        listener = listen(_HOST, None)
    except ProgramError:  # the first problem is the one to tell, and that is done
        return
    with listener, _temporary_folder() as chats:
        browser.open_page(url_of(listener), environment)
        _serve(problem, paths, environment, stop, log, listener, chats)


@contextmanager
def _temporary_folder() -> Iterator[Path | None]:
    """For a list of chats that is empty: whose they would be is not known. None on a full disk."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="llamapack-", ignore_cleanup_errors=True)
    except OSError:
        yield None
        return
    with folder as name:
        yield Path(name)


def _serve(
    problem: ProgramError,
    paths: Paths,
    environment: Mapping[str, str],
    stop: StopRequest,
    log: RecentLog,
    listener: socket.socket,
    chats: Path | None,
) -> None:
    # After the browser is on its way: these are most of what there is to import.
    from llamapack_runtime.api.access import Access
    from llamapack_runtime.api.app import build_app
    from llamapack_runtime.api.service import AnswerDefaults, LoadFailed, Service
    from llamapack_runtime.engine.sampling import SamplingParams
    from llamapack_runtime.launch.report import Report, mask_for
    from llamapack_runtime.launch.server import serve

    service = Service(
        _about(paths),
        AnswerDefaults(SamplingParams()),
        stop.request,
        secrets.token_hex(32),
        chats,
        quits_when_closed=True,
    )
    service.state = LoadFailed(str(problem), problem.code)
    places = {"pack": str(paths.pack), "executable": str(paths.executable)}
    mask, started_s = mask_for(environment, ()), process_started_s()
    report = Report(service, Settings(), places, log, mask, None, started_s)
    service.report = report.text
    serve(
        build_app(service, Access(_HOST), paths.web),
        listener,
        should_stop=lambda: stop.is_requested,
        on_start=lambda: None,
        before_end=service.end,
    )


def _about(paths: Paths) -> About:
    """All that is known is the file."""
    from llamapack_runtime.api.service import About, ModelCard  # see above

    name = (paths.pack or paths.executable).name
    return About(name, "", "unknown", {}, ModelCard("", name, "", "", 0, 0, 0, False, None))
