"""``crosswalk demo`` and ``crosswalk serve``: everything on one machine, as one command."""

import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from console.cli.failing import Failed
from console.cli.output import say
from console.cli.start import Start, start
from console.demo.folder import FolderProblem, opened
from console.demo.ports import PortProblem, free, ports
from console.demo.processes import METRICS, Plot, bare, crosswalk, shared_metrics
from console.supervisor import ChildFailed, Supervisor
from core.store.database import migrate

HOST = click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")


@click.command()
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65532), help="First of four.")
@HOST
@click.option(
    "--data",
    default=None,
    show_default="var/demo",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where it keeps everything; the next start goes on from there.",
)
@click.option("--production", is_flag=True, help="On RabbitMQ, PostgreSQL and Redis (var/demo-production).")
@start
def demo(start: Start, port: int, host: str, data: Path | None, production: bool) -> None:
    """HubSpot and Mainstay in miniature, syncing both ways. Needs nothing but this command.

    Starts both platforms, the receiver, both consumers and the scheduler, with two instances and sample
    contacts, and tells the story of each change. Ctrl-C stops everything.

    --production uses the servers that CROSSWALK_BROKER_URL, CROSSWALK_DATABASE_URL and CROSSWALK_REDIS_URL
    name, or those at their usual local addresses, in places of its own.
    """
    from console.demo import running, servers  # the platforms' clients take a second to import

    stopping = _until_signalled()
    data = data or Path("var/demo-production" if production else "var/demo")
    try:
        with opened(data) as folder:
            plot = Plot(folder, folder.secrets(), ports(host, port), host, start.environment)
            if production:
                anew = not folder.filled.exists()
                found = servers.find(start.environment, data, anew=anew)
                for place in found.places:
                    click.echo(f"On {place}")
                plot = replace(plot, servers=found.settings)
            running.run(plot, stopping, _program(), lambda text: click.echo(text))
    except (FolderProblem, PortProblem, ChildFailed, servers.ServersMissing) as error:
        raise Failed(str(error)) from None
    click.echo("Stopped.")


@click.command()
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="The receiver's."
)
@HOST
@start
def serve(start: Start, port: int, host: str) -> None:
    """Receiver, both consumers and the scheduler on one machine, for the real platforms.

    Needs the settings of `crosswalk settings`, CROSSWALK_PUBLIC_URL and CROSSWALK_HUBSPOT_CLIENT_SECRET among
    them. Logs go to stdout. SIGTERM and Ctrl-C stop everything in good order.
    """
    wiring = start.wiring("PUBLIC_URL", "HUBSPOT_CLIENT_SECRET", migrated=False)
    stopping = _until_signalled()
    supervisor = Supervisor()
    metrics = TemporaryDirectory(prefix="crosswalk-metrics-")
    try:
        free(host, [port])
        migrate(wiring.database.engine)
        wiring.queue.declare([])
        environment = bare(start.environment) | {
            name: value for name, value in start.environment.items() if name.startswith("CROSSWALK_")
        }
        environment |= shared_metrics(Path(start.environment.get(METRICS, metrics.name)))
        for child in crosswalk(environment, host, port, lambda _: None):
            supervisor.start(child)
        say(f"Serving on {host}:{port}. `crosswalk status` tells how things stand.")
        while not stopping.wait(0.5):
            supervisor.check()
    except (ChildFailed, PortProblem) as error:
        raise Failed(str(error)) from None
    finally:
        supervisor.stop()
        metrics.cleanup()


def _until_signalled() -> threading.Event:
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def _program() -> str:
    """How this command was called: ``.venv/bin/crosswalk`` or ``crosswalk``."""
    called = Path(sys.argv[0])
    if called.name != "crosswalk":
        return "crosswalk"
    found = called.absolute()
    return str(found.relative_to(Path.cwd())) if found.is_relative_to(Path.cwd()) else str(found)
