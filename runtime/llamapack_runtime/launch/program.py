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
from llamapack_runtime.launch.recent_log import RecentLog
from llamapack_runtime.launch.stopping import StopRequest
from llamapack_runtime.paths import Paths, find_paths
from llamapack_runtime.settings import Settings, read_settings

if TYPE_CHECKING:
    from llamapack_runtime.launch.source import ModelSource

PROBE_WORKER = "--probe-worker"
EXTRACT_WORKER = "--extract-worker"
PICTURE_WORKER = "--picture-worker"
# For the program that makes packs, followed by the file to write.
BAKE_STATE = "--bake-state"
# The same, followed by a GGUF and the size of the model's weights.
DESCRIBE_MODEL = "--describe-model"
QUANTIZE_MODEL = "--quantize-model"  # a GGUF, perhaps the file to write, the type


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run to the end; the exit code."""
    if arguments[:1] == [PROBE_WORKER]:
        from llamapack_runtime.hardware.worker import run_worker  # a child's whole job

        return run_worker(arguments[1:])
    if arguments[:1] == [EXTRACT_WORKER]:
        from llamapack_runtime.files.worker import run_worker as run_extract_worker  # another's

        return run_extract_worker(arguments[1:])
    if arguments[:1] == [QUANTIZE_MODEL]:
        from llamapack_runtime.launch.quantizing import run_quantizer  # another's

        return run_quantizer(arguments[1:], environment)
    if arguments[:1] == [PICTURE_WORKER]:
        from llamapack_runtime.files.picture_worker import run_worker as run_picture_worker

        return run_picture_worker(arguments[1:])
    console.open_standard_streams()
    console.use_utf8()
    stop, log = StopRequest(), RecentLog()
    with stop.on_signals():
        try:
            return _run(arguments, environment, stop, log)
        except ProgramError as error:
            console.complain(str(error))
            if not arguments:
                from llamapack_runtime.launch.failing import show_failure  # hardly ever needed

                show_failure(error, environment, stop, log)
            return error.exit_code


def _run(
    arguments: Sequence[str], environment: Mapping[str, str], stop: StopRequest, log: RecentLog
) -> int:
    if arguments[:1] == [BAKE_STATE] and len(arguments) == 2:
        return _bake(Path(arguments[1]), find_paths(environment), stop, log)
    if arguments[:1] == [DESCRIBE_MODEL] and len(arguments) == 3:
        return _describe(Path(arguments[1]), int(arguments[2]), find_paths(environment))
    asked = read_settings({}, environment, arguments)
    paths = find_paths(environment)
    if asked.help:
        from llamapack_runtime.launch.usage import help_text  # not needed to serve

        console.say(help_text(paths.program))
        return 0
    _start_log(asked, log)
    if asked.list_devices:
        return _list_devices(paths)
    # Not before --help, which works where nothing else does.
    from llamapack_runtime.launch.source import find_others, find_source, read_pack, version_words

    pack = None if paths.pack is None else read_pack(paths.pack)
    packed = {} if pack is None else pack.manifest.settings
    settings = read_settings(packed, environment, arguments)
    if settings.version:
        console.say(version_words(pack))
        return 0
    source = find_source(pack, settings, paths)
    others = find_others(pack, settings)
    if settings.info:
        return _say_info(source, others, settings, paths)
    from llamapack_runtime.launch.serving import Serving  # not needed for what is above

    return Serving(source, settings, paths, environment, stop, log, others).run()


def _bake(target: Path, paths: Paths, stop: StopRequest, log: RecentLog) -> int:
    """With the pack's own settings alone."""
    from llamapack_runtime.launch.baking import bake  # loads the engine: not needed to serve
    from llamapack_runtime.launch.source import find_source, read_pack

    pack = None if paths.pack is None else read_pack(paths.pack)
    settings = read_settings({} if pack is None else pack.manifest.settings, {}, [])
    _start_log(settings, log)
    return bake(find_source(pack, settings, paths), settings, paths, target, stop)


def _describe(model: Path, weights_bytes: int, paths: Paths) -> int:
    import json  # neither is needed to serve

    from llamapack_runtime.launch.describing import describe

    console.say(json.dumps(describe(model, weights_bytes, paths.libraries)))
    return 0


def _list_devices(paths: Paths) -> int:
    """As llama-server does it."""
    from llamapack_runtime.hardware.gpu_probe import list_devices  # not needed to serve

    console.say("Available devices:")
    for device in list_devices(paths.libraries, paths.worker_command):
        console.say(f"  {device.name}: {device.words}")
    return 0


def _start_log(settings: Settings, log: RecentLog) -> None:
    try:
        console.start_log(verbose=settings.verbose, log_file=settings.log_file, recent=log)
    except OSError as error:
        raise UsageError(
            f"The log file {settings.log_file} cannot be written: {error.strerror}."
        ) from None


def _say_info(
    source: ModelSource, others: Sequence[ModelSource], settings: Settings, paths: Paths
) -> int:
    from llamapack_runtime.launch.facts import as_json, as_text  # not needed to serve
    from llamapack_runtime.launch.info import collect

    facts = collect(source, others, settings, paths)
    console.say(as_json(facts) if settings.json else as_text(facts))
    return 0
