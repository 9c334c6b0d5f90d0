"""The rooms: imports run one way, the rules are pure, files stay small."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = {
    "core.domain": {"core.domain"},
    "core": {"core"},
    "webhooks": {"webhooks", "core"},
    "consumers": {"consumers", "core"},
    "console": {"console", "consumers", "webhooks", "core"},
    "sandbox": {"sandbox"},
}
OURS = ("core", "webhooks", "consumers", "console", "sandbox", "tests")
LIMIT = 400  # lines of a product file
TEST_LIMIT = 600


def modules(room: str) -> list[Path]:
    return sorted((ROOT / room.replace(".", "/")).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Every module that a file imports, also inside functions, but not under TYPE_CHECKING."""
    tree = ast.parse(path.read_text())
    hidden = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
        for node in ast.walk(branch)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the room"
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_imports_run_one_way(room: str) -> None:
    allowed = ROOMS[room]
    for path in modules(room):
        if room == "core" and "domain" in path.parts:
            continue
        for name in imports(path):
            if name.split(".")[0] in OURS:
                assert any(name == one or name.startswith(f"{one}.") for one in allowed), f"{path}: {name}"


def test_the_rules_are_pure() -> None:
    for path in modules("core.domain"):
        for name in imports(path):
            top = name.split(".")[0]
            assert top in sys.stdlib_module_names or top in ("phonenumbers", "core"), f"{path}: {name}"
            assert top not in {"os", "time", "logging", "socket", "pathlib", "random", "urllib"}, path
        tree = ast.parse(path.read_text())
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not calls & {"open", "print", "datetime.now", "datetime.utcnow", "date.today"}, path


@pytest.mark.parametrize("room", ["core", "webhooks", "consumers", "console", "sandbox"])
def test_files_stay_easy_to_hold_in_the_head(room: str) -> None:
    long = {str(p): n for p in modules(room) if (n := len(p.read_text().splitlines())) > LIMIT}
    assert not long


def test_test_files_too() -> None:
    long = {str(p): n for p in modules("tests") if (n := len(p.read_text().splitlines())) > TEST_LIMIT}
    assert not long


def test_no_module_is_a_catch_all() -> None:
    rooms = ("core", "webhooks", "consumers", "console", "sandbox")
    names = {path.stem for room in rooms for path in modules(room)}
    assert not names & {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}


def test_only_the_runner_settles() -> None:
    for room in ("core", "webhooks", "consumers", "console"):
        for path in modules(room):
            if path.name == "runner.py" or "queue" in path.parts:
                continue
            text = path.read_text()
            assert "consumer.settle(" not in text and ".basic_ack(" not in text, path
