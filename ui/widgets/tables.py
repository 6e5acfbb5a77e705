"""Lists of lines with columns: short ones held whole, long ones fetched page by page while they are scrolled.

Your line belongs here if it shows rows; what stands in them comes from a service as text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRectF, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from counter_app.domain.views import Tone
from ui.theme import Sizes, colour, current

Index = QModelIndex | QPersistentModelIndex

PAGE_ROWS = 100
"""Rows asked for at once: about four screens, so that scrolling by wheel seldom waits."""
PAGES_KEPT = 50
"""Pages held in memory; the page longest unseen goes first."""


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """A column's title; `figures` are aligned right; `width_px` is for normal type, 0 shares the rest."""

    title: str
    width_px: int = 0
    figures: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """A cell that is more than plain text: coloured words, or a badge."""

    text: str
    tone: Tone = "plain"
    badge: bool = False


Row = Sequence[str | Cell]
Fetch = Callable[[int, int, Callable[[Sequence[Row]], None]], None]
"""`fetch(first, count, answer)`: look rows up off the UI thread and call `answer` on it (through a lane)."""


class RowModel(QAbstractTableModel):
    """Rows held whole or fetched by pages. A row not fetched yet shows an ellipsis and asks for its page once."""

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__()
        self._columns = tuple(columns)
        self._count = 0
        self._fetch: Fetch | None = None
        self._pages: dict[int, Sequence[Row]] = {}
        self._asked: set[int] = set()
        self._generation = 0

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show these rows, all in memory."""
        self._restart(len(rows), None)
        self._pages = {
            start // PAGE_ROWS: rows[start : start + PAGE_ROWS] for start in range(0, len(rows), PAGE_ROWS)
        }
        self.endResetModel()

    def set_source(self, count: int, fetch: Fetch) -> None:
        """Show `count` rows of which only those looked at are fetched."""
        self._restart(count, fetch)
        self.endResetModel()

    def _restart(self, count: int, fetch: Fetch | None) -> None:
        self.beginResetModel()
        self._generation += 1
        self._count = count
        self._fetch = fetch
        self._pages = {}
        self._asked = set()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        """All rows, fetched or not."""
        return 0 if parent.isValid() else self._count

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        """As many as there are columns."""
        return 0 if parent.isValid() else len(self._columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        """Column titles."""
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return self._columns[section].title
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(self._columns[section])
        return None

    def cell(self, index: Index) -> Cell | None:
        """What stands at an index, or None while its page is on its way."""
        row = self.row(index.row())
        if row is None:
            return None
        found = row[index.column()]
        return found if isinstance(found, Cell) else Cell(found)

    def row(self, place: int) -> Row | None:
        """A whole row, or None while its page is on its way (which is asked for now)."""
        page, offset = divmod(place, PAGE_ROWS)
        rows = self._pages.get(page)
        if rows is None:
            self._ask(page)
            return None
        return rows[offset] if offset < len(rows) else None

    def data(self, index: Index, role: int = 0) -> Any:
        """Text and alignment; colours are the delegate's work."""
        if role == Qt.ItemDataRole.DisplayRole:
            cell = self.cell(index)
            return "…" if cell is None else cell.text
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(self._columns[index.column()])
        return None

    def _ask(self, page: int) -> None:
        if self._fetch is None or page in self._asked:
            return
        self._asked.add(page)
        generation = self._generation

        def answer(rows: Sequence[Row]) -> None:
            if generation != self._generation:
                return
            self._asked.discard(page)
            self._pages[page] = rows
            if len(self._pages) > PAGES_KEPT:
                del self._pages[next(iter(self._pages))]
            last = min((page + 1) * PAGE_ROWS, self._count) - 1
            self.dataChanged.emit(self.index(page * PAGE_ROWS, 0), self.index(last, len(self._columns) - 1))

        self._fetch(page * PAGE_ROWS, min(PAGE_ROWS, self._count - page * PAGE_ROWS), answer)


def _alignment(column: Column) -> int:
    side = Qt.AlignmentFlag.AlignRight if column.figures else Qt.AlignmentFlag.AlignLeft
    return int(side | Qt.AlignmentFlag.AlignVCenter)


class _Painter(QStyledItemDelegate):
    """Draws coloured words and badges."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        model = index.model()
        cell = model.cell(index) if isinstance(model, RowModel) else None
        if cell is None:
            return
        if cell.badge:
            option.text = ""
        elif cell.tone != "plain":
            option.palette.setColor(option.palette.ColorRole.Text, colour(cell.tone))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        model = index.model()
        cell = model.cell(index) if isinstance(model, RowModel) else None
        if cell is None or not cell.badge or not cell.text:
            return
        ink, ground = _BADGE_COLOURS[cell.tone]
        font = QFont(option.font)
        font.setPixelSize(current().sizes.badge_px)
        width = QFontMetrics(font).horizontalAdvance(cell.text) + 14
        height = current().sizes.badge_px + 9
        area = QRectF(option.rect)
        box = QRectF(area.left() + 8, area.center().y() - height / 2, width, height)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(ground))
        painter.drawRoundedRect(box, 4, 4)
        painter.setFont(font)
        painter.setPen(colour(ink))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, cell.text)
        painter.restore()


_BADGE_COLOURS: dict[Tone, tuple[str, str]] = {
    "good": ("accent", "wash"),
    "warn": ("warn", "warn_wash"),
    "bad": ("bad", "bad_wash"),
    "plain": ("soft", "background"),
}


class DataTable(QTableView):
    """A table of rows. `row_chosen(int)` on Enter or double click; `set_rows` for short lists, `set_source` for long."""

    row_chosen = Signal(int)

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__()
        self.rows = RowModel(columns)
        self.setModel(self.rows)
        self.setItemDelegate(_Painter(self))
        self.setShowGrid(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        down = self.verticalHeader()
        down.hide()
        down.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        down.setDefaultSectionSize(current().sizes.row_height)
        across = self.horizontalHeader()
        across.setHighlightSections(False)
        across.setSectionsClickable(False)
        for place, column in enumerate(columns):
            if column.width_px:
                across.setSectionResizeMode(place, QHeaderView.ResizeMode.Fixed)
                self.setColumnWidth(place, round(column.width_px * current().sizes.text_px / Sizes().text_px))
            else:
                across.setSectionResizeMode(place, QHeaderView.ResizeMode.Stretch)
        self.doubleClicked.connect(lambda index: self.row_chosen.emit(index.row()))

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show these rows."""
        self.rows.set_rows(rows)

    def set_source(self, count: int, fetch: Fetch) -> None:
        """Show `count` rows fetched while scrolling."""
        self.rows.set_source(count, fetch)

    def fit_rows(self, most: int = 12) -> None:
        """Be exactly as high as the rows need, up to `most` of them: no scroll bar inside a page."""
        shown = min(self.rows.rowCount(), most)
        self.setFixedHeight(
            self.horizontalHeader().sizeHint().height() + shown * current().sizes.row_height + 2
        )

    def chosen_row(self) -> int | None:
        """The marked row, or None."""
        index = self.currentIndex()
        return index.row() if index.isValid() else None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter chooses the marked row; Esc, digits and letters belong to the page and its chips."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            event.accept()
            if not event.isAutoRepeat():
                self.row_chosen.emit(self.currentIndex().row())
        elif event.key() == Qt.Key.Key_Escape or event.text().isalnum():
            event.ignore()
        else:
            super().keyPressEvent(event)
