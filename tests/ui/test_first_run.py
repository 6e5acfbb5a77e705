"""A counter's first run: through the page by keys, with bad input, and down to a hall one can sign in to."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from counter_app import bootstrap, settings
from counter_app.commands import first_run
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import StaffNo
from ui.pages.first_run import FirstRunPage, FirstRunTyped

PASSWORD = "steel-kettle-58"


def typed(folder: Path, **other: object) -> FirstRunTyped:
    """A form filled in properly, but for what `other` says."""
    return dataclasses.replace(
        FirstRunTyped(
            joining=False,
            hall_name="西城营业厅",
            hall_code="x",
            may_replace=True,
            counter_no="3",
            manager_no="2001",
            manager_name="钱丽",
            password=PASSWORD,
            password_again=PASSWORD,
            database_path=str(folder / "hall.db"),
            address="",
            key_kind="file",
            key_path=str(folder / "hall.key"),
            passphrase="",
            recovery="",
        ),
        **other,
    )


def test_founds_a_hall_that_the_manager_can_sign_in_to(tmp_path: Path) -> None:
    path = tmp_path / "counter.toml"
    fresh, recovery = first_run.carry_out(path, typed(tmp_path))
    assert settings.load(path) == fresh
    assert len(recovery.split("-")) == 14
    assert (tmp_path / "hall.key").stat().st_mode & 0o077 == 0
    desks = bootstrap.open_desks(fresh)
    try:
        person = desks.staff.sign_in(StaffNo("2001"), PASSWORD)
        assert person.is_manager
        assert desks.at.hall.name == "西城营业厅"
        assert desks.at.hall.code == "X"
        assert not desks.at.hall.is_demo
        assert desks.staff.demo_hints() == []
    finally:
        desks.at.database.close()


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"hall_name": " "}, Reason.TEXT_MISSING),
        ({"hall_code": "东"}, Reason.VALUE_NOT_ALLOWED),
        ({"counter_no": ""}, Reason.VALUE_NOT_ALLOWED),
        ({"counter_no": "0"}, Reason.VALUE_NOT_ALLOWED),
        ({"counter_no": "٣"}, Reason.VALUE_NOT_ALLOWED),
        ({"password_again": "another-one-58"}, Reason.VALUE_NOT_ALLOWED),
        ({"password": "12345678", "password_again": "12345678"}, Reason.PASSWORD_TOO_WEAK),
        ({"key_kind": "passphrase", "passphrase": "short"}, Reason.PASSWORD_TOO_WEAK),
    ],
)
def test_bad_input_is_refused_and_leaves_nothing(
    tmp_path: Path, other: dict[str, object], reason: Reason
) -> None:
    path = tmp_path / "counter.toml"
    with pytest.raises(Refused) as refusal:
        first_run.carry_out(path, typed(tmp_path, **other))
    assert refusal.value.reason is reason
    assert not path.exists()
    assert not (tmp_path / "hall.db").exists()


def test_under_a_passphrase_the_hall_opens_with_it_only(tmp_path: Path) -> None:
    fresh, _recovery = first_run.carry_out(
        tmp_path / "counter.toml", typed(tmp_path, key_kind="passphrase", passphrase="green-river-41")
    )
    with pytest.raises(Refused) as refusal:
        bootstrap.open_desks(fresh, "green-river-42")
    assert refusal.value.reason is Reason.KEY_WRONG
    bootstrap.open_desks(fresh, "green-river-41").at.database.close()


def test_a_second_counter_joins_with_the_recovery_key(tmp_path: Path, postgres_url: str) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    _drop_everything(postgres_url)
    _, recovery = first_run.carry_out(first / "counter.toml", typed(first, address=postgres_url))
    wrong = recovery.replace(recovery[:5], "00000", 1)
    joining = typed(second, joining=True, address=postgres_url, counter_no="4", recovery=wrong)
    with pytest.raises(Refused):
        first_run.carry_out(second / "counter.toml", joining)
    joined, nothing = first_run.carry_out(
        second / "counter.toml", dataclasses.replace(joining, recovery=recovery.lower())
    )
    assert nothing == ""
    assert joined.hall_name == "西城营业厅"
    desks = bootstrap.open_desks(joined)
    assert desks.staff.sign_in(StaffNo("2001"), PASSWORD).is_manager
    desks.at.database.close()
    _drop_everything(postgres_url)


def _drop_everything(url: str) -> None:
    import psycopg

    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


def test_the_page_by_keys(qtbot: QtBot, tmp_path: Path) -> None:
    page = FirstRunPage(tmp_path)
    qtbot.addWidget(page)
    page.resize(1366, 768)
    page.show()
    for text in ("西城营业厅", "X", "3", "2001", "钱丽", PASSWORD, PASSWORD):
        focused = page.focusWidget()
        assert focused is not None
        focused.setText(text)  # type: ignore[attr-defined]
        if text is not PASSWORD or not page.password_again.text():
            QTest.keyClick(focused, Qt.Key.Key_Return)
    with qtbot.waitSignal(page.found_asked, timeout=5000) as asked:
        QTest.keyClick(page.password_again, Qt.Key.Key_Return)
    form = asked.args[0]
    assert (form.hall_name, form.counter_no, form.password, form.password_again) == (
        "西城营业厅",
        "3",
        PASSWORD,
        PASSWORD,
    )
    page.refused("数据库位置已存在")
    assert page.hall_name.text() == "西城营业厅"


def test_the_recovery_key_must_be_typed_back(qtbot: QtBot, tmp_path: Path) -> None:
    page = FirstRunPage(tmp_path)
    qtbot.addWidget(page)
    page.show()
    groups = [f"{number:05d}" for number in range(14)]
    page.show_recovery("-".join(groups))
    ended: list[bool] = []
    page.finished.connect(lambda: ended.append(True))
    first, second = page.check_entries
    first.setText(groups[2])
    second.setText("99999")
    QTest.keyClick(second, Qt.Key.Key_Return)
    assert not ended
    assert page.focusWidget() is second
    second.setText(groups[11])
    QTest.keyClick(second, Qt.Key.Key_Return)
    assert ended
    assert page.recovery_groups == ()
