"""Both platforms as their APIs answer: tokens, scopes, mapped fields; and the HubSpot app's subscriptions."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from console.doctor.finding import Finding, ok, problem, skipped, warning
from core.domain import mapping_check
from core.domain.codes import HELP, Code
from core.domain.fields import Field, Platform
from core.domain.instances import Account, Instance
from core.platforms.errors import AuthenticationFailed, PermissionMissing, PlatformError
from core.platforms.hubspot import subscriptions
from core.store import accounts, instances

if TYPE_CHECKING:
    from core.wiring import Wiring

_RETRY = "See that the platform's address is right and reachable from here, then run this again."
_CONNECT_AGAIN = "Give the account a new token: `crosswalk instances apply FILE`, or Reconnect (console)."
_SCOPES = "Add them to the app (app-hsmeta.json, `hs project upload`) and connect the account again."


def all_of(wiring: "Wiring", app_files: Path) -> Iterator[Finding]:
    """Every account, every instance. Needs the database."""
    with wiring.database.reading() as session:
        known, used = accounts.all_accounts(session), instances.all_instances(session)
        held = {hold.account.id: hold.code for hold in accounts.held(session)}
    if not known:
        step = "Connect them: `crosswalk instances apply FILE`, or the console's Browse Available."
        yield warning("accounts", "none", "no account is connected yet", step)
    catalogues: dict[int, Sequence[Field]] = {}
    for account in known:
        if account.id in held:
            yield problem("hold", account.name, f"held: {held[account.id]}", _hold_step(held[account.id]))
        yield from _account(wiring, account, catalogues)
    for instance in used:
        yield from _mapping(instance, catalogues)
    if any(one.platform is Platform.HUBSPOT for one in known):
        yield from _subscriptions(wiring, used, app_files)


def _account(wiring: "Wiring", account: Account, catalogues: dict[int, Sequence[Field]]) -> Iterator[Finding]:
    """Token, owner, scopes; the fields of the account go into ``catalogues``."""
    hubspot = account.platform is Platform.HUBSPOT
    check, subject = f"{account.platform}-token", f"{account.name} ({account.external_id})"
    try:
        owner = (wiring.hubspot(account) if hubspot else wiring.mainstay(account)).external_id()
        if owner != account.external_id:
            step = f"Give the account a token of {account.external_id}."
            yield problem(check, subject, f"the token belongs to {owner}", step)
            return
        yield ok(check, subject, "accepted")
        if hubspot:
            yield _scopes(wiring.hubspot(account).missing_scopes(), subject)
            catalogues[account.id] = wiring.hubspot(account).fields()
        else:
            catalogues[account.id] = wiring.mainstay(account).fields()
    except AuthenticationFailed as error:
        yield problem(check, subject, f"refused ({error.detail})", _CONNECT_AGAIN)
    except PermissionMissing as error:
        step = _SCOPES if hubspot else HELP[Code.PERMISSION_MISSING].next_step
        yield problem(check, subject, f"accepted, but not for this call ({error.detail})", step)
    except PlatformError as error:
        yield problem(check, subject, f"{error.code}: {error.detail}", _RETRY)


def _hold_step(code: str) -> str:
    if code == Code.AUTHENTICATION_FAILED:
        return _CONNECT_AGAIN
    return (
        "Nothing to do while the platform is down: it is probed, and what waits goes on by itself. If others"
        " reach it, look at the network from here: proxy, DNS, firewall."
    )


def _scopes(missing: Sequence[str], subject: str) -> Finding:
    if missing:
        return problem("hubspot-scopes", subject, f"missing: {', '.join(missing)}", _SCOPES)
    return ok("hubspot-scopes", subject, "contacts and properties can be read, contacts written")


def _mapping(instance: Instance, catalogues: dict[int, Sequence[Field]]) -> Iterator[Finding]:
    """Whether both platforms still have the fields that the instance maps, and let them be written."""
    hubspot, mainstay = catalogues.get(instance.hubspot.id), catalogues.get(instance.mainstay.id)
    if hubspot is None or mainstay is None:
        step = "Mend the account's finding above first."
        yield skipped("mapping", instance.name, "the fields of a platform are not known now", step)
        return
    rows = [
        mapping_check.RawRow(row.mainstay.name, row.hubspot.name, str(row.when_empty), dict(row.options))
        for row in instance.mapping.rows
    ]
    filters = [mapping_check.RawFilter(one.field.name, one.values) for one in instance.mapping.filters]
    _, found = mapping_check.problems(instance.direction, rows, filters, mainstay, hubspot)
    for one in found:
        step = "Change the mapping (console, or `crosswalk instances apply`), or the field on its platform."
        yield problem("mapping", instance.name, one, step)
    if not found:
        yield ok("mapping", instance.name, f"{len(rows)} rows, as both platforms have them")


def _subscriptions(wiring: "Wiring", used: Sequence[Instance], app_files: Path) -> Iterator[Finding]:
    """What the app's project files ask for, against what is mapped. HubSpot tells nobody what a project-based
    app is subscribed to, so the files are held against the mappings, and their upload is the operator's."""
    needs = subscriptions.wanted(used)
    for name, why in needs.unsendable.items():
        step = (
            f"Nothing to do: the sweep finds its changes, every {wiring.settings.sweep_every_s / 60:g} min."
        )
        yield warning("subscriptions", name, f"no webhook tells of it: {why}", step)
    paths = sorted(app_files.rglob("webhooks*-hsmeta.json")) if app_files.is_dir() else []
    if not paths:
        step = f"Run `crosswalk app-files --out {app_files}`, or name the app's project with --app-files."
        yield skipped("subscriptions", str(app_files), "there are no project files of the app here", step)
    for path in paths:
        yield from _file(wiring, needs, path)


def _file(wiring: "Wiring", needs: subscriptions.Wanted, path: Path) -> Iterator[Finding]:
    again = f"Run `crosswalk app-files --out {_project(path)}`, then `hs project upload` in that folder."
    try:
        target, have = subscriptions.told(json.loads(path.read_text()))
    except (OSError, ValueError) as error:
        yield problem("subscriptions", str(path), f"can't be read ({type(error).__name__})", again)
        return
    wanted = set(needs.subscriptions())
    if target != f"{wiring.settings.public_url}/webhooks/hubspot":
        yield problem("subscriptions", str(path), f"its targetUrl is {target or 'empty'}", again)
    if lacking := sorted(wanted - have):
        yield problem("subscriptions", str(path), f"lacks {_named(lacking)}", again)
    if more := sorted(have - wanted):
        yield warning("subscriptions", str(path), f"asks for {_named(more)}, which nothing maps", again)
    if have == wanted:
        yield ok("subscriptions", str(path), f"{len(have)} subscriptions, exactly what is mapped")


def _named(some: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{kind} {name}".strip() for kind, name in some)


def _project(path: Path) -> Path:
    """The folder that holds ``src/app/webhooks/…``."""
    return path.parents[3] if len(path.parents) > 3 else path.parent
