"""A plan's changes in the audit log, in the transaction that makes them: no secrets, no contact values."""

from sqlalchemy.orm import Session

from console.configuration.plan import AccountChange, InstanceChange, Plan, Verb
from core.domain.instances import Instance
from core.store import audit

_TOKENS = {"access_token", "api_token"}
_INSTANCE = {
    Verb.CREATE: "instance.created",
    Verb.UPDATE: "instance.changed",
    Verb.REPLACE: "instance.replaced",
    Verb.DELETE: "instance.deleted",
}


def note(session: Session, now_ms: int, who: str, plan: Plan, saved: list[Instance | None]) -> None:
    """One entry per change. ``saved``: the plan's instances, in its order, as they are now."""
    for change in plan.accounts:
        if change.verb is not Verb.UNCHANGED:
            audit.record(session, now_ms, who, _of_account(change), change.entry.name, change.details)
    for one, now in zip(plan.instances, saved, strict=True):
        if one.verb is not Verb.UNCHANGED:
            details = _details(one, now)
            audit.record(session, now_ms, who, _INSTANCE[one.verb], now.name if now else one.name, details)


def _of_account(change: AccountChange) -> str:
    if change.verb is Verb.CREATE:
        return "account.connected"
    return "account.reconnected" if _TOKENS & change.credentials.keys() else "account.changed"


def _details(change: InstanceChange, saved: Instance | None) -> list[str]:
    if saved is None:
        return list(change.details)
    new = change.verb is not Verb.UPDATE
    state = ["enabled" if change.enabled else "disabled"] if new else []
    return [f"version {saved.mapping_version}", *state, *change.details]
