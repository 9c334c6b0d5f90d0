"""Working on a contact by hand while no batch does: the same leases as the consumers', for a moment."""

import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from consumers.leasing import Held
from core.coordination.port import CoordinationUnavailable
from core.wiring import Wiring

PATIENCE_S = 5.0
_STEP_S = 0.2


class Busy(Exception):
    """A batch works on the contact, or nobody can say whether one does. The text is for people."""


@contextmanager
def leased(wiring: Wiring, keys: Collection[str]) -> Iterator[Held]:
    """Hold the keys (``lease_key``); Busy where they are not free for ``PATIENCE_S``."""
    held = Held(wiring.leases, f"{wiring.owner}{uuid.uuid4().hex[:8]}")
    deadline_s = time.monotonic() + PATIENCE_S
    try:
        while not held.acquire([set(keys)])[0]:
            if time.monotonic() > deadline_s:
                raise Busy(
                    "The contact is being synced just now. Nothing was changed; try again in a moment."
                )
            time.sleep(_STEP_S)
    except CoordinationUnavailable:
        raise Busy("The store of the leases does not answer. Nothing was changed; try again.") from None
    try:
        yield held
    finally:
        held.release()
