"""Authlib's session, bounded as our own pool is (transport.py): whole answers within limits, no redirects.

For HubSpot's token endpoint and an institution's sign-in: what they answer is small, and a redirect would
take a client secret or a code to wherever an answer says.
"""

import io
from typing import Any

import requests
from authlib.integrations.requests_client import OAuth2Session
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from core.platforms.deadline import pools
from core.platforms.transport import Limits

SMALL = Limits(whole_s=20.0, max_bytes=1024 * 1024)


class _BoundedAdapter(HTTPAdapter):
    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = pools(SMALL.whole_s)

    def send(self, request: requests.PreparedRequest, *_: Any, **kw: Any) -> requests.Response:
        kw |= {"stream": True, "timeout": (SMALL.connect_s, SMALL.read_s)}
        response = super().send(request, **kw)
        try:
            body = _whole(response)
        except (HTTPError, OSError) as error:
            raise requests.ConnectionError(type(error).__name__) from None  # its text may quote the request
        finally:
            response.close()
        response.raw = io.BytesIO(body)
        response.headers.pop("Content-Encoding", None)  # it is unpacked by now
        return response


class BoundedSession(OAuth2Session):  # type: ignore[misc]
    """An ``OAuth2Session`` with time-outs, a largest answer of 1 MiB, and no redirects."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.max_redirects = 0  # requests.TooManyRedirects at the first one
        self.trust_env = False  # no proxies and no .netrc of whoever started the process
        for scheme in ("https://", "http://"):
            self.mount(scheme, _BoundedAdapter())


def _whole(response: requests.Response) -> bytes:
    body = bytearray()
    while part := response.raw.read1(65_536, decode_content=True):
        body += part
        if len(body) > SMALL.max_bytes:
            raise requests.ConnectionError("the answer is too large")
    return bytes(body)
