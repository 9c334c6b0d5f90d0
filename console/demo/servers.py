"""The three servers of ``crosswalk demo --production``: found where the settings name them or at their usual
local addresses, with a virtual host, a schema and a Redis database that are the demo's own.
"""

import getpass
import hashlib
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from amqp.exceptions import AccessRefused, NotAllowed
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from core.coordination.redis import open_redis
from core.queue.rabbitmq_link import BROKEN, broker_urls, connect, told

BROKER = "amqp://guest:guest@127.0.0.1:5672//"
DATABASES = (
    "postgresql+psycopg:///postgres?host=/var/run/postgresql",
    "postgresql+psycopg://postgres@127.0.0.1:5432/postgres",
)
REDIS = "redis://127.0.0.1:6379"
REDIS_DATABASE = 15
_CONNECT_S = 3.0
_CTL_S = 30.0


class ServersMissing(Exception):
    """Not all of them can be used. The text says which, why, and what next."""


@dataclass(frozen=True, slots=True)
class Found:
    """``settings``: the three URLs, as environment variables. ``places``: in words, without passwords."""

    settings: Mapping[str, str]
    places: tuple[str, ...]


def find(environment: Mapping[str, str], folder: Path, *, anew: bool) -> Found:
    """Make the demo's own places on all three; what belongs to others is not touched. ServersMissing.

    The places are named after the folder. ``anew``: what an earlier demo in it left there is removed.
    """
    name = place_name(folder)
    searches: tuple[tuple[str, Callable[[str | None], tuple[str, str]]], ...] = (
        ("CROSSWALK_BROKER_URL", lambda url: _broker(url or BROKER, name, anew)),
        ("CROSSWALK_DATABASE_URL", lambda url: _database((url,) if url else DATABASES, name, anew)),
        ("CROSSWALK_REDIS_URL", lambda url: _redis(url or REDIS)),
    )
    settings, places, problems = {}, [], []
    for variable, search in searches:
        try:
            settings[variable], place = search(environment.get(variable))
            places.append(place)
        except ServersMissing as missing:
            problems.append(f"  {missing}\n    ({variable} names another one)")
    if problems:
        raise ServersMissing("\n".join(["the demo on three servers can't start:", *problems]))
    return Found(settings, tuple(places))


def place_name(folder: Path) -> str:
    """What the demo's virtual host and schema are called."""
    return f"crosswalk_demo_{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:6]}"


def _broker(url: str, name: str, anew: bool) -> tuple[str, str]:
    ours = ";".join(f"{one.partition('://')[0]}://{_authority(one)}/{name}" for one in broker_urls(url))
    where = f"RabbitMQ at {_authority(url).rpartition('@')[2]}"
    here = _authority(url).rpartition("@")[2] in (
        "127.0.0.1:5672",
        "localhost:5672",
        "127.0.0.1",
        "localhost",
    )
    if anew and here:
        with suppress(ServersMissing):
            _ctl("delete_vhost", name)
    try:
        _open_broker(ours)
    except NotAllowed:
        user = _authority(url).rpartition("@")[0].partition(":")[0] or "guest"
        _make_virtual_host(name, user, where, here)
        try:
            _open_broker(ours)
        except BROKEN as error:
            raise ServersMissing(f"{where} does not let us in: {told(error)}") from None
    except AccessRefused:
        raise ServersMissing(f"{where} refuses the user or password") from None
    except BROKEN as error:
        raise ServersMissing(f"{where} does not answer: {told(error)}") from None
    return ours, f"{where}, virtual host {name}"


def _make_virtual_host(name: str, user: str, where: str, here: bool) -> None:
    """``here``: rabbitmqctl of this machine speaks for that broker."""
    commands = (("add_vhost", name), ("set_permissions", "-p", name, user, ".*", ".*", ".*"))
    by_hand = "\n".join(f"      rabbitmqctl {shlex.join(command)}" for command in commands)
    try:
        if not here:
            raise ServersMissing
        for command in commands:
            _ctl(*command)
    except ServersMissing:
        raise ServersMissing(
            f"{where} answers, but has no virtual host for the demo; run on its machine:\n{by_hand}"
        ) from None


def _open_broker(url: str) -> None:
    connect(broker_urls(url), within_s=_CONNECT_S).close_politely()


def _authority(url: str) -> str:
    """``user:password@host:port``."""
    return url.partition(";")[0].partition("://")[2].partition("/")[0]


def _ctl(*arguments: str) -> None:
    program = shutil.which("rabbitmqctl")
    if program is None:
        raise ServersMissing("there is no rabbitmqctl")
    try:
        done = subprocess.run(  # noqa: S603 - RabbitMQ's own tool
            [program, "--quiet", *arguments], capture_output=True, timeout=_CTL_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise ServersMissing("rabbitmqctl does not answer") from None
    if done.returncode:
        raise ServersMissing("rabbitmqctl refuses")


def _database(urls: tuple[str, ...], name: str, anew: bool) -> tuple[str, str]:
    problem = "PostgreSQL is not named"
    for url in urls:
        parsed = make_url(url)
        where = f"PostgreSQL at {parsed.host or parsed.query.get('host') or 'its socket'}"
        if parsed.get_backend_name() != "postgresql":
            raise ServersMissing(f"the database is {parsed.get_backend_name()}, not PostgreSQL")
        engine = create_engine(parsed, connect_args={"connect_timeout": round(_CONNECT_S)})
        try:
            with engine.begin() as connection:
                if anew:
                    connection.execute(text(f"DROP SCHEMA IF EXISTS {name} CASCADE"))
                connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {name}"))
        except SQLAlchemyError as error:
            said = str(getattr(error, "orig", error)).strip().splitlines() or [type(error).__name__]
            problem = f"{where}: {said[0][:200]} (as {parsed.username or getpass.getuser()})"
            continue
        finally:
            engine.dispose()
        ours = parsed.update_query_dict({"options": f"-csearch_path={name}"})
        place = f"{where}, database {parsed.database}, schema {name}"
        return ours.render_as_string(hide_password=False), place
    raise ServersMissing(problem)


def _redis(url: str) -> tuple[str, str]:
    ours = make_url(url).set(database=str(REDIS_DATABASE))
    where = f"Redis at {ours.host}:{ours.port or 6379}"
    client = open_redis(ours.render_as_string(hide_password=False))
    try:
        client.ping()
    except RedisError as error:
        if isinstance(error, RedisConnectionError):
            raise ServersMissing(f"{where} does not answer") from None
        why = f"refuses us, or has no database {REDIS_DATABASE} ({type(error).__name__})"
        raise ServersMissing(f"{where} {why}") from None
    finally:
        client.close()
    return ours.render_as_string(hide_password=False), f"{where}, database {REDIS_DATABASE}"
