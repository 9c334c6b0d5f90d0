"""What the pages that list and count ask for: indices, states of problems, each user's time zone."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_OPEN, _CODED = sa.text("resolved_at_ms IS NULL"), sa.text("code IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "problem_states",
        sa.Column("instance_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.Column("until_contacts", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("instance_id", "account_id", "code"),
    )
    with op.batch_alter_table("users") as users:
        users.add_column(sa.Column("time_zone", sa.String(length=60), server_default="UTC", nullable=False))
    op.create_index("sync_log_code", "sync_log", ["instance_id", "code", "at_ms", "id"])
    op.create_index("sync_log_hubspot", "sync_log", ["hubspot_id"])
    op.create_index("sync_log_mainstay", "sync_log", ["mainstay_id"])
    op.create_index("sync_log_resolved", "sync_log", ["resolved_at_ms"])
    op.create_index(
        "sync_log_problems",
        "sync_log",
        ["instance_id", "account_id", "code", "at_ms", "contact"],
        postgresql_where=_OPEN,
        sqlite_where=_OPEN,
    )
    op.create_index("outcomes_outcome", "outcomes", ["instance_id", "outcome", "id"])
    op.create_index(
        "outcomes_code",
        "outcomes",
        ["instance_id", "code", "id"],
        postgresql_where=_CODED,
        sqlite_where=_CODED,
    )
    op.drop_index("outcomes_instance", "outcomes")  # outcomes_outcome answers the same questions


def downgrade() -> None:
    op.create_index("outcomes_instance", "outcomes", ["instance_id", "id"])
    for name in ("outcomes_code", "outcomes_outcome"):
        op.drop_index(name, "outcomes")
    for part in ("problems", "resolved", "mainstay", "hubspot", "code"):
        op.drop_index(f"sync_log_{part}", "sync_log")
    with op.batch_alter_table("users") as users:
        users.drop_column("time_zone")
    op.drop_table("problem_states")
