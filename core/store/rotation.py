"""Encrypts again, under the newest secret key, whatever is stored encrypted. In small steps, safe to repeat.

Every column named ``sealed``, or marked so (``info={"sealed": True}``), of every table is one of them; so a
new table is covered by its column.
"""

from collections.abc import Iterator

from sqlalchemy import Column, Table, and_, or_, select, update

from core.store import alert_models, console_models  # noqa: F401 - their tables belong to Base, too
from core.store.database import Database
from core.store.models import Base
from core.store.sealing import Sealer

_STEP = 200


def reseal_all(database: Database, sealer: Sealer) -> Iterator[tuple[str, int]]:
    """Table by table, step by step: (table name, rows done so far). CannotOpen where no key fits.

    A row that somebody changes meanwhile is left alone: it was encrypted under the newest key just now.
    """
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if column.name == "sealed" or column.info.get("sealed"):
                yield from _reseal(database, sealer, table, column)


def _reseal(
    database: Database, sealer: Sealer, table: Table, column: Column[bytes]
) -> Iterator[tuple[str, int]]:
    keys = list(table.primary_key.columns)
    last: tuple[object, ...] | None = None
    done = 0
    while True:
        query = select(*keys, column).order_by(*keys).limit(_STEP)
        if last is not None:
            behind = [
                and_(*(k == v for k, v in zip(keys[:n], last[:n], strict=True)), keys[n] > last[n])
                for n in range(len(keys))
            ]
            query = query.where(or_(*behind))
        with database.transaction() as session:
            rows = list(session.execute(query))
            for row in rows:
                here = [key == value for key, value in zip(keys, row[:-1], strict=True)]
                if row[-1] is not None:
                    statement = update(table).where(*here, column == row[-1])
                    session.execute(statement.values({column: sealer.reseal(row[-1])}))
        if not rows:
            return
        last, done = tuple(rows[-1][:-1]), done + len(rows)
        yield table.name, done
