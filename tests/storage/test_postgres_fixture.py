"""The storage tests' own ground: the server is real, empty and ours."""

from __future__ import annotations

import sqlalchemy as sa


def test_the_server_is_postgresql_18_with_checksums_and_an_empty_database(postgres_url: str) -> None:
    engine = sa.create_engine(postgres_url)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SHOW server_version_num")) >= "180000"
        assert connection.scalar(sa.text("SHOW data_checksums")) == "on"
        assert connection.scalar(sa.text("SHOW fsync")) == "on"
        assert connection.scalar(sa.text("SHOW server_encoding")) == "UTF8"
    engine.dispose()
