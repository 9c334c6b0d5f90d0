"""The command ``crosswalk``: puts the groups together; every failure becomes a sentence and a status."""

import os
import socket
import sys
from collections.abc import Mapping, Sequence

import click

from console.cli import (
    accounts,
    activity,
    alerts,
    app_files,
    backfill,
    contacts,
    dead,
    doctor,
    health,
    instances,
    jobs,
    log,
    machine,
    problems,
    processes,
    reconcile,
    secret_keys,
    status,
    sweeping,
    users,
    what_if,
)
from console.cli.failing import told
from console.cli.output import say
from console.cli.start import Start
from core.store import audit


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="crosswalk", message="%(prog)s %(version)s")
def crosswalk() -> None:
    """Keeps contact records in step, both ways, between HubSpot and Mainstay.

    `crosswalk demo` shows it with both platforms in miniature. Exit status: 0 done, 1 failed, 2 wrong use.
    """


for _command in (
    machine.demo,
    machine.serve,
    processes.migrate,
    processes.settings,
    processes.consume,
    processes.schedule,
    instances.instances,
    accounts.accounts,
    contacts.preview,
    what_if.what_if,
    contacts.sync,
    contacts.contact,
    sweeping.sweep,
    backfill.backfill,
    reconcile.reconcile,
    problems.home,
    problems.problems,
    log.log,
    activity.activity,
    dead.dead,
    jobs.jobs,
    status.status,
    health.health,
    alerts.alerts,
    doctor.doctor,
    app_files.app_files,
    secret_keys.secrets,
    users.users,
):
    crosswalk.add_command(_command)


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
