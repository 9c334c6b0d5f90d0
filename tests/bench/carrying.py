"""Carrying changes over: the pace at the platforms' real limits, against a connector that goes one at a time.

Both sandboxes take 100 ms for a call. The outgoing case has HubSpot's real limit and none on Mainstay's side,
the incoming one the reverse: each shows how much of the limit that binds it is used.
"""

import time
from pathlib import Path

from core.domain.contacts import Contact
from tests.bench.alone import one_at_a_time
from tests.bench.stage import LIFTED, PLATFORMS, Stage, hubspot_contacts, mainstay_contacts, record, stage
from tests.end_to_end.scene import configuration

Row = dict[str, object]
HUBSPOT_CALLS_S, MAINSTAY_CALLS_S = 11.0, 10.0  # 110/10s and 10/1s
OUTGOING, INCOMING = 1600, 150


def outgoing(folder: Path) -> list[Row]:
    """Mainstay → HubSpot: creates, email matches, updates of linked contacts; HubSpot's limit is real."""
    limits = LIFTED | {"CROSSWALK_HUBSPOT_RATE": "110/10s"}
    switches = {"hubspot": {"webhooks": False, "limits": True}, "mainstay": {"webhooks": False}}
    with stage(folder / "first", limits, switches=switches) as one:
        one.one.apply(configuration("outgoing"))
        made = one.people(OUTGOING // 4)
        one.queue("outgoing", mainstay_contacts(made))
        creates = one.carry("outgoing creates", "outgoing", len(made))
        one.records(OUTGOING // 4, start=OUTGOING // 4)
        known = one.people(OUTGOING // 4, start=OUTGOING // 4)
        one.queue("outgoing", mainstay_contacts(known))
        matches = one.carry("outgoing, matched by email", "outgoing", len(known))
    with stage(folder / "second", limits, switches=switches) as one:
        alone = _updates(one, OUTGOING)
    updates, single = alone
    updates["times one at a time"] = round(float(str(updates["contacts/s"])) / single, 1)
    for row in (creates, matches, updates):
        _of_ceiling(row, "HubSpot calls/contact", HUBSPOT_CALLS_S, "HubSpot's limit")
    return [creates, matches, updates, {"what": "one at a time, updates", "contacts/s": round(single, 1)}]


def _updates(one: Stage, count: int) -> tuple[Row, float]:
    """Linked contacts that changed in Mainstay; and the one-at-a-time connector on some of them."""
    one.one.apply(configuration("outgoing"))
    link(one, count)
    changed = change_in_mainstay(one)
    one.queue("outgoing", changed)
    row = one.carry("outgoing updates", "outgoing", count)
    one.slow(one.latency_ms)
    return row, one_at_a_time(one.one, 20)


def link(one: Stage, count: int) -> None:
    """Contacts that both sides have and that are linked, without limits or latency."""
    for name in PLATFORMS:
        one.platform(name).set(limits=False)
    made = one.people(count)
    one.queue("outgoing", mainstay_contacts(made))
    latency_ms, one.latency_ms = one.latency_ms, 0.0
    rate = one.one.environment.pop("CROSSWALK_HUBSPOT_RATE", "")
    one.one.environment["CROSSWALK_HUBSPOT_RATE"] = "100000/1s"
    one.carry("linking", "outgoing", count)
    one.one.environment["CROSSWALK_HUBSPOT_RATE"] = rate
    one.latency_ms = latency_ms
    for name, switches in one.one.switches.items():
        one.platform(name).set(limits=bool(switches.get("limits", False)))


def change_in_mainstay(one: Stage) -> list[Contact]:
    """Every contact gets another last name; they as they are now."""
    for contact in one.one.mainstay.all():
        one.one.mainstay.edit(contact["id"], last_name=f"Changed {time.time_ns()}")
    return mainstay_contacts(one.one.mainstay.all())


def incoming(folder: Path) -> list[Row]:
    """HubSpot → Mainstay: creates, updates of linked contacts, nothing changed; Mainstay's limit is real."""
    limits = LIFTED | {"CROSSWALK_MAINSTAY_RATE": "10/1s"}
    switches = {"hubspot": {"webhooks": False}, "mainstay": {"webhooks": False, "limits": True}}
    with stage(folder, limits, switches=switches) as one:
        one.one.apply(configuration("incoming"))
        made = one.records(INCOMING)
        one.queue("incoming", hubspot_contacts(made))
        creates = one.carry("incoming creates", "incoming", INCOMING)
        for number, contact in enumerate(made):
            one.one.hubspot.edit(contact["id"], **{**record(number), "lastname": f"Changed{number}"})
        one.queue("incoming", hubspot_contacts(one.one.hubspot.all()))
        updates = one.carry("incoming updates", "incoming", INCOMING)
        for _ in range(10):
            one.queue("incoming", hubspot_contacts(one.one.hubspot.all()))
        unchanged = one.carry("incoming, nothing changed", "incoming", 10 * INCOMING)
    for row in (creates, updates):
        _of_ceiling(row, "Mainstay calls/contact", MAINSTAY_CALLS_S, "Mainstay's limit")
    return [creates, updates, unchanged]


def cpu(folder: Path) -> list[Row]:
    """CPU per contact where the platforms answer at once: the consumer's own, the sandboxes not counted."""
    with stage(folder) as one:
        one.latency_ms = 0.0
        one.one.apply(configuration("outgoing", "incoming"))
        link(one, 1000)
        one.queue("outgoing", change_in_mainstay(one))
        outgoing_row = one.carry("CPU, outgoing updates", "outgoing", 1000)
        for contact in one.one.hubspot.all():
            one.one.hubspot.edit(contact["id"], lastname=f"New {contact['id']}")
        one.queue("incoming", hubspot_contacts(one.one.hubspot.all()))
        incoming_row = one.carry("CPU, incoming updates", "incoming", 1000)
        one.queue("incoming", hubspot_contacts(one.one.hubspot.all()))
        unchanged = one.carry("CPU, incoming, nothing changed", "incoming", 1000)
    return [outgoing_row, incoming_row, unchanged]


def _of_ceiling(row: Row, calls: str, calls_s: float, name: str) -> None:
    """How much of what a rate limit allows was used: the share of its calls."""
    used_s = float(str(row["contacts/s"])) * float(str(row[calls]))
    row[f"% of {name}"] = round(100 * used_s / calls_s)
