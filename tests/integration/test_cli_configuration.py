"""Plans carried out on a real database; the stores of accounts and instances."""

import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from console.configuration import applying, exporting
from console.configuration import stored as store
from console.configuration.planning import plan
from console.configuration.problems import Refused
from console.configuration.reading import read
from core.domain.fields import Field, FieldType, Option
from core.domain.instances import Existence
from core.domain.messages import Address, Lane
from core.queue.port import QueueUnavailable
from core.store import accounts, catalogues, instances, models, watermarks
from core.store.database import Database, migrate, open_engine
from core.store.sealing import CannotOpen, Sealer
from tests.contract.databases import POSTGRESQL
from tests.services.process import unavailable
from tests.unit.console.fakes import ENVIRONMENT, FILE, FakePlatforms, changed, words

NOW_MS = 1_795_000_000_000
SEALER = Sealer(["a key for the tests"])


class RecordingQueue:
    """Remembers what was declared; ``broken`` refuses."""

    def __init__(self):
        self.declared = set()
        self.broken = False

    def declare(self, addresses):
        if self.broken:
            raise QueueUnavailable("down")
        self.declared |= set(addresses)


@contextmanager
def postgresql():
    """The URL of a new, empty schema."""
    schema = f"configuration_{uuid.uuid4().hex[:12]}"
    server = create_engine(POSTGRESQL, connect_args={"connect_timeout": 2})
    try:
        with server.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
    except OperationalError:
        unavailable("PostgreSQL is missing (TEST_POSTGRESQL_URL)")
    yield make_url(POSTGRESQL).update_query_dict({"options": f"-csearch_path={schema}"})
    with server.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    server.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def database(request, tmp_path):
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path}/test.db"
        if request.param == "postgresql":
            url = stack.enter_context(postgresql()).render_as_string(hide_password=False)
        engine = open_engine(url)
        stack.callback(engine.dispose)
        migrate(engine)
        yield Database(engine)


@pytest.fixture
def queue():
    return RecordingQueue()


def taken(database):
    with database.reading() as session:
        return store.take(session, SEALER)


def apply(database, queue, file=FILE, *, prune=False, platforms=None, now_ms=NOW_MS):
    made = plan(read(file, ENVIRONMENT), taken(database), platforms or FakePlatforms(), prune=prune)
    applying.carry_out(made, database, SEALER, queue, lambda: now_ms, author="test")
    return made


def test_everything_is_stored_and_a_second_time_there_is_nothing_to_do(database, queue):
    apply(database, queue)
    stored = taken(database)
    assert [one.account.name for one in stored.accounts] == ["main-portal", "river-university"]
    assert stored.accounts[0].credentials.token == "hs-token"
    assert stored.accounts[1].credentials.webhook_secrets == ("whsec_c2VjcmV0c2VjcmV0",)
    assert stored.accounts[1].field_types == {"Alt Email": "email"}
    assert [(one.name, one.enabled) for one in stored.instances] == [
        ("hubspot-to-mainstay", True),
        ("mainstay-to-hubspot", True),
    ]
    first = stored.instances[0]
    assert first.mapping.row_for("custom.Program").options == (("Nursing", "nursing_bsn"),)
    assert queue.declared == {
        Address(Lane.ACCOUNT, stored.accounts[0].account.id),
        Address(Lane.INCOMING, first.id),
        Address(Lane.OUTGOING, stored.instances[1].id),
    }
    with database.reading() as session:
        assert watermarks.get(session, first.id).modified_ms == NOW_MS
        assert catalogues.load(session, stored.accounts[0].account.id).age_ms(NOW_MS + 5) == 5
    assert apply(database, queue).nothing_to_do
    assert taken(database) == stored


def test_an_export_applied_again_keeps_the_secrets(database, queue):
    apply(database, queue)
    before = taken(database)
    content = exporting.export(before)
    assert "hs-token" not in content and "ms-token" not in content and "whsec" not in content
    assert apply(database, queue, content).nothing_to_do
    assert taken(database) == before


def test_an_export_keeps_odd_names(database, queue):
    content = changed("New leads into the chatbot", "'yes: costs $${NAME}, #1 «no»'")
    apply(database, queue, content)
    before = taken(database)
    assert before.instances[0].description == "yes: costs ${NAME}, #1 «no»"
    assert apply(database, queue, exporting.export(before)).nothing_to_do


