"""A deployment whose secrets and contacts are all canaries, and a story that meets every kind of trouble.

Every text that must not get out holds ``canary`` in one form or another, or is one of the numbers; ``found``
says which of them stand in some output.
"""

import base64
import re
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, create_engine, select

from tests.end_to_end.processes import Deployment
from tests.end_to_end.scene import HUBSPOT_SECRET, MAINSTAY_SECRET, configuration

PHONES = [f"617555{n}" for n in range(8100, 8120)]
SECRETS = {
    "CROSSWALK_SECRET_KEY": "canary-of-the-secret-key-0123456789",
    "CROSSWALK_OIDC_CLIENT_SECRET": "canary-of-the-sign-in-provider",
    "CROSSWALK_OIDC_CLIENT_ID": "crosswalk",
}
TOKENS = ("pat-na1-sandbox", "sandbox-token", HUBSPOT_SECRET, MAINSTAY_SECRET)
ROWS = """
      - {mainstay: first_name, hubspot: firstname}
      - {mainstay: last_name,  hubspot: lastname}
      - {mainstay: phone,      hubspot: phone}
      - {mainstay: email,      hubspot: email}
      - {mainstay: id,         hubspot: admithub_id}
      - {mainstay: custom.Notes, hubspot: city}
"""


def text_of(number: int) -> str:
    """A value that nobody can mistake."""
    return f"Canary{number}"


def person(number: int, **more: str) -> dict[str, str]:
    """A HubSpot record's values, a canary each."""
    phone = PHONES[number]
    values = {
        "firstname": text_of(number),
        "lastname": f"Canarylast{number}",
        "phone": f"({phone[:3]}) {phone[3:6]}-{phone[6:]}",
        "email": f"canary{number}@example.edu",
        "city": f"Canarytown {number}",
        "lifecyclestage": "lead",
    }
    return {**values, **more}


def contact(number: int, **more: Any) -> dict[str, Any]:
    """A Mainstay contact's values."""
    return {
        "first_name": text_of(number),
        "last_name": f"Canarylast{number}",
        "phone": PHONES[number],
        "email": f"canary{number}@example.edu",
        "custom": {"Notes": f"Canarynote {number}"},
        **more,
    }


def story(one: Deployment) -> None:
    """Everything that can go right or wrong with a contact, told once. The processes run."""
    one.mainstay.post("custom-fields", name="Notes")
    filters = {"incoming": "[{field: lifecyclestage, values: [lead]}]"}
    one.apply(configuration("incoming", "outgoing", mappings=ROWS, filters=filters))
    one.start()
    records = [one.hubspot.create(**person(n)) for n in range(3)]
    one.hubspot.create(**person(3, lifecyclestage="subscriber"))  # filtered
    contacts = [one.mainstay.create(**contact(n)) for n in range(4, 7)]
    one.settle(40)
    # Values that can't travel, or that the other side refuses.
    one.hubspot.edit(records[0], phone="canary-no-phone")
    one.mainstay.edit(contacts[0], email="canary1@example.edu")  # another record has it
    one.hubspot.create(**person(7, phone="123canary"))  # can't be created
    one.hubspot.create(**person(8, phone=person(1)["phone"]))  # its phone is another's
    for number in (9, 10):  # two namesakes, and somebody who could be either
        one.hubspot.create(
            firstname="Canarytwin", lastname="Canarytwin", phone=PHONES[11], city=f"Canary{number}"
        )
    one.mainstay.create(**contact(11, first_name="Canarytwin", last_name="Canarytwin", email=""))
    one.hubspot.create(**person(12, admithub_id="canary-unknown-id"))
    one.settle(40)
    # Platforms that fail, answer nonsense, or lose the answer to a write.
    for side, path in ((one.mainstay, "/contacts/.*"), (one.hubspot, "/crm/.*")):
        for kind in ("500", "garbage", "truncate", "400"):
            side.fault(kind=kind, path=path, times=3)
    one.hubspot.edit(records[1], lastname="Canarychanged")
    one.mainstay.edit(contacts[1], last_name="Canarychanged")
    one.settle(60)
    for side in (one.mainstay, one.hubspot):
        side.mend()
    one.mainstay.fault(kind="slow", method="POST", delay_s=9.0, times=1)
    one.hubspot.create(**person(13))  # its create is not answered for a while


def found(outputs: Iterable[bytes], more: Iterable[str] = ()) -> set[str]:
    """The canaries that stand in some output."""
    secrets = [*TOKENS, *more, base64.b64decode(MAINSTAY_SECRET.removeprefix("whsec_")).decode()]
    # One by one, in lower case: each begins with a text that is looked for fast, in megabytes of files.
    patterns = [r"canary[\w@. -]{0,30}", *(re.escape(one.lower()) for one in secrets)]
    patterns += [rf"{p[:3]}\D{{0,4}}{p[3:6]}\D{{0,3}}{p[6:]}" for p in PHONES]
    hits: set[str] = set()
    for text in (one.decode("utf-8", "replace").lower() for one in outputs):
        hits.update(hit for pattern in patterns for hit in re.findall(pattern, text))
    return hits


def logs(one: Deployment) -> Iterator[bytes]:
    """What Crosswalk's own processes said."""
    ours = re.compile(r"(web|console|incoming|outgoing|scheduler)-\d+\.log")
    found = [path for path in one.folder.iterdir() if ours.fullmatch(path.name)]
    assert len(found) >= 4
    for path in found:
        assert path.stat().st_size > 0, path
        yield path.read_bytes()


def command_lines(one: Deployment) -> Iterator[bytes]:
    """The arguments of Crosswalk's own processes, which any user of the machine may read."""
    ours = [running.process.pid for running in one.running if running.name not in ("hubspot", "mainstay")]
    assert len(ours) >= 4
    for pid in ours:
        yield Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")


def rows_with_names(url: str) -> Iterator[tuple[str, bytes]]:
    """Every row of every table, as text, with the table's name; a sealed column as its bytes."""
    engine = create_engine(url)
    tables = MetaData()
    tables.reflect(engine)
    assert len(tables.tables) > 20
    with engine.connect() as connection:
        for table in tables.sorted_tables:
            for row in connection.execute(select(table)):
                values = [v if isinstance(v, bytes) else str(v).encode() for v in row if v is not None]
                yield table.name, b"|".join(values)
    engine.dispose()


def rows(url: str) -> Iterator[bytes]:
    """Every row of every table."""
    yield from (row for _, row in rows_with_names(url))


def database_files(folder: Path) -> Iterator[bytes]:
    """SQLite's files as they lie there, what was deleted and not yet overwritten too."""
    for path in folder.glob("crosswalk.db*"):
        yield path.read_bytes()


def sqlite_dump(path: Path) -> bytes:
    """What a backup by ``.dump`` would hold."""
    connection = sqlite3.connect(path)
    try:
        return "\n".join(connection.iterdump()).encode()
    finally:
        connection.close()
