"""One request as the platforms would make it: no redirect followed, no proxy of ours, bounded in time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import requests

TIMEOUT_S = (3.0, 5.0)  # HubSpot gives up after five seconds


@dataclass(frozen=True, slots=True)
class Heard:
    """``status`` is 0 where nobody answered; ``said`` then tells why, without the request's contents.

    ``clock_ahead_s``: how far our clock is ahead of the answer's Date (whole seconds), None without one.
    """

    status: int
    said: str
    took_s: float = 0.0
    location: str = ""
    clock_ahead_s: float | None = None


def ask(
    method: str,
    url: str,
    clock_s: Callable[[], float],
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> Heard:
    """Ask once. ``clock_s`` is our clock, epoch seconds. Never raises for what the network does."""
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.request(
                method, url, data=body or None, headers=headers, timeout=TIMEOUT_S, allow_redirects=False
            )
        except requests.exceptions.SSLError:
            return Heard(0, "its TLS certificate is not accepted")
        except requests.exceptions.Timeout:
            return Heard(0, "no answer in time")
        except requests.exceptions.ConnectionError:
            return Heard(0, "no connection")
        except requests.RequestException as error:
            return Heard(0, f"no answer ({type(error).__name__})")
    return Heard(
        answer.status_code,
        f"HTTP {answer.status_code}",
        answer.elapsed.total_seconds(),
        answer.headers.get("Location", ""),
        _ahead_s(answer.headers.get("Date", ""), clock_s()),
    )


def _ahead_s(date: str, now_s: float) -> float | None:
    try:
        return now_s - parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
