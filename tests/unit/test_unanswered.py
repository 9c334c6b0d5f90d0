"""What people read where a request had no answer: words, and nothing of what was asked."""

import requests
import urllib3

from core.unanswered import in_words
from tests.services.process import free_port

SECRET = "refresh-token-of-a-portal"


def test_whoever_asked() -> None:
    url = f"http://127.0.0.1:{free_port()}/token?secret={SECRET}"
    told = []
    for ask, failed in (
        (lambda: urllib3.PoolManager().request("GET", url, retries=False), urllib3.exceptions.HTTPError),
        (lambda: urllib3.PoolManager().request("GET", url, retries=1), urllib3.exceptions.HTTPError),
        (lambda: requests.get(url, timeout=2), requests.RequestException),
    ):
        try:
            ask()
        except failed as error:
            told.append(in_words(error))
    assert told == ["connection refused"] * 3


def test_what_is_not_known_names_its_kind_alone() -> None:
    assert in_words(requests.RequestException(f"a text with {SECRET}")) == "no answer (RequestException)"
