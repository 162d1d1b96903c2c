"""`python -m llamapack_runtime`, and the script that is frozen."""

from __future__ import annotations

import os
import sys

from llamapack_runtime.launch import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
