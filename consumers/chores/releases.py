"""Notes in the audit log when another version begins to run, so that Health can mark it in its charts."""

from importlib.metadata import version

from core.store import audit
from core.wiring import Wiring

DEPLOYED = "release.deployed"
WHO = "the scheduler"


def running(wiring: Wiring) -> str:
    """What runs here: CROSSWALK_RELEASE, or the package's version."""
    return wiring.settings.release or version("crosswalk")


def note(wiring: Wiring) -> bool:
    """Whether another release ran before; then this one is noted, once."""
    release = running(wiring)
    with wiring.database.transaction() as session:
        last = audit.newest(session, DEPLOYED)
        if last is not None and last.subject == release:
            return False
        audit.record(session, wiring.clock(), WHO, DEPLOYED, release)
    return True
