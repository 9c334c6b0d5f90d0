"""Signs change events by the Standard Webhooks convention (contract §5): Mainstay publishes no format.

Source: https://github.com/standard-webhooks/standard-webhooks, spec: HMAC-SHA256 over ``id.timestamp.body``.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence


def signature(secret: str, message_id: str, timestamp_s: str, body: bytes) -> str:
    """``v1,<base64>``; ``secret`` is ``whsec_<base64 of the key>``."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def signed_headers(secrets: Sequence[str], message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """One signature per secret, separated by spaces: how the convention rotates."""
    signatures = [signature(secret, message_id, str(timestamp_s), body) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(signatures),
    }
