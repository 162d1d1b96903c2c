"""Several processes and threads at one file of chats, some of which are killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from runtime.store.chat_files import message, opened, talk, titles


def child(program: str, path: Path, *arguments: str) -> subprocess.Popen[str]:
    """A process of ours with `store` open on the file, and `arguments` in sys.argv[2:]."""
    head = (
        "import sys, time\nfrom pathlib import Path\n"
        "from llamapack_runtime.store.chats import ChatStore\n"
        "def now(): return time.time_ns() // 1_000_000\n"
        "store = ChatStore.open(Path(sys.argv[1]), now)\n"
    )
    return subprocess.Popen(  # its code is above and in the tests
        [sys.executable, "-c", head + program, str(path), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_killed_process_leaves_the_text_so_far(path: Path) -> None:
    program = """
chat = store.create().id
asked = store.add_message(chat, "user", "Why?", parent=None)
answer = store.add_message(chat, "assistant", "", parent=asked.id, status="answering")
number, text = 0, ""
while True:
    text += f"word{number} "
    store.save_answer(answer.id, text, "Hm", "answering")
    print(chat, answer.id, number, flush=True)
    number += 1
"""
    writer = child(program, path)
    assert writer.stdout is not None
    lines = [writer.stdout.readline() for _ in range(200)]
    writer.kill()
    lines += writer.stdout.read().splitlines()
    writer.communicate()
    complete = [fields for line in lines if len(fields := line.split()) == 3]
    chat, answer, number = complete[-1]
    store = opened(path)
    kept = message(store, chat, answer)
    assert kept.content.split()[: int(number) + 1] == [f"word{n}" for n in range(int(number) + 1)]
    assert (kept.status, kept.reasoning, kept.error) == ("interrupted", "Hm", None)
    assert titles(store, f"word{number}") == ["Why?"]
    assert store.set_aside is None
    store.close()


def test_several_processes_write_at_once_and_nobody_is_refused(path: Path) -> None:
    program = """
for number in range(30):
    chat = store.create().id
    asked = store.add_message(chat, "user", f"From {sys.argv[2]} {number}", parent=None)
    answer = store.add_message(chat, "assistant", "", parent=asked.id, status="answering")
    for length in range(3):
        store.save_answer(answer.id, "yes " * length, "", "answering")
    store.save_answer(answer.id, "yes yes yes", "", "done")
    store.search("yes")
    if number % 3 == 0:
        store.delete(chat)
store.close()
"""
    processes = [child(program, path, name) for name in ("one", "two", "three")]
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0, 0, 0]
    store = opened(path)
    chats = store.list(200).chats
    assert len(chats) == len(store.search("yes", 200)) == 60
    for chat in chats:
        answer = store.chat(chat.id).messages[1]
        assert (answer.content, answer.status) == ("yes yes yes", "done")
    store.close()


def test_threads_share_a_store(path: Path) -> None:
    store = opened(path)
    failures: list[BaseException] = []

    def work(name: int) -> None:
        try:
            for number in range(10):
                asked, answer = talk(store, f"Question {name} {number}", "Yes")
                store.save_answer(answer.id, "Yes, yes", "", "answering")
                assert store.chat(asked.chat).messages[1].content == "Yes, yes"
                store.save_answer(answer.id, "Yes, yes", "", "done")
                store.search("question")
                list(store.export("json", asked.chat))
        except BaseException as error:  # noqa: BLE001 - shown by the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert len(store.list(200).chats) == 40
    store.close()


def test_opening_again_does_not_stop_the_one_who_answers(path: Path) -> None:
    first = opened(path)
    asked, answer = talk(first, "Why?", "")
    first.save_answer(answer.id, "Be", "", "answering")
    second = opened(path)
    assert message(second, asked.chat, answer.id).status == "interrupted"
    first.save_answer(answer.id, "Because", "", "answering")
    kept = message(second, asked.chat, answer.id)
    assert (kept.status, kept.content) == ("answering", "Because")
    first.save_answer(answer.id, "Because.", "", "done")
    assert message(second, asked.chat, answer.id).content == "Because."
    assert titles(second, "because") == ["Why?"]
    first.close()
    second.close()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are different there")
def test_a_process_that_is_told_to_end_loses_nothing(path: Path) -> None:
    program = """
chat = store.create().id
store.add_message(chat, "user", "Why?", parent=None)
print(chat, flush=True)
time.sleep(60)
"""
    writer = child(program, path)
    assert writer.stdout is not None
    chat = writer.stdout.readline().strip()
    writer.send_signal(signal.SIGTERM)
    writer.communicate(timeout=30)
    store = opened(path)
    assert [one.content for one in store.chat(chat).messages] == ["Why?"]
    store.close()
