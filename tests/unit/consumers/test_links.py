"""What a link remembers of values that were written over."""

import pytest

from consumers.links import overwritten
from core.domain.fields import Platform
from core.domain.messages import Change
from core.store.links import Link

LINK = Link(hubspot_id="1", mainstay_id="m", filters={"past:h:city": "1000:newer,older"})


@pytest.mark.parametrize(
    ("name", "change", "late"),
    [
        ("city", Change("newer", 999), True),
        ("city", Change("older", 1), True),
        ("city", Change("newer", 1000), False),  # as late as the write: somebody may have set it back
        ("city", Change("newer", 2000), False),
        ("city", Change("unknown", 1), False),
        ("city", Change(None, 1), False),
        ("phone", Change("newer", 1), False),
    ],
)
def test_only_what_was_told_of_before_the_write_is_late(name: str, change: Change, late: bool) -> None:
    assert overwritten(LINK, Platform.HUBSPOT, name, change) is late
    assert not overwritten(LINK, Platform.MAINSTAY, name, change)
