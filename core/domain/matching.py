"""Which contact of the target a source contact belongs to. Pure: candidates come in, a verdict goes out.

The rules are those of contract.md §6 (from Mainstay's help article, "Matching Logic"). The consumers look the
candidates up; here it is decided, with every step and its reason.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from core.domain.codes import Code
from core.domain.contacts import Contact
from core.domain.outcomes import Problem, Step


@dataclass(frozen=True, slots=True)
class Match:
    """The verdict. Exactly one of these holds: ``contact`` is set; ``problem`` is set; ``left_out`` says why
    the contact found is never written; or none of them: a new contact is to be created.

    ``by`` is the rule that matched. ``all_fields``: keys may be written too (Incoming rule 1, Outgoing 1).
    ``claim``: found by email or name, so the CRM ID is set on Mainstay before HubSpot is written.
    ``out_of_sync``: HubSpot carries the contact's previous phone; the phone stays.
    """

    by: str = ""
    contact: Contact | None = None
    problem: Problem | None = None
    left_out: str = ""
    steps: tuple[Step, ...] = ()
    all_fields: bool = False
    claim: bool = False
    out_of_sync: bool = False

    @property
    def create(self) -> bool:
        """Nothing fits: a new contact."""
        return self.contact is None and self.problem is None and not self.left_out


@dataclass(frozen=True, slots=True)
class IncomingCandidates:
    """What was looked up for one HubSpot record.

    ``mainstay_id``: the value of the mapped property, "" where not mapped or blank; ``by_id``: its contact.
    ``linked``: the contact that the link names; ``by_crm``: the one that carries the record's id as CRM ID.
    ``by_phone``: the one that has the record's phone; ``phone_link``: the record that one is linked to, or
    "". ``aliases``: every id that HubSpot resolves to this record. Phones are canonical, "" where there is
    none.
    """

    record_id: str
    aliases: Collection[str]
    mainstay_id: str = ""
    by_id: Contact | None = None
    linked: Contact | None = None
    by_crm: Contact | None = None
    by_phone: Contact | None = None
    phone_link: str = ""
    phone: str = ""
    crm_phone: str = ""  # the phone of ``linked`` or ``by_crm``
    phone_is_previous: bool = False


def match_incoming(found: IncomingCandidates) -> Match:
    """HubSpot → Mainstay: by Mainstay ID, else by CRM ID (or link) and/or phone, else create."""
    steps: list[Step] = []
    if found.mainstay_id:
        return _by_mainstay_id(found)
    steps.append(Step("Mainstay ID", "skipped", "the HubSpot record holds no Mainstay ID"))
    crm, rule = _by_crm(found)
    if crm is None:
        steps.append(Step("CRM ID", "nothing", "no Mainstay contact has this record's id as CRM ID"))
        return _by_phone(found, steps)
    if found.by_phone is not None and found.by_phone.id != crm.id and not found.phone_is_previous:
        both = (crm.id, found.by_phone.id)
        return _error(
            steps,
            Step(rule, "error", "CRM ID and phone lead to different contacts", both),
            Code.CRM_ID_PHONE_CONFLICT,
            f"The CRM ID leads to Mainstay contact {crm.id}, the phone to {found.by_phone.id}.",
        )
    differ = bool(found.phone and found.crm_phone and found.phone != found.crm_phone)
    if differ and not found.phone_is_previous:
        return _error(
            steps,
            Step(rule, "error", "the contact found has a different phone", (crm.id,)),
            Code.CRM_ID_PHONE_CONFLICT,
            f"The CRM ID leads to Mainstay contact {crm.id}, which has a different phone.",
        )
    steps.append(Step(rule, "matched", f"Mainstay contact {crm.id}", (crm.id,)))
    return _usable(Match(by=rule, contact=crm, out_of_sync=differ), steps)


def _by_mainstay_id(found: IncomingCandidates) -> Match:
    if found.by_id is None:
        return _error(
            [],
            Step("Mainstay ID", "error", "no Mainstay contact has this id"),
            Code.MAINSTAY_ID_NOT_FOUND,
            f"HubSpot record {found.record_id} names a Mainstay ID that no contact has.",
        )
    step = Step("Mainstay ID", "matched", f"Mainstay contact {found.by_id.id}", (found.by_id.id,))
    return _usable(Match(by="Mainstay ID", contact=found.by_id, all_fields=True), [step])


def _by_crm(found: IncomingCandidates) -> tuple[Contact | None, str]:
    """The contact that the CRM ID or the link names. A link whose contact now carries another record's id is
    stale: the CRM ID on the contact is what people see and edit."""
    if found.by_crm is not None:
        return found.by_crm, "CRM ID"
    linked = found.linked
    if linked is not None and (not linked.crm_id or linked.crm_id in found.aliases):
        return linked, "CRM ID" if linked.crm_id else "link"
    return None, ""


def _by_phone(found: IncomingCandidates, steps: list[Step]) -> Match:
    contact = found.by_phone
    if contact is None:
        why = (
            "no Mainstay contact has this phone" if found.phone else "the HubSpot record has no usable phone"
        )
        steps.append(Step("phone", "nothing", why))
        steps.append(Step("create", "matched", "nothing fits: a new contact"))
        return Match(steps=tuple(steps))
    other = contact.crm_id if contact.crm_id not in found.aliases else ""
    if not other and found.phone_link and found.phone_link not in found.aliases:
        other = found.phone_link
    if other:
        return _error(
            steps,
            Step("phone", "error", f"the contact with this phone belongs to record {other}", (contact.id,)),
            Code.CRM_ID_PHONE_CONFLICT,
            f"Mainstay contact {contact.id} has this phone, but its CRM ID is {other}.",
        )
    steps.append(Step("phone", "matched", f"Mainstay contact {contact.id}", (contact.id,)))
    return _usable(Match(by="phone", contact=contact), steps)


@dataclass(frozen=True, slots=True)
class OutgoingCandidates:
    """What was looked up for one Mainstay contact.

    ``crm_id``: the CRM ID it carries, or its link's record, "" if neither; ``record``: what HubSpot has for
    it (a merged id leads to the survivor). ``by_email``: the record with its email. ``by_name``: records with
    its first and last name, each with whether the phone is the same. ``taken``: record id → the other
    Mainstay contact that it belongs to.
    """

    contact_id: str
    crm_id: str = ""
    record: Contact | None = None
    email: str = ""
    by_email: Contact | None = None
    has_names: bool = False
    by_name: Sequence[tuple[Contact, bool]] = ()
    taken: dict[str, str] = field(default_factory=dict)


def match_outgoing(found: OutgoingCandidates) -> Match:
    """Mainstay → HubSpot: by CRM ID (or link), else by email, else by name and phone, else create."""
    steps: list[Step] = []
    if found.crm_id:
        if found.record is None:
            return _error(
                steps,
                Step("CRM ID", "error", f"HubSpot has no record {found.crm_id}"),
                Code.CRM_ID_NOT_FOUND,
                f"The CRM ID {found.crm_id} leads to no HubSpot record.",
            )
        followed = "" if found.record.id == found.crm_id else f" (merged; it was {found.crm_id})"
        steps.append(
            Step("CRM ID", "matched", f"HubSpot record {found.record.id}{followed}", (found.record.id,))
        )
        return _free(found, Match(by="CRM ID", contact=found.record, all_fields=True), steps)
    steps.append(Step("CRM ID", "skipped", "the Mainstay contact has no CRM ID"))
    if found.by_email is not None:
        steps.append(Step("email", "matched", f"HubSpot record {found.by_email.id}", (found.by_email.id,)))
        return _free(found, Match(by="email", contact=found.by_email, claim=True), steps)
    why = "no HubSpot record has this email" if found.email else "the Mainstay contact has no email"
    steps.append(Step("email", "nothing" if found.email else "skipped", why))
    return _by_name(found, steps)


def _by_name(found: OutgoingCandidates, steps: list[Step]) -> Match:
    ids = tuple(record.id for record, _ in found.by_name)
    same = {record.id: record for record, same_phone in found.by_name if same_phone}
    if len(same) > 1:
        return _error(
            steps,
            Step("name and phone", "error", "several records fit", tuple(same)),
            Code.AMBIGUOUS_NAME,
            f"HubSpot records {', '.join(sorted(same))} all have this name and phone.",
        )
    if same:
        record = next(iter(same.values()))
        steps.append(Step("name and phone", "matched", f"HubSpot record {record.id}", ids))
        return _free(found, Match(by="name and phone", contact=record, claim=True), steps)
    if not found.has_names:
        steps.append(Step("name and phone", "skipped", "first or last name is blank"))
    else:
        why = "no record with this name has the same phone" if ids else "no HubSpot record has this name"
        steps.append(Step("name and phone", "nothing", why, ids))
    steps.append(Step("create", "matched", "nothing fits: a new record"))
    return Match(steps=tuple(steps))


def _free(found: OutgoingCandidates, match: Match, steps: list[Step]) -> Match:
    """The match, unless its record belongs to another Mainstay contact of the organisation."""
    assert match.contact is not None
    holder = found.taken.get(match.contact.id)
    if holder and holder != found.contact_id:
        return _error(
            steps,
            Step("ownership", "error", f"the record belongs to Mainstay contact {holder}", (holder,)),
            Code.ALREADY_LINKED,
            f"HubSpot record {match.contact.id} already belongs to Mainstay contact {holder}.",
        )
    return replace(match, steps=tuple(steps))


def _usable(match: Match, steps: Sequence[Step]) -> Match:
    assert match.contact is not None
    if match.contact.left_out:
        return Match(by=match.by, left_out=match.contact.left_out, steps=tuple(steps))
    return replace(match, steps=tuple(steps))


def _error(steps: Sequence[Step], step: Step, code: Code, message: str) -> Match:
    return Match(problem=Problem(code, message), steps=(*steps, step))
