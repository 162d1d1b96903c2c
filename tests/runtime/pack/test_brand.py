"""What a packer may wish for, up to the last character, and what becomes of the rest."""

from __future__ import annotations

import pytest

from llamapack_runtime.pack import Brand, BrandError


def test_the_bounds_are_included() -> None:
    brand = Brand(
        title="t" * 80,
        welcome="w" * 2000,
        prompts=("p" * 200,) * 8,
        disclaimer="d" * 500,
        about="a" * 4000,
        description="d" * 300,
        author="a" * 120,
    )
    assert len(brand.prompts) == 8


@pytest.mark.parametrize("text", ["日本語　アシスタント", "👩‍👩‍👧 family", "می‌خواهم", "a\u00a0b"])
def test_every_script_is_fine(text: str) -> None:
    assert Brand(title=text, welcome=text).title == text


def test_longer_texts_have_lines() -> None:
    assert Brand(welcome="One\n\n\tTwo").welcome == "One\n\n\tTwo"
    with pytest.raises(BrandError, match="one line"):
        Brand(title="One\u2028Two")


def test_languages_are_those_of_the_page() -> None:
    assert Brand(languages=("zh", "en")).wishes == {"languages": ("zh", "en")}
    with pytest.raises(BrandError, match="may be of en and zh, not 'fr'"):
        Brand(languages=("zh", "fr"))
    with pytest.raises(BrandError, match="must not have 'zh' twice"):
        Brand(languages=("zh", "zh"))


def test_only_what_differs_is_a_wish() -> None:
    assert Brand().wishes == {}
    wishes = {"color": "#000000", "is_system_prompt_locked": True}
    assert Brand(color="#000000", is_system_prompt_locked=True).wishes == wishes


def test_the_error_can_be_told_under_another_name() -> None:
    with pytest.raises(BrandError) as caught:
        Brand(disclaimer="x" * 1234)
    said = f"--disclaimer {caught.value.problem}."
    assert (caught.value.field, said) == (
        "disclaimer",
        "--disclaimer may have 500 characters at most, not 1,234.",
    )
