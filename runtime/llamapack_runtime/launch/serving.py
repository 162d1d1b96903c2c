"""Serves one model: finds a running instance or becomes one, shows the page, loads, and ends."""

from __future__ import annotations

import hashlib
import logging
import secrets
import socket
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from llamapack_runtime.api.access import Access, is_loopback
from llamapack_runtime.chat_options import parse_opening_messages
from llamapack_runtime.errors import ProgramError
from llamapack_runtime.keys import ApiKey, warning_about_key_file
from llamapack_runtime.launch import browser, console, desktop, old_trees
from llamapack_runtime.launch.instance import Instance, Registry
from llamapack_runtime.launch.listen import listen, url_of
from llamapack_runtime.launch.process_start import process_started_s
from llamapack_runtime.launch.recent_log import RecentLog
from llamapack_runtime.launch.source import ModelSource
from llamapack_runtime.launch.stopping import StopRequest
from llamapack_runtime.options import PRESENTATION
from llamapack_runtime.paths import Paths
from llamapack_runtime.settings import Settings

if TYPE_CHECKING:  # see `_serve`
    from llamapack_runtime.api.pool import Pool
    from llamapack_runtime.api.service import Service, State
    from llamapack_runtime.launch.loading import Loader
    from llamapack_runtime.launch.preparing import Preparation

logger = logging.getLogger(__name__)


