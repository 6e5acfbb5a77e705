"""`counter-app day`: plays the demo day through the real window and writes its record.

Each step is one function in `STEPS`; a later slice of the program adds its own.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt

from counter_app import bootstrap
from counter_app import settings as settings_file
from counter_app.commands import demo_counter
from counter_app.commands.day_player import Played, Player, Step, ToldToEnd
from counter_app.domain import masking
from counter_app.domain.errors import Trouble
from counter_app.domain.ledger import TenderKind
from counter_app.domain.money import DENOMINATIONS_FEN, yuan
from counter_app.domain.shifts import TillState

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from counter_app.settings import Settings
    from counter_app.storage.reports import TillCloseRow
    from counter_app.storage.verify import VerifyReport

CLERK, CLERK_PASSWORD = "1021", "dongjiao-1021"
MANAGER, MANAGER_PASSWORD = "1001", "dongjiao-1001"

FLOAT = {100_00: 2, 50_00: 2, 20_00: 5, 10_00: 10, 5_00: 10, 1_00: 40, 50: 10, 10: 50}
"""The opening float by denomination: 600 yuan in small notes."""

F2, F3, F4, F8, F9, F10 = (
    Qt.Key.Key_F2, Qt.Key.Key_F3, Qt.Key.Key_F4, Qt.Key.Key_F8, Qt.Key.Key_F9, Qt.Key.Key_F10,
)  # fmt: skip
ALT, CTRL = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ControlModifier

WINDOW_SIZE = (1366, 768)
PAPER_COLUMNS = 48

FIRST_CUSTOMER, CALLER, FINDER = 3, 8, 13
"""Positions of three people's cards among the demo hall's: one tops up, one lost the card, one finds it again."""


def main(argv: list[str]) -> int:
    """0 only if every step and every check held."""
    parser = argparse.ArgumentParser(prog="counter-app day")
    parser.add_argument("--out", type=Path, default=Path("build/demo-day"), help="where the record goes")
    parser.add_argument("--folder", type=Path, default=demo_counter.DEMO_FOLDER, help="where the demo lives")
    parser.add_argument("--cards", type=int, help="issued cards in place of 30,000")
    options = parser.parse_args(argv)
    sizes = demo_counter.sizes_for(options.cards)
    try:
        with demo_counter.only_one(options.out.with_name(f"{options.out.name}.lock")):
            fresh = demo_counter.fresh_hall(options.folder, sizes, print)
            return _day(fresh, options.out, sizes)
    except Trouble as trouble:
        print(trouble.sentence(), file=sys.stderr)
        return 1


def _day(fresh: Path, out: Path, sizes: Mapping[str, Any]) -> int:
    if out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True)
    hall = out / "hall"
    demo_counter.copy_hall(fresh, hall)
    with demo_counter.Simulators(out, 1, out) as simulators:
        settings = demo_counter.counter_settings(hall, 1, simulators.ports)
        # For `counter-app verify --settings …` and whoever wants to look.
        settings_file.save(out / "counter-1.toml", settings)
        played, facts = play_steps(settings, simulators, sizes, out)
    print("正在核对全部账目，并把凭条画成图片…")
    report = _verified(settings)
    for problem in report.problems:
        print(f"  ✗ {problem}")
    draw_receipts(out)
    summary = _summary(played, facts, report)
    (out / "summary.json").write_text(json.dumps(summary, ensure_ascii=False, indent=2) + "\n", "utf-8")
    wrong = [*facts.problems, *report.problems]
    for problem in facts.problems:
        print(f"  ✗ {problem}")
    held = all(step.ok for step in played) and not wrong
    good = sum(step.ok for step in played)
    print(f"{'✓' if held else '✗'} {good}/{len(played)} 步，{out / 'summary.json'}")
    return 0 if held else 1


def play_steps(
    settings: Settings,
    simulators: demo_counter.Simulators,
    sizes: Mapping[str, Any],
    out: Path,
    *,
    pictures: bool = True,
) -> tuple[list[Played], Facts]:
    """Open the window, play every step, close it. Without `pictures` nothing but the steps runs on the UI thread."""
    program = bootstrap.first_window(settings)
    played: list[Played] = []
    try:
        program.window.resize(*WINDOW_SIZE)
        program.window.show()
        program.window.activateWindow()
        player = Player(program, simulators, sizes, out, pictures=pictures)
        player.end_on_signals()
        bootstrap.open_hall(program)
        for number, step in enumerate(STEPS, start=1):
            signed_in = program.window.frame is not None
            if number > 1 and not signed_in:
                # Nobody is signed in: the other steps cannot even be tried.
                played.append(Played(step, why="not played"))
                continue
            played.append(player.play(step, number))
            _tell(played[-1], number)
        return played, _facts(player)
    except ToldToEnd:
        raise SystemExit(143) from None
    finally:
        program.close()
        program.window.troubles.remove()


def _tell(played: Played, number: int) -> None:
    sign = "✓" if played.ok else "✗"
    receipts = f"，凭条 {len(played.receipts)} 张" if played.receipts else ""
    print(f"{sign} {number:2}/{len(STEPS)} {played.step.name}  {played.seconds:.1f} 秒{receipts}", flush=True)
    if played.why:
        print(f"     {played.why}", flush=True)


# --- the record -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Facts:
    """What the database says after the last step; `problems` are differences to what the clerk's hands did."""

    till: TillCloseRow | None
    replaced: tuple[dict[str, Any], ...]
    problems: tuple[str, ...]


