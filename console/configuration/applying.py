"""Carries a plan out, in one transaction: all of it, or nothing."""

from collections.abc import Callable

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from console.configuration import stored as store
from console.configuration.entries import AccountKey
from console.configuration.noting import note
from console.configuration.plan import AccountChange, InstanceChange, Plan, Verb
from console.configuration.problems import Refused
from core.domain.fields import Direction, Platform
from core.domain.instances import Account, Instance
from core.domain.messages import Address, Lane
from core.queue.port import Queue
from core.store import accounts, catalogues, instances, sync_log, watermarks
from core.store.database import Database
from core.store.sealing import Sealer

_MEANWHILE = "the configuration was changed by somebody else in the meantime: apply it once more"


def carry_out(
    plan: Plan,
    database: Database,
    sealer: Sealer,
    queue: Queue,
    clock: Callable[[], int],
    *,
    author: str = "",
) -> None:
    """Apply the plan, and note in the audit log what ``author`` changed. The queues exist before anybody can
    see the instances.

    Refused if the store is not what the plan was made upon; DatabaseUnavailable, QueueUnavailable: then
    nothing was changed.
    """
    if plan.nothing_to_do:
        return
    try:
        with database.transaction() as session:
            _write(_Work(session, sealer, clock(), author), plan, queue)
    except IntegrityError:  # two at once, on PostgreSQL; or names that change places
        raise Refused([_MEANWHILE]) from None


def _write(work: "_Work", plan: Plan, queue: Queue) -> None:
    _still_the_same(work.session, work.sealer, plan)
    known = {one.key: one.account for one in plan.stored.accounts}
    for change in sorted(plan.accounts, key=lambda one: one.verb is Verb.CREATE):
        account = work.account(change)
        known[change.entry.key] = account
    for key, fields in plan.catalogues.items():
        catalogues.save(work.session, known[key].id, fields, work.now_ms)
    made = [work.instance(change, known) for change in plan.instances]
    portals = {one.id for one in known.values() if one.platform is Platform.HUBSPOT}
    note(work.session, work.now_ms, work.author, plan, made)
    queue.declare([Address(Lane.ACCOUNT, n) for n in portals] + [address(one) for one in made if one])


def address(instance: Instance) -> Address:
    """Where an instance's messages wait."""
    return Address(Lane.INCOMING if instance.direction is Direction.INCOMING else Lane.OUTGOING, instance.id)


def enable(
    session: Session, queue: Queue, instance: Instance, now_ms: int, *, since_ms: int | None = None
) -> bool:
    """Declare the queue and enable; changes from now on count, or from ``since_ms`` on (the first sweep then
    queues them). False if it was enabled already."""
    queue.declare([Address(Lane.ACCOUNT, instance.hubspot.id), address(instance)])
    if not instances.set_enabled(session, instance.id, True, now_ms):
        return False
    watermarks.start(session, instance.id, now_ms, since_ms=since_ms)
    return True


def _still_the_same(session: Session, sealer: Sealer, plan: Plan) -> None:
    now = store.take(session, sealer)
    same = now.instances == plan.stored.instances and [
        (one.account, one.field_types) for one in now.accounts
    ] == [(one.account, one.field_types) for one in plan.stored.accounts]
    if not same:
        raise Refused([_MEANWHILE])


class _Work:
    """The steps inside the transaction."""

    def __init__(self, session: Session, sealer: Sealer, now_ms: int, author: str) -> None:
        self.session = session
        self.sealer = sealer
        self.now_ms = now_ms
        self.author = author

    def account(self, change: AccountChange) -> Account:
        entry = change.entry
        if change.stored is None:
            given = {name: value for name, value in change.credentials.items() if value is not None}
            return accounts.create(
                self.session,
                self.sealer,
                platform=entry.platform,
                name=entry.name,
                external_id=entry.external_id,
                values=given,
                field_types=entry.field_types,
                now_ms=self.now_ms,
            )
        account = change.stored.account
        if change.verb is Verb.UPDATE:
            accounts.describe(self.session, account.id, name=entry.name, field_types=entry.field_types)
            before = change.stored.credentials.version
            after = accounts.replace_credentials(self.session, self.sealer, account.id, change.credentials)
            if after != before:  # the hold, if there was one, ended with the old token
                sync_log.resolve_account(self.session, account.id, self.now_ms)
        return Account(account.id, account.platform, entry.name, account.external_id)

    def instance(self, change: InstanceChange, known: dict[AccountKey, Account]) -> Instance | None:
        """The instance as it is now; None where it is deleted or was never touched."""
        if change.verb in (Verb.DELETE, Verb.REPLACE) and change.stored:
            instances.delete(self.session, change.stored.id, self.now_ms)
        if change.verb in (Verb.DELETE, Verb.UNCHANGED) or not change.entry or not change.mapping:
            return None
        entry = change.entry
        hubspot, mainstay = (known[key] for key in entry.accounts)
        if change.verb is Verb.UPDATE and change.stored:
            current = change.stored
            wanted = Instance(
                current.id,
                entry.name,
                entry.direction,
                hubspot,
                mainstay,
                change.mapping,
                current.enabled,
                current.mapping_version,
                entry.description,
            )
            saved = instances.save(self.session, wanted, now_ms=self.now_ms, author=self.author)
        else:
            saved = instances.create(
                self.session,
                name=entry.name,
                description=entry.description,
                direction=entry.direction,
                hubspot=hubspot,
                mainstay=mainstay,
                mapping=change.mapping,
                author=self.author,
                now_ms=self.now_ms,
            )
        if instances.set_enabled(self.session, saved.id, change.enabled, self.now_ms) and change.enabled:
            watermarks.start(self.session, saved.id, self.now_ms)
        return saved
