"""``crosswalk dead``: messages that were given up. Look, replay, discard."""

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from console import dead_letters as letters
from console.cli.actor import actor
from console.cli.failing import Failed
from console.cli.instance_option import check_instance
from console.cli.numbers import NUMBER
from console.cli.output import print_json, print_table, say
from console.cli.start import Start, start
from console.cli.time_options import TIME
from console.times import short
from core.domain.codes import Code
from core.store import dead_letters
from core.store.dead_letters import DeadLetter, Search

if TYPE_CHECKING:
    from consumers.jobs.replaying import Replayed

JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout, messages on stderr.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Say how many; change nothing.")
YES = click.option("--yes", is_flag=True, help="Don't ask.")


def _narrowing(command: Callable[..., None]) -> Callable[..., None]:
    """The options that choose dead letters; the command gets them as ``wanted``."""

    @functools.wraps(command)
    def narrowed(
        start: Start,
        *,
        ids: tuple[int, ...],
        instance: str,
        code: str | None,
        since: int | None,
        limit: int | None,
        **more: Any,
    ) -> None:
        check_instance(start.wiring(), instance)
        _check_ids(start, ids)
        wanted = Search(ids=ids, instance=instance, code=code or "", since_ms=since, limit=limit)
        command(start, wanted=wanted, **more)

    codes = click.Choice([one.value for one in Code])
    for option in (
        click.option("--limit", type=NUMBER, default=None, help="At most so many, oldest first."),
        click.option("--since", type=TIME, default=None, help="Last failed since: 2h, 3d, RFC 3339."),
        click.option("--code", type=codes, default=None, metavar="CODE", help="Only this code."),
        click.option("--instance", default="", metavar="NAME", help="Only this instance."),
        click.option(
            "--id",
            "ids",
            type=NUMBER,
            multiple=True,
            metavar="ID",
            help="Only this letter; may be given more than once.",
        ),
    ):
        narrowed = option(narrowed)
    return narrowed


@click.group()
def dead() -> None:
    """Dead letters: list, show, replay, discard. Without a filter, replay and discard mean all."""


@dead.command(name="list")
@JSON
@start
@_narrowing
def list_(start: Start, wanted: Search, as_json: bool) -> None:
    """The dead letters, oldest first."""
    found = _search(start, wanted)
    if as_json:
        print_json([letters.document(one) for one in found])
        return
    print_table(
        (
            "Id",
            "Instance",
            "Direction",
            "Contact",
            "Code",
            "Tries",
            "First failed (UTC)",
            "Last failed (UTC)",
        ),
        (
            (
                one.id,
                one.instance,
                one.direction,
                one.contact,
                one.code,
                one.attempts,
                short(one.first_failed_at_ms),
                short(one.last_failed_at_ms),
            )
            for one in found
        ),
        "There are no such dead letters.",
    )


@dead.command()
@click.argument("letter", metavar="ID", type=NUMBER)
@JSON
@start
def show(start: Start, letter: int, as_json: bool) -> None:
    """One dead letter: what failed, why, and what to do."""
    with start.wiring().database.reading() as session:
        found = dead_letters.get(session, letter)
    if found is None:
        raise Failed(f"there is no dead letter {letter}; see `crosswalk dead list`")
    told = letters.shown(found)
    if as_json:
        print_json(told)
        return
    for name, value in told.items():
        click.echo(f"{name + ':':<17} {'' if value is None else value}")


@dead.command(name="replay")
@DRY_RUN
@YES
@click.option("--paced", is_flag=True, help="Leave it to the scheduler, behind live changes; see the jobs.")
@JSON
@start
@_narrowing
def replay_(start: Start, wanted: Search, dry_run: bool, yes: bool, paced: bool, as_json: bool) -> None:
    """Queue dead letters again; returns when all are queued. Each brings its contact's current state.

    On a terminal it asks first, unless --yes is given. --dry-run tells what it would take.
    """
    from consumers.jobs import replaying
    from consumers.jobs.replay_plan import plan

    wiring = start.wiring()
    told = plan(wiring, wanted)
    if told.letters:
        say(told.in_words())
    done = replaying.Replayed()
    if _wanted(told.letters, "replayed", dry_run=dry_run, yes=yes):
        who = actor()
        if paced:
            done.job = letters.replay_paced(wiring, wanted, who).id
            say(f"Job {done.job} replays them; `crosswalk jobs show {done.job}` follows it.")
        else:
            with _progress(told.letters) as progress:
                done = replaying.replay(wiring, wanted, who, progress)
            say(f"{done.queued} queued again.")
            letters.note_replay(wiring, told.letters, done.job, who)
    if done.unreadable:
        say(f"{done.unreadable} can't be read, so they stay: sweep their instance, then discard them.")
    if as_json:
        print_json(letters.replay_document(told, None if dry_run else done))


@dead.command()
@DRY_RUN
@YES
@click.option("--reason", default="", metavar="TEXT", help="Why, for the timeline and the audit log.")
@JSON
@start
@_narrowing
def discard(start: Start, wanted: Search, dry_run: bool, yes: bool, reason: str, as_json: bool) -> None:
    """Give dead letters up for good. A later change of the contact is synced all the same.

    On a terminal it asks first, unless --yes is given.
    """
    wiring, count = start.wiring(), 0
    with wiring.database.reading() as session:
        found, _ = dead_letters.total(session, wanted)
    found = min(found, wanted.limit or found)
    if _wanted(found, "discarded", dry_run=dry_run, yes=yes):
        count = letters.discard(wiring, wanted, actor(), reason)
        say(f"{count} discarded.")
    if as_json:
        print_json(letters.discard_document(found, count, dry_run=dry_run))


@contextmanager
def _progress(count: int) -> Iterator[Callable[["Replayed"], None]]:
    """A bar on a terminal, a line now and then elsewhere."""
    if not sys.stderr.isatty():
        yield lambda now: say(f"{now.queued + now.unreadable} of {count} …")
        return
    with click.progressbar(length=count, label="Replaying", file=sys.stderr) as bar:
        yield lambda now: bar.update(now.queued + now.unreadable - bar.pos)


def _check_ids(start: Start, ids: tuple[int, ...]) -> None:
    """Failed for a letter that is not there, or no longer dead: who names one means this one."""
    found = {one.id for one in _search(start, Search(ids=ids))} if ids else set()
    if lacking := sorted(set(ids) - found):
        raise Failed(f"there is no dead letter {lacking[0]} (any more); see `crosswalk dead list`")


def _search(start: Start, wanted: Search) -> list[DeadLetter]:
    with start.wiring().database.reading() as session:
        return dead_letters.search(session, wanted)


def _wanted(count: int, done: str, *, dry_run: bool, yes: bool) -> bool:
    """Whether to go ahead: asks on a terminal only."""
    if count == 0:
        say("There are no such dead letters.")
        return False
    if dry_run:
        say(f"{count} would be {done}.")
        return False
    if not yes and sys.stdin.isatty():
        return click.confirm(f"{count} dead letters will be {done}. Go ahead?", err=True)
    return True
