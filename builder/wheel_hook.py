"""What hatch does besides when a wheel is built: with LLAMAPACK_WHEEL_IMAGE, the path of a runtime
image called TARGET.image, the wheel is for that one platform and holds the image."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ImageHook(BuildHookInterface):  # type: ignore[misc]  # hatch is only where wheels are built
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "standard":
            return
        sys.path.insert(0, str(Path(self.root) / "builder"))
        sys.path.insert(0, str(Path(self.root) / "runtime"))
        from llamapack.image.fetch import WHEEL_IMAGE_VARIABLE, image_name
        from llamapack.targets.table import target_named

        path = os.environ.get(WHEEL_IMAGE_VARIABLE)
        if not path:
            return
        image = Path(path)
        build_data["force_include"][str(image.absolute())] = image_name(image.stem)
        build_data["tag"] = f"py3-none-{target_named(image.stem).wheel_tag}"
        build_data["pure_python"] = False
