"""The platforms' fields as last fetched, per account. For pages and while a platform can't be reached."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from core.domain.fields import Field
from core.store import models
from core.store.mapping_documents import field_document, field_of


@dataclass(frozen=True, slots=True)
class Catalogue:
    """An account's fields and when they were fetched (epoch ms)."""

    fields: tuple[Field, ...]
    fetched_at_ms: int

    def age_ms(self, now_ms: int) -> int:
        """How old the copy is."""
        return now_ms - self.fetched_at_ms


def save(session: Session, account_id: int, fields: Sequence[Field], now_ms: int) -> None:
    """Keep the fields; the caller commits."""
    session.merge(
        models.Catalogue(
            account_id=account_id,
            fields=[field_document(field) for field in fields],
            fetched_at_ms=now_ms,
        )
    )
    session.flush()


def load(session: Session, account_id: int) -> Catalogue | None:
    """The kept fields, or None if they were never fetched."""
    row = session.get(models.Catalogue, account_id)
    if row is None:
        return None
    return Catalogue(tuple(field_of(document) for document in row.fields), row.fetched_at_ms)
