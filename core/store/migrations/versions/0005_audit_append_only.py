"""The audit log tells from where, and the database keeps it: no entry is changed, none removed early."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_YOUNGEST_MS = 30 * 24 * 3600 * 1000  # what retention may remove is older than that
_SAYS = "the audit log is only ever added to"

_POSTGRESQL = (
    f"""
    CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'DELETE' THEN
        IF OLD.at_ms < extract(epoch FROM now()) * 1000 - {_YOUNGEST_MS} THEN
          RETURN OLD;
        END IF;
      END IF;
      RAISE EXCEPTION '{_SAYS}';
    END $$
    """,
    """
    CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_append_only()
    """,
    """
    CREATE TRIGGER audit_not_emptied BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()
    """,
)
_SQLITE = (
    f"CREATE TRIGGER audit_append_only BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, '{_SAYS}'); END",
    f"""
    CREATE TRIGGER audit_not_emptied BEFORE DELETE ON audit
    WHEN OLD.at_ms >= CAST(strftime('%s', 'now') AS INTEGER) * 1000 - {_YOUNGEST_MS}
    BEGIN SELECT RAISE(ABORT, '{_SAYS}'); END
    """,
)


def upgrade() -> None:
    # The previous version, which may still run, knows nothing of the column.
    op.add_column("audit", sa.Column("origin", sa.String(length=120), nullable=False, server_default=""))
    for statement in _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER audit_append_only ON audit")
        op.execute("DROP TRIGGER audit_not_emptied ON audit")
        op.execute("DROP FUNCTION audit_append_only")
    else:
        op.execute("DROP TRIGGER audit_append_only")
        op.execute("DROP TRIGGER audit_not_emptied")
    op.drop_column("audit", "origin")
