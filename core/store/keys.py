"""The deployment's own keys, made once and kept encrypted: independent of the secret key's rotation."""

import secrets

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.store.models import Key
from core.store.sealing import Sealer


def digest_key(session: Session, sealer: Sealer) -> bytes:
    """32 bytes for ``domain.digests.digest``; the first caller makes them, racing callers agree."""
    row = session.get(Key, "digest")
    if row is None:
        sealed = sealer.seal({"key": secrets.token_hex(32)})
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        session.execute(
            insert(Key).values(name="digest", sealed=sealed).on_conflict_do_nothing(index_elements=["name"])
        )
        session.expire_all()
        row = session.get_one(Key, "digest")
    return bytes.fromhex(str(sealer.open(row.sealed)["key"]))