class Serving:
    """`run` once. `others` are models besides the one that a chat begins with."""

    def __init__(
        self,
        source: ModelSource,
        settings: Settings,
        paths: Paths,
        environment: Mapping[str, str],
        stop: StopRequest,
        log: RecentLog,
        others: tuple[ModelSource, ...] = (),
    ) -> None:
        self._source = source
        self._others = others
        self._settings = settings
        self._paths = paths
        self._environment = environment
        self._stop = stop
        self._log = log
        self._registry = Registry(paths.data, source.identity)
        self._has_browser = not settings.no_browser and browser.can_open(environment)
        self._exit_code = 0  # of a model that could not be loaded

    def run(self) -> int:
        """The exit code."""
        self._warn_about_key_file()
        found = self._find_or_listen()
        if isinstance(found, Instance):
            self._show_running(found)
            return 0
        listener, instance = found
        try:
            access = Access(
                self._settings.host, self._keys(instance), frozenset(self._settings.cors_origin)
            )
            self._show(instance, access)
            with old_trees.kept():
                self._serve(listener, instance, access)
        finally:
            listener.close()
            self._registry.unregister(instance)
        return self._stop.exit_code or self._exit_code

    @property
    def quits_when_closed(self) -> bool:
        """Never without a browser that we opened. A packer's "on" is no more than "auto": whoever
        starts the pack from a terminal has not asked for it."""
        wish = self._settings.quit_when_closed
        is_asked = wish == "on" and "quit_when_closed" in self._settings.given
        is_meant = is_asked or (wish != "off" and desktop.is_double_click(self._environment))
        return self._has_browser and is_meant

    def _warn_about_key_file(self) -> None:
        path = self._settings.api_key_file
        warning = None if path is None else warning_about_key_file(Path(path))
        if warning is not None:
            logger.warning("%s", warning)

    def _find_or_listen(self) -> Instance | tuple[socket.socket, Instance]:
        """What already runs and will do, or a listening socket of our own."""
        with ExitStack() as resources:
            can_register = self._enter_registry(resources)
            running = self._registry.find() if can_register else None
            if running is not None and self._will_do(running):
                return running
            # A packed port is the packer's guess about computers that are not there.
            is_packed = "port" not in self._settings.given
            listener = listen(self._settings.host, self._settings.port, takes_another=is_packed)
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
        keys = self._settings.keys
        api_key = keys[0].secret if keys else None
        if api_key is None and not is_loopback(self._settings.host):
            api_key = secrets.token_urlsafe(24)
        url = url_of(listener)
        return Instance(url, digest(self._settings), secrets.token_hex(32), api_key)

    def _keys(self, instance: Instance) -> tuple[ApiKey, ...]:
        """Those that were given, or the one that was made up."""
        if self._settings.keys or instance.api_key is None:
            return self._settings.keys
        return (ApiKey("the key of this start", instance.api_key),)

    def _show_running(self, running: Instance) -> None:
        # The page's cookie is there from the first time; a key would be seen in the process list.
        if self._has_browser:
            browser.open_page(running.url, self._environment).join(browser.PATIENCE_S)
        address = self._page_address(running)
        console.say(f"{self._source.about.name} is already running: {address}")

    def _show(self, instance: Instance, access: Access) -> None:
        what = "Opening" if self._has_browser else "Open"
        end = "." if self._has_browser else " in a browser."
        console.say(self._source.about.name, f"{what} {self._page_address(instance)}{end}")
        if instance.api_key is not None and not self._settings.keys:
            console.say(f"Others need this key: {instance.api_key}")
        console.say("Press Ctrl-C to stop.")
        if self._has_browser:
            browser.open_page(instance.url + access.ticket_query, self._environment)

    def _page_address(self, instance: Instance) -> str:
        """With a key that was made up. One that was given is not for a terminal that may be a
        log; whoever gave it knows it."""
        if instance.api_key is None:
            return instance.url
        return f"{instance.url}?key={'KEY' if self._settings.keys else instance.api_key}"

    def _serve(self, listener: socket.socket, instance: Instance, access: Access) -> None:
        # After the browser is on its way: these are most of what there is to import.
        from llamapack_runtime.api.app import build_app
        from llamapack_runtime.api.service import AnswerDefaults, Service
        from llamapack_runtime.launch.adapters import rack_of
        from llamapack_runtime.launch.defaults import default_sampling
        from llamapack_runtime.launch.server import serve

        settings = self._settings
        adapters = rack_of(self._source.adapters)
        defaults = AnswerDefaults(default_sampling(settings), settings.max_tokens, adapters)
        service = Service(
            self._source.about,
            defaults,
            self._stop.request,
            instance.token,
            self._paths.data,
            quits_when_closed=self.quits_when_closed,
        )
        loader, prepared = self._loader(service)
        started_s = process_started_s()
        service.report = lambda: self._report(service, instance, prepared(), started_s)
        app = build_app(service, access, self._paths.web, timeout_s=settings.timeout_s)

        def say_goodbye() -> None:
            loader.close()
            service.end()

        serve(
            app,
            listener,
            should_stop=lambda: self._stop.is_requested,
            on_start=loader.start,
            before_end=say_goodbye,
        )
        if loader.is_running:
            # Python cannot end while native code runs; the system can.
            self._registry.unregister(instance)
            self._stop.end_now()

    def _loader(self, service: Service) -> tuple[Loader | Pool, Callable[[], Preparation | None]]:
        """What loads the model, or all of them; and what was decided for the first."""
        from llamapack_runtime.launch.loading import Loader  # see `_serve`

        def show(state: State) -> None:
            service.state = state

        settings, paths = self._settings, self._paths
        if not self._others:
            loader = Loader(self._source, settings, paths, show, self._note_failure)
            return loader, lambda: loader.prepared
        from llamapack_runtime.api.pool import Pool  # needed where there are several models
        from llamapack_runtime.launch.stockroom import PackStockroom, stocks_of

        sources = (self._source, *self._others)
        stockroom = PackStockroom(sources, settings, paths, self._note_failure)
        stocks = stocks_of(sources, settings, service.defaults.adapters)
        service.pool = Pool(stocks, stockroom, show)
        return service.pool, lambda: stockroom.prepared

    def _report(
        self,
        service: Service,
        instance: Instance,
        prepared: Preparation | None,
        started_s: float,
    ) -> str:
        from llamapack_runtime.launch.report import Report, mask_for  # hardly ever needed

        settings, paths = self._settings, self._paths
        secrets = [key.secret for key in self._keys(instance)]
        if settings.system_prompt is not None:
            secrets.append(settings.system_prompt)
        secrets += [text for _, text in parse_opening_messages(settings.opening_messages)]
        places = {
            "model": str(self._source.path),
            "executable": str(paths.executable),
            "cache": str(paths.cache),
            "data": str(paths.data),
        }
        mask = mask_for(self._environment, secrets)
        return Report(service, settings, places, self._log, mask, prepared, started_s).text()

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
