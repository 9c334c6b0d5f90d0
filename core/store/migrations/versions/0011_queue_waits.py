"""Since when a queue is not empty is known to all processes, and outlives them."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "queue_waits",
        sa.Column("queue", sa.String(40), primary_key=True),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("queue_waits")