def _facts(player: Player) -> Facts:
    from counter_app.storage import reports

    date: dt.date | None = player.known.get("business_date")
    closes = player.read(lambda tx: reports.closes_of_day(tx, date)) if date is not None else ()
    problems = []
    if len(closes) != 1:
        problems.append(f"{len(closes)} tills were closed, expected 1")
    elif closes[0].difference_fen or closes[0].counted_fen != player.known.get("counted_fen"):
        problems.append(f"the till does not fit: {closes[0]}")
    return Facts(closes[0] if closes else None, tuple(player.known.get("replaced", ())), tuple(problems))


def _verified(settings: Settings) -> VerifyReport:
    from counter_app.storage.verify import verify

    database = bootstrap.open_database(settings)
    try:
        return verify(database)
    finally:
        database.close()


def _summary(played: Sequence[Played], facts: Facts, report: VerifyReport) -> dict[str, Any]:
    return {
        "steps": [
            {
                "name": step.step.name,
                "ok": step.ok,
                "seconds": step.seconds,
                "screenshot": step.screenshot,
                "receipts": step.receipts,
            }
            for step in played
        ],
        "ledger": ledger_summary(report),
        "till": till_summary(facts.till),
        "cards": {"replaced": list(facts.replaced)},
    }


def ledger_summary(report: VerifyReport) -> dict[str, Any]:
    """The whole ledger in five values."""
    return {
        "operations": report.operations,
        "transfers": report.transfers,
        "debit_fen": report.debit_fen,
        "credit_fen": report.credit_fen,
        "verified": not report.problems,
    }


def till_summary(till: TillCloseRow | None) -> dict[str, int | None]:
    """The closed drawer; None in each value when none was closed."""
    return {
        "opening_fen": till.opening_fen if till else None,
        "expected_fen": till.expected_fen if till else None,
        "counted_fen": till.counted_fen if till else None,
        "difference_fen": till.difference_fen if till else None,
    }


def draw_receipts(out: Path) -> None:
    """A `.txt` and a `.png` beside each `.bin`, from the bytes themselves.

    They are read as the printer read them, one after the other: a copy may lean on what the one before it set.
    """
    from printing import receipt_image, receipt_reader
    from printing.receipt_reader import Row, RowKind

    paths = sorted(out.glob("receipt-*.bin"))
    papers: list[list[Row]] = [[]]
    for row in receipt_reader.read(b"".join(path.read_bytes() for path in paths)):
        papers[-1].append(row)
        if row.kind is RowKind.CUT:
            papers.append([])
    for path, rows in zip(paths, papers[:-1], strict=True):
        path.with_suffix(".txt").write_text(receipt_reader.text(rows, PAPER_COLUMNS), "utf-8")
        receipt_image.save_png(rows, PAPER_COLUMNS, path.with_suffix(".png"))


