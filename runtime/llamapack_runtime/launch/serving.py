"""Serves one model: finds a running instance or becomes one, shows the page, loads, and ends."""

from __future__ import annotations

import hashlib
import logging
import secrets
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import fields

from llamapack_runtime.api.access import Access, is_loopback
from llamapack_runtime.errors import ProgramError
from llamapack_runtime.launch import browser, console
from llamapack_runtime.launch.instance import Instance, Registry
from llamapack_runtime.launch.listen import listen, url_of
from llamapack_runtime.launch.source import ModelSource
from llamapack_runtime.launch.stopping import StopRequest
from llamapack_runtime.options import PRESENTATION
from llamapack_runtime.paths import Paths
from llamapack_runtime.settings import Settings

logger = logging.getLogger(__name__)


class Serving:
    """`run` once."""

    def __init__(
        self,
        source: ModelSource,
        settings: Settings,
        paths: Paths,
        environment: Mapping[str, str],
        stop: StopRequest,
    ) -> None:
        self._source = source
        self._settings = settings
        self._paths = paths
        self._environment = environment
        self._stop = stop
        self._registry = Registry(paths.data, source.identity)
        self._has_browser = not settings.no_browser and browser.can_open(environment)
        self._exit_code = 0  # of a model that could not be loaded

    def run(self) -> int:
        """The exit code."""
        found = self._find_or_listen()
        if isinstance(found, Instance):
            self._show_running(found)
            return 0
        listener, instance = found
        try:
            access = Access(self._settings.host, instance.api_key)
            self._show(instance, access)
            self._serve(listener, instance, access)
        finally:
            listener.close()
            self._registry.unregister(instance)
        return self._stop.exit_code or self._exit_code

    def _find_or_listen(self) -> Instance | tuple[socket.socket, Instance]:
        """What already runs and will do, or a listening socket of our own."""
        with ExitStack() as resources:
            can_register = self._enter_registry(resources)
            running = self._registry.find() if can_register else None
            if running is not None and self._will_do(running):
                return running
            listener = listen(self._settings.host, self._settings.port)
            instance = self._instance(listener)
            if can_register and running is None:
                self._register(instance)
            return listener, instance

    def _enter_registry(self, resources: ExitStack) -> bool:
        """Whether it can be used; a second start is not found without it, and that is all."""
        try:
            resources.enter_context(self._registry.locked())
        except OSError as error:
            logger.warning("A second start will not find this one: %s.", error)
            return False
        return True

    def _register(self, instance: Instance) -> None:
        try:
            self._registry.register(instance)
        except OSError as error:
            logger.warning("A second start will not find this one: %s.", error)

    def _will_do(self, running: Instance) -> bool:
        """Without wishes of its own, a second start takes what runs."""
        is_free = not self._settings.shapes_the_service
        return is_free or running.settings == digest(self._settings)

    def _instance(self, listener: socket.socket) -> Instance:
        """With a key that was made up where others can reach the address and none was given."""
        api_key = self._settings.api_key
        if api_key is None and not is_loopback(self._settings.host):
            api_key = secrets.token_urlsafe(24)
        url = url_of(listener)
        return Instance(url, digest(self._settings), secrets.token_hex(32), api_key)

    def _show_running(self, running: Instance) -> None:
        # The page's cookie is there from the first time; a key would be seen in the process list.
        if self._has_browser:
            browser.open_page(running.url, self._environment).join(browser.PATIENCE_S)
        console.say(f"{self._source.about.name} is already running: {_page_address(running)}")

    def _show(self, instance: Instance, access: Access) -> None:
        what = "Opening" if self._has_browser else "Open"
        end = "." if self._has_browser else " in a browser."
        console.say(self._source.about.name, f"{what} {_page_address(instance)}{end}")
        if instance.api_key is not None and self._settings.api_key is None:
            console.say(f"Others need this key: {instance.api_key}")
        console.say("Press Ctrl-C to stop.")
        if self._has_browser:
            browser.open_page(instance.url + access.ticket_query, self._environment)

    def _serve(self, listener: socket.socket, instance: Instance, access: Access) -> None:
        # After the browser is on its way: these are most of what there is to import.
        from llamapack_runtime.api.app import build_app
        from llamapack_runtime.api.service import AnswerDefaults, Service
        from llamapack_runtime.engine.types import SamplingParams
        from llamapack_runtime.launch.loading import Loader
        from llamapack_runtime.launch.server import serve

        settings = self._settings
        sampling = SamplingParams(
            temperature=settings.temp,
            top_k=settings.top_k,
            top_p=settings.top_p,
            min_p=settings.min_p,
            seed=settings.default_seed,
        )
        defaults = AnswerDefaults(sampling, settings.max_tokens)
        service = Service(self._source.about, defaults, self._stop.request, instance.token)
        loader = Loader(self._source, settings, self._paths, service, self._note_failure)
        app = build_app(service, access, self._paths.web)
        serve(
            app,
            listener,
            should_stop=lambda: self._stop.is_requested,
            on_start=loader.start,
            before_end=loader.close,
        )
        if loader.is_running:
            # Python cannot end while native code runs; the system can.
            self._registry.unregister(instance)
            self._stop.end_now()

    def _note_failure(self, problem: ProgramError) -> None:
        """The page says it to whoever has one; a server without one ends."""
        console.complain(str(problem))
        self._exit_code = problem.exit_code
        if not self._has_browser:
            self._stop.request(problem.exit_code)


def digest(settings: Settings) -> str:
    """Of everything that shapes the service."""
    names = [one.name for one in fields(settings) if one.name not in {*PRESENTATION, "given"}]
    values = repr([(name, getattr(settings, name)) for name in names])
    return hashlib.sha256(values.encode()).hexdigest()


def _page_address(instance: Instance) -> str:
    return instance.url if instance.api_key is None else f"{instance.url}?key={instance.api_key}"
