"""What commands without a window ask first: this counter's settings, and the passphrase its key may be under."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from counter_app.domain.errors import StorageTrouble

if TYPE_CHECKING:
    from pathlib import Path

    from counter_app.settings import Settings


def settings_and_passphrase(named: Path | None) -> tuple[Settings, str]:
    """The settings and the passphrase, typed on the terminal where the key is kept under one, else "".

    `StorageTrouble` when the counter was never set up, and as `settings.load` for a file that cannot be read.
    """
    from counter_app import bootstrap

    path, settings = bootstrap.load_settings(named)
    if settings is None:
        raise StorageTrouble(f"没有设置文件：{path}。请先运行 counter-app 完成首次设置。")
    return settings, getpass.getpass("口令：") if settings.key.kind == "passphrase" else ""
