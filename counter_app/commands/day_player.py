"""Hands and eyes for the demo day: real key events into the real window, waits on conditions, pictures, and a record.

Your line belongs here if any step of the day may need it; what a step does and expects belongs to `day`.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget

from counter_app.domain.shifts import CashCount

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

    from counter_app.bootstrap import Program
    from counter_app.commands.demo_counter import DemoCard, Simulators
    from counter_app.services.desks import Desks
    from counter_app.storage.database import Transaction
    from ui.app_window import AppWindow
    from ui.serving import Serving

T = TypeVar("T")

log = logging.getLogger(__name__)

CAP_S = 10.0
"""No single wait of the day is longer than this."""

LOOK_EVERY_MS = 10


class NotAsExpected(Exception):
    """What should have been seen and was not, in English for whoever reads the day's record."""


class ToldToEnd(Exception):
    """SIGTERM or Ctrl+C."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the day: its name, a short name for files, how it is played, and how many receipts it prints."""

    name: str
    slug: str
    play: Callable[[Player], None]
    receipts: int = 0


@dataclass
class Played:
    """What became of a step."""

    step: Step
    ok: bool = False
    seconds: float = 0.0
    screenshot: str = ""
    receipts: list[str] = field(default_factory=list)
    why: str = ""


class Drawer:
    """The notes in the drawer as the clerk's hands put them there and take them out: what a count will find."""

    def __init__(self) -> None:
        self._pieces: dict[int, int] = {}

    def put(self, pieces: Mapping[int, int]) -> None:
        """Notes go in: {denomination in fen: pieces}."""
        for denomination_fen, count in pieces.items():
            self._pieces[denomination_fen] = self._pieces.get(denomination_fen, 0) + count

    def take(self, pieces: Mapping[int, int]) -> None:
        """Notes go out."""
        for denomination_fen, count in pieces.items():
            if self._pieces.get(denomination_fen, 0) < count:
                raise NotAsExpected(f"the drawer has not {count} pieces of {denomination_fen} fen")
            self._pieces[denomination_fen] -= count

    def pieces_of(self, denomination_fen: int) -> int:
        """How many of one denomination lie in it."""
        return self._pieces.get(denomination_fen, 0)

    @property
    def total_fen(self) -> int:
        """What lies in it."""
        return CashCount(tuple((fen, count) for fen, count in self._pieces.items() if count)).total_fen


