"""Everything the doctor looks at, in the order in which one thing stands on the other."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from console.doctor import clock, places, platforms, round_trip
from console.doctor.finding import Finding, State, ok, problem, skipped
from core.settings import Settings, SettingsError
from core.store.sealing import CannotOpen

if TYPE_CHECKING:
    from core.wiring import Wiring

_SETTING_STEP = "Set it, or take it out, then run this again; `crosswalk settings` shows all."


def of_settings(environment: Mapping[str, str]) -> Iterator[Finding]:
    """One finding per setting that is missing or wrong. With any of them nothing starts."""
    try:
        Settings.from_env(environment, needs=("PUBLIC_URL", "HUBSPOT_CLIENT_SECRET"))
    except SettingsError as error:
        for one in error.problems:
            name = one.split(":")[0].split(" ")[0]
            yield problem("settings", name, one.removeprefix(name).lstrip(": "), _SETTING_STEP)
    else:
        yield ok("settings", "environment", "complete and readable")


def of_everything(wiring: "Wiring", app_files: Path) -> Iterator[Finding]:
    """All the rest, as it is looked at. What stands on a broken thing is not looked at."""

    def clock_s() -> float:
        return wiring.clock() / 1000

    settings = wiring.settings
    base = list(places.database(wiring))
    yield from base
    stands = all(one.state is State.OK for one in base)
    yield from places.redis(wiring)
    if not stands:
        step = "Mend the database first."
        for check in ("queue", "accounts", "signatures"):
            yield skipped(check, "all", "not looked at without the database", step)
    else:
        yield from places.queue(wiring)
        yield from places.running(wiring)
    yield from clock.clock(settings, clock_s)
    yield from round_trip.reachable(settings, clock_s)
    if stands:
        yield from _with_the_database(wiring, app_files, clock_s)


def _with_the_database(wiring: "Wiring", app_files: Path, clock_s: Callable[[], float]) -> Iterator[Finding]:
    try:
        routing = wiring.load_routing()
        for account in routing.accounts:
            wiring.stored_credentials(account.id)
    except CannotOpen as error:
        step = "Add the key that the secrets were stored under: CROSSWALK_SECRET_KEY=new,old takes both."
        yield problem("secret-key", "CROSSWALK_SECRET_KEY", str(error), step)
        return
    yield from round_trip.signatures(wiring.settings, routing, clock_s)
    yield from platforms.all_of(wiring, app_files)
