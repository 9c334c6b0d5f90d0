"""Outcomes of a job at a glance; dead letters by contact, and who settled them why; a job's pace."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OF_A_JOB = sa.text("job_id > 0")


def upgrade() -> None:
    op.add_column("dead_letters", sa.Column("settled_by", sa.String(length=200), nullable=True))
    op.add_column("dead_letters", sa.Column("reason", sa.Text(), nullable=True))
    op.add_column("jobs", sa.Column("per_minute", sa.BigInteger(), nullable=True))
    op.create_index("dead_letters_contact", "dead_letters", ["contact"])
    if op.get_bind().dialect.name != "postgresql":
        _index_outcomes()
        return
    # The table may be large and is written to all the time: indexed without holding anybody up.
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = '60s'")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS outcomes_job")  # what a broken attempt has left
        _index_outcomes(concurrently=True)
        op.execute("SET lock_timeout = '4s'")


def _index_outcomes(*, concurrently: bool = False) -> None:
    op.create_index(
        "outcomes_job",
        "outcomes",
        ["job_id", "finished_at_ms", "outcome"],
        postgresql_where=_OF_A_JOB,
        sqlite_where=_OF_A_JOB,
        postgresql_concurrently=concurrently,
    )


def downgrade() -> None:
    op.drop_index("outcomes_job", "outcomes")
    op.drop_index("dead_letters_contact", "dead_letters")
    op.drop_column("jobs", "per_minute")
    op.drop_column("dead_letters", "reason")
    op.drop_column("dead_letters", "settled_by")
