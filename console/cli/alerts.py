"""``crosswalk alerts``: what is open, the rules, whom to tell, and a test."""

from typing import TYPE_CHECKING

import click

from console.cli.actor import actor
from console.cli.failing import Failed
from console.cli.output import print_json, print_table, say
from console.cli.start import Start, start
from console.times import short
from core.domain.alerts import RULES, Rule, Setting
from core.notifying.problems import NotSent
from core.store import alert_settings
from core.store import alerts as store

if TYPE_CHECKING:
    from core.wiring import Wiring

JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
_NUMBER = click.argument("destination", type=click.IntRange(1, 2**62))


@click.group()
def alerts() -> None:
    """What somebody should look at: list, rules, destinations, test."""


@alerts.command(name="list")
@click.option("--open", "open_only", is_flag=True, help="Only those that are open.")
@JSON
@start
def list_(start: Start, open_only: bool, as_json: bool) -> None:
    """Open alerts first, then the newest that are over."""
    from console import alerting

    wiring = start.wiring()
    with wiring.database.reading() as session:
        found = store.recent(session, open_only=open_only)
    if as_json:
        origin = wiring.settings.console_url or wiring.settings.public_url or ""
        print_json([alerting.alert_document(one, origin) for one in found])
        return
    print_table(
        ("State", "Since (UTC)", "Over (UTC)", "Alert", "What"),
        (
            (
                "over" if one.resolved_at_ms else "OPEN",
                short(one.opened_at_ms),
                short(one.resolved_at_ms),
                one.title,
                one.text,
            )
            for one in found
        ),
        "There are no alerts.",
    )


@alerts.command()
@JSON
@start
def rules(start: Start, as_json: bool) -> None:
    """Every rule as it is set."""
    from console import alerting

    with start.wiring().database.reading() as session:
        known = list(alert_settings.settings(session).values())
    if as_json:
        print_json([alerting.rule_document(one) for one in known])
        return
    print_table(
        ("Rule", "State", "From", "What it looks at"),
        (
            (
                one.rule,
                "on" if one.enabled else "off",
                f"{one.threshold} {RULES[one.rule].unit}",
                RULES[one.rule].explained,
            )
            for one in known
        ),
        "",
    )


@alerts.command(name="set")
@click.argument("rule", type=click.Choice([str(rule) for rule in Rule]))
@click.option("--on/--off", "enabled", default=None, help="Switch it.")
@click.option("--from", "threshold", type=click.IntRange(1, 100_000), help="From how many on it tells.")
@start
def set_(start: Start, rule: str, enabled: bool | None, threshold: int | None) -> None:
    """Switch a RULE, or say from how many on it tells."""
    from console import alerting

    wiring = start.wiring()
    with wiring.database.reading() as session:
        now = alert_settings.settings(session)[Rule(rule)]
    wanted = Setting(
        now.rule,
        now.enabled if enabled is None else enabled,
        now.threshold if threshold is None else threshold,
    )
    changed = alerting.set_rules(wiring, actor(), [wanted])
    state = f"{'on' if wanted.enabled else 'off'}, from {wanted.threshold} {RULES[wanted.rule].unit}"
    say(f"{rule} is {state}{'' if changed else ', as before'}.")


@alerts.command()
@JSON
@start
def destinations(start: Start, as_json: bool) -> None:
    """Whom to tell."""
    from console import alerting

    with start.wiring().database.reading() as session:
        known = alert_settings.destinations(session)
    if as_json:
        print_json([alerting.destination_document(one) for one in known])
        return
    print_table(
        ("Id", "Kind", "Address", "State", "Told last (UTC)", "Problem"),
        (
            (
                one.id,
                one.kind,
                one.address,
                "on" if one.enabled else "off",
                short(one.sent_at_ms),
                one.problem,
            )
            for one in known
        ),
        "Nobody is told yet. `crosswalk alerts add email ADDRESS` changes that.",
    )


@alerts.command()
@click.argument("kind", type=click.Choice([alert_settings.EMAIL, alert_settings.WEBHOOK]))
@click.argument("address")
@start
def add(start: Start, kind: str, address: str) -> None:
    """Tell an email ADDRESS, or a webhook's; a webhook's secret is printed, once."""
    from console import alerting

    try:
        made = alerting.add(start.wiring(), actor(), kind, address)
    except alerting.Wrong as wrong:
        raise click.UsageError(str(wrong)) from None
    say(f"Destination {made.destination.id}. Send a test: `crosswalk alerts test {made.destination.id}`")
    if made.secret:
        say("Its messages are signed (Standard Webhooks) with this secret, which is not shown again:")
        click.echo(made.secret)


@alerts.command()
@_NUMBER
@start
def remove(start: Start, destination: int) -> None:
    """Tell a DESTINATION nothing any more."""
    from console import alerting

    if alerting.remove(start.wiring(), actor(), destination) is None:
        raise _unknown(destination)
    say(f"Destination {destination} was removed.")


@alerts.command()
@_NUMBER
@click.option("--on/--off", "enabled", default=None, help="Switch it.")
@click.option("--rules", help="Rules that it hears of, with commas between; `all` for all of them.")
@start
def change(start: Start, destination: int, enabled: bool | None, rules: str | None) -> None:
    """Switch a DESTINATION on or off, or choose its rules."""
    from console import alerting

    chosen = None if rules is None else [] if rules == "all" else [one.strip() for one in rules.split(",")]
    unknown = [one for one in chosen or [] if one not in list(Rule)]
    if unknown:
        raise click.UsageError(f"there is no rule {unknown[0]!r}; see `crosswalk alerts rules`")
    if alerting.change(start.wiring(), actor(), destination, enabled=enabled, rules=chosen) is None:
        raise _unknown(destination)
    say(f"Destination {destination} was changed.")


@alerts.command()
@click.argument("destination", type=click.IntRange(1, 2**62), required=False)
@start
def test(start: Start, destination: int | None) -> None:
    """Send a test to a DESTINATION, or to all that are on."""
    wiring = start.wiring()
    with wiring.database.reading() as session:
        known = alert_settings.destinations(session)
    wanted = [one for one in known if one.id == destination or (destination is None and one.enabled)]
    if not wanted and destination is not None:
        raise _unknown(destination)
    if not wanted:
        raise Failed("nobody is told yet; `crosswalk alerts add email ADDRESS` changes that")
    problems = [_try(wiring, one) for one in wanted]
    if any(problems):
        raise Failed(f"{sum(map(bool, problems))} of {len(problems)} did not take it")


def _try(wiring: "Wiring", one: alert_settings.Destination) -> bool:
    """Whether there was a problem; says which."""
    from console import alerting

    try:
        alerting.try_out(wiring, actor(), one.id)
    except NotSent as problem:
        say(f"{one.kind} {one.address}: {problem}.")
        return True
    say(f"{one.kind} {one.address}: taken.")
    return False


def _unknown(destination: int) -> Failed:
    return Failed(f"there is no destination {destination}; see `crosswalk alerts destinations`")
