"""The processes of the Procfile that are not gunicorn's: migrate, consume, schedule; and the settings."""

import time

import click

from console.cli.failing import Failed, told
from console.cli.output import print_json, print_table, say
from console.cli.start import Start, start
from core import garbage, telemetry, tracing
from core.domain.fields import Direction, Platform
from core.domain.messages import Address, Lane
from core.queue.port import QueueUnavailable
from core.queue.rabbitmq import RabbitQueue
from core.settings import Settings
from core.store import accounts, instances
from core.store.database import DatabaseUnavailable, current_revision, encoding_problem
from core.store.database import migrate as upgrade

WAIT_S = 2.0  # between two looks of `migrate --wait`
METRICS_PORT = click.option(
    "--metrics-port", type=click.IntRange(1, 65535), help="Serve Prometheus' /metrics on this port."
)
METRICS_HOST = click.option(
    "--metrics-host", default="127.0.0.1", show_default=True, help="Where --metrics-port listens."
)
LOG_STYLE = click.option("--log-style", type=click.Choice(["json", "plain"]), default="json", hidden=True)


@click.command()
@click.option("--wait", "waiting", is_flag=True, help="Wait for a database or broker that does not answer.")
@start
def migrate(start: Start, waiting: bool) -> None:
    """Bring the database to this version's schema, and make the queues exist. Safe to run twice."""
    said = ""
    while True:
        try:
            return _migrate(start)
        except (DatabaseUnavailable, QueueUnavailable) as error:
            if not waiting:
                raise
            if str(error) != said:  # once for each cause, however long it takes
                told(error)
                say("Waiting for it.")
            said = str(error)
        time.sleep(WAIT_S)


def _migrate(start: Start) -> None:
    wiring = start.wiring(migrated=False)
    engine = wiring.database.engine
    if problem := encoding_problem(engine):
        if not current_revision(engine):
            raise Failed(problem)
        say(f"Warning: {problem}, and move the data there.")  # it has worked so far, and goes on
    before, after = upgrade(engine)
    with wiring.database.reading() as session:
        addresses = [
            Address(Lane.ACCOUNT, one.id)
            for one in accounts.all_accounts(session)
            if one.platform is Platform.HUBSPOT
        ] + [Address(Lane(one.direction), one.id) for one in instances.all_instances(session)]
    wiring.queue.declare(addresses)
    if isinstance(wiring.queue, RabbitQueue):
        for one in wiring.queue.differences(addresses):
            say(f"RabbitMQ's {one.name} differs: {one.problem}. {one.mend}")
    say(
        f"The database is at {after}"
        + (", as before." if before == after else f" (was {before or 'empty'}).")
    )


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON list of {name, value, from}.")
@start
def settings(start: Start, as_json: bool) -> None:
    """Every setting, secrets masked, and where it came from.

    Settings come from the environment only. Problems are listed after them, with exit status 2.
    """
    described = Settings.described(start.environment)
    if as_json:
        print_json(described)
    else:
        rows = ((one["name"], one["value"], one["from"]) for one in described)
        print_table(("Setting", "Value", "From"), rows, "")
    for name in Settings.unknown(start.environment):
        say(f"{name} is no setting of Crosswalk and is ignored.")
    start.settings()


@click.command()
@click.argument("direction", metavar="DIRECTION", type=click.Choice([one.value for one in Direction]))
@METRICS_PORT
@METRICS_HOST
@LOG_STYLE
@start
def consume(
    start: Start, direction: str, metrics_port: int | None, metrics_host: str, log_style: telemetry.Style
) -> None:
    """Carry waiting changes over: DIRECTION is incoming (HubSpot to Mainstay) or outgoing.

    Any number of these may run, on any number of machines. SIGTERM finishes or returns what is in flight.
    """
    from consumers import runner

    telemetry.configure_logging(direction, log_style)
    telemetry.tell_uncaught()
    _serve_metrics(metrics_port, metrics_host)
    wiring = start.wiring()
    tracing.start(wiring.settings, direction)
    garbage.look_less_often()
    runner.run(wiring, Direction(direction))


@click.command()
@METRICS_PORT
@METRICS_HOST
@LOG_STYLE
@start
def schedule(start: Start, metrics_port: int | None, metrics_host: str, log_style: telemetry.Style) -> None:
    """Sweeps, probes of held accounts, retention. Two of them running at once do no harm."""
    from consumers import scheduler

    telemetry.configure_logging("scheduler", log_style)
    telemetry.tell_uncaught()
    _serve_metrics(metrics_port, metrics_host)
    wiring = start.wiring()
    tracing.start(wiring.settings, "scheduler")
    scheduler.run(wiring)


def _serve_metrics(port: int | None, host: str) -> None:
    if port is None:
        return
    try:
        telemetry.serve_metrics(port, host)
    except OSError as error:
        raise Failed(f"--metrics-port {port} on {host} can't be used ({error.strerror})") from None
