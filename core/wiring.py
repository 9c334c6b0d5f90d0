"""Puts the parts together: which queue, which leases, which clients, from the settings. No rules in here.

``connect(settings)`` is called once per process (gunicorn: once per worker, after the fork). Everything in it
connects when first used.
"""

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from core import telemetry, tracing
from core.coordination.port import Budgets, CoordinationUnavailable, Leases
from core.coordination.redis import RedisBudgets, RedisLeases, open_redis
from core.coordination.sql import SqlBudgets, SqlLeases
from core.domain.fields import Platform
from core.domain.instances import Account
from core.domain.routing import Routing
from core.owners import this_process
from core.platforms.hubspot.client import HubSpotClient, hubspot_client
from core.platforms.mainstay.client import mainstay_client
from core.platforms.ports import Mainstay
from core.platforms.transport import Credentials, RecordCall
from core.queue.port import Queue
from core.queue.rabbitmq import RabbitQueue
from core.queue.sql import SqlQueue
from core.settings import Settings
from core.store import accounts, instances, keys
from core.store.database import Database, migration_problem, open_engine
from core.store.sealing import Sealer
from core.store.tallies import Kind
from core.tallies import Tallies

Clock = Callable[[], int]
CREDENTIALS_FRESH_MS = 2_000  # a replaced token reaches every process within this time


def now_ms() -> int:
    """The wall clock, epoch milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Wiring:
    """What a process works with."""

    settings: Settings
    database: Database
    queue: Queue
    leases: Leases
    budgets: Budgets
    sealer: Sealer
    tallies: Tallies
    clock: Clock = now_ms
    owner: str = ""
    _digest_key: bytes = field(default=b"", repr=False)
    _hubspot: dict[int, HubSpotClient] = field(default_factory=dict)
    _mainstay: dict[int, Mainstay] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def digest_key(self) -> bytes:
        """The deployment's key for digests, made on first use."""
        if not self._digest_key:
            with self.database.transaction() as session:
                self._digest_key = keys.digest_key(session, self.sealer)
        return self._digest_key

    def load_routing(self) -> Routing:
        """Accounts, enabled instances and webhook secrets, as stored now."""
        with self.database.reading() as session:
            return instances.load_routing(session, self.sealer)

    def hubspot(self, account: Account) -> HubSpotClient:
        """The held client of a portal."""
        with self._lock:
            if account.id not in self._hubspot:
                self._hubspot[account.id] = hubspot_client(
                    host=self.settings.hubspot_api_url,
                    version=self.settings.hubspot_api_version,
                    portal=account.external_id,
                    credentials=_Fresh(self, account.id),
                    budgets=self.budgets,
                    rate=self.settings.hubspot_rate,
                    record_call=self._counting(account.id),
                )
            return self._hubspot[account.id]

    def mainstay(self, account: Account) -> Mainstay:
        """The held client of an organisation. Its field types are those stored when it is made."""
        with self._lock:
            if account.id not in self._mainstay:
                with self.database.reading() as session:
                    types = accounts.field_types(session, account.id)
                self._mainstay[account.id] = self.open_mainstay(
                    account.external_id, _Fresh(self, account.id), self._counting(account.id), types
                )
            return self._mainstay[account.id]

    def open_mainstay(
        self,
        organisation: str,
        credentials: Callable[[], Credentials],
        record_call: RecordCall,
        field_types: Mapping[str, str],
    ) -> Mainstay:
        """A new client of the chatbot's side: everybody else has it by the port alone."""
        return mainstay_client(
            base_url=self.settings.mainstay_api_url,
            organisation=organisation,
            credentials=credentials,
            auth_scheme=self.settings.mainstay_auth_scheme,
            budgets=self.budgets,
            rate=self.settings.mainstay_rate,
            record_call=record_call,
            field_types=field_types,
        )

    def _counting(self, account_id: int) -> RecordCall:
        def record(platform: Platform, operation: str, status: int, seconds: float) -> None:
            telemetry.record_call(platform, operation, status, seconds)
            tracing.call(str(platform), operation, status, seconds)
            answered = 200 <= status < 500  # a refusal of ours is an answer; 0 is none
            word = "limited" if status == 429 else "ok" if answered else "failed"
            self.tallies.note(Kind.CALLS, account_id, word)

        return record

    def stored_credentials(self, account_id: int) -> accounts.Credentials:
        """An account's credentials as they are stored."""
        with self.database.reading() as session:
            return accounts.credentials(session, self.sealer, account_id)

    def refreshed(self, account_id: int) -> accounts.Credentials:
        """An OAuth account's credentials, renewed where they are about to run out."""
        from core.platforms.hubspot.oauth import HubSpotOAuth  # Authlib: only where an account needs it
        from core.platforms.hubspot.refreshing import Refreshing

        oauth = HubSpotOAuth(self.settings, "", self.clock)
        return Refreshing(
            self.database, self.sealer, self.leases, this_process(uuid.uuid4().hex[:8]), oauth, self.clock
        ).fresh(account_id)

    def readiness(self) -> dict[str, str]:
        """Each check's problem, empty where it is ready."""
        problem = self.database.ping()
        return {
            "database": problem,
            "migrations": problem or migration_problem(self.database.engine),
            "queue": self.queue.ping(),
            **({"redis": self.redis_problem()} if self.settings.redis_url else {}),
        }

    def redis_problem(self) -> str:
        """Empty if Redis answers within a second or two, or is not used; else what is wrong."""
        if not self.settings.redis_url:
            return ""
        try:
            self.budgets.paused_s("readiness")
        except CoordinationUnavailable as error:
            return str(error)
        return ""


class _Fresh:
    """An account's credentials, read again when they are older than two seconds."""

    def __init__(self, wiring: Wiring, account_id: int) -> None:
        self._wiring, self._account_id = wiring, account_id
        self._held: Credentials | None = None
        self._read_at_ms = 0

    def __call__(self) -> Credentials:
        now = self._wiring.clock()
        if self._held is None or now - self._read_at_ms > CREDENTIALS_FRESH_MS:
            stored = self._wiring.stored_credentials(self._account_id)
            if stored.refresh_token:
                stored = self._wiring.refreshed(self._account_id)
            self._held, self._read_at_ms = Credentials(stored.token, stored.version), now
        return self._held


def connect(settings: Settings) -> Wiring:
    """The wiring of one process."""
    engine = open_engine(settings.database_url)
    queue: Queue = SqlQueue(engine, now_ms)
    if settings.broker_url:
        queue = RabbitQueue(settings.broker_url, settings.retry_ladder_s)
    leases: Leases = SqlLeases(engine, now_ms)
    budgets: Budgets = SqlBudgets(engine, now_ms)
    if settings.redis_url:
        client = open_redis(settings.redis_url)
        leases, budgets = RedisLeases(client), RedisBudgets(client)
    database = Database(engine)
    return Wiring(
        settings=settings,
        database=database,
        queue=queue,
        leases=leases,
        budgets=budgets,
        sealer=Sealer(settings.secret_keys),
        tallies=Tallies(database, now_ms),
        owner=this_process(uuid.uuid4().hex[:4]),
    )
