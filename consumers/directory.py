"""What the runner knows of accounts, instances and holds: read again every second, so that a new, disabled,
held or deleted instance is noticed without a restart."""

from collections.abc import Callable
from dataclasses import dataclass, field

from consumers.work import Context
from core.domain.fields import Direction, Platform
from core.domain.instances import Account, Existence, Instance
from core.domain.messages import Address, Lane
from core.queue.rabbitmq import RabbitQueue
from core.store import accounts, instances
from core.store.accounts import Hold
from core.wiring import Wiring

RETIRED_MS = 60_000  # so long after its deletion, the scheduler takes an instance's queue over


@dataclass(frozen=True, slots=True)
class Directory:
    """Accounts by id, instances by id (deleted ones too), holds by account id.

    ``retired``: deleted so long ago that no consumer takes from their queues on RabbitMQ any more.
    """

    accounts: dict[int, Account] = field(default_factory=dict)
    instances: dict[int, Instance] = field(default_factory=dict)
    live: frozenset[int] = frozenset()
    holds: dict[int, Hold] = field(default_factory=dict)
    retired: frozenset[int] = frozenset()

    @classmethod
    def load(cls, wiring: Wiring) -> "Directory":
        """As stored now."""
        with wiring.database.reading() as session:
            everything = instances.all_instances(session, deleted=True)
            deleted = instances.deleted_at_ms(session)
            retired = deleted if isinstance(wiring.queue, RabbitQueue) else {}
            return cls(
                accounts={one.id: one for one in accounts.all_accounts(session)},
                instances={one.id: one for one in everything},
                live=frozenset(one.id for one in everything if one.id not in deleted),
                holds={one.account.id: one for one in accounts.held(session)},
                retired=frozenset(i for i, at_ms in retired.items() if wiring.clock() - at_ms > RETIRED_MS),
            )

    def existence(self, instance: Instance) -> Existence:
        """Whether the instance still wants its messages."""
        if instance.id not in self.live:
            return Existence.DELETED
        return Existence.ENABLED if instance.enabled else Existence.DISABLED

    def opposites(self, instance: Instance) -> tuple[Instance, ...]:
        """The enabled instances of the other direction between the same two accounts."""
        return tuple(
            other
            for other in self.instances.values()
            if other.enabled
            and other.id in self.live
            and other.direction is instance.direction.opposite
            and other.hubspot.id == instance.hubspot.id
            and other.mainstay.id == instance.mainstay.id
        )

    def addresses(self, direction: Direction) -> list[Address]:
        """The queues that a consumer of a direction serves. The incoming one sees to HubSpot's accounts."""
        found = [
            Address(Lane(one.direction), one.id)
            for one in self.instances.values()
            if one.direction is direction and one.id not in self.retired
        ]
        if direction is Direction.INCOMING:
            found += [
                Address(Lane.ACCOUNT, one.id)
                for one in self.accounts.values()
                if one.platform is Platform.HUBSPOT
            ]
        return found

    def accounts_of(self, address: Address) -> set[int]:
        """The accounts that a message of this queue needs."""
        if address.lane is Lane.ACCOUNT:
            return {address.id}
        instance = self.instances[address.id]
        return {instance.hubspot.id, instance.mainstay.id}

    def held(self, address: Address) -> bool:
        """Whether the queue has to wait for an account. A disabled instance's messages end at once; privacy
        deletions wait for nothing, so an account's own queue goes on."""
        if address.lane is Lane.ACCOUNT:
            return False
        if self.existence(self.instances[address.id]) is not Existence.ENABLED:
            return False
        return any(account in self.holds for account in self.accounts_of(address))


def context_of(
    wiring: Wiring,
    directory: Directory,
    instance: Instance,
    *,
    background: bool = False,
    stopping: Callable[[], bool] = lambda: False,
    ours: Callable[[], bool] | None = None,
) -> Context:
    """What a batch of this instance works with. ``background``: live changes go before its calls. ``ours``:
    no call begins where it is false."""
    hubspot, mainstay = wiring.hubspot(instance.hubspot), wiring.mainstay(instance.mainstay)
    if background:
        hubspot, mainstay = hubspot.background(), mainstay.background()
    if ours is not None:
        hubspot, mainstay = hubspot.while_ours(ours), mainstay.while_ours(ours)
    return Context(
        instance=instance,
        opposites=directory.opposites(instance),
        hubspot=hubspot,
        mainstay=mainstay,
        key=wiring.digest_key(),
        region=wiring.settings.phone_region,
        clock=wiring.clock,
        search_lag_s=wiring.settings.hubspot_search_lag_s,
        contact_url=wiring.settings.mainstay_contact_url,
        stopping=stopping,
    )
