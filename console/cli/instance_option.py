"""An instance by its name; and ``--instance NAME`` of what is kept, where deleted instances count."""

from typing import TYPE_CHECKING

from console.cli.failing import Failed
from core.domain.instances import Instance
from core.store import instances

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from core.wiring import Wiring


def check_instance(wiring: "Wiring", name: str) -> None:
    """Failed for a name that no instance has or had: a typing error must not look like "nothing found"."""
    if not name:
        return
    with wiring.database.reading() as session:
        names = {one.name for one in instances.all_instances(session, deleted=True)}
    if name not in names:
        raise Failed(f"there is no instance {name!r}; see `crosswalk instances list`")


def named(session: "Session", name: str) -> Instance:
    """The instance of that name; Failed with the names that there are."""
    known = instances.all_instances(session)
    found = next((one for one in known if one.name == name), None)
    if found is None:
        names = ", ".join(one.name for one in known) or "none yet"
        raise Failed(f"there is no instance {name!r}; there are: {names}")
    return found


def find(wiring: "Wiring", name: str) -> Instance:
    """``named`` in a transaction of its own."""
    with wiring.database.reading() as session:
        return named(session, name)
