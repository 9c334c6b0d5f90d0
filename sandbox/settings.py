"""The switches that both small platforms share; each platform adds its own.

All can be read and changed while the server runs (``/_sandbox/settings``) and act from the next call on.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields

from sandbox.messages import JsonObject

# Ten tries as HubSpot documents (webhooks guide, Jan 2025), within a minute instead of 24 hours.
RETRY_SCHEDULE_S = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


@dataclass
class Settings:
    """Common switches. Times are in the unit that the name says."""

    latency_ms: float = 0.0
    limits: bool = True
    hang_s: float = 30.0
    webhooks: bool = True
    webhook_url: str = ""
    sign_url: str = ""
    delivery_delay_s: float = 0.0
    delivery_timeout_s: float = 5.0
    duplicate_deliveries: bool = False
    shuffle_deliveries: bool = False
    lose_next: int = 0
    single_object: bool = False
    batch_window_s: float = 0.05
    max_events_per_post: int = 100
    max_in_flight: int = 10
    retry_schedule_s: list[float] = field(default_factory=lambda: list(RETRY_SCHEDULE_S))
    retry_splits_batch: bool = False

    def update(self, changes: Mapping[str, object]) -> list[str]:
        """Takes the changes over, or none of them: returns what is wrong with them."""
        current = asdict(self)
        problems = []
        for name, value in changes.items():
            if name not in current:
                problems.append(f"unknown setting {name!r}")
            elif not _fits(value, current[name], name in self.nullable()):
                problems.append(f"{name}: expected something like {current[name]!r}")
        if not problems:
            for name, value in changes.items():
                setattr(self, name, value)
        return problems

    def replace_all(self, other: "Settings") -> None:
        for each in fields(other):
            setattr(self, each.name, getattr(other, each.name))

    def nullable(self) -> frozenset[str]:
        return frozenset()

    def as_json(self) -> JsonObject:
        return asdict(self)


def _fits(value: object, current: object, nullable: bool) -> bool:
    if nullable:
        return value is None or isinstance(value, str | list)
    if isinstance(current, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(current, bool)
    if isinstance(current, float):
        return isinstance(value, int | float)
    return isinstance(value, type(current))
