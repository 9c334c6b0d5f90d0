"""What HubSpot's pages show and do."""

from collections.abc import Mapping

from sandbox.control import refused
from sandbox.hubspot.catalogue import Property
from sandbox.hubspot.contacts import Contact
from sandbox.hubspot.outside_user import OutsideUser
from sandbox.hubspot.portal import Portal, World
from sandbox.hubspot.writes import user_origin
from sandbox.page.contact_pages import Action, ContactPages, FormField, Row
from sandbox.platform import Route, SimulatedPlatform

FIRST_FIELDS = ("firstname", "lastname", "email", "phone", "lifecyclestage", "program", "application_status")


class HubSpotDesk:
    """The pages' view of the portals; edits carry CRM_UI as a user's do."""

    account_parameter = "portal"
    columns = ["Name", "Email", "Phone", "Lifecycle", "Program", "Status"]  # noqa: RUF012

    def __init__(self, world: World) -> None:
        self._world = world
        self._control = OutsideUser(world)

    def accounts(self) -> list[str]:
        return list(self._world.portals)

    def rows(self, account: str, search: str, archived: bool) -> list[Row]:
        portal = self._world.portals[account]
        found = (c for c in portal.book.all.values() if (c.archived_at_ms is not None) == archived)
        rows = [_row(contact) for contact in found]
        rows = [row for row in rows if search in f"{row.id} {' '.join(row.cells)}".lower()]
        return sorted(rows, key=lambda row: row.cells[0].lower())

    def fields(self, account: str, contact_id: str | None) -> list[FormField]:
        portal = self._world.portals[account]
        values = self._any(portal, contact_id).values if contact_id else {}
        names = dict.fromkeys((*FIRST_FIELDS, *portal.book.catalogue))
        definitions = [portal.book.catalogue[name] for name in names if name in portal.book.catalogue]
        return [_form_field(p, values.get(p.name, "")) for p in definitions if not p.archived]

    def actions(self, account: str, contact_id: str) -> list[Action]:
        contact = self._any(self._world.portals[account], contact_id)
        privacy = Action("privacy-delete", "Delete for privacy", danger=True)
        if contact.archived_at_ms is not None:
            return [Action("restore", "Restore"), privacy]
        return [
            Action("merge", "Merge", asks="Id of the other contact"),
            Action("archive", "Delete"),
            privacy,
        ]

    def save(self, account: str, contact_id: str | None, form: Mapping[str, str]) -> str:
        portal = self._world.portals[account]
        contact = self._control.contact(portal, contact_id) if contact_id else None
        before = contact.values if contact else {}
        # A browser sends every field: only what was changed is an edit.
        changed = {n: v.strip(";") for n, v in form.items() if v.strip(";") != before.get(n, "")}
        return self._control.write(portal, contact, dict(changed), user_origin()).id

    def act(self, account: str, contact_id: str, action: str, answer: str) -> str | None:
        portal, control, origin = self._world.portals[account], self._control, user_origin()
        contact = self._any(portal, contact_id)
        match action:
            case "archive":
                control.archive(portal, contact, origin)
            case "restore":
                control.restore(portal, contact, origin)
                return contact.id
            case "privacy-delete":
                control.forget(portal, contact, origin)
            case "merge":
                return control.merge(portal, contact, control.contact(portal, answer), origin).id
            case _:
                raise refused(404, f"no action {action}")
        return None

    def _any(self, portal: Portal, contact_id: str) -> Contact:
        found = portal.book.resolve(contact_id) or portal.book.get(contact_id, archived=True)
        return found or self._control.contact(portal, contact_id)


def _row(contact: Contact) -> Row:
    values = contact.values
    name = f"{values.get('firstname', '')} {values.get('lastname', '')}".strip()
    shown = ("email", "phone", "lifecyclestage", "program", "application_status")
    return Row(contact.id, [name, *(values.get(each, "") for each in shown)])


def _form_field(definition: Property, value: str) -> FormField:
    options = tuple(definition.options)
    kind = {"date": "date", "enumeration": "choice", "bool": "choice"}.get(definition.type, "text")
    if definition.type == "bool":
        options = (("true", "Yes"), ("false", "No"))
    if definition.is_multiple:
        kind = "multiple"
    if not definition.writable:
        kind = "shown"
    return FormField(definition.name, definition.label, value, kind, options)


def page_routes(platform: SimulatedPlatform[Portal], world: World) -> list[Route[Portal]]:
    return ContactPages(platform, HubSpotDesk(world)).routes()
