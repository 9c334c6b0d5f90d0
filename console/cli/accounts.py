"""``crosswalk accounts``: the connected accounts, and whether their tokens work."""

import click

from console import account_list
from console.cli.output import print_json, print_table
from console.cli.start import Start, start
from console.times import rfc3339, short
from core.store import accounts as store
from core.store import instances


@click.group()
def accounts() -> None:
    """The connected accounts: list, test."""


@accounts.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
@start
def list_(start: Start, as_json: bool) -> None:
    """All accounts; a held one with the reason."""
    with start.wiring().database.reading() as session:
        held = {hold.account.id: hold for hold in store.held(session)}
        used = instances.all_instances(session)
        known = store.all_accounts(session)
    told = []
    for one in known:
        hold = held.get(one.id)
        told.append(
            account_list.named(one)
            | {
                "instances": [i.name for i in used if one.id in (i.hubspot.id, i.mainstay.id)],
                "held": hold and {"code": hold.code, "detail": hold.detail, "since": rfc3339(hold.since_ms)},
            }
        )
    if as_json:
        print_json(told)
        return
    print_table(
        ("Platform", "Name", "Id", "Instances", "State"),
        (
            (
                one.platform.title,
                one.name,
                one.external_id,
                len(row["instances"]),
                f"held since {short(held[one.id].since_ms)}: {held[one.id].code}" if row["held"] else "ok",
            )
            for one, row in zip(known, told, strict=True)
        ),
        "There are no accounts yet. `crosswalk instances apply FILE` connects them.",
    )


@accounts.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
@start
@click.pass_context
def test(ctx: click.Context, start: Start, name: str | None, as_json: bool) -> None:
    """Call each platform once (or only the account NAME). Exit status 1 if any of them fails."""
    wiring = start.wiring()
    with wiring.database.reading() as session:
        known = [one for one in store.all_accounts(session) if name in (None, one.name)]
    if name and not known:
        raise click.UsageError(f"there is no account {name!r}; see `crosswalk accounts list`")
    told = [account_list.tested(wiring, one) for one in known]
    if as_json:
        print_json(told)
    else:
        print_table(
            ("Platform", "Name", "Answer"),
            ((one["platform"], one["name"], "ok" if one["ok"] else one["problem"]) for one in told),
            "There are no accounts yet. `crosswalk instances apply FILE` connects them.",
        )
    if not all(one["ok"] for one in told):
        ctx.exit(1)
