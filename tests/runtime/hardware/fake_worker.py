"""A probe child for the tests, run as a program: it acts out a script for each variant. The script
is a JSON file, the first argument: variant -> {"score", "act", "decode_s", "prompt_s", "logits"}.
`act` is what happens when the variant is tried: "run", "hang", "exit", or a signal's name. "gemm"
in the script is the GEMM library: {"act", "with_s", "without_s", "distance"}, and its `act` may
also be "fail" or "skip"."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any


def tell(event: str, **fields: Any) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


def timed(name: str, kind: str, threads: int, seconds: float, busy: float) -> None:
    tell(
        "Timed",
        variant=name,
        kind=kind,
        threads=threads,
        tokens=1,
        seconds=seconds,
        cpu_seconds=seconds * threads * busy,
    )


def try_variant(name: str, act: dict[str, Any]) -> None:
    tell("Begun", variant=name)
    die(act.get("act", "run"))
    timed(name, "decode", 1, act.get("decode_s", 0.01), 1.0)
    timed(name, "prompt", 1, act.get("prompt_s", 0.001), 1.0)
    tell("Computed", variant=name, logits=act.get("logits", [1.0, 2.0]))


def try_gemm(act: dict[str, Any]) -> None:
    what = act.get("act", "run")
    if what == "skip":
        return
    tell("Begun", variant="gemm")
    if what == "fail":
        tell("Failed", variant="gemm", why="it refused")
    elif what == "run":
        times = {name: act[name] for name in ("with_s", "without_s")}
        tell("GemmTimed", tokens=64, distance=act.get("distance", 0.01), **times)
    else:
        die(what)


def die(what: str) -> None:
    if what == "hang":
        threading.Event().wait()
    if what == "exit":
        sys.exit(7)
    if what.startswith("SIG"):
        os.kill(os.getpid(), getattr(signal, what))


def main() -> int:
    script = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    order = json.loads(sys.argv[-1])
    log = Path(sys.argv[1]).with_suffix(".log")
    names = [name for name, _ in order["variants"]]
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(names) + "\n")
    print("a line that some library printed", flush=True)
    tried = [json.loads(line) for line in order["history"]]
    done = {event["variant"] for event in tried if event["event"] == "Timed"}
    for name in names:
        tell("Begun", variant=name)
        tell("Scored", variant=name, score=script[name].get("score", 0))
    usable = [name for name in names if script[name].get("score", 0)]
    usable.sort(key=lambda name: -script[name]["score"])
    for name in usable:
        if name not in done:
            try_variant(name, script[name])
    if order["gemm"]:
        try_gemm(script["gemm"])
    best = min(usable, key=lambda name: script[name].get("decode_s", 0.01), default="")
    for kind, counts in (("decode", order["decode_threads"]), ("prompt", order["prompt_threads"])):
        for count in (
            counts if best and len(counts) > 1 and not script[best].get("no_threads") else ()
        ):
            seconds = (
                script[best].get("threads", {}).get(str(count), script[best].get("decode_s", 0.01))
            )
            for _ in range(5):
                timed(best, kind, count, seconds, script[best].get("busy", 1.0))
    tell("Done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