class Player:
    """Plays at one window with simulated devices. Everything it knows about money it has handled itself."""

    def __init__(
        self, program: Program, simulators: Simulators, sizes: Mapping[str, Any], out: Path, *, pictures: bool
    ) -> None:
        self.program = program
        self.simulators = simulators
        self.sizes = sizes
        self.out = out
        self.drawer = Drawer()
        self.known: dict[str, Any] = {}
        """What an earlier step saw and a later one needs."""
        self._pictures = pictures
        self._picture_taken = ""
        self._told_to_end = False
        self._bugs: list[str] = []
        program.window.troubles.bug_found.connect(self._bugs.append)

    # --- the program --------------------------------------------------------------------------------------------

    @property
    def window(self) -> AppWindow:
        """The window."""
        return self.program.window

    @property
    def page(self) -> Any:
        """The page in sight."""
        if self.window.page is None:
            raise NotAsExpected("no page is in sight")
        return self.window.page

    @property
    def serving(self) -> Serving:
        """The clerk's session."""
        if self.program.serving is None:
            raise NotAsExpected("the hall is not open")
        return self.program.serving

    @property
    def desks(self) -> Desks:
        """The desks behind the window, only to look at what the database holds."""
        if self.program.desks is None:
            raise NotAsExpected("the hall is not open")
        return self.program.desks

    def read(self, look: Callable[[Transaction], T]) -> T:
        """What really stands in the database."""
        return self.desks.at.database.read(look)

    # --- steps --------------------------------------------------------------------------------------------------

    def play(self, step: Step, number: int) -> Played:
        """Play one step; what was not as expected is in `why`."""
        played = Played(step)
        printed_before = set(self._receipts())
        self._picture_taken = ""
        bugs_before = len(self._bugs)
        begun_s = time.monotonic()
        try:
            step.play(self)
            self._settle(len(printed_before) + step.receipts)
            if len(self._bugs) > bugs_before:
                raise NotAsExpected(f"the program went wrong: {self._bugs[-1]}")
            played.ok = True
        except NotAsExpected as difference:
            played.why = str(difference)
        except ToldToEnd:
            raise
        except Exception as error:
            # One step that breaks must not take the record of the others with it.
            log.exception("the step %s broke", step.slug)
            played.why = f"the step itself broke: {type(error).__name__}: {error}"
        played.seconds = round(time.monotonic() - begun_s, 3)
        played.receipts = [name for name in self._receipts() if name not in printed_before]
        if played.ok and len(played.receipts) != step.receipts:
            played.ok = False
            played.why = f"{len(played.receipts)} receipts were printed, {step.receipts} were expected"
        if self._pictures:
            name = f"{number:02d}-{step.slug}.png"
            if not self._picture_taken:
                self.picture()
            (self.out / self._picture_taken).rename(self.out / name)
            played.screenshot = name
        return played

    def picture(self) -> None:
        """Keep how the window looks now as the step's picture, in place of how it looks at the end."""
        if self._pictures:
            self._picture_taken = "taken.png"
            self.window.grab().save(str(self.out / self._picture_taken))

    # --- waiting ------------------------------------------------------------------------------------------------

    def until(self, condition: Callable[[], object], what: str, timeout_s: float = CAP_S) -> None:
        """Let the program run until `condition`; `NotAsExpected` with `what` after `timeout_s`."""
        end_s = time.monotonic() + timeout_s
        while not condition():
            if self._told_to_end:
                raise ToldToEnd
            if time.monotonic() > end_s:
                raise NotAsExpected(f"{what} (waited {timeout_s:g} s; {self._in_sight()})")
            self.let_run()

    def let_run(self) -> None:
        """Let the program run for a moment."""
        loop = QEventLoop()
        QTimer.singleShot(LOOK_EVERY_MS, loop.quit)
        loop.exec()

    def end_on_signals(self) -> None:
        """SIGTERM and Ctrl+C end the next wait, so that devices and database are closed as at any end."""

        def told(_number: int, _frame: FrameType | None) -> None:
            self._told_to_end = True

        signal.signal(signal.SIGTERM, told)
        signal.signal(signal.SIGINT, told)

    def _settle(self, receipts: int) -> None:
        """The paper is out, and everything that followed the booking has been read and shown."""
        missing = f"the printer has not printed receipt {receipts}"
        self.until(lambda: len(self._receipts()) >= receipts, missing)
        self.until(lambda: not self.desks.paper.waiting(), "the print queue does not become empty")
        lanes = (self.serving.desk, self.serving.look, self.serving.paper, self.serving.pos)
        quiet = 0

        def settled() -> bool:
            # Several looks in a row: an answer on its way may ask for the next one.
            nonlocal quiet
            quiet = quiet + 1 if all(lane.idle for lane in lanes) else 0
            return quiet >= 3

        self.until(settled, "the program does not come to rest")

    def _in_sight(self) -> str:
        """What a clerk would see and where the keys go, for whoever reads why a step failed."""
        focused = QApplication.focusWidget()
        others = [w for w in QApplication.topLevelWidgets() if w.isVisible() and w is not self.window]
        where = f"the focus is on {focused.metaObject().className() if focused else 'nothing'}"
        if not self.window.isActiveWindow():
            where += ", the window is not active"
        if others:
            where += f", other windows: {[other.metaObject().className() for other in others]}"
        return f"{self._said()}; {where}"

    def _said(self) -> str:
        page = self.window.page
        if page is None:
            return f"the sign-in page says: {self.window.sign_in.result.text or 'nothing'}"
        return f"the page says: {page.result.text or 'nothing'}"

    # --- hands --------------------------------------------------------------------------------------------------

    def press(
        self, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier, *, times: int = 1
    ) -> None:
        """Press a key; it goes where a keyboard's would, to whatever has the focus."""
        handle = self.window.windowHandle()
        for _ in range(times):
            QTest.keyClick(handle, key, modifiers)

    def enter(self) -> None:
        """Press Enter."""
        self.press(Qt.Key.Key_Return)

    def type(self, text: str) -> None:
        """Type into whatever has the focus: keys for ASCII, an input method's commit for Chinese."""
        for char in text:
            if char.isascii():
                QTest.keyClick(self.window.windowHandle(), ord(char))
                continue
            focused = QApplication.focusWidget()
            if focused is None:
                raise NotAsExpected(f"nothing has the focus, {char} cannot be typed")
            event = QInputMethodEvent()
            event.setCommitString(char)
            QApplication.sendEvent(focused, event)

    def type_into(self, entry: QWidget, text: str) -> None:
        """Wait until this field has the focus, type, and go on with Enter."""
        self.until(entry.hasFocus, f"the focus does not come to {entry.accessibleName() or entry}")
        self.type(text)
        self.enter()

    def click(self, words: str) -> None:
        """Click the button in sight whose words begin so; for what has no key of its own."""

        def find() -> QPushButton | None:
            buttons: list[QPushButton] = self.window.findChildren(QPushButton)
            found = [b for b in buttons if b.isVisible() and b.isEnabled() and b.text().startswith(words)]
            return found[0] if found else None

        self.until(find, f"there is no button {words}")
        button = find()
        assert button is not None
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    def go_to(self, key: Qt.Key, name: str) -> None:
        """Press a page's key and wait until it is in sight and quiet."""
        self.until(lambda: not self.page.busy.busy, "the page in sight stays busy")
        self.press(key)
        self.until(
            lambda: self.window.page is not None and self.window.page is self.window.made_page(name),
            f"page {name} does not come",
        )

    def put_card(self, card: DemoCard) -> None:
        """Lay a card on the reader and wait until its person or card stands at the counter; then take it away."""
        self._tell("card-reader", card.on_reader)
        self.until(
            lambda: self.window.customer is not None and self.window.customer.card_no == card.card_no,
            f"the card {card.card_no} on the reader does not open",
        )
        self._tell("card-reader", {"lift": True})

    def lay_card_until(self, card: DemoCard, seen: Callable[[], object], what: str) -> None:
        """Lay a card on the reader for a page that waits for one."""
        self._tell("card-reader", card.on_reader)
        self.until(seen, what)
        self._tell("card-reader", {"lift": True})

    def lay_document_until(self, card: DemoCard, seen: Callable[[], object], what: str) -> None:
        """Lay the holder's document on the ID reader until the program has taken it in."""
        self._tell("id-reader", card.document)
        self.until(seen, what)
        self._tell("id-reader", {"lift": True})

    def next_payment(self, **command: str) -> None:
        """Tell the terminal how the next payment goes."""
        self._tell("pos", command)

    def _tell(self, kind: str, command: Mapping[str, Any]) -> None:
        self.simulators.tell(kind, command)
        answers: list[dict[str, Any]] = []

        def answered() -> bool:
            answers.extend(self.simulators.answers(kind))
            return bool(answers)

        self.until(answered, f"the simulated {kind} does not take {command}")
        if not answers[-1]["ok"]:
            raise NotAsExpected(f"the simulated {kind} refuses {command}: {answers[-1]}")

    # --- eyes ---------------------------------------------------------------------------------------------------

    def says(self, tone: str, *parts: str) -> None:
        """Wait until the page's result line has this tone and holds all these words."""

        def there() -> bool:
            line = self.page.result
            return line.tone == tone and all(part in line.text for part in parts)

        self.until(there, f"the page does not say {tone}: {'…'.join(parts)}")

    def expect(self, what: str, found: object, wanted: object) -> None:
        """`NotAsExpected` unless both are the same."""
        if found != wanted:
            raise NotAsExpected(f"{what}: found {found!r}, expected {wanted!r}")

    def expect_nowhere(self, words: str) -> None:
        """`NotAsExpected` when any label in sight holds these words."""
        holding = [text for text in self._labels() if words in text]
        if holding:
            raise NotAsExpected(f"{words} stands on the screen: {holding[0]!r}")

    def expect_somewhere(self, words: str) -> None:
        """Wait until a label in sight holds these words."""
        self.until(lambda: any(words in text for text in self._labels()), f"{words} is nowhere on the screen")

    def balance_fen(self, card: DemoCard) -> int:
        """What is on a card, from the database."""
        from counter_app.storage import cards

        def look(tx: Transaction) -> int:
            found = cards.load(tx, card.card_no)
            if found.purse_id is None:
                raise NotAsExpected(f"card {card.card_no} has no purse")
            return cards.look_at_purse(tx, found.purse_id).balance_fen

        return self.read(look)

    def state_of(self, card: DemoCard) -> str:
        """The card's state, from the database."""
        from counter_app.storage import cards

        return self.read(lambda tx: cards.load(tx, card.card_no)).state.value

    def _labels(self) -> Iterable[str]:
        labels: Sequence[QLabel] = self.window.findChildren(QLabel)
        return (label.text() for label in labels if label.isVisible())

    def _receipts(self) -> list[str]:
        return sorted(path.name for path in self.out.glob("receipt-*.bin"))
