"""Every shipped distribution brings its licence text; the tools that freeze do not."""

from __future__ import annotations

from pathlib import Path

from llamapack.image.licenses import copy_licenses


def test_texts_of_shipped_distributions_are_kept(tmp_path: Path) -> None:
    packages = tmp_path / "site-packages"
    for name, inside in {"h11-1.0": "licenses/LICENSE.txt", "pip-26": "LICENSE"}.items():
        text = packages / f"{name}.dist-info" / inside
        text.parent.mkdir(parents=True)
        text.write_text(f"licence of {name}")
    (packages / "cobble-1.0.dist-info").mkdir()
    (packages / "cobble-1.0.dist-info" / "METADATA").write_text("by its author, BSD")
    folder = tmp_path / "licenses"
    folder.mkdir()
    python = tmp_path / "LICENSE"
    python.write_text("of Python")
    copy_licenses(packages, {"python.txt": python}, folder)
    assert (folder / "h11.txt").read_text() == "licence of h11-1.0"
    assert (folder / "cobble.txt").read_text() == "by its author, BSD"
    assert not (folder / "pip.txt").exists()
    assert (folder / "python.txt").read_text() == "of Python"
