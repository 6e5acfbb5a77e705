"""How a page asks: who is signed in, the operation in hand, and the signature of a second person.

Your line belongs here if it turns a page's values into a request that may be retried without being booked twice.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from counter_app.domain.asking import Asked, SignedIn
from counter_app.domain.errors import Cancelled, Reason, Refused
from counter_app.domain.ids import ApprovalId, HallId, OperationId, StaffNo
from counter_app.domain.waiting import CancelToken
from ui.errors import TroubleRouter
from ui.lanes import Lane
from ui.page import Page
from ui.widgets.sign_box import SignBox

if TYPE_CHECKING:
    from counter_app.services.desks import Desks
    from counter_app.services.payment_desk import Terminal

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class Session:
    """Who serves at which counter since sign-in. `now` and `new_id` come from the hall."""

    hall_id: HallId
    counter_no: int
    signed_in: SignedIn
    now: Callable[[], dt.datetime]
    new_id: Callable[[], str]

    def asked(self, operation_id: OperationId | None = None) -> Asked:
        """Who asks, where and when; with a new operation id unless one is given."""
        return Asked(
            operation_id or OperationId(self.new_id()),
            self.hall_id,
            self.counter_no,
            self.signed_in.shift_id,
            self.signed_in.staff_no,
            self.now(),
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Tools:
    """What a page is given: desks, the lanes to reach them, and who is signed in. New for each sign-in.

    `terminal` and `terminal_lane` are None at a counter without a linked payment terminal.
    """

    troubles: TroubleRouter
    desks: Desks
    session: Session
    desk_lane: Lane
    look_lane: Lane
    terminal: Terminal | None = None
    terminal_lane: Lane | None = None


class OperationInHand:
    """Keeps one operation's id from its first try until it is known what became of it.

    The id lives through trouble whose outcome is unknown, so that a retry is the same operation. It is renewed after
    success, after a cancelled wait and after a refusal: the last two booked nothing. A refusal that only wants a
    signature keeps it, since the signature is bound to it.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._id: OperationId | None = None
        self._about = ""

    def asked(self, about: str = "") -> Asked:
        """The `Asked` of the operation in hand, which begins now if there is none.

        `about` names what it is done to (a card, a step of the drawer): for another one another operation begins, so
        that what became of the first is not forgotten with the second.
        """
        if about != self._about:
            self._id, self._about = None, about
        asked = self._session.asked(self._id)
        self._id = asked.operation_id
        return asked

    def done(self) -> None:
        """It was booked."""
        self._id = None

    def went_wrong(self, error: BaseException) -> bool:
        """It failed with `error`. Always False, so that it can stand as a page's `failed` that shows nothing itself."""
        if isinstance(error, Cancelled) or (
            isinstance(error, Refused) and error.reason not in _WANTS_SIGNATURE
        ):
            self._id = None
        return False


_WANTS_SIGNATURE = frozenset((Reason.APPROVAL_NEEDED, Reason.APPROVAL_EXPIRED, Reason.APPROVAL_SAME_PERSON))


class Signing:
    """Asks a desk, and when it wants a signature asks the second person and then the desk again with it.

    Put `box` on the page. One request at a time; its operation id and content stay the same throughout.
    """

    def __init__(self, page: Page, tools: Tools) -> None:
        self._page = page
        self._tools = tools
        self._request: Any = None
        self._again: Callable[[ApprovalId], object] = lambda _approval: None
        self.box = page.sign_box = SignBox()
        self.box.signed.connect(self._signed)
        self.box.given_up.connect(page.focus_first)

    def ask(
        self,
        request: Any,
        call: Callable[[Any], T],
        done: Callable[[T], None],
        *,
        title: str,
        text: str = "正在记账…",
        failed: Callable[[BaseException], bool] | None = None,
        lane: Lane | None = None,
        cancel: CancelToken | None = None,
    ) -> None:
        """Run `call(request)` on `lane`, else on the desk lane. `title` tells the second person what is signed.

        `cancel` lets Esc stop a call that tests it. `failed` hears of every error that is not a wish for a
        signature; True means that it has shown it.
        """

        def refused(error: BaseException) -> bool:
            if isinstance(error, Refused) and error.reason in _WANTS_SIGNATURE:
                self._request = request
                self._again = again
                self.box.ask(title, error.sentence())
                return True
            return failed is not None and failed(error)

        def again(approval: ApprovalId) -> None:
            self.box.close_box()
            asked = dataclasses.replace(request.asked, approvals=(approval,))
            signed = dataclasses.replace(request, asked=asked)
            self.ask(signed, call, done, title=title, text=text, failed=failed, lane=lane, cancel=cancel)

        self._page.ask(
            lane or self._tools.desk_lane,
            lambda: call(request),
            done,
            text=text,
            cancel=cancel,
            failed=refused,
        )

    def _signed(self, staff_no: str, password: str) -> None:
        request, staff = self._request, self._tools.desks.staff

        def approved(approval: ApprovalId) -> None:
            self._again(approval)

        def refused(error: BaseException) -> bool:
            self.box.set_waiting(False)
            if isinstance(error, Refused):
                self.box.refused(error.sentence())
                return True
            return False

        self._page.ask(
            self._tools.desk_lane,
            lambda: staff.approve(request, StaffNo(staff_no), password),
            approved,
            text="正在核对授权…",
            failed=refused,
        )
