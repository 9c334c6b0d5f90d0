"""Encryption of what is stored: tokens, webhook secrets, the deployment's own keys.

``CROSSWALK_SECRET_KEY`` may hold several keys, newest first: the first one seals, any of them opens. Each
text is stretched to a Fernet key by HKDF-SHA256 (RFC 5869), so that any long random text will do.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_PURPOSE = b"crosswalk sealed at rest, 1"  # changing it makes everything stored unreadable


class CannotOpen(Exception):
    """Sealed with a key that is not among the given ones, or damaged."""

    def __init__(self) -> None:
        super().__init__(
            "What is stored was encrypted under another key. Put the previous key behind the new one in"
            " CROSSWALK_SECRET_KEY (new,old) and try again."
        )


class Sealer:
    """Seals and opens small JSON documents. Holds keys, shows none."""

    def __init__(self, secret_keys: Sequence[str]) -> None:
        if not secret_keys:
            raise ValueError("CROSSWALK_SECRET_KEY is missing")
        self._keys = MultiFernet([Fernet(_fernet_key(text)) for text in secret_keys])

    def seal(self, document: Mapping[str, Any]) -> bytes:
        """The document, encrypted under the newest key."""
        return self._keys.encrypt(json.dumps(dict(document), separators=(",", ":")).encode())

    def open(self, sealed: bytes) -> dict[str, Any]:
        """The document again; CannotOpen when no key fits."""
        try:
            document: dict[str, Any] = json.loads(self._keys.decrypt(sealed))
        except InvalidToken:
            raise CannotOpen from None
        return document

    def reseal(self, sealed: bytes) -> bytes:
        """The same document under the newest key; CannotOpen when no key fits."""
        try:
            return self._keys.rotate(sealed)
        except InvalidToken:
            raise CannotOpen from None


def _fernet_key(text: str) -> bytes:
    stretched = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(text.encode())
    return base64.urlsafe_b64encode(stretched)
