"""An identity document that somebody types because the reader cannot read it: text → checked `IdDocument`. No Qt.

Your line belongs here if it checks the form of what was typed. Whose document it is, and that a manager must sign
beside, is the desk's to say.
"""

from __future__ import annotations

import datetime as dt
import enum
import re
import unicodedata

from counter_app.domain.documents import DocumentKind, IdDocument, id_number_holds, normalise_id_number
from counter_app.domain.errors import Reason, Refused
from ui.forms.fields import at_field


class Paper(enum.Enum):
    """The documents a clerk can tell apart by their look."""

    RESIDENT = "resident"
    RESIDENCE_PERMIT = "residence_permit"
    FOREIGNER = "foreigner"
    PASSPORT = "passport"

    @property
    def text(self) -> str:
        """The hall's word."""
        return {
            "resident": "身份证",
            "residence_permit": "港澳台居住证",
            "foreigner": "外国人永居证",
            "passport": "护照",
        }[self.value]


KIND_TEXT = {
    DocumentKind.RESIDENT: "身份证",
    DocumentKind.FOREIGNER_2017: "外国人永居证",
    DocumentKind.RESIDENCE_PERMIT: "港澳台居住证",
    DocumentKind.FOREIGNER_2023: "外国人永居证",
    DocumentKind.PASSPORT: "护照",
    DocumentKind.LICENCE: "营业执照",
}

NAME, NUMBER, VALID_TO = "name", "number", "valid_to"
"""Names of the fields in refusals."""

LONG_TERM = "长期"

_FOREIGNER_2017 = re.compile(r"[A-Z]{3}\d{12}", re.ASCII)
_PASSPORT = re.compile(r"[A-Z0-9]{5,15}", re.ASCII)
_DATE = re.compile(r"(\d{4})(?:(\d{2})(\d{2})|[-./年](\d{1,2})[-./月](\d{1,2})日?)", re.ASCII)


def document_from(paper: Paper, name: str, number: str, valid_to: str) -> IdDocument:
    """Typed text → document, marked as typed. Raises `Refused` for the first bad field, with its name.

    The last day must be typed (`长期` where the document says so): unlike a damaged chip, a person can read it.
    """
    with at_field(NAME):
        if not name.strip():
            raise Refused(Reason.NAME_EMPTY)
    with at_field(NUMBER):
        plain = normalise_id_number(number)
        kind = kind_of(paper, plain)
    with at_field(VALID_TO):
        last_day = _last_day(valid_to)
    return IdDocument(
        kind,
        name.strip(),
        plain,
        valid_to=last_day,
        long_term=last_day is None,
        read_by_machine=False,
    )


def kind_of(paper: Paper, number: str) -> DocumentKind:
    """The document's kind by look and number; refuses a number of another form."""
    if not number:
        raise Refused(Reason.TEXT_MISSING, field="证件号码")
    if paper is Paper.PASSPORT:
        if not _PASSPORT.fullmatch(number):
            raise Refused(Reason.VALUE_NOT_ALLOWED, field="护照号码", typed=number[:20])
        return DocumentKind.PASSPORT
    if paper is Paper.FOREIGNER and _FOREIGNER_2017.fullmatch(number):
        return DocumentKind.FOREIGNER_2017
    if len(number) != 18 or not number.isascii() or not number[:17].isdigit():
        raise Refused(Reason.ID_NUMBER_MALFORMED)
    if not id_number_holds(number):
        raise Refused(Reason.ID_NUMBER_CHECK_DIGIT)
    return {
        Paper.RESIDENT: DocumentKind.RESIDENT,
        Paper.RESIDENCE_PERMIT: DocumentKind.RESIDENCE_PERMIT,
        Paper.FOREIGNER: DocumentKind.FOREIGNER_2023,
    }[paper]


def _last_day(typed: str) -> dt.date | None:
    """`2035-06-30`, `20350630`, `2035.6.30`, `2035年6月30日`, also in full width; None for 长期."""
    plain = "".join(unicodedata.normalize("NFKC", typed).split())
    if not plain:
        raise Refused(Reason.TEXT_MISSING, field="有效期至")
    if plain == LONG_TERM:
        return None
    match = _DATE.fullmatch(plain)
    if match is not None:
        year, *parts = match.groups()
        month, day = (int(part) for part in parts if part)
        try:
            return dt.date(int(year), month, day)
        except ValueError as error:
            raise Refused(Reason.VALUE_NOT_ALLOWED, field="有效期至", typed=typed[:20]) from error
    raise Refused(Reason.VALUE_NOT_ALLOWED, field="有效期至", typed=typed[:20])
