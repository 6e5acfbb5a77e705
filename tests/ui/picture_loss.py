"""Pictures of loss report and replacement over a real hall, step by step; prints what is wrong with them as JSON."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from hall_builder import HOLDER, NAMED_CARD, OTHER_HOLDER, HallClock, found_hall, medium_of, open_sqlite
from hall_window import document_of, enter, hall_window, press
from picture_page import LAMPS, OTHERS, STATUS, faults_of
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from counter_app.storage import migrate
from ui import texts, theme
from ui.errors import TroubleRouter
from ui.lanes import Lane
from ui.page import Page, PageEntry
from ui.pages.loss import LossPage
from ui.pages.replace import ReplacePage

WAIT_S = 5.0


def main(folder: str, variant: str) -> None:
    """Write the pictures of one variant (`plain`, `contrast`, `large`)."""
    application = QApplication([])
    theme.apply(
        application, theme.Theme.of(high_contrast=variant == "contrast", large_type=variant == "large")
    )
    with tempfile.TemporaryDirectory() as place:
        faults = _take_all(application, folder, variant, Path(place) / "hall.db")
    print(json.dumps({"faults": faults}))


def _take_all(application: QApplication, folder: str, variant: str, path: Path) -> dict[str, list[str]]:
    clock = HallClock()
    database = open_sqlite(path, clock)
    migrate.create(database.engine)
    found_hall(database)
    troubles = TroubleRouter()
    lanes: list[Lane] = []

    def lane(name: str) -> Lane:
        lanes.append(Lane(name))
        return lanes[-1]

    group = texts.GROUP_SERVICE
    hall = hall_window(
        database,
        troubles,
        lane,
        [
            ("loss", "挂失 / 解挂", "F3", group, LossPage),
            ("replace", "补卡", "F4", group, ReplacePage),
        ],
    )
    window = hall.window
    for name, title, key, of_group in OTHERS[2:]:
        window.add_page(PageEntry(name, title, key, of_group, lambda title=title: Page(title, troubles)))
    window.set_lamps(LAMPS)
    window.set_status(STATUS)
    scale = application.devicePixelRatio()
    window.resize(round(1366 / scale), round(768 / scale))
    window.show()
    window.activateWindow()
    faults: dict[str, list[str]] = {}

    def until(condition: Callable[[], object]) -> None:
        end = time.monotonic() + WAIT_S
        while not condition():
            if time.monotonic() > end:
                window.grab().save(f"{folder}/loss-stuck.png")
                raise TimeoutError(window.page.result.text if window.page else "")
            QTest.qWait(5)

    def take(what: str) -> None:
        until(
            lambda: window.page is not None and not window.page.busy.busy and all(one.idle for one in lanes)
        )
        QTest.qWait(30)  # nested layouts settle over several rounds of events
        faults[what] = faults_of(window)
        window.grab().save(f"{folder}/{what}-{variant}-{round(scale * 100)}.png")

    def until_quiet(page: Page) -> None:
        until(lambda: not page.busy.busy)
        until(lambda: all(one.idle for one in lanes))
        application.processEvents()

    hall.open_till()
    loss = hall.show("loss")
    assert isinstance(loss, LossPage)
    take("loss-1-call")
    loss.caller.said.setFocus()
    enter(NAMED_CARD)
    until(lambda: loss._card is not None)
    until_quiet(loss)
    take("loss-2-found")
    enter("张桂芳", "11010519491231002x", "13800008001")
    enter("120")
    until(lambda: loss._answer is not None)
    take("loss-3-no-match")
    loss.caller.name.setText("张桂兰")
    loss.caller.phone.setText("13800008000")
    loss._claim_edited()
    press(Qt.Key.Key_Return)
    until(lambda: loss._answer is not None and loss._answer.holds)
    take("loss-4-match")
    press(Qt.Key.Key_Return)
    until(lambda: loss.outcome.isVisible())
    take("loss-5-done")
    press(Qt.Key.Key_Return)
    clock.advance(minutes=30)
    press(Qt.Key.Key_B, alt=True)
    window.present_document(document_of(OTHER_HOLDER))
    until(lambda: window.customer is not None and not window.customer.hidden)
    take("loss-6-hall")
    press(Qt.Key.Key_Return)
    until(lambda: loss.outcome.isVisible())
    take("loss-7-hall-done")
    press(Qt.Key.Key_Return)
    press(Qt.Key.Key_2, alt=True)
    hall.open(f"card:{NAMED_CARD}")
    press(Qt.Key.Key_9, alt=True)
    take("loss-8-cancel-typed")
    enter("张桂兰", HOLDER.document_number[:17] + "5", "20360630")
    take("loss-9-cancel-refused")
    loss.document.number.setText(HOLDER.document_number)
    loss._go()
    until(loss.signing.box.isVisible)
    take("loss-10-cancel-sign")
    loss.signing.box.close_box()
    window.present_document(document_of(HOLDER))
    until_quiet(loss)
    loss._go()
    until(lambda: loss.outcome.isVisible())
    take("loss-11-cancelled")

    hall.report(NAMED_CARD)
    clock.advance(days=9)
    hall.open(f"card:{NAMED_CARD}")
    replace = hall.show("replace")
    assert isinstance(replace, ReplacePage)
    until(lambda: replace._reserved is not None)
    take("replace-1-old")
    press(Qt.Key.Key_Return)
    take("replace-2-papers")
    press(Qt.Key.Key_9, alt=True)
    take("replace-2-papers-typed")
    window.present_document(document_of(HOLDER))
    until(lambda: replace._step == 2)
    take("replace-3-new")
    window.present_medium(medium_of(2))
    until(lambda: bool(replace.result.text))
    take("replace-3-not-blank")
    window.present_medium(medium_of(4))
    until(lambda: replace._step == 3)
    take("replace-4-fee")
    replace.fee.payment.received.setText("100")
    take("replace-4-fee-cash")
    for part in (replace.fee.payment.received, replace.fee.payment.change.figures):
        if part.visibleRegion().boundingRect() != part.rect():
            faults["replace-4-fee-cash"].append(f"below the fold: {part.accessibleName() or part.text()}")
    press(Qt.Key.Key_D, alt=True)
    take("replace-4-fee-slip")
    press(Qt.Key.Key_A, alt=True)
    replace.fee.payment.received.setFocus()
    press(Qt.Key.Key_Return)
    until(lambda: replace._step == 4)
    until_quiet(replace)
    take("replace-5-done")
    press(Qt.Key.Key_Return)
    window.present_medium(medium_of(1))
    until(lambda: bool(replace.result.text))
    take("replace-6-old-turned-up")
    replace.result._action.click()
    until_quiet(replace)
    take("replace-7-collected")
    for one in lanes:
        one.close(WAIT_S)
    database.close()
    return faults


if __name__ == "__main__":
    main(*sys.argv[1:])