def test_a_refusal_changes_nothing(database, queue):
    apply(database, queue)
    before = taken(database)
    with pytest.raises(Refused):
        apply(database, queue, changed("hubspot: firstname", "hubspot: given"))
    assert taken(database) == before


def test_a_queue_that_is_away_changes_nothing(database, queue):
    queue.broken = True
    with pytest.raises(QueueUnavailable):
        apply(database, queue)
    assert taken(database) == store.Stored()


def test_a_plan_made_on_another_store_is_refused(database, queue):
    stale = plan(read(FILE, ENVIRONMENT), taken(database), FakePlatforms())
    apply(database, queue)
    with pytest.raises(Refused) as error:
        applying.carry_out(stale, database, SEALER, queue, lambda: NOW_MS)
    assert "changed by somebody else" in words(error)


def test_a_changed_mapping_is_a_new_version_and_the_old_one_stays(database, queue):
    apply(database, queue)
    apply(database, queue, changed("when_empty: clear, ", ""))
    instance = taken(database).instances[0]
    assert instance.mapping_version == 2
    with database.reading() as session:
        first = session.get(models.MappingVersion, (instance.id, 1))
        assert first.document["rows"][5]["when_empty"] == "clear"
        assert first.author == "test"


def test_a_new_token_is_a_new_version_and_ends_the_hold(database, queue):
    apply(database, queue)
    account = taken(database).accounts[0].account
    with database.transaction() as session:
        assert accounts.hold(session, account.id, 1, "authentication-failed", "401", NOW_MS)
    platforms = FakePlatforms({"fresh": "62515", "ms-token": "river"})
    apply(database, queue, changed("${HUBSPOT_TOKEN}", "fresh"), platforms=platforms)
    with database.transaction() as session:
        assert accounts.held(session) == []
        assert accounts.credentials(session, SEALER, account.id).version == 2
        assert not accounts.hold(session, account.id, 1, "authentication-failed", "late", NOW_MS)


def test_a_webhook_secret_is_no_new_token(database, queue):
    apply(database, queue)
    account = taken(database).accounts[1].account
    with database.transaction() as session:
        accounts.hold(session, account.id, 1, "authentication-failed", "401", NOW_MS)
    apply(database, queue, changed("${RIVER_WEBHOOK_SECRET}", "whsec_bmV3bmV3,whsec_b2xkb2xk"))
    stored = taken(database).accounts[1].credentials
    assert (stored.version, stored.webhook_secrets) == (1, ("whsec_bmV3bmV3", "whsec_b2xkb2xk"))
    with database.reading() as session:
        assert [one.account.id for one in accounts.held(session)] == [account.id]


def test_a_removed_webhook_secret_is_gone(database, queue):
    apply(database, queue)
    apply(database, queue, changed("${RIVER_WEBHOOK_SECRET}", ""))
    assert taken(database).accounts[1].credentials.webhook_secrets == ()


def test_a_hold_is_taken_once_and_released_once(database, queue):
    apply(database, queue)
    account = taken(database).accounts[0].account
    with database.transaction() as session:
        assert not accounts.hold(session, account.id, 7, "authentication-failed", "other", NOW_MS)
        assert accounts.hold(session, account.id, 1, "platform-unavailable", "x" * 900, NOW_MS)
        assert not accounts.hold(session, account.id, 1, "platform-unavailable", "again", NOW_MS)
        hold = accounts.held(session)[0]
        assert (hold.code, len(hold.detail), hold.since_ms) == ("platform-unavailable", 500, NOW_MS)
        assert accounts.next_probe(session, account.id, NOW_MS + 5000, NOW_MS)
        assert not accounts.next_probe(session, account.id, NOW_MS + 9000, NOW_MS + 4999)
        assert accounts.release(session, account.id)
        assert not accounts.release(session, account.id)


def test_disabling_and_enabling_again_moves_the_watermark(database, queue):
    apply(database, queue)
    apply(database, queue, changed("enabled: true", "enabled: false"), now_ms=NOW_MS + 1000)
    instance = taken(database).instances[0]
    with database.reading() as session:
        assert instances.existence(session, instance.id) is Existence.DISABLED
        assert [one.id for one in instances.load_routing(session, SEALER).instances] == [instance.id + 1]
        assert instances.times(session, instance.id).disabled_at_ms == NOW_MS + 1000
    with database.transaction() as session:
        assert applying.enable(session, queue, instance, NOW_MS + 5000)
        assert not applying.enable(session, queue, instance, NOW_MS + 6000)
    with database.reading() as session:
        assert instances.existence(session, instance.id) is Existence.ENABLED
        assert watermarks.get(session, instance.id).modified_ms == NOW_MS + 5000
        assert instances.times(session, instance.id).first_enabled_at_ms == NOW_MS


