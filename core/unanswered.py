"""Why an HTTP request had no answer, in words for people.

The libraries' own texts may quote the address with its query, and with it a secret or a contact's value.
"""

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, NameResolutionError, NewConnectionError


def reason_of(error: Exception) -> Exception:
    """What lies under a failed request of urllib3, or of requests, which wraps urllib3's."""
    wrapped = not isinstance(error, HTTPError) and error.args and isinstance(error.args[0], HTTPError)
    inner = error.args[0] if wrapped else error
    return inner.reason if isinstance(inner, MaxRetryError) and inner.reason else inner


def in_words(error: Exception) -> str:
    """One short sentence, without a capital."""
    match reason := reason_of(error):
        case NameResolutionError():
            return "its host name is not known"
        case NewConnectionError():
            refused = isinstance(reason.__cause__, ConnectionRefusedError)
            return "connection refused" if refused else "no connection"
        case urllib3.exceptions.TimeoutError() | TimeoutError():
            return "no answer in time"
        case urllib3.exceptions.SSLError():
            return "TLS failed"
        case urllib3.exceptions.ProtocolError():
            return "the connection broke off"
    return f"no answer ({type(reason).__name__})"
