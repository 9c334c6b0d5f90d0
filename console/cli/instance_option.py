"""``--instance NAME`` where what is kept is looked at: deleted instances count, their records stay."""

from typing import TYPE_CHECKING

from console.cli.failing import Failed
from core.store import instances

if TYPE_CHECKING:
    from core.wiring import Wiring


def check_instance(wiring: "Wiring", name: str) -> None:
    """Failed for a name that no instance has or had: a typing error must not look like "nothing found"."""
    if not name:
        return
    with wiring.database.reading() as session:
        names = {one.name for one in instances.all_instances(session, deleted=True)}
    if name not in names:
        raise Failed(f"there is no instance {name!r}; see `crosswalk instances list`")
