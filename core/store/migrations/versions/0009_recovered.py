"""When an account last worked after failures: a contact that failed before then and fails again is itself the
trouble, not the platform."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "accounts", sa.Column("recovered_at_ms", sa.BigInteger(), nullable=False, server_default="0")
    )


def downgrade() -> None:
    op.drop_column("accounts", "recovered_at_ms")
