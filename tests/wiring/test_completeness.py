"""What belongs together stays together: codes and help, settings and README, models and migrations."""

import ast
import re
from pathlib import Path

from alembic import command

from console.audit_log import KINDS
from consumers.chores import releases
from core.domain.codes import HELP, Code
from core.domain.fields import Direction
from core.domain.messages import Lane
from core.queue.topology import Topology
from core.store.database import _alembic, head_revision, migrate, open_engine

ROOT = Path(__file__).parents[2]
_NOTING = ("audit.record", "console.audit", "self.audit", "_note")
_ACTION = re.compile(r"sign-in|[a-z-]+\.[a-z-]*")


def test_every_code_has_a_help_entry_in_words() -> None:
    assert set(HELP) == set(Code)
    for code, told in HELP.items():
        assert told.title and told.cause.endswith(".") and told.next_step.endswith("."), code
        assert told.example.endswith("."), code


def test_the_migrations_make_the_models(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/fresh.db")
    assert migrate(engine) == ("", head_revision())
    assert migrate(engine) == (head_revision(), head_revision())
    config = _alembic()
    config.attributes["engine"] = engine
    command.check(config)
    engine.dispose()


def test_every_action_of_the_audit_log_can_be_chosen_on_its_page() -> None:
    noted = {releases.DEPLOYED}
    for path in (*ROOT.glob("console/**/*.py"), *ROOT.glob("consumers/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in _NOTING:
                noted |= set(filter(_ACTION.fullmatch, map(_start_of_text, node.args)))
            elif isinstance(node, ast.Constant) and path.name == "noting.py":
                noted |= set(filter(_ACTION.fullmatch, [_start_of_text(node)]))
    assert {"sign-in", "contact.erased", "job.", "backfill.started", "account.changed"} < noted, (
        "the calls are found"
    )
    assert {action.partition(".")[0] for action in noted} == set(KINDS)


def _start_of_text(argument: ast.expr) -> str:
    """A text as it is written, as far as it is one."""
    if isinstance(argument, ast.JoinedStr):
        argument = argument.values[0]
    return argument.value if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else ""


def test_every_direction_has_a_lane_and_a_dead_queue() -> None:
    assert {str(one) for one in Direction} < {str(one) for one in Lane}
    names = {queue.name for queue in Topology((5.0,)).queues()} if hasattr(Topology, "queues") else None
    assert names is None or {f"crosswalk.dead.{lane}" for lane in Lane} <= names


def test_the_procfile_runs_what_the_contract_names() -> None:
    lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines() if ": " in line)
    assert {"release", "web", "incoming", "outgoing", "scheduler"} <= set(lines)
    assert lines["release"] == "crosswalk migrate"
    assert lines["incoming"] == "crosswalk consume incoming"
    assert lines["outgoing"] == "crosswalk consume outgoing"
    assert lines["scheduler"] == "crosswalk schedule"
