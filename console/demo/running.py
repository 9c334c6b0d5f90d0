"""The demo from start to end: platforms, configuration, processes, the first contacts, the story."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from shlex import quote

import click

from console.configuration import applying, stored
from console.configuration.planning import plan
from console.configuration.platforms import WiredPlatforms
from console.configuration.reading import read
from console.demo.processes import Plot, bare, crosswalk, shared_metrics
from console.demo.story import Story
from console.statuses import look
from console.supervisor import Supervisor
from console.web.demo import sign_in_path
from consumers.jobs.sweep import sweep
from core.domain.fields import Platform
from core.domain.instances import Instance
from core.settings import Settings
from core.store import instances, outcomes
from core.store.database import migrate
from core.store.outcomes import OutcomeRow
from core.wiring import Wiring, connect

CONFIGURATION = Path(__file__).parent / "configuration.yaml"
_FILLING_S = 180.0  # Mainstay in miniature takes ten calls a second, as the real one may
_LOOK_S = 0.2


def run(plot: Plot, stopping: threading.Event, program: str, tell: Callable[[str], None]) -> None:
    """Run until ``stopping``. ChildFailed if a process ends by itself. Everything is stopped on return."""
    supervisor = Supervisor()
    try:
        tell("Starting HubSpot and Mainstay in miniature …")
        supervisor.start(plot.hubspot())
        supervisor.start(plot.mainstay())
        if stopping.is_set():
            return
        wiring = connect(Settings.from_env(plot.settings))
        migrate(wiring.database.engine)
        wiring.queue.declare([])
        configure(plot, wiring)
        tell("Starting the receiver, both consumers and the scheduler …")
        environment = {**bare(plot.outside), **plot.settings, **shared_metrics(plot.folder.path / "metrics")}
        for child in crosswalk(environment, plot.host, plot.ports.receiver, plot.folder.log):
            supervisor.start(child)
            if stopping.is_set():
                return
        supervisor.start(plot.console(environment))
        if not plot.folder.filled.exists():
            fill(wiring, supervisor, stopping, tell)
            if not stopping.is_set():
                plot.folder.filled.touch()
        if not stopping.is_set():
            tell(introduction(plot, program, sign_in_path(wiring)))
        follow(wiring, supervisor, stopping, tell)
    finally:
        tell("Stopping …")
        supervisor.stop(patience_s=25.0)


def configure(plot: Plot, wiring: Wiring) -> None:
    """Apply the demo's two instances; the second time there is nothing to do."""
    secrets = plot.secrets
    names = {
        "HUBSPOT_TOKEN": secrets.hubspot_token,
        "MAINSTAY_TOKEN": secrets.mainstay_token,
        "MAINSTAY_WEBHOOK_SECRET": secrets.mainstay_webhook_secret,
    }
    with wiring.database.reading() as session:
        if instances.all_instances(session):
            return  # whoever changed the demo's instances keeps the changes
        now = stored.take(session, wiring.sealer)
    made = plan(read(CONFIGURATION.read_text("utf-8"), names), now, WiredPlatforms(wiring))
    applying.carry_out(made, wiring.database, wiring.sealer, wiring.queue, wiring.clock, author="demo")


def fill(
    wiring: Wiring, supervisor: Supervisor, stopping: threading.Event, tell: Callable[[str], None]
) -> None:
    """The first time: carry over the contacts that are there already, one direction after the other."""
    with wiring.database.reading() as session:
        known = instances.all_instances(session)
    for instance in known:
        with wiring.database.reading() as session:
            before = outcomes.newest_id(session)
        queued = sweep(wiring, instance, since_ms=0).queued
        tell(f"The first time: {queued} contacts of {instance.source.name} go through {instance.name} …")
        deadline_s = time.monotonic() + _FILLING_S
        while not stopping.wait(_LOOK_S) and not look(wiring)["idle"]:
            supervisor.check()
            if time.monotonic() > deadline_s:
                tell("  this takes long; it goes on beside what follows")
                break
        tell(f"  {_counted(wiring, instance, before)}")


def _counted(wiring: Wiring, instance: Instance, after_id: int) -> str:
    """How the contacts fared since outcome ``after_id``; our own writes coming back change nothing in it."""
    best: dict[str | None, str] = {}
    while rows := _following(wiring, after_id):
        after_id = rows[-1].id
        for row in rows:
            contact = row.hubspot_id if instance.source.platform is Platform.HUBSPOT else row.mainstay_id
            if row.instance_id == instance.id and best.get(contact, "unchanged") == "unchanged":
                best[contact] = row.outcome
    return (
        ", ".join(f"{n} {outcome}" for outcome, n in Counter(best.values()).most_common()) or "nothing to do"
    )


def _following(wiring: Wiring, after_id: int) -> list[OutcomeRow]:
    with wiring.database.reading() as session:
        return outcomes.following(session, after_id)


def follow(
    wiring: Wiring, supervisor: Supervisor, stopping: threading.Event, tell: Callable[[str], None]
) -> None:
    """Tell the story of each change until ``stopping``."""
    with wiring.database.reading() as session:
        story = Story(wiring.database, outcomes.newest_id(session))
    while not stopping.wait(_LOOK_S):
        supervisor.check()
        for line in story.new_lines():
            tell(line)


def introduction(plot: Plot, program: str, sign_in: str) -> str:
    """What to open and what to try."""
    hubspot, mainstay = plot.url(plot.ports.hubspot), plot.url(plot.ports.mainstay)
    receiver, console = plot.url(plot.ports.receiver), plot.url(plot.ports.console)
    shell = plot.folder.write_private(
        "settings.sh", "".join(f"export {name}={quote(value)}\n" for name, value in plot.settings.items())
    )
    kept = "contacts, logs/" if plot.servers else "contacts, database, logs/"
    return f"""
  HubSpot in miniature    {click.style(hubspot, bold=True)}
  Mainstay in miniature   {click.style(mainstay, bold=True)}
  Console                 {click.style(console + sign_in, bold=True)}
                          (this link signs you in as the demo's owner)
  Receiver                {receiver}/healthz   /readyz   /metrics

  Try
    1. Open HubSpot, choose a lead (see its lifecycle stage), change its email: it arrives in Mainstay.
    2. Open Mainstay, change the same contact's program: it arrives in HubSpot.
    3. Set a contact's lifecycle stage to subscriber in HubSpot: the filter keeps it out.
    4. Switch on a fault on either page, change a contact, switch it off: it is tried again by itself.
    5. In another terminal:
         . {quote(str(shell))}
         {program} status
         {program} log
         {program} preview hubspot-to-mainstay hubspot:ID

  Kept in {plot.folder.path}: {kept}. The next start goes on from there.
  Ctrl-C stops everything. What happens:
"""