# --- the steps --------------------------------------------------------------------------------------------------


def sign_in(player: Player) -> None:
    """登录并确认通知。"""
    page = player.window.sign_in
    player.until(page.enter.isEnabled, "the hall does not open for sign-in", 30.0)
    _type_sign_in(player, CLERK, CLERK_PASSWORD, pictured=True)
    person = player.serving.person
    assert person is not None
    player.known["business_date"] = person.business_date
    player.expect("unread notices after sign-in", player.desks.staff.unread_notices(person.staff_no), ())
    player.until(lambda: player.page is player.window.made_page("top_up"), "the top-up page does not come")


def _type_sign_in(player: Player, staff_no: str, password: str, *, pictured: bool = False) -> None:
    page = player.window.sign_in
    player.until(page.staff_no.hasFocus, "the staff number has no focus")
    player.type_into(page.staff_no, staff_no)
    player.type_into(page.password, password)

    def begun() -> bool:
        return player.program.serving is not None and player.serving.person is not None

    player.until(begun, "the sign-in is not accepted")
    person = player.serving.person
    assert person is not None
    for notice in person.unread_notices:
        player.expect_somewhere(notice.title)
        if pictured:
            player.picture()
        player.enter()
    player.until(lambda: player.window.page is not None, "no page comes after sign-in")


def open_till(player: Player) -> None:
    """按面额清点备用金，开箱。"""
    player.go_to(F9, "till")
    page = player.page
    player.until(lambda: page.sheet.name == "opening", "the page does not ask for the float")
    player.drawer.put(FLOAT)
    _count(player, page.opening.grid)
    player.type_into(page.opening.from_safe, yuan(player.drawer.total_fen))
    _press_on(player, page.opening.primary, "钱箱已开")
    player.says("good", "钱箱已开", yuan(player.drawer.total_fen))
    player.expect("the till's state", _till_state(player), TillState.OPEN)


def _press_on(player: Player, primary: Any, done: str) -> None:
    """Press Enter once more where the last field did not yet take the clerk to the booking."""
    if not player.page.busy.busy and done not in player.page.result.text:
        player.enter()
    player.until(lambda: not player.page.busy.busy, f"{primary.text()} does not end")


def _count(player: Player, grid: Any) -> None:
    """Type the pieces of every denomination that lie in the drawer."""
    for denomination_fen, entry in zip(DENOMINATIONS_FEN, grid.entries(), strict=True):
        player.type_into(entry, str(player.drawer.pieces_of(denomination_fen)))
    player.expect("the grid's total", grid.counted_fen(), player.drawer.total_fen)


def _till_state(player: Player) -> Any:
    person = player.serving.person
    assert person is not None
    shift_id = person.shift_id
    from counter_app.storage import shifts

    shift = player.read(lambda tx: shifts.load(tx, shift_id))
    assert shift is not None
    return shift.till_state


def cash_top_up(player: Player) -> None:
    """放卡，现金充值 100 元，收 200 元。"""
    card = demo_counter.demo_card(player.sizes, FIRST_CUSTOMER)
    before_fen = player.balance_fen(card)
    player.go_to(F2, "top_up")
    player.put_card(card)
    page = player.page
    player.until(page.amount.hasFocus, "the amount has no focus")
    player.type("100")
    player.enter()
    player.until(page.received.hasFocus, "the cash received has no focus")
    player.type("200")
    player.expect("the change shown", page.change.figures.text(), "¥100.00")
    player.expect_somewhere("人民币壹佰元整")
    player.enter()
    player.drawer.put({100_00: 2})
    player.drawer.take({100_00: 1})
    player.says("good", "充值成功", "¥100.00", yuan(before_fen + 100_00))
    player.expect("the balance", player.balance_fen(card), before_fen + 100_00)
    player.expect("the change still shown", page.change.figures.text(), "¥100.00")
    player.expect_somewhere(f"¥{yuan(before_fen + 100_00)}")


