"""Whether our clock agrees with others: signatures are good for five minutes only."""

from collections.abc import Callable, Iterator

from console.doctor.finding import Finding, ok, problem, skipped, warning
from console.doctor.http import ask
from core.settings import Settings

_WRONG_S, _OFF_S = 60.0, 5.0  # an answer's Date has whole seconds, and took its way
_STEP = "Run a time service (systemd-timesyncd, chrony) on every machine of Crosswalk."


def clock(settings: Settings, clock_s: Callable[[], float]) -> Iterator[Finding]:
    """Against the Date of both platforms' and of our own answers. Any status will do."""
    urls = [settings.hubspot_api_url, settings.mainstay_api_url]
    urls += [f"{settings.public_url}/healthz"] if settings.public_url else []
    for url in urls:
        heard = ask("GET", url, clock_s)
        ahead_s = heard.clock_ahead_s
        if ahead_s is None:
            said = "tells no time" if heard.status else heard.said
            yield skipped("clock", url, said, "Compare the clocks by hand.")
            continue
        told = f"ours is {abs(ahead_s):.0f} s {'ahead' if ahead_s > 0 else 'behind'}"
        if abs(ahead_s) > _WRONG_S:
            yield problem("clock", url, told, _STEP)
        elif abs(ahead_s) > _OFF_S:
            yield warning("clock", url, told, _STEP)
        else:
            yield ok("clock", url, "agrees within 5 s")