def test_a_deleted_instance_frees_its_name_and_never_its_id(database, queue):
    apply(database, queue)
    content = FILE[: FILE.index("  - name: mainstay-to")]
    apply(database, queue, content, prune=True)
    stored = taken(database)
    assert [one.name for one in stored.instances] == ["hubspot-to-mainstay"]
    with database.reading() as session:
        gone = instances.all_instances(session, deleted=True)[-1]
        assert gone.name == f"mainstay-to-hubspot (deleted {gone.id})"
        assert instances.existence(session, gone.id) is Existence.DELETED
        assert instances.existence(session, 4711) is Existence.DELETED
        assert instances.by_name(session, "mainstay-to-hubspot") is None
        assert instances.by_id(session, gone.id).direction == "outgoing"
    apply(database, queue)
    assert taken(database).instances[1].id == gone.id + 1


def test_another_direction_replaces_the_instance(database, queue):
    apply(database, queue)
    before = taken(database).instances[1]
    content = FILE[: FILE.index("  - name: hubspot-to")] + FILE[FILE.index("  - name: mainstay-to") :]
    rows = FILE[FILE.index("    mappings: &rows") : FILE.index("    filters:")]
    content = content.replace("    mappings: *rows\n", rows)
    apply(database, queue, changed("direction: outgoing", "direction: incoming", content))
    after = taken(database).instances[1]
    assert (after.name, after.direction, after.id > before.id) == (before.name, "incoming", True)
    with database.reading() as session:
        assert instances.existence(session, before.id) is Existence.DELETED


def test_direction_and_accounts_never_change(database, queue):
    apply(database, queue)
    one = taken(database).instances[0]
    with database.transaction() as session, pytest.raises(ValueError, match="never change"):
        instances.save(session, replace(one, direction="outgoing"), now_ms=NOW_MS)


def test_routing_knows_enabled_instances_and_own_secrets(database, queue):
    apply(database, queue)
    with database.reading() as session:
        routing = instances.load_routing(session, SEALER)
    stored = taken(database)
    assert routing.accounts == tuple(one.account for one in stored.accounts)
    assert routing.instances == stored.instances
    assert dict(routing.webhook_secrets) == {stored.accounts[1].account.id: ("whsec_c2VjcmV0c2VjcmV0",)}


def test_a_catalogue_comes_back_as_it_was(database, queue):
    apply(database, queue)
    account = taken(database).accounts[0].account
    fields = (
        Field("a", "A", FieldType.CHOICES, (Option("x", "X"),), read_only="no", unique=True, max_length=9),
        Field("b", "B"),
    )
    with database.transaction() as session:
        catalogues.save(session, account.id, fields, NOW_MS)
        assert catalogues.load(session, account.id).fields == fields
        assert catalogues.load(session, 4711) is None


def test_another_secret_key_says_so(database, queue):
    apply(database, queue)
    with database.reading() as session, pytest.raises(CannotOpen, match="CROSSWALK_SECRET_KEY"):
        store.take(session, Sealer(["another key"]))
    rotated = Sealer(["another key", "a key for the tests"])
    with database.transaction() as session:
        assert accounts.reseal_all(session, rotated) == 2
    with database.reading() as session:
        assert store.take(session, Sealer(["another key"])).accounts[0].credentials.token == "hs-token"


def test_nothing_sealed_can_be_read_in_the_database(queue, tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/test.db")
    migrate(engine)
    apply(Database(engine), queue)
    engine.dispose()
    content = b"".join(path.read_bytes() for path in tmp_path.glob("test.db*"))
    assert b"hs-token" not in content and b"whsec" not in content and b"main-portal" in content


def test_sealing_needs_a_key():
    with pytest.raises(ValueError, match="CROSSWALK_SECRET_KEY"):
        Sealer([])
    assert SEALER.open(SEALER.seal({"a": [1, None]})) == {"a": [1, None]}
