"""Signs what we send as the Standard Webhooks convention says (standardwebhooks.com, read 2026-11-23)."""

import base64
import hashlib
import hmac
import secrets

from core.settings import webhook_secret


def new_secret() -> str:
    """A new ``whsec_…`` secret of 32 random bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def headers(secret: str, message_id: str, now_s: int, body: bytes) -> dict[str, str]:
    """``webhook-id``, ``webhook-timestamp`` (seconds) and ``webhook-signature`` of a body."""
    signed = f"{message_id}.{now_s}.".encode() + body
    digest = hmac.new(webhook_secret(secret), signed, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }
