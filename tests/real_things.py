"""Makes what the slow tests run against, and writes where it is as shell assignments.

The runtime image, its launcher, the native libraries, the demo model and a pack of it: the real
things, found in the caches when they were made before.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from demo_model import demo_model
from llamapack.image.gemm import gemm_library
from llamapack.image.store import ensure_image
from llamapack.image.vulkan import vulkan_library
from llamapack.image.wheel import native_wheel
from llamapack.targets.host import host_target
from llamapack.targets.table import target_named


def say(line: str) -> None:
    print(line, flush=True)


def real_things(folder: Path) -> dict[str, Path]:
    target = target_named(host_target())
    image = ensure_image(target.name, say)
    model = demo_model()
    pack = folder / "smollm2-135m-instruct"
    command = [sys.executable, "-m", "llamapack", "build", str(model), "-o", str(pack)]
    subprocess.run([*command, "--name", "SmolLM2 135M"], check=True)
    spec = find_spec("llama_cpp")
    assert spec is not None, "the native wheel is installed"
    assert spec.origin is not None, "the package has an __init__"
    libraries = folder / "libraries"
    shutil.rmtree(libraries, ignore_errors=True)
    shutil.copytree(Path(spec.origin).parent / "lib", libraries)
    wheel = native_wheel(target, say)
    added = list(gemm_library(target, wheel, say).libraries)
    if image.gpu:
        added.append(vulkan_library(target, wheel, say).library)
    for path in added:
        shutil.copyfile(path, libraries / path.name)
    return {
        "LLAMAPACK_TEST_IMAGE": image.folder,
        "LLAMAPACK_TEST_LAUNCHER": image.launcher,
        "LLAMAPACK_TEST_LIBRARIES": libraries,
        "LLAMAPACK_TEST_MODEL": model,
        "LLAMAPACK_TEST_PACK": pack,
        "LLAMAPACK_TEST_SCREENSHOTS": folder / "screenshots",
    }


if __name__ == "__main__":
    out = Path(sys.argv[1]).resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{name}={shlex.quote(str(path))}" for name, path in real_things(out.parent).items()]
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")
