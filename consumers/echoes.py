"""Our own writes coming back: they end here, without a call to a platform.

No mark of origin is trusted: an echo is an event whose values are those that a link remembers.
"""

from collections.abc import Collection, Sequence

from consumers.links import overwritten
from consumers.records import Records
from consumers.work import SOON_S, Context, Work
from core.domain.fields import Platform
from core.domain.messages import Cause, Change
from core.domain.outcomes import Outcome
from core.store.links import Link

_OWN_CREATE_MS = 30_000  # how long an open create towards the source may explain an unknown contact
_OWN_CREATE_PATIENCE_MS = 10_000


def end_echoes(context: Context, works: Sequence[Work]) -> None:
    """Values equal to the agreed ones are no outside change: our own writes coming back end here, without a
    call. An open write (``sent_to``: a lost answer) forbids it until the target was read again."""
    source = context.direction.source
    for work in works:
        link = work.link
        if link is None or link.sent_to or work.intent is not None or not work.changes:
            continue
        if context.instance.id in link.unsettled:
            continue  # a change of another field was skipped: it has to be looked at too
        if any(message.looked or not message.cause.may_shortcut for message in work.messages):
            continue  # a first look may have left something half done: the CRM ID to be set, for one
        if all(_no_news(context, link, source, name, change) for name, change in work.changes.items()):
            work.end(Outcome.UNCHANGED, note="the values are those that both sides agreed on")


def _no_news(context: Context, link: Link, source: Platform, name: str, change: Change) -> bool:
    """The value is the agreed one, or one that we wrote over after it was told of."""
    known = _known(context, link, source, name)
    return change.digest in known or (bool(known) and overwritten(link, source, name, change))


def _known(context: Context, link: Link, source: Platform, name: str) -> Collection[str]:
    """The digest that every row of a source field last agreed on; empty if any row never did."""
    mapping = context.instance.mapping
    agreed = [link.agreed.get(row.memory) for row in mapping.rows if row.side(source).name == name]
    known = [pair.side(source) if pair is not None else "" for pair in agreed]
    letter = "h" if source is Platform.HUBSPOT else "m"
    if not agreed or any(one.field.name == name for one in mapping.filters):
        known.append(link.filters.get(f"{letter}:{name}", ""))
    return set(known) if known and len(set(known)) == 1 else ()


def wait_for_own_creates(context: Context, records: Records, works: Sequence[Work]) -> None:
    """An unknown contact may be one that another worker is creating right now: its link is about to be
    stored, and then this event is an echo. Bounded: after a few seconds it is looked at anyway."""
    unknown = [
        work
        for work in works
        if work.link is None
        and work.intent is None
        and all(message.cause is Cause.EVENT for message in work.messages)
        and all(
            context.clock() - message.accepted_at_ms < _OWN_CREATE_PATIENCE_MS for message in work.messages
        )
    ]
    if unknown and context.clock() - records.create_towards_source_ms() < _OWN_CREATE_MS:
        for work in unknown:
            work.wait(SOON_S)
