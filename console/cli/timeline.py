"""A contact's timeline as text: links, why each field is what it is, all that happened, newest first."""

from collections.abc import Iterator
from typing import Any

import click

from console.cli.output import plain, print_table, say
from console.timelines import Timeline, in_short

_DID = {"write": "written", "kept": "kept", "yield": "holds, and travels", "left out": "left out"}


def print_timeline(timeline: Timeline) -> None:
    """Everything, for people."""
    told = timeline.to_json()
    for link in told["links"]:
        _print_link(link)
    if told["decisions"]:
        click.echo()
        print_table(
            ("Field", "In", "", "Since (UTC)", "By", "Because"),
            (
                (
                    *(one["field"], _TITLES[one["side"]], _DID[one["did"]]),
                    *(_short(one["at"]), one["instance"], one["reason"]),
                )
                for one in told["decisions"]
            ),
            "",
        )
    happened = [
        *((one["at"], 0, _outcome(one)) for one in told["timeline"]),
        *((one["at"], 1, _problem(one)) for one in told["problems"]),
        *((one["at"], 2, _dead(one)) for one in told["dead_letters"]),
    ]
    if not happened:
        say("Nothing is known about this contact: it was never seen, or longer ago than outcomes are kept.")
    for _, _, lines in sorted(happened, key=lambda one: one[:2], reverse=True):
        click.echo()
        for line in lines:
            click.echo(plain(line))


_TITLES = {"hubspot": "HubSpot", "mainstay": "Mainstay"}


def _print_link(link: dict[str, Any]) -> None:
    click.echo(f"Linked: hubspot:{link['hubspot_id']} with mainstay:{link['mainstay_id']}")
    if link["agreed"]:
        click.echo(plain(f"  both sides agree on {', '.join(link['agreed'])}"))
    for name, at in link["seen"].items():
        click.echo(plain(f"  not agreed on {name}: Mainstay's value was first seen at {at}"))
    if link["writing_to"]:
        click.echo(f"  a write to {_TITLES[link['writing_to']]} is on its way; its answer is not known yet")


def _outcome(one: dict[str, Any]) -> Iterator[str]:
    """An outcome: what came of it, who asked, then each step with its reason."""
    code = f" ({one['code']})" if one["code"] else ""
    short = in_short(one)
    yield f"{_short(one['at'])}  {one['direction']}  {one['outcome']}{code}{': ' + short if short else ''}"
    tries = f", after {one['attempt']} failed tries" if one["attempt"] else ""
    by = f" by {one['instance']}" if one["instance"] else ""
    yield f"    {one['cause']} of {one['occurred_at']}{by}{tries}"
    for part in one["filter"]:
        yield f"    filter: {part['field']} {'holds' if part.get('held') else 'fails'}{_wanted(part)}"
    for step in one["matching"]:
        yield f"    matching: {step['rule']}: {step['result']}: {step['reason']}{_candidates(step)}"
    for field in one["fields"]:
        if field["did"] != "same":
            yield f"    {field['field']}: {_did(field, one)}: {field['reason']}"
    same = [str(field["field"]) for field in one["fields"] if field["did"] == "same"]
    if same:
        yield f"    the same on both sides: {', '.join(same)}"
    for note in one["notes"]:
        if note != short:
            yield f"    {note}"


def _did(field: dict[str, Any], entry: dict[str, Any]) -> str:
    if field["did"] == "write":
        return "wrote" if entry["outcome"] in ("created", "updated") else "was to be written"
    return "stays, and travels the other way" if field["did"] == "yield" else str(field["did"])


def _wanted(part: dict[str, Any]) -> str:
    wanted = part.get("wanted")
    return f" (wanted: {' or '.join(wanted)})" if wanted else ""


def _candidates(step: dict[str, Any]) -> str:
    candidates = step.get("candidates", [])
    return f" (looked at {', '.join(candidates)})" if candidates else ""


def _problem(one: dict[str, Any]) -> Iterator[str]:
    yield f"{_short(one['at'])}  {one['direction']}  Sync Log: {one['code']}: {one['message']}"
    if one["told_again_at"]:
        yield f"    told again at {one['told_again_at']}"
    else:
        yield f"    resolved at {one['resolved_at']}" if one["resolved_at"] else "    still open"


def _dead(one: dict[str, Any]) -> Iterator[str]:
    yield f"{_short(one['at'])}  dead letter {one['id']} ({one['state']}): {one['code']}: {one['message']}"
    yield f"    after {one['attempts']} tries{' of ' + one['instance'] if one['instance'] else ''}"


def _short(at: str) -> str:
    return at[:19].replace("T", " ")
