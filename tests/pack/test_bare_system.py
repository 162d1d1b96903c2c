"""A minimal Debian without Python, with no network but loopback: the recipient's worst computer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llamapack.image.folders import build_cache, fill_once

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# Runs inside, with perl because a minimal Debian has it: starts the pack, waits for the page and
# the model, asks one question, stops it. Prints what it saw.
CLIENT = r"""
use strict; use warnings; use Socket;
my $child = fork();
if (!$child) { exec '/pack', '--no-browser', '--port', '8123' or die $!; }
sub ask {
    my ($request) = @_;
    socket(my $s, PF_INET, SOCK_STREAM, 0) or die $!;
    connect($s, sockaddr_in(8123, inet_aton('127.0.0.1'))) or return '';
    select((select($s), $| = 1)[0]);
    print $s $request;
    local $/; my $reply = <$s>; close $s;
    return $reply // '';
}
sub get { return ask("GET $_[0] HTTP/1.1\r\nHost: 127.0.0.1:8123\r\nConnection: close\r\n\r\n"); }
sub wait_for {
    my ($path) = @_;
    for (1 .. 600) {
        my $r = get($path);
        return $r if $r =~ /^HTTP\S+ 200/;
        select undef, undef, undef, 0.1;
    }
    kill 'TERM', $child; die "no $path";
}
print 'page: ', (wait_for('/') =~ /<title>/ ? 'yes' : 'no'), "\n";
wait_for('/health');
my $body = '{"messages":[{"role":"user","content":"Name the capital of France."}],'
  . '"temperature":0,"max_tokens":24}';
my $head = "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:8123\r\nConnection: close\r\n"
  . "Content-Type: application/json\r\nContent-Length: " . length($body) . "\r\n\r\n";
my $reply = ask($head . $body);
print 'chat: ', ($reply =~ /Paris/ ? 'yes' : $reply), "\n";
kill 'TERM', $child; waitpid $child, 0; print "exit: $?\n";
"""


def _debootstrap(work: Path) -> None:
    subprocess.run(["sh", "tests/require.sh", "debootstrap", "debootstrap"], check=True)
    command = ["debootstrap", "--variant=minbase", "bookworm", str(work)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(work / "var/cache/apt", ignore_errors=True)


@pytest.fixture
def bare_system(tmp_path: Path) -> Path:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("needs root on Linux, for chroot and a network namespace")
    kept = fill_once(build_cache() / "systems" / "debian-12-minbase", _debootstrap)
    folder = tmp_path / "system"
    subprocess.run(["cp", "-a", str(kept), str(folder)], check=True)
    return folder


def test_it_chats_without_python_and_without_a_network(pack: Path, bare_system: Path) -> None:
    assert not list(bare_system.glob("usr/bin/python*"))
    shutil.copy2(pack, bare_system / "pack")
    (bare_system / "client.pl").write_text(CLIENT, encoding="utf-8")
    # A shell of the host brings loopback up in the new namespace; then everything is inside.
    script = (
        f"ip link set lo up && mount -t proc proc {bare_system}/proc"
        f" && exec chroot {bare_system} /usr/bin/perl /client.pl"
    )
    subprocess.run(["sh", "tests/require.sh", "ip", "iproute2"], check=True)
    result = subprocess.run(
        ["unshare", "--net", "--mount", "--pid", "--fork", "sh", "-c", script],
        env={"PATH": os.environ["PATH"], "HOME": "/root", "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.stdout.splitlines()[-3:] == ["page: yes", "chat: yes", "exit: 0"], result


def test_without_proc_the_pack_starts_all_the_same(pack: Path, bare_system: Path) -> None:
    shutil.copy2(pack, bare_system / "pack")
    result = subprocess.run(
        ["chroot", str(bare_system), "/pack", "--version"],
        env={"PATH": os.environ["PATH"], "HOME": "/root"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result
    assert "llama-cpp-python" in result.stdout
