"""What a later entry of the Sync Log tells again was not resolved, and goes on since its first entry."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_RETOLD = sa.text("resolved_at_ms IS NULL AND first_at_ms IS NOT NULL")


def upgrade() -> None:
    for name in ("first_at_ms", "retold_at_ms"):
        op.add_column("sync_log", sa.Column(name, sa.BigInteger(), nullable=True))
    op.create_index(
        "sync_log_first",
        "sync_log",
        ["instance_id", "account_id", "code", "first_at_ms"],
        postgresql_where=_RETOLD,
        sqlite_where=_RETOLD,
    )
    op.create_index("sync_log_over", "sync_log", ["retold_at_ms", "resolved_at_ms"])
    op.drop_index("sync_log_resolved", "sync_log")  # sync_log_over answers the same question


def downgrade() -> None:
    op.create_index("sync_log_resolved", "sync_log", ["resolved_at_ms"])
    for name in ("sync_log_over", "sync_log_first"):
        op.drop_index(name, "sync_log")
    with op.batch_alter_table("sync_log") as entries:
        entries.drop_column("retold_at_ms")
        entries.drop_column("first_at_ms")
