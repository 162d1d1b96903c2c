"""`main`: from arguments to an exit code. Errors become one sentence here and nowhere else.

Exit codes: 0 after Quit, SIGTERM or when a running instance was opened; 130 after Ctrl-C; those of
`errors.py`, also when the model could not be loaded and the page has said so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from llamapack_runtime.errors import ProgramError, UsageError
from llamapack_runtime.launch import console
from llamapack_runtime.launch.stopping import StopRequest
from llamapack_runtime.paths import Paths, find_paths
from llamapack_runtime.settings import Settings, read_settings

if TYPE_CHECKING:
    from llamapack_runtime.launch.source import ModelSource

PROBE_WORKER = "--probe-worker"
# For the program that makes packs, followed by the file to write.
BAKE_STATE = "--bake-state"


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run to the end; the exit code."""
    if arguments[:1] == [PROBE_WORKER]:
        from llamapack_runtime.hardware.worker import run_worker  # a child's whole job

        return run_worker(arguments[1:])
    console.open_standard_streams()
    stop = StopRequest()
    try:
        with stop.on_signals():
            return _run(arguments, environment, stop)
    except ProgramError as error:
        console.complain(str(error))
        return error.exit_code


def _run(arguments: Sequence[str], environment: Mapping[str, str], stop: StopRequest) -> int:
    if arguments[:1] == [BAKE_STATE] and len(arguments) == 2:
        return _bake(Path(arguments[1]), find_paths(environment), stop)
    asked = read_settings({}, environment, arguments)
    paths = find_paths(environment)
    if asked.help:
        from llamapack_runtime.launch.usage import help_text  # not needed to serve

        console.say(help_text(paths.program))
        return 0
    _start_log(asked)
    # Not before --help, which works where nothing else does.
    from llamapack_runtime.launch.source import find_source, read_pack, version_words

    pack = None if paths.pack is None else read_pack(paths.pack)
    packed = {} if pack is None else pack.manifest.settings
    settings = read_settings(packed, environment, arguments)
    if settings.version:
        console.say(version_words(pack))
        return 0
    source = find_source(pack, settings, paths)
    if settings.info:
        return _say_info(source, settings, paths)
    from llamapack_runtime.launch.serving import Serving  # not needed for what is above

    return Serving(source, settings, paths, environment, stop).run()


def _bake(target: Path, paths: Paths, stop: StopRequest) -> int:
    """With the pack's own settings alone."""
    from llamapack_runtime.launch.baking import bake  # loads the engine: not needed to serve
    from llamapack_runtime.launch.source import find_source, read_pack

    pack = None if paths.pack is None else read_pack(paths.pack)
    settings = read_settings({} if pack is None else pack.manifest.settings, {}, [])
    _start_log(settings)
    return bake(find_source(pack, settings, paths), settings, paths, target, stop)


def _start_log(settings: Settings) -> None:
    try:
        console.start_log(verbose=settings.verbose, log_file=settings.log_file)
    except OSError as error:
        raise UsageError(
            f"The log file {settings.log_file} cannot be written: {error.strerror}."
        ) from None


def _say_info(source: ModelSource, settings: Settings, paths: Paths) -> int:
    from llamapack_runtime.launch import info  # not needed to serve

    facts = info.collect(source, settings, paths)
    console.say(info.as_json(facts) if settings.json else info.as_text(facts))
    return 0
