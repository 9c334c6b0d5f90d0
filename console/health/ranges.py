"""The stretches of time that Health can show, and their steps."""

from dataclasses import dataclass

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


@dataclass(frozen=True, slots=True)
class Range:
    """``steps`` steps of ``step_ms``; ``name`` stands in the URL."""

    name: str
    title: str
    step_ms: int
    steps: int

    def since_ms(self, now_ms: int) -> int:
        """When the first step begins: steps begin at full multiples (UTC), the last one is the present."""
        return now_ms - now_ms % self.step_ms - (self.steps - 1) * self.step_ms


RANGES = (
    Range("1h", "1 hour", MINUTE_MS, 60),
    Range("24h", "24 hours", 30 * MINUTE_MS, 48),
    Range("7d", "7 days", 3 * HOUR_MS, 56),
    Range("30d", "30 days", 12 * HOUR_MS, 60),
)


def range_of(name: str) -> Range:
    """The range of that name; the first one for any other name."""
    return next((one for one in RANGES if one.name == name), RANGES[0])