def pos_top_up(player: Player) -> None:
    """同一张卡，POS 充值 50 元。"""
    card = demo_counter.demo_card(player.sizes, FIRST_CUSTOMER)
    before_fen, cash_fen = player.balance_fen(card), player.drawer.total_fen
    player.go_to(F2, "top_up")
    player.next_payment(next="approve")
    _pay_at_terminal(player, "50")
    player.says("good", "充值成功", "¥50.00", yuan(before_fen + 50_00))
    player.expect("the balance", player.balance_fen(card), before_fen + 50_00)
    player.expect("the cash in the drawer", player.drawer.total_fen, cash_fen)


def _pay_at_terminal(player: Player, yuan_text: str) -> None:
    page = player.page
    player.until(page.amount.hasFocus, "the amount has no focus")
    player.type(yuan_text)
    player.press(Qt.Key.Key_B, ALT)
    player.expect("the way to pay", page.tenders.value, TenderKind.TERMINAL_CARD.value)
    player.enter()
    player.until(lambda: not page.busy.busy, "the terminal's payment does not end", 30.0)


def declined_then_cash(player: Player) -> None:
    """POS 拒绝，改收现金。"""
    card = demo_counter.demo_card(player.sizes, FIRST_CUSTOMER)
    before_fen = player.balance_fen(card)
    player.go_to(F2, "top_up")
    page = player.page
    player.next_payment(next="decline", code="71")
    _pay_at_terminal(player, "50")
    player.until(
        lambda: page.result.tone in ("warn", "bad"), "the page does not tell that the terminal refused"
    )
    player.expect("the balance after the refusal", player.balance_fen(card), before_fen)
    player.expect("open payments after the refusal", player.desks.payments.pending(), ())
    player.expect("the amount typed is kept", page.amount.value_fen(), 50_00)
    player.picture()
    player.press(Qt.Key.Key_A, ALT)
    player.enter()
    player.until(page.received.hasFocus, "the cash received has no focus")
    player.type("50")
    player.enter()
    player.drawer.put({50_00: 1})
    player.says("good", "充值成功", "¥50.00", yuan(before_fen + 50_00))
    player.expect("the balance", player.balance_fen(card), before_fen + 50_00)


def report_by_telephone(player: Player) -> None:
    """电话挂失：来电人报，程序只答相符与否。"""
    card = demo_counter.demo_card(player.sizes, CALLER)
    assert card.holder is not None
    balance_fen = player.balance_fen(card)
    player.go_to(F3, "loss")
    page = player.page
    player.press(Qt.Key.Key_A, ALT)
    player.type_into(page.caller.said, card.holder.phone)
    player.until(page.caller.name.hasFocus, "the caller's card is not found")
    player.type(card.holder.name)
    player.enter()
    player.type_into(page.caller.id_number, card.holder.id_number)
    player.type_into(page.caller.proved, yuan(balance_fen + 300_00))
    player.says("warn", "不符")
    # Said, not shown: neither the balance nor the name stands anywhere, not even masked.
    for secret in (yuan(balance_fen), card.holder.name, masking.mask_name(card.holder.name)):
        player.expect_nowhere(secret)
    player.expect("the card's state after a wrong claim", player.state_of(card), "active")
    player.picture()
    player.until(page.caller.proved.hasFocus, "the focus does not go to what did not match")
    page.caller.proved.selectAll()
    player.type_into(page.caller.proved, yuan(balance_fen))
    player.until(page.primary.hasFocus, "the right claim does not match")
    player.enter()
    player.says("good", "挂失成功", "受理号")
    player.expect_somewhere("¥25.00")
    player.expect("the card's state", player.state_of(card), "lost")


