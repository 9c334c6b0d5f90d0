"""Settings: what can't work is told at the start, every problem at once; secrets are never shown."""

import pytest

from core.settings import Settings, SettingsError, masked

KEY = {"CROSSWALK_SECRET_KEY": "k" * 40}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SECRET_KEY", " , "),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite"),
        ("DATABASE_URL", "mysql://host/name"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "postgresql://user:password@host:port/name"),
        ("BROKER_URL", "amqp://one;amqp://user:password@two:99999"),
        ("REDIS_URL", "redis://host:port/0"),
        ("PUBLIC_URL", "https://sync.example.edu:99999"),
        ("PUBLIC_URL", "https://sync.example.edu:port"),
        ("HUBSPOT_API_URL", "http://[::1"),
        ("HUBSPOT_API_VERSION", "2026-13"),
        ("HUBSPOT_CLIENT_SECRET", ","),
        ("MAINSTAY_WEBHOOK_SECRET", ","),
        ("RETRY_LADDER", "5s,99999999999999999999d"),
        ("HUBSPOT_RATE", "10/99999999999999999999d"),
        ("PUBLIC_URL", "https://sync example.edu"),
        ("PUBLIC_URL", "https://user:password@sync.example.edu"),
        ("MAINSTAY_AUTH_SCHEME", "API Token"),
        ("MAINSTAY_AUTH_SCHEME", "API\nX-Other: 1"),
        ("MAINSTAY_CONTACT_URL", "javascript:{id}"),
        ("MAINSTAY_RATE", "١٠/1s"),
        ("SWEEP_EVERY", "0s"),
        ("HUBSPOT_SEARCH_LAG", "１s"),
    ],
)
def test_what_can_not_work_is_refused_at_the_start(variable: str, value: str) -> None:
    """Each would otherwise fail later, at the first use."""
    with pytest.raises(SettingsError) as refused:
        Settings.from_env(KEY | {f"CROSSWALK_{variable}": value})
    assert [problem.partition(":")[0] for problem in refused.value.problems] == [f"CROSSWALK_{variable}"]


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///var/c.db",
        "sqlite:////var/a@b:c/c.db",
        "postgres://h/d",
        "postgresql:///d",
        "postgresql://user:pa/s:s@[::1]:5432/d?host=/run/x@y",
    ],
)
def test_both_databases_are_taken_in_their_usual_forms(url: str) -> None:
    """Relative and absolute files, hosts and local sockets."""
    assert Settings.from_env(KEY | {"CROSSWALK_DATABASE_URL": url}).database_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://user:pass/word@host/name", "postgresql://•••@host/name"),
        (
            "postgresql://user@host/name?password=word&sslmode=require",
            "postgresql://•••@host/name?password=•••&sslmode=require",
        ),
        ("redis://host/0?password=word", "redis://host/0?password=•••"),
        ("amqp://u:p;w@one//;amqp://u:p@two//", "amqp://•••@one//;amqp://•••@two//"),
    ],
)
def test_a_url_is_shown_without_its_credentials(url: str, shown: str) -> None:
    """Wherever in it they stand."""
    assert masked(url) == shown
