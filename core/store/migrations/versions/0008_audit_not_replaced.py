"""SQLite's REPLACE removes a row without asking the DELETE trigger (sqlite.org, "ON CONFLICT"):
no entry of the audit log takes the place of another."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":  # PostgreSQL's ON CONFLICT is an update, which is refused
        op.execute(
            """
            CREATE TRIGGER audit_not_replaced BEFORE INSERT ON audit
            WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
            BEGIN SELECT RAISE(ABORT, 'the audit log is only ever added to'); END
            """
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER audit_not_replaced")