def lost_card_refused(player: Player) -> None:
    """已挂失的卡不能充值。"""
    card = demo_counter.demo_card(player.sizes, CALLER)
    before_fen = player.balance_fen(card)
    player.go_to(F2, "top_up")
    player.put_card(card)
    page = player.page
    player.says("warn", "挂失")
    player.until(page.amount.hasFocus, "the amount has no focus")
    player.type("100")
    player.enter()
    player.until(page.received.hasFocus, "the cash received has no focus")
    player.type("100")
    player.enter()
    player.says("warn", "挂失")
    player.expect("the balance", player.balance_fen(card), before_fen)
    player.picture()
    player.press(Qt.Key.Key_Escape)


def replace(player: Player) -> None:
    """补卡：读证件，读新卡，收 25 元工本费，余额转到新卡。"""
    old = demo_counter.demo_card(player.sizes, CALLER)
    new = demo_counter.demo_card(player.sizes, player.sizes["named"] + player.sizes["anonymous"] + 1)
    balance_fen = player.balance_fen(old)
    player.expect("the new card's state before", player.state_of(new), "blank")
    player.go_to(F4, "replace")
    page = player.page
    player.until(lambda: page.old.primary.text().startswith("下一步"), "the lost card is not reserved")
    player.lay_document_until(old, page.new.card_no.hasFocus, "the holder's document is not accepted")
    player.lay_card_until(new, page.fee.payment.received.hasFocus, "the new card is not accepted")
    player.expect_somewhere("¥25.00")
    player.type("50")
    player.expect("the change shown", page.fee.payment.change.figures.text(), "¥25.00")
    player.enter()
    player.drawer.put({50_00: 1})
    player.drawer.take({20_00: 1, 5_00: 1})
    player.says("good", "补卡成功", yuan(balance_fen))
    player.expect("the new card's state", player.state_of(new), "active")
    player.expect("the old card's state", player.state_of(old), "replaced")
    player.expect("the balance on the new card", player.balance_fen(new), balance_fen)
    player.known.setdefault("replaced", []).append(
        {"old": old.card_no, "new": new.card_no, "balance_fen": player.balance_fen(new)}
    )


def report_in_hall(player: Player) -> None:
    """持身份证到厅挂失。"""
    card = demo_counter.demo_card(player.sizes, FINDER)
    player.go_to(F3, "loss")
    page = player.page
    if page.outcome.isVisible():
        player.enter()
    player.lay_document_until(
        card,
        lambda: page.document.has_document and _at_counter(player) == card.card_no,
        "the document does not open its holder",
    )
    player.enter()
    player.says("good", "挂失成功", "受理号")
    player.expect("the card's state", player.state_of(card), "lost")


def cancel_loss(player: Player) -> None:
    """卡已找到：凭卡和身份证解挂。"""
    card = demo_counter.demo_card(player.sizes, FINDER)
    balance_fen = player.balance_fen(card)
    player.go_to(F3, "loss")
    page = player.page
    if page.outcome.isVisible():
        player.enter()
    player.press(Qt.Key.Key_2, ALT)
    player.put_card(card)
    player.lay_document_until(card, lambda: page.document.has_document, "the document is not taken")
    player.enter()
    player.says("good", "解挂成功")
    player.expect_somewhere(yuan(balance_fen))
    player.expect("the card's state", player.state_of(card), "active")
    player.expect("the balance", player.balance_fen(card), balance_fen)


def _at_counter(player: Player) -> str:
    customer = player.window.customer
    return "" if customer is None else customer.card_no


