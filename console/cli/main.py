"""The command ``crosswalk``: puts the groups together; every failure becomes a sentence and a status."""

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

import click

from console.cli.failing import told
from console.cli.output import say
from console.cli.start import Start
from core.store import audit

# Command → its module: a command starts in half the time, and in 20 MB less, without those of all others.
_MODULES = {
    "demo": "machine",
    "serve": "machine",
    "migrate": "processes",
    "settings": "processes",
    "consume": "processes",
    "schedule": "processes",
    "instances": "instances",
    "accounts": "accounts",
    "preview": "contacts",
    "what-if": "what_if",
    "sync": "contacts",
    "contact": "contacts",
    "find": "by_hand",
    "link": "by_hand",
    "unlink": "by_hand",
    "privacy": "by_hand",
    "sweep": "sweeping",
    "backfill": "backfill",
    "reconcile": "reconcile",
    "home": "problems",
    "problems": "problems",
    "log": "log",
    "activity": "activity",
    "dead": "dead",
    "jobs": "jobs",
    "status": "status",
    "health": "health",
    "alerts": "alerts",
    "doctor": "doctor",
    "app-files": "app_files",
    "secrets": "secret_keys",
    "users": "users",
    "tokens": "tokens",
    "audit": "audit",
}


class _Commands(click.Group):
    """The commands of ``_MODULES``, each imported when it is asked for: ``console/cli/MODULE.py`` has a
    function of the command's name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MODULES:
            return None
        module = import_module(f"console.cli.{_MODULES[cmd_name]}")
        command = getattr(module, cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="crosswalk", message="%(prog)s %(version)s")
def crosswalk() -> None:
    """Keeps contact records in step, both ways, between HubSpot and Mainstay.

    `crosswalk demo` shows it with both platforms in miniature. Exit status: 0 done, 1 failed, 2 wrong use.
    """


def run(arguments: Sequence[str], start: Start) -> int:
    """Run one command; the exit status."""
    try:
        status_or_nothing = crosswalk.main(
            list(arguments), prog_name="crosswalk", standalone_mode=False, obj=start
        )
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("Stopped.")
        return 1
    except BrokenPipeError:  # `crosswalk log | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return told(error)
    return status_or_nothing if isinstance(status_or_nothing, int) else 0


def main(environment: Mapping[str, str] | None = None) -> None:
    """Run what the command line says (``console/__main__.py`` calls it)."""
    given = os.environ if environment is None else environment  # noqa: TID251 - the only place that looks
    audit.come_from(f"the command line of {socket.gethostname()}")
    sys.exit(run(sys.argv[1:], Start(given)))
