"""What Mainstay's pages show and do."""

from collections.abc import Mapping

from sandbox.control import refused
from sandbox.mainstay.contacts import shown
from sandbox.mainstay.fields import CustomField
from sandbox.mainstay.organisation import Contact, Organisation, World
from sandbox.mainstay.outside_user import OutsideUser
from sandbox.messages import JsonObject
from sandbox.page.contact_pages import Action, ContactPages, FormField, Row
from sandbox.platform import Route, SimulatedPlatform

FIELDS = {
    "first_name": "First Name",
    "last_name": "Last Name",
    "preferred_name": "Preferred Name",
    "phone": "Phone",
    "email": "Email",
    "crm_id": "CRM ID",
    "enrollment_id": "Enrollment ID",
}
CUSTOM = "custom."
YES_NO = (("true", "Yes"), ("false", "No"))
FLAGS = {
    "permitted_user_status": (
        "Permitted user",
        (("permitted", "Permitted"), ("not-permitted", "Not permitted")),
    ),
    "texting_status": (
        "Texting",
        (("opted-in", "Opted in"), ("opted-out", "Opted out"), ("temp-pause", "Paused")),
    ),
    "test_user": ("Test user", YES_NO),
}


class MainstayPagesDesk:
    """The pages' view of the organisations."""

    account_parameter = "org"
    columns = ["Name", "Phone", "Email", "CRM ID", "Program", "Status"]  # noqa: RUF012

    def __init__(self, world: World) -> None:
        self._world = world
        self._control = OutsideUser(world)

    def accounts(self) -> list[str]:
        return list(self._world.organisations)

    def rows(self, account: str, search: str, archived: bool) -> list[Row]:
        contacts = self._world.organisations[account].contacts.values()
        rows = [_row(each) for each in contacts if each.flags["archived"] == archived]
        rows = [row for row in rows if search in f"{row.id} {' '.join(row.cells)}".lower()]
        return sorted(rows, key=lambda row: row.cells[0].lower())

    def fields(self, account: str, contact_id: str | None) -> list[FormField]:
        organisation = self._world.organisations[account]
        contact = self._control.contact(organisation, contact_id) if contact_id else Contact("", 0, 0)
        fields = [FormField(n, label, contact.values.get(n, "")) for n, label in FIELDS.items()]
        for definition in organisation.custom_fields.values():
            fields.append(_custom_field(definition, contact.custom.get(definition.name)))
        for name, (label, options) in FLAGS.items():
            fields.append(FormField(name, label, _text(contact.flags[name]), "choice", options))
        if contact_id:
            kept = shown(contact, self._world.settings)
            names = [n for n in kept if n not in FIELDS and n not in FLAGS and n != "custom"]
            fields += [FormField(n, n, _text(kept[n]), "shown") for n in names]
        return fields

    def actions(self, account: str, contact_id: str) -> list[Action]:
        contact = self._control.contact(self._world.organisations[account], contact_id)
        if contact.flags["archived"]:
            return [Action("unarchive", "Take out of the archive")]
        return [Action("archive", "Archive", danger=True)]

    def save(self, account: str, contact_id: str | None, form: Mapping[str, str]) -> str:
        organisation = self._world.organisations[account]
        contact = self._control.contact(organisation, contact_id) if contact_id else None
        before = {field.name: field.value for field in self.fields(account, contact_id)}
        given: JsonObject = {"custom": {}}
        for name, value in form.items():
            if value == before.get(name, ""):
                continue  # a browser sends every field: only what was changed is an edit
            if name.startswith(CUSTOM):
                given["custom"][name.removeprefix(CUSTOM)] = value
            else:
                given[name] = value == "true" if name == "test_user" else value
        return self._control.write(organisation, contact, given).id

    def act(self, account: str, contact_id: str, action: str, answer: str) -> str | None:
        organisation: Organisation = self._world.organisations[account]
        contact = self._control.contact(organisation, contact_id)
        if action not in ("archive", "unarchive"):
            raise refused(404, f"no action {action}")
        self._control.write(organisation, contact, {"archived": action == "archive"})
        return contact.id


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _custom_field(definition: CustomField, value: object) -> FormField:
    kind, options = "text", tuple((each, each) for each in definition.options)
    if options:
        kind = "choice"
    elif definition.type == "True / False":
        kind, options = "choice", YES_NO
    elif definition.type == "Date":
        kind = "date"
    return FormField(CUSTOM + definition.name, definition.name, _text(value), kind, options)


def _row(contact: Contact) -> Row:
    values, custom = contact.values, contact.custom
    name = f"{values.get('first_name', '')} {values.get('last_name', '')}".strip()
    cells = [name, *(values.get(each, "") for each in ("phone", "email", "crm_id"))]
    note = {"include_test_contacts": "test", "include_nonpermitted_contacts": "not permitted"}
    return Row(
        contact.id,
        [*cells, _text(custom.get("Program")), _text(custom.get("Application Status"))],
        note.get(contact.hidden_as or "", ""),
    )


def page_routes(platform: SimulatedPlatform[Organisation], world: World) -> list[Route[Organisation]]:
    return ContactPages(platform, MainstayPagesDesk(world)).routes()
