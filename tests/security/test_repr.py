"""What shows up in a traceback, a debugger or a careless f-string holds no secret and no contact's value."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from core.domain.contacts import Contact
from core.domain.fields import Platform
from core.platforms.hubspot.oauth import Grant
from core.platforms.transport import Answer
from core.platforms.transport import Credentials as Sent
from core.settings import Settings
from core.store.accounts import Credentials
from core.store.database import open_engine
from core.store.intents import Intent
from core.store.oauth_flows import Flow
from core.store.sealing import Sealer
from core.store.users import User
from core.wiring import connect
from tests.unit.webhooks import kit

CANARY = "canary-0123456789"
SECRETS = {
    "CROSSWALK_SECRET_KEY": CANARY,
    "CROSSWALK_DATABASE_URL": f"postgresql://u:{CANARY}@db.example/crosswalk",
    "CROSSWALK_BROKER_URL": f"amqp://u:{CANARY}@mq.example//",
    "CROSSWALK_REDIS_URL": f"redis://:{CANARY}@redis.example",
    "CROSSWALK_HUBSPOT_CLIENT_SECRET": CANARY,
    "CROSSWALK_MAINSTAY_WEBHOOK_SECRET": "whsec_Y2FuYXJ5LTAxMjM0NTY3ODk=",
    "CROSSWALK_OIDC_CLIENT_SECRET": CANARY,
}


def test_every_setting_that_smells_of_a_secret_is_marked_as_one() -> None:
    from dataclasses import fields

    smells = ("SECRET", "KEY", "TOKEN", "PASSWORD", "DATABASE_URL", "BROKER_URL", "REDIS_URL", "SMTP")
    harmless = {"HUBSPOT_LEGACY_SIGNATURES"}
    for one in fields(Settings):
        variable = one.metadata["variable"]
        if any(word in variable for word in smells) and variable not in harmless:
            assert one.metadata["secret"] and not one.repr, variable


def test_settings_and_what_is_made_of_them() -> None:
    settings = Settings.from_env(SECRETS)
    told = (
        repr(settings) + str(Settings.described(SECRETS)) + repr(connect(settings)) + repr(Sealer([CANARY]))
    )
    assert CANARY not in told and "whsec_Y2Fu" not in told
    assert "db.example" in told, "what is not secret is told"


def test_a_setting_that_can_not_be_read_is_not_quoted() -> None:
    for name, value in {
        "CROSSWALK_MAINSTAY_WEBHOOK_SECRET": f"{CANARY}!",
        "CROSSWALK_HUBSPOT_API_URL": f"https://user:{CANARY}@api.example",
        "CROSSWALK_DATABASE_URL": f"mysql://u:{CANARY}@db.example/x",
        "CROSSWALK_BROKER_URL": f"http://u:{CANARY}@mq.example",
    }.items():
        try:
            Settings.from_env({"CROSSWALK_SECRET_KEY": "k" * 40, name: value})
        except Exception as error:
            assert CANARY not in str(error) and name in str(error)
        else:
            raise AssertionError(f"{name} was taken")


def test_credentials_users_trips_and_answers() -> None:
    for one in (
        Credentials(1, {"access_token": CANARY, "webhook_secrets": [CANARY]}),
        Sent(CANARY, 1),
        Grant(CANARY, CANARY, 1, "62515", ()),
        Flow("id", 1, 1, "open", 0, "", CANARY),
        User(1, "a@b.example", "Ana", "owner", 1, password=CANARY, totp=CANARY.encode()),
        Answer(200, {}, CANARY),
    ):
        assert CANARY not in repr(one) and CANARY not in str(one), type(one)


def test_contacts_and_the_keys_of_a_create() -> None:
    assert CANARY not in repr(Contact(Platform.HUBSPOT, "101", {"firstname": CANARY}))
    assert CANARY not in repr(Intent("101", {"email": CANARY}, 1))


def test_the_receivers_table_and_requests() -> None:
    assert "whsec_" not in repr(kit.TABLE), "the organisations' own secrets"
    assert repr(kit.KEY) not in repr(kit.stamp())


def test_an_error_of_the_database_quotes_no_statement(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/x.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (a TEXT UNIQUE)"))
    with pytest.raises(IntegrityError) as raised, engine.begin() as connection:
        for _ in range(2):
            connection.execute(text("INSERT INTO t VALUES (:a)"), {"a": CANARY})
    engine.dispose()
    assert CANARY not in str(raised.value)
