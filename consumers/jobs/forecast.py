"""What would become of every contact of a source: the plan of each, by the same code, writing nothing.

For the dry run of a backfill and for comparing both sides. Works on a page at a time, in the background.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from consumers.batch import preview, works_of
from consumers.directory import Directory, context_of
from consumers.jobs.pages import AGAIN_S, MOST_WAIT_S, Stopped, Stopping, everybody, pause, total_of
from consumers.jobs.sweep import message_of
from consumers.records import Records
from consumers.single import verdict_of
from consumers.work import Context, Work
from core import telemetry
from core.domain.contacts import Contact
from core.domain.fields import Platform
from core.domain.instances import Instance
from core.domain.messages import Cause
from core.platforms.errors import AuthenticationFailed, PlatformError, RateLimited
from core.wiring import Wiring

EXAMPLES = 5  # per verdict
MANY = 20  # creates from which on a dry run doubts them ...
FAR_MORE = 3  # ... where they are so many times the matches

Tell = Callable[[int, int | None], None]  # how many contacts are looked at, of how many


@dataclass(frozen=True, slots=True)
class Example:
    """One contact of a verdict. ``contact`` and ``target`` are ``platform:ID``; ``why`` is a sentence."""

    contact: str
    target: str | None
    code: str | None
    why: str


@dataclass(slots=True)
class Forecast:
    """What a backfill would do. ``would``: verdict (create, update, unchanged, filtered, error) → number;
    ``codes``: code → number; ``calls``: platform → API calls that finding out took."""

    contacts: int = 0
    would: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("create", "update", "unchanged", "filtered", "error"), 0)
    )
    codes: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[Example]] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)

    def add(self, context: Context, work: Work) -> None:
        """Count one planned contact."""
        verdict, code = verdict_of(work)
        self.contacts += 1
        self.would[verdict] += 1
        if code:
            self.codes[code] = self.codes.get(code, 0) + 1
        shown = self.examples.setdefault(verdict, [])
        if len(shown) < EXAMPLES:
            source = f"{context.direction.source}:{work.contact}"
            shown.append(Example(source, counterpart(context, work), code, why(work)))

    @property
    def warning(self) -> str:
        """Why this should not be run as it is, "" if nothing speaks against it."""
        creates, matched = self.would["create"], self.would["update"] + self.would["unchanged"]
        if creates < MANY or creates <= FAR_MORE * matched:
            return ""
        return (
            f"it would create {creates} contacts and matches only {matched}. If these people are in the"
            " target already, the matching does not find them: look at some with `crosswalk preview`, and"
            " begin with --max-creates"
        )


def forecast(wiring: Wiring, instance: Instance, tell: Tell, stopping: Stopping = lambda: False) -> Forecast:
    """Plan every contact of the instance's source. PlatformError, Stopped.

    Each contact is planned by what is there now: of two that would become one, both are told as creates.
    """
    context = context_of(wiring, Directory.load(wiring), instance, background=True, stopping=stopping)
    records = Records(context, wiring.database, wiring.sealer)
    found, before = Forecast(), telemetry.calls_made()
    total = total_of(context, context.direction.source)
    for page in everybody(context, context.direction.source, stopping):
        for work in planned(context, records, page.contacts, stopping):
            found.add(context, work)
        tell(found.contacts, total)
    after = telemetry.calls_made()
    found.calls = {platform: count - before.get(platform, 0) for platform, count in after.items()}
    return found


def planned(
    context: Context, records: Records, contacts: Sequence[Contact], stopping: Stopping
) -> Iterator[Work]:
    """The plan of each contact of a page. PlatformError where the platforms answer for none of them, Stopped.

    A contact that a platform fails for is planned again a few times; then it stands as failed.
    """
    sources = {contact.id: contact for contact in contacts}
    waiting = list(sources)
    tries = 0
    while waiting:
        works = _plan(context, records, [sources[one] for one in waiting])
        failed = [work for work in works if _again(work, tries)]
        yield from (work for work in works if work not in failed)
        if not failed:
            return
        errors = [work.failure for work in failed if work.failure is not None]
        if len(failed) == len(sources) and tries >= len(AGAIN_S):
            raise errors[0]
        limited = [error for error in errors if isinstance(error, RateLimited)]
        if limited:
            wait_s = max(error.retry_after_s or 1.0 for error in limited)
            if wait_s > MOST_WAIT_S:
                raise limited[0]
        else:
            wait_s, tries = AGAIN_S[min(tries, len(AGAIN_S) - 1)], tries + 1
        pause(wait_s, stopping)
        if stopping():
            raise Stopped
        waiting = [work.contact for work in failed]


def _plan(context: Context, records: Records, contacts: Sequence[Contact]) -> list[Work]:
    now_ms = context.clock()
    works = works_of(message_of(context, one, now_ms, 0, Cause.RECONCILE) for one in contacts)
    for work, contact in zip(works, contacts, strict=True):
        work.source = contact
    preview(context, records, works)
    return works


def _again(work: Work, tries: int) -> bool:
    error = work.failure
    if isinstance(error, AuthenticationFailed):
        raise error
    if error is None or not error.retryable:
        return False
    return isinstance(error, RateLimited) or tries <= len(AGAIN_S)


def counterpart(context: Context, work: Work) -> str | None:
    """``platform:ID`` of the target contact, where one was found."""
    target = context.direction.target
    if work.target is not None:
        return f"{target}:{work.target.id}"
    if work.link is None:
        return None
    linked = work.link.hubspot_id if target is Platform.HUBSPOT else work.link.mainstay_id
    return f"{target}:{linked}"


def why(work: Work) -> str:
    """In a sentence, why a contact gets its verdict. Names and ids, no values."""
    if isinstance(work.failure, PlatformError):
        return str(work.failure)
    if work.problems:
        return work.problems[0].message
    failed = [one for one in work.story.filter if not one.get("held")]
    if failed:
        return "; ".join(_filtered(one) for one in failed)
    steps = [step.reason for step in work.story.matching if step.result in ("matched", "error")]
    return "; ".join([*steps[-1:], *work.story.notes])


def _filtered(one: dict[str, object]) -> str:
    wanted = one.get("wanted")
    return f"{one['field']} is not {' or '.join(wanted)}" if isinstance(wanted, list) else str(one["field"])
