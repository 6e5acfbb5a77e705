"""The holder's identity document: read by the reader, or typed where the reader cannot, with a manager to sign.

Your line belongs here if it shows a document or collects a typed one. Whose it is, is the desk's to say.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from counter_app.domain.documents import IdDocument, normalise_id_number
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.masking import mask_document, mask_name
from ui import texts
from ui.forms import document as form
from ui.forms.fields import field_of
from ui.theme import set_look
from ui.widgets.chips import ChipRow
from ui.widgets.entries import Entry, Field
from ui.widgets.lines import side_by_side
from ui.widgets.parts import Note, column, label, row

READ, TYPED = "read", "typed"
READ_ADVICE = "请把持卡人本人的证件放到读卡器上，或按 9 手工录入。"


class DocumentBox(QWidget):
    """Holds at most one document. `changed()`: another one is there, or none any more.

    Chip keys: 8 and 9 choose reader or typing, D to G the kind of a typed document.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._read: IdDocument | None = None
        self.source: ChipRow[str] = ChipRow([(READ, "读证件"), (TYPED, "手工录入（主管签字）")], "89")
        self.paper: ChipRow[str] = ChipRow([(paper.value, paper.text) for paper in form.Paper], "DEFG")
        self.name = Entry("证件上的姓名", max_length=40)
        self.number = Entry("证件号码", max_length=24)
        self.valid_to = Entry("如 2035-06-30，或“长期”", max_length=16)
        self._said = label("", "strong", wrap=True)
        self._warning = Note()
        self._fields = {
            form.NAME: Field("姓名", self.name),
            form.NUMBER: Field("证件号码", self.number),
            form.VALID_TO: Field("有效期至", self.valid_to),
        }
        self._typing = QWidget()
        self._typing.setLayout(
            column(
                row(self.paper, None),
                side_by_side(*self._fields.values()),
                spacing=10,
            )
        )
        self.setLayout(
            column(
                column(label("持卡人证件", "soft"), row(self.source, None), spacing=6),
                self._said,
                self._warning,
                self._typing,
                spacing=10,
            )
        )
        self.stops = (self.name, self.number, self.valid_to)
        self.chips = (self.source, self.paper)
        self.source.chosen.connect(lambda _source: self._source_chosen())
        self.paper.chosen.connect(lambda _paper: self._edited())
        for entry in self.stops:
            entry.textEdited.connect(lambda _text: self._edited())
        self.clear()

    @property
    def typing(self) -> bool:
        """Whether the document is being typed."""
        return self.source.value == TYPED

    @property
    def has_document(self) -> bool:
        """Whether one was read, or everything of one is typed."""
        if not self.typing:
            return self._read is not None
        return not any(entry.is_open() for entry in self.stops)

    def take(self, document: IdDocument) -> None:
        """The reader read one; it stands in for anything typed, which stays."""
        self._read = document
        self.source.choose(READ)
        self._show()
        self.changed.emit()

    def document(self) -> IdDocument:
        """The document. Raises `Refused` and puts the focus where the trouble is."""
        if not self.typing:
            if self._read is None:
                raise Refused(Reason.DOCUMENT_NEEDED)
            return self._read
        try:
            return form.document_from(
                form.Paper(self.paper.value or form.Paper.RESIDENT.value),
                self.name.text(),
                self.number.text(),
                self.valid_to.text(),
            )
        except Refused as refused:
            field = self._fields[field_of(refused)]
            field.complain(refused.sentence())
            field.entry.setFocus()
            raise

    def kept(self) -> dict[str, Entry | ChipRow[str]]:
        """The widgets with typed values, by name. A read document is never kept: it is put on the reader again."""
        return {
            "document_source": self.source,
            "document_paper": self.paper,
            "document_name": self.name,
            "document_number": self.number,
            "document_valid_to": self.valid_to,
        }

    def clear(self) -> None:
        """No document; the reader is waited for."""
        self._read = None
        for entry in self.stops:
            entry.clear()
        self.source.choose(READ)
        self.paper.choose(form.Paper.RESIDENT.value)
        self.show_fields()

    def show_fields(self) -> None:
        """Show what belongs to the chosen source; call it after putting kept values back."""
        if self.source.value is None:
            self.source.choose(READ)
        if self.paper.value is None:
            self.paper.choose(form.Paper.RESIDENT.value)
        for field in self._fields.values():
            field.complain("")
        self._show()

    def _source_chosen(self) -> None:
        self._show()
        if self.typing:
            next((entry for entry in self.stops if entry.is_open()), self.name).setFocus()
        self.changed.emit()

    def _edited(self) -> None:
        for field in self._fields.values():
            field.complain("")
        self._check_number()
        self.changed.emit()

    def _check_number(self) -> None:
        """Say at once when a whole ID number cannot be right, while the document is still in the hand."""
        number = normalise_id_number(self.number.text())
        if len(number) < 18 or self.paper.value == form.Paper.PASSPORT.value:
            return
        try:
            form.kind_of(form.Paper(self.paper.value), number)
        except Refused as refused:
            self._fields[form.NUMBER].complain(refused.sentence())

    def _show(self) -> None:
        self._typing.setVisible(self.typing)
        self._said.setVisible(not self.typing)
        read = None if self.typing else self._read
        self._said.setText(READ_ADVICE if read is None else f"{texts.SIGNS['good']} 已读取 {described(read)}")
        set_look(self._said, "soft" if read is None else "good")
        self._warning.say("" if read is None else "".join(read.warnings))


def described(document: IdDocument) -> str:
    """A document in one masked line: `身份证 王*明 1523**********0418 有效期至 2035-06-30`."""
    if document.long_term:
        validity = f"有效期 {form.LONG_TERM}"
    else:
        validity = f"有效期至 {document.valid_to.isoformat()}" if document.valid_to else ""
    kind = form.KIND_TEXT[document.kind]
    parts = (kind, mask_name(document.name), mask_document(document.number), validity)
    return " ".join(part for part in parts if part)
