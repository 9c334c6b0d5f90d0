"""The Health page: outcomes rolled up by minute and hour, and counts by minute."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "roll_ups",
        sa.Column("span_ms", sa.BigInteger(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("instance_id", sa.BigInteger(), nullable=False),
        sa.Column("direction", sa.String(length=10), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("delay_ms", sa.BigInteger(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "span_ms", "start_ms", "instance_id", "direction", "outcome", "code", "delay_ms"
        ),
    )
    op.create_table(
        "tallies",
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("word", sa.String(length=60), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("last_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("start_ms", "kind", "account_id", "word"),
    )
    op.create_index("tallies_last", "tallies", ["kind", "account_id", "last_at_ms"], unique=False)


def downgrade() -> None:
    op.drop_table("tallies")
    op.drop_table("roll_ups")
