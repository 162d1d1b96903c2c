"""Keys that are given to the program: what opens it, and what it prints of them."""

from __future__ import annotations

import sys

import pytest

from runtime.launch.processes import Home, run, running

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX permissions")
FIRST, SECOND, THIRD = "first-long-secret", "second-long-secret", "third-long-secret"


def test_keys_of_all_sources_open_it_and_are_not_printed(home: Home, free_port: int) -> None:
    file = home.root / "keys"
    file.write_text(f"# The team's\nann={SECOND}\n{THIRD}\n")
    file.chmod(0o644)
    arguments = ("--model", str(home.write_model()), "--verbose", "--api-key-file", str(file))
    # With a browser it stays, whatever becomes of the model.
    variables = home.write_opener() | {"LLAMAPACK_API_KEY": FIRST}
    with running(home, free_port, *arguments, **variables) as program:
        for key in (FIRST, SECOND, THIRD):
            assert program.get("/v1/models", {"x-api-key": key}).status_code == 200
        assert program.get("/v1/models", {"x-api-key": f"ann={SECOND}"}).status_code == 401
        program.stop()
        printed = program.printed
    assert "GET /v1/models by 'ann'" in printed
    assert "GET /v1/models by 'key 1'" in printed
    assert f"Other users of this computer can read the API keys in {file}" in printed
    assert "?key=KEY" in printed
    for key in (FIRST, SECOND, THIRD):
        assert key not in printed + "".join(home.opened)


def test_a_key_file_that_cannot_be_read_ends_with_2(home: Home) -> None:
    result = run(home, "--api-key-file", "/nowhere/keys")
    assert result.returncode == 2
    assert result.stderr == (
        "The API key file /nowhere/keys cannot be read: No such file or directory.\n"
    )


def test_a_wrong_key_is_not_repeated(home: Home) -> None:
    result = run(home, "--api-key", "my secret key")
    assert result.returncode == 2
    assert "secret" not in result.stderr
