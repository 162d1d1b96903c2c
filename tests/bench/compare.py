"""Our pack and llama-server side by side: every row of the table, with the ratios that are wanted.

    python tests/bench/compare.py [--rows a,b] [--repeats N] [--quick] [--json FILE]

The pack is the one that LLAMAPACK_TEST_PACK names, the model LLAMAPACK_TEST_MODEL. Without
--llama-server the strongest one at hand is used: see llama_server.py. --python-peer takes the
command line of a Python server, such as

    "python -m llama_cpp.server --model {model} --n_threads {threads} --n_ctx {ctx} --port {port}"

Progress goes to stderr, the table to stdout. Absolute times are worth little: compare ratios.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.contest import Contest
from bench.figures import Line
from bench.llama_server import strongest
from bench.reply import BenchError
from bench.report import as_json, machine, table
from bench.rows import ROWS
from bench.servers import Pack, Program


def main(arguments: Sequence[str] | None = None) -> int:
    """1 when a row could not be measured; a target that is missed is a result, not an error."""
    options = _options(arguments)
    # The servers have sessions of their own, so whoever ends this program leaves them to it.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(128 + signal.SIGTERM))
    facts = machine()
    with tempfile.TemporaryDirectory(prefix="llamapack-bench-") as scratch:
        try:
            contest = _contest(options, Path(scratch))
            lines, failures = _measured(contest, options.rows)
        except BenchError as error:
            say(str(error))
            return 1
    print(table(lines, failures))
    if options.json:
        options.json.write_text(as_json(facts, contest, lines, failures), encoding="utf-8")
        say(f"Wrote {options.json}")
    return 1 if failures else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="our pack and llama-server side by side")
    parser.add_argument("--rows", type=_rows, default=tuple(ROWS), help=", ".join(ROWS))
    parser.add_argument("--repeats", type=int, help="turns of each row (default: 5; quick: 1)")
    parser.add_argument("--quick", action="store_true", help="short texts: does every row run?")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--llama-server", type=Path, metavar="FILE")
    parser.add_argument("--python-peer", metavar="COMMAND")
    return parser.parse_args(arguments)


def _rows(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no row {unknown[0]!r}; there are {', '.join(ROWS)}")
    return names


def _contest(options: argparse.Namespace, scratch: Path) -> Contest:
    pack, model = _named("LLAMAPACK_TEST_PACK"), _named("LLAMAPACK_TEST_MODEL")
    libraries = os.environ.get("LLAMAPACK_TEST_LIBRARIES")
    peer = strongest(options.llama_server, model, scratch, say)
    say(f"llama-server: {peer.command.split()[0]}")
    python_peer = None
    if options.python_peer:
        python_peer = Program(options.python_peer, model, scratch, name="python server")
    return Contest(
        ours=Pack(pack, scratch),
        peer=peer,
        python_peer=python_peer,
        model=model,
        libraries=Path(libraries) if libraries else None,
        turns=options.repeats or (1 if options.quick else 5),
        is_quick=options.quick,
        say=say,
    )


def _named(variable: str) -> Path:
    if not os.environ.get(variable):
        raise BenchError(f"${variable} names no file; `make bench` sets it.")
    return Path(os.environ[variable]).resolve()


def _measured(contest: Contest, names: Sequence[str]) -> tuple[list[Line], dict[str, str]]:
    """The lines, and why rows could not be measured."""
    lines: list[Line] = []
    failures: dict[str, str] = {}
    for name in names:
        say(f"{name} ...")
        started = time.perf_counter()
        try:
            lines += ROWS[name](contest)
            say(f"{name}: {time.perf_counter() - started:.0f} s")
        except BenchError as error:
            failures[name] = str(error)
            say(f"{name} failed: {error}")
    return lines, failures


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
