"""The first run of a counter: shows the first-run page, founds or joins the hall, then opens the window."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from counter_app import bootstrap, settings
from counter_app.domain.errors import Reason, Refused, Trouble
from counter_app.settings import DatabaseAt, KeyAt, Settings

if TYPE_CHECKING:
    from ui.pages.first_run import FirstRunTyped

KEYRINGS = {
    "win32": "keyring.backends.Windows.WinVaultKeyring",
    "darwin": "keyring.backends.macOS.Keyring",
}
LINUX_KEYRING = "keyring.backends.SecretService.Keyring"


def run(path: Path) -> int:
    """Show the first-run page; returns the exit status. Nothing is left behind when it is closed without an answer."""
    from PySide6.QtWidgets import QApplication

    from ui import theme
    from ui.errors import TroubleRouter
    from ui.lanes import Lane
    from ui.pages.first_run import FirstRunPage

    found = QApplication.instance()
    application = found if isinstance(found, QApplication) else QApplication(sys.argv[:1])
    theme.apply(application, theme.Theme())
    troubles = TroubleRouter()
    troubles.install()
    page = FirstRunPage(path.parent)
    page.resize(1366, 768)
    page.setWindowTitle("城市通柜台 首次设置")
    lane = Lane("first-run")
    chosen: list[Settings] = []

    def asked(typed: FirstRunTyped) -> None:
        page.set_waiting("正在建立密钥和数据库…")
        lane.submit(lambda: carry_out(path, typed), done, failed)

    def done(answer: tuple[Settings, str]) -> None:
        chosen.append(answer[0])
        if answer[1]:
            page.show_recovery(answer[1])
        else:
            page.close()

    def failed(error: BaseException) -> None:
        if isinstance(error, Trouble):
            page.refused(error.sentence())
        else:
            page.refused("设置时出错，请联系管理员。")
            troubles.report_bug(error)

    def print_asked(port: str) -> None:
        groups = page.recovery_groups
        lane.submit(lambda: print_recovery(port, groups), page.printed, failed)

    page.found_asked.connect(asked)
    page.finished.connect(page.close)
    page.print_asked.connect(print_asked)
    page.show()
    application.exec()
    lane.close(10.0)
    troubles.remove()
    if not chosen:
        return 1
    return bootstrap.run_window(chosen[0])


def carry_out(path: Path, typed: FirstRunTyped) -> tuple[Settings, str]:
    """Found or join the hall, then write the settings; the settings and the recovery key ("" when joining)."""
    from counter_app.services import first_run

    if not typed.counter_no.isascii() or not typed.counter_no.isdigit():
        raise Refused(Reason.VALUE_NOT_ALLOWED, field="柜台号", typed=typed.counter_no or "未填")
    if not typed.joining and typed.password != typed.password_again:
        raise Refused(Reason.VALUE_NOT_ALLOWED, field="主管密码", typed="两次输入不一样")
    key = KeyAt(
        kind=typed.key_kind,  # type: ignore[arg-type]
        path="" if typed.key_kind == "keyring" else typed.key_path,
        backend=KEYRINGS.get(sys.platform, LINUX_KEYRING) if typed.key_kind == "keyring" else "",
    )
    database = (
        DatabaseAt("postgresql", address=typed.address)
        if typed.address
        else DatabaseAt("sqlite", path=typed.database_path)
    )
    fresh = Settings(
        counter_no=int(typed.counter_no), database=database, key=key, hall_name=typed.hall_name.strip()
    )
    place = bootstrap.key_place(fresh)
    recovery = ""
    if typed.joining:
        name = first_run.join(typed.address, place, typed.passphrase, typed.recovery, bootstrap.utc_now)
        fresh = Settings(fresh.counter_no, database, key, hall_name=name)
    else:
        recovery = first_run.found(
            first_run.NewHall(
                typed.hall_name,
                typed.hall_code,
                typed.may_replace,
                fresh.counter_no,
                typed.manager_no,
                typed.manager_name,
                typed.password,
                Path(typed.database_path),
                typed.address,
            ),
            place,
            typed.passphrase,
            bootstrap.utc_now,
        )
    settings.save(path, fresh)
    return fresh, recovery


def print_recovery(port: str, groups: tuple[str, ...]) -> str:
    """Print the recovery key on a receipt printer for the sealed envelope; what to tell the clerk. Kept nowhere."""
    from counter_app.domain.waiting import CancelToken
    from devices.receipt_printer import ReceiptPrinter
    from devices.serial_port import PortSettings, SerialPort
    from printing.escpos import encode
    from printing.receipt import Line, Note, Receipt, Rule, Signatures, Title

    rows = tuple(
        Line("  ".join(groups[start : start + 2]), align="center", bold=True)
        for start in range(0, len(groups), 2)
    )
    receipt = Receipt(
        (
            Title("恢复密钥"),
            Note("只有它能在密钥丢失后打开数据库。请装入信封封存，不要拍照。"),
            Rule(),
            *rows,
            Rule(),
            Signatures(("封存人", "见证人")),
        )
    )
    printer = ReceiptPrinter(SerialPort(PortSettings(port, device_word="打印机")))
    try:
        outcome = printer.print_job(encode(receipt, 32), CancelToken())
    finally:
        printer.close()
    return outcome.sentence or "已打印，请核对后封存。"
