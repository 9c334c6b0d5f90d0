"""A past for the console of a test: outcomes of all kinds and open problems, of two integrations."""

from dataclasses import dataclass

from console.access import Role
from core.domain.codes import Code
from core.domain.outcomes import Problem
from core.store import outcomes, sync_log
from core.store.outcomes import OutcomeRow
from tests.integration.console.kit import Scene

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Past:
    """Instance ids, and the time that everything is told from (epoch ms)."""

    incoming: int
    outgoing: int
    now_ms: int


def make(scene: Scene, *, enabled: bool = True) -> Past:
    """Two instances between both accounts, then ``happen``."""
    scene.connect_both()
    owner = scene.browser(Role.OWNER)
    for direction, name in (("incoming", "Leads in"), ("outgoing", "Students out")):
        owner.post("/integrations/hubspot/new", direction=direction)
        wizard = owner.path.removesuffix("/details")
        owner.post(f"{wizard}/details", name=name, do="next")
        owner.post(f"{wizard}/preview", do="finish")
    found = [scene.instance("Leads in"), scene.instance("Students out")]
    ids = [one.id for one in found if one is not None]
    if enabled:
        for one in ids:
            owner.post(f"/integrations/hubspot/instances/{one}/enable", since="now")
    return happen(scene, *ids)


def happen(scene: Scene, incoming: int, outgoing: int) -> Past:
    """Eight outcomes of six contacts, and six open problems of three causes."""
    now_ms = scene.wiring.clock()
    ends = [
        ("created", "1001", None),
        ("updated", "1002", None),
        ("unchanged", "1002", None),
        ("filtered", "1003", None),
        ("error", "1004", Code.INVALID_PHONE),
        ("error", "1005", Code.CRM_ID_PHONE_CONFLICT),
        ("updated", "1006", None),
        ("dead", "1007", Code.UNEXPECTED_ANSWER),
    ]
    rows = [
        OutcomeRow(
            message_id=f"m{n}",
            generation=0,
            direction="incoming",
            outcome=outcome,
            cause="event",
            occurred_at_ms=now_ms - (20 - n) * MINUTE_MS - 4_000,
            accepted_at_ms=now_ms - (20 - n) * MINUTE_MS,
            finished_at_ms=now_ms - (20 - n) * MINUTE_MS,
            hubspot_account_id=1,
            mainstay_account_id=2,
            instance_id=incoming,
            hubspot_id=contact,
            mainstay_id=f"ms{contact}",
            code=code,
            story={
                "fields": [{"field": "email", "did": "write", "reason": "differs"}],
                "filter": [{"field": "lifecyclestage", "wanted": ["lead"], "held": False}]
                if outcome == "filtered"
                else [],
            },
        )
        for n, (outcome, contact, code) in enumerate(ends)
    ]
    with scene.wiring.database.transaction() as session:
        outcomes.record(session, rows)
    for minutes, instance_id, contact, code, message in (
        (300, incoming, "1004", Code.INVALID_PHONE, "phone: not a number that Mainstay can hold"),
        (40, incoming, "1008", Code.INVALID_PHONE, "phone: not a number that Mainstay can hold"),
        (
            12,
            incoming,
            "1005",
            Code.CRM_ID_PHONE_CONFLICT,
            "CRM ID leads to one contact, the phone to another",
        ),
        (9, incoming, "1007", Code.UNEXPECTED_ANSWER, "HubSpot answered something we don't understand"),
        (6, outgoing, "ms7", Code.UNKNOWN_OPTION, "program: HubSpot has no such option"),
        (5, outgoing, "ms8", Code.UNKNOWN_OPTION, "program: HubSpot has no such option"),
    ):
        tell(scene, instance_id, contact, code, message, now_ms - minutes * MINUTE_MS)
    return Past(incoming, outgoing, now_ms)


def tell(
    scene: Scene,
    instance_id: int,
    contact: str,
    code: Code,
    message: str,
    at_ms: int,
    *,
    again: bool = False,
) -> None:
    """One problem of a contact of an instance's source. ``again``: of one that was tried again."""
    from_mainstay = contact.startswith("ms")
    about = sync_log.About(
        instance_id,
        "outgoing" if from_mainstay else "incoming",
        f"{'mainstay' if from_mainstay else 'hubspot'}:{contact}",
        hubspot_id=None if from_mainstay else contact,
        mainstay_id=contact if from_mainstay else None,
        url=f"https://app.mainstay.com/contacts/{contact}" if from_mainstay else None,
        fingerprint="x",
    )
    with scene.wiring.database.transaction() as session:
        sync_log.tell(session, about, [Problem(code, message)], at_ms, again=again)


def work(scene: Scene) -> None:
    """Consumers of both directions show themselves, as they do while they run."""
    from core.owners import this_process
    from core.store import processes

    with scene.wiring.database.transaction() as session:
        for role in ("incoming", "outgoing"):
            processes.beat(session, this_process(role), role, scene.wiring.clock())
