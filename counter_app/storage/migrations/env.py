"""Alembic's entry: runs the steps over the connection that `storage.migrate` handed in, one transaction a step."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transaction_per_migration=True,
    # SQLite's DDL is transactional once BEGIN is sent by us and not by the driver; Alembic does not assume it.
    transactional_ddl=True,
    on_version_apply=context.config.attributes["after_step"],
)
with context.begin_transaction():
    context.run_migrations()
