"""What work that is asked for now would wait for, in plain sentences: nothing of it is lost meanwhile."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from core.domain.codes import HELP, Code
from core.domain.instances import Instance
from core.domain.messages import Address, Lane
from core.queue.port import QueueUnavailable
from core.store import accounts, processes

if TYPE_CHECKING:
    from core.wiring import Wiring


def waits_for(wiring: "Wiring", instances: Collection[Instance], *, consumers: bool = True) -> list[str]:
    """What is missing for work on these instances. ``consumers``: whether it needs them."""
    with wiring.database.reading() as session:
        roles = {one.role for one in processes.running(session, wiring.clock())}
        holds = accounts.held(session)
    told = []
    if "scheduler" not in roles:
        told.append("No scheduler runs at the moment: the job begins once one does.")
    for direction in sorted({str(one.direction) for one in instances}):
        if consumers and Lane(direction) not in roles:
            told.append(f"No {direction} consumer runs at the moment: what is queued waits for one.")
    ours = {account.id for one in instances for account in (one.hubspot, one.mainstay)}
    for hold in holds:
        if hold.account.id in ours:
            why = HELP[Code(hold.code)].title.lower()
            told.append(
                f"{hold.account.platform.title} account {hold.account.name} is held ({why}): it waits."
            )
    try:
        wiring.queue.depths([Address(Lane(one.direction), one.id) for one in instances])
    except QueueUnavailable:
        told.append("The queue does not answer at the moment: the job waits until it does. Nothing is lost.")
    return told
