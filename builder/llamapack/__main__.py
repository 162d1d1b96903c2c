"""`python -m llamapack`."""

from __future__ import annotations

from llamapack.cli import main

raise SystemExit(main())
