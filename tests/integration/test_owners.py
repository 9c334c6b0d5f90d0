"""Whether the process behind a name still runs."""

import os
import subprocess
import sys

import pytest

from core.owners import is_dead, this_process

_SAY = "from core.owners import this_process; print(this_process('x'), flush=True); input()"


def test_a_process_is_alive_until_it_is_killed_even_before_its_parent_looks() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", _SAY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout
    owner = child.stdout.readline().strip()
    assert not is_dead(owner)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # a zombie from here on
    assert is_dead(owner)
    child.communicate()
    assert is_dead(owner)


def test_this_process_is_alive_and_names_its_holders() -> None:
    one, other = this_process("a"), this_process("b")
    assert one != other
    assert not is_dead(one)
    assert not is_dead(this_process())
    assert len(this_process("x" * 50)) <= 80


def test_a_process_that_got_the_number_later_is_another() -> None:
    host, pid, start = this_process().split(":")
    assert is_dead(f"{host}:{pid}:{int(start) - 1}")


@pytest.mark.parametrize(
    "owner", ["", "a", "::", "elsewhere:1:1", "elsewhere:x:1", "elsewhere:999999999:1:a"]
)
def test_what_is_not_known_to_be_dead_is_alive(owner: str) -> None:
    assert not is_dead(owner)


@pytest.mark.parametrize("pid", ["", "x", "-1", "99999999999999999999"])
def test_a_name_of_this_host_without_a_process_id_is_alive(pid: str) -> None:
    assert not is_dead(f"{this_process().split(':')[0]}:{pid}:1")