def reprint(player: Player) -> None:
    """在客户与交易中打开凭证，补打，标明第几次。"""
    card = demo_counter.demo_card(player.sizes, FIRST_CUSTOMER)
    player.put_card(card)
    player.go_to(F8, "customer")
    page = player.page
    player.until(lambda: len(page.lines) >= 3, "the history does not show the day's top-ups")
    if not page.history.table.hasFocus():
        player.press(Qt.Key.Key_Down)
    player.until(page.history.table.hasFocus, "the history has no focus")
    receipt_no = page.lines[0].receipt_no
    player.enter()
    player.says("good", receipt_no)
    player.press(Qt.Key.Key_A)
    player.says("good", receipt_no, "补打 第1次")
    player.known["reprinted"] = receipt_no


def park(player: Player) -> None:
    """挂起一位客户，接待下一位，再接回来：填好的还在。"""
    first = demo_counter.demo_card(player.sizes, FIRST_CUSTOMER)
    other = demo_counter.demo_card(player.sizes, FINDER)
    player.go_to(F2, "top_up")
    page = player.page
    player.put_card(first)
    player.until(page.amount.hasFocus, "the amount has no focus")
    player.type("88")
    player.press(Qt.Key.Key_P, CTRL)
    player.until(lambda: player.window.customer is None, "the customer is not parked")
    player.expect_somewhere("已挂起 1 位")
    player.expect("the amount after parking", page.amount.text(), "")
    player.put_card(other)
    player.picture()
    player.press(Qt.Key.Key_1, CTRL)
    player.until(
        lambda: _at_counter(player) == first.card_no and page.amount.amount_or_none() == 88_00,
        "the parked customer does not come back with what was typed",
    )
    player.until(lambda: not player.desks.parking.parked(), "the customer stays parked")
    player.press(Qt.Key.Key_Escape)


def reverse(player: Player) -> None:
    """充错 20 元：主管在旁签字，冲正，退还现金。"""
    card = demo_counter.demo_card(player.sizes, FIRST_CUSTOMER)
    before_fen, cash_fen = player.balance_fen(card), player.drawer.total_fen
    player.go_to(F2, "top_up")
    page = player.page
    player.put_card(card)
    player.until(page.amount.hasFocus, "the amount has no focus")
    player.type("20")
    player.enter()
    player.type_into(page.received, "20")
    player.drawer.put({20_00: 1})
    player.says("good", "充值成功", "¥20.00")
    player.go_to(F8, "customer")
    page = player.page
    # The receipt that was looked at last is still in sight.
    player.press(Qt.Key.Key_Escape)
    player.until(lambda: page.lines and page.lines[0].change_fen == 20_00, "the top-up is not in the history")
    if not page.history.table.hasFocus():
        player.press(Qt.Key.Key_Down)
    player.until(page.history.table.hasFocus, "the history has no focus")
    wrong_no = page.lines[0].receipt_no
    player.enter()
    player.says("good", wrong_no)
    player.press(Qt.Key.Key_B)
    player.type_into(page.receipt.reason, "金额录错")
    box = page.signing.box
    if not box.isVisible():
        # Enter stopped at the field that may stay empty.
        player.enter()
    player.until(box.staff_no.hasFocus, "no signature is asked for")
    player.expect("the balance before the signature", player.balance_fen(card), before_fen + 20_00)
    # A clerk's own signature does not count: it takes two people.
    player.type_into(box.staff_no, CLERK)
    player.type_into(box.password, CLERK_PASSWORD)
    player.until(lambda: box.result.tone == "warn" and box.result.text, "the clerk's own signature counts")
    player.picture()
    box.staff_no.setFocus()
    box.staff_no.selectAll()
    player.type(MANAGER)
    player.enter()
    player.type_into(box.password, MANAGER_PASSWORD)
    player.says("good", wrong_no, "已冲正", "请退还现金 ¥20.00")
    player.drawer.take({20_00: 1})
    player.expect("the balance", player.balance_fen(card), before_fen)
    player.expect("the cash in the drawer", player.drawer.total_fen, cash_fen)


