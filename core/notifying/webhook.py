"""Posts a signed message to a webhook: one try, bounded in time and size, no redirects."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from core.notifying.addresses import place
from core.notifying.problems import NotSent
from core.platforms.deadline import pools
from core.settings import Network
from core.unanswered import in_words

CONNECT_S, READ_S, WHOLE_S = 3.0, 5.0, 10.0
_MOST_BYTES = 65_536


def post(url: str, headers: Mapping[str, str], body: bytes, allowed: Sequence[Network]) -> None:
    """Deliver ``body`` (JSON). NotSent unless it is answered with 2xx. Nothing of the answer is handed on."""
    where = place(url, allowed)
    pool: urllib3.HTTPConnectionPool
    timeout = Timeout(connect=CONNECT_S, read=READ_S)
    make = pools(WHOLE_S)[where.scheme]
    if where.scheme == "https":
        pool = make(
            where.address,
            where.port,
            timeout=timeout,
            cert_reqs="CERT_REQUIRED",
            assert_hostname=where.host,
            server_hostname=where.host,
        )
    else:
        pool = make(where.address, where.port, timeout=timeout)
    default = where.port == (443 if where.scheme == "https" else 80)
    host = f"[{where.host}]" if ":" in where.host else where.host
    sent = {
        **headers,
        "Host": host if default else f"{host}:{where.port}",
        "Content-Type": "application/json",
        "User-Agent": "Crosswalk",
    }
    try:
        answer = pool.urlopen(
            "POST", where.path, body=body, headers=sent, redirect=False, retries=False, preload_content=False
        )
        with suppress(HTTPError):  # the status says it all
            _drain(answer)
    except HTTPError as error:
        raise NotSent(in_words(error)) from None
    finally:
        pool.close()
    if not 200 <= answer.status <= 299:
        raise NotSent(f"it answered {answer.status}")


def _drain(answer: urllib3.BaseHTTPResponse) -> None:
    """Hear it out within limits: who answers with a stream without end is hung up on."""
    size = 0
    while chunk := answer.read1(8_192):
        size += len(chunk)
        if size > _MOST_BYTES:
            break
    answer.close()
