"""Rotating the secret key: everything opens with the new key alone afterwards."""

from pathlib import Path

import pytest

from core.domain.fields import Platform
from core.store import accounts, keys
from core.store.database import Database, migrate, open_engine
from core.store.rotation import reseal_all
from core.store.sealing import CannotOpen, Sealer


def test_everything_opens_with_the_new_key_alone(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/rotation.db")
    migrate(engine)
    database = Database(engine)
    old, both, new = Sealer(("old-key",)), Sealer(("new-key", "old-key")), Sealer(("new-key",))
    with database.transaction() as session:
        digest_key = keys.digest_key(session, old)
        ids = [
            accounts.create(
                session,
                old,
                platform=Platform.MAINSTAY,
                name=f"org-{number}",
                external_id=f"org-{number}",
                values={"api_token": f"token-{number}"},
                now_ms=1,
            ).id
            for number in range(450)
        ]
    assert dict(reseal_all(database, both)) == {"accounts": 450, "keys": 1}
    assert dict(reseal_all(database, both)) == {"accounts": 450, "keys": 1}
    with database.transaction() as session:
        assert keys.digest_key(session, new) == digest_key
        assert [accounts.credentials(session, new, one).token for one in ids] == [
            f"token-{number}" for number in range(450)
        ]
        with pytest.raises(CannotOpen):
            accounts.credentials(session, old, ids[0])
    engine.dispose()