def count_blind(player: Player) -> None:
    """盲点：按面额点钞，锁定。"""
    player.go_to(F9, "till")
    page = player.page
    player.until(lambda: page.sheet.name == "business", "the page does not show the open till")
    player.click("点钞交班")
    player.until(lambda: page.sheet.name == "count", "the page does not ask for a count")
    player.expect_nowhere(yuan(player.drawer.total_fen))
    _count(player, page.count.grid)
    player.picture()
    player.known["counted_fen"] = player.drawer.total_fen
    _press_on(player, page.count.primary, "点钞已锁定")
    player.says("good", "点钞已锁定", "账实相符")
    player.expect("the till's state", _till_state(player), TillState.COUNTED)


def close_till(player: Player) -> None:
    """关箱，账实相符。"""
    page = player.page
    player.until(lambda: page.sheet.name == "closing", "the page does not offer to close")
    player.type_into(page.closing.left, "500")
    _press_on(player, page.closing.primary, "钱箱已关闭")
    player.says("good", "钱箱已关闭", "账实相符")
    player.expect("the till's state", _till_state(player), TillState.CLOSED)


def manager_signs_in(player: Player) -> None:
    """换主管登录。"""
    player.press(Qt.Key.Key_F12)
    player.until(lambda: player.window.is_locked, "the window is not locked")
    player.click("换人登录")
    _type_sign_in(player, MANAGER, MANAGER_PASSWORD)
    person = player.serving.person
    assert person is not None
    player.expect("who is signed in", (person.staff_no, person.is_manager), (MANAGER, True))


def close_day(player: Player) -> None:
    """日结：签字锁账，生成营业日报表。"""
    date = player.known["business_date"]
    player.go_to(F10, "day_close")
    page = player.page
    page.folder = player.out
    player.until(lambda: page.day is not None and page.day.ready, "the day is not ready to be closed")
    player.expect("the day in sight", page.day.business_date, date)
    player.until(page.note.hasFocus, "the remark has no focus")
    player.enter()
    if not page.sign_box.isVisible():
        player.enter()
    player.type_into(page.sign_box.password, MANAGER_PASSWORD)
    player.says("good", f"{date.isoformat()} 已锁账")
    player.says("good", "营业日报表已生成")
    paper = player.out / f"{date.isoformat()}.pdf"
    player.expect("the report's first bytes", paper.read_bytes()[:5], b"%PDF-")
    player.until(lambda: page.day.closed, "the page does not show the day as closed")
    player.expect("the day in the database", player.desks.closing.day_view(date).closed, True)


STEPS = (
    Step("登录并确认通知", "sign-in", sign_in),
    Step("按面额清点备用金，开箱", "open-till", open_till, receipts=1),
    Step("读卡，现金充值 100 元，收 200 元", "cash-top-up", cash_top_up, receipts=1),
    Step("POS 充值 50 元", "pos-top-up", pos_top_up, receipts=1),
    Step("POS 拒绝，改收现金 50 元", "declined-then-cash", declined_then_cash, receipts=1),
    Step("电话挂失：核对来电人报出的资料", "report-loss", report_by_telephone, receipts=2),
    Step("已挂失的卡充值被拒", "lost-card-refused", lost_card_refused),
    Step("补卡：读证件和新卡，收 25 元，余额转到新卡", "replace", replace, receipts=2),
    Step("持身份证到厅挂失另一张卡", "report-loss-in-hall", report_in_hall, receipts=2),
    Step("找到卡，凭证件解挂", "cancel-loss", cancel_loss, receipts=2),
    Step("打开凭证，补打并标明次数", "reprint", reprint, receipts=1),
    Step("挂起客户，接待下一位，再接回", "park", park),
    Step("充错 20 元，主管签字冲正", "reverse", reverse, receipts=3),
    Step("盲点现金并锁定", "blind-count", count_blind, receipts=2),
    Step("关箱，账实相符", "close-till", close_till, receipts=2),
    Step("换主管登录", "manager-signs-in", manager_signs_in),
    Step("日结锁账，生成营业日报表", "close-day", close_day, receipts=2),
)
