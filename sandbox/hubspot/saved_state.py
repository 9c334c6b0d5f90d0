"""Portals, contacts and tokens to and from the state file. Switches and faults are not kept."""

from dataclasses import asdict

from sandbox.hubspot.catalogue import Property
from sandbox.hubspot.contacts import Contact, Version
from sandbox.hubspot.portal import Token, World
from sandbox.messages import JsonObject


def exported(world: World) -> JsonObject:
    portals = {
        portal.id: {
            "next_id": portal.book.next_id,
            "contacts": [asdict(contact) for contact in portal.book.all.values()],
            "merged_into": portal.book.merged_into,
            "catalogue": [asdict(definition) for definition in portal.book.catalogue.values()],
        }
        for portal in world.portals.values()
    }
    tokens = {name: asdict(grant) for name, grant in world.tokens.items()}
    refresh_tokens = {name: asdict(grant) for name, grant in world.refresh_tokens.items()}
    return {"portals": portals, "tokens": tokens, "refresh_tokens": refresh_tokens}


def take_over(world: World, state: JsonObject) -> None:
    world.tokens |= {name: Token(**saved) for name, saved in state["tokens"].items()}
    world.refresh_tokens |= {n: Token(**saved) for n, saved in state["refresh_tokens"].items()}
    for portal_id, saved in state["portals"].items():
        world.portals.pop(portal_id, None)
        book = world.add_portal(portal_id, []).book
        book.next_id = saved["next_id"]
        book.merged_into.update(saved["merged_into"])
        for each in saved["catalogue"]:
            options = [(value, label) for value, label in each.pop("options")]
            book.catalogue[each["name"]] = Property(**each, options=options)
        for each in saved["contacts"]:
            history = each.pop("history")
            contact = Contact(**each)
            contact.history = {n: [Version(*v) for v in vs] for n, vs in history.items()}
            book.take_over(contact)
