"""A sample of real contacts, for the wizard: how many would end how."""

from dataclasses import dataclass

from consumers import single
from core.domain.fields import Direction
from core.domain.instances import Instance
from core.platforms.errors import PlatformError
from core.wiring import Wiring

SAMPLE = 100


@dataclass(frozen=True, slots=True)
class Sample:
    """How many contacts were looked at, and how many would end how; ``codes`` counts the errors' codes.
    ``total`` is how many contacts there are, where the platform tells."""

    looked_at: int
    outcomes: dict[str, int]
    codes: dict[str, int]
    total: int | None
    problem: str = ""


def count(wiring: Wiring, instance: Instance, limit: int = SAMPLE) -> Sample:
    """What a sync of the first contacts of the source would do. Writes nothing."""
    try:
        if instance.direction is Direction.INCOMING:
            page = wiring.hubspot(instance.hubspot).list_page(["firstname"])
        else:
            page = wiring.mainstay(instance.mainstay).modified_page(0)
        told = single.preview_many(wiring, instance, [one.id for one in page.contacts[:limit]])
    except PlatformError as error:
        return Sample(0, {}, {}, None, f"{error.platform.title} does not answer: {error.detail}.")
    outcomes = dict.fromkeys(("create", "update", "unchanged", "filtered", "error"), 0)
    codes: dict[str, int] = {}
    for one in told:
        outcomes[one["outcome"]] += 1
        if one["code"]:
            codes[one["code"]] = codes.get(one["code"], 0) + 1
    total = page.total if page.total is not None else (None if page.cursor else len(page.contacts))
    return Sample(len(told), outcomes, codes, total)
