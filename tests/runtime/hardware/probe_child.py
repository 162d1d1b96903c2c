"""Started by test_real_variants: the probe's child as the frozen program would start it."""

from __future__ import annotations

import sys

from llamapack_runtime.hardware.worker import run_worker

if __name__ == "__main__":
    sys.exit(run_worker(sys.argv[1:]))
