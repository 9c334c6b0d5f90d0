"""The command line as the entry point runs it, for tests, and what is put into or read from its store."""

import json
import uuid

from console.cli.main import run
from console.cli.start import Start
from core.domain.codes import Code
from core.domain.messages import Address, Lane, Message
from core.settings import Settings
from core.store import dead_letters, instances
from core.wiring import connect

NOW_MS = 1_795_428_000_123
FILE = """\
accounts:
  hubspot:
    - {name: portal, portal_id: 62515, access_token: "${HUBSPOT_TOKEN}"}
  mainstay:
    - {name: river, org_id: river, api_token: "${MAINSTAY_TOKEN}"}
instances:
  - name: in
    direction: incoming
    hubspot: portal
    mainstay: river
    enabled: true
    mappings: &rows
      - {mainstay: first_name, hubspot: firstname}
      - {mainstay: last_name, hubspot: lastname}
      - {mainstay: phone, hubspot: phone}
      - {mainstay: email, hubspot: email}
    filters:
      - {field: lifecyclestage, values: [lead]}
  - name: out
    direction: outgoing
    hubspot: portal
    mainstay: river
    enabled: true
    mappings: *rows
"""


class Shell:
    """Runs commands as the entry point does."""

    def __init__(self, environment, capsys, folder):
        self.environment = environment
        self.capsys = capsys
        self.folder = folder
        self.out = self.err = ""

    def __call__(self, *arguments):
        start = Start(self.environment)
        try:
            status = run([str(one) for one in arguments], start)
        finally:
            if start._wiring:
                start._wiring.database.engine.dispose()
        self.out, self.err = self.capsys.readouterr()
        return status

    def json(self, *arguments):
        assert self(*arguments) == 0, self.err
        return json.loads(self.out)

    def file(self, text=FILE, name="crosswalk.yaml"):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def store(self):
        wiring = connect(Settings.from_env(self.environment_of_settings()))
        return wiring

    def environment_of_settings(self):
        return {k: v for k, v in self.environment.items() if k.startswith("CROSSWALK_")}


def by_name(wiring, name):
    with wiring.database.reading() as session:
        return instances.by_name(session, name)


def waiting(shell):
    """Ids of the contacts in the incoming queue."""
    wiring = shell.store()
    address = Address(Lane.INCOMING, by_name(wiring, "in").id)
    consumer = wiring.queue.consumer()
    ids = [one.message.contact for one in consumer.receive([address], 100, 1.0)]
    consumer.close()
    wiring.database.engine.dispose()
    return ids


def put_dead(wiring, *, instance="in", code=Code.PLATFORM_UNAVAILABLE, at_ms=NOW_MS, contact="101"):
    lane = Lane.INCOMING if instance == "in" else Lane.OUTGOING
    address = Address(lane, by_name(wiring, instance).id)
    message = Message(
        uuid.uuid4().hex, address, contact, NOW_MS, NOW_MS, attempt=6, first_failed_at_ms=NOW_MS - 5
    )
    with wiring.database.transaction() as session:
        assert dead_letters.store(session, message, code, "no answer", at_ms)
    return message
