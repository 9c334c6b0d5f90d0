"""Keyed digests: how a value is remembered without being kept.

The key is the deployment's own (stored, encrypted), so that rotating the secret key changes nothing and a
copy of the database alone says nothing about the values.
"""

import hashlib

from core.domain.fields import Platform


def digest(key: bytes, platform: Platform, name: str, canonical: str) -> str:
    """24 hex digits for one canonical value of one field. Equal values of one field digest alike."""
    text = f"{platform}\0{name}\0{canonical}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, key=key[:64], digest_size=12).hexdigest()
