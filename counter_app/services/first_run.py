"""The first day of a counter: found a new hall, or join one that another counter has founded.

The settings are written last, so a run that was broken off is not taken for a finished one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import HallId
from counter_app.services import founding
from counter_app.services.founding import HallPlan
from counter_app.services.passwords import Passwords
from counter_app.storage import database, halls, keys, migrate
from counter_app.storage.halls import Hall, Place

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

DEPARTMENTS = ("财务部", "结算部", "综合部", "技术部", "电子商务部", "客服部", "营业厅")
"""The routing list of the company's work manual."""


@dataclass(frozen=True, slots=True)
class NewHall:
    """What the first-run page asks for. `address` is empty for the embedded database at `database_path`."""

    hall_name: str
    hall_code: str
    may_replace: bool
    counter_no: int
    manager_no: str
    manager_name: str
    manager_password: str
    database_path: Path
    address: str = ""


def found(new: NewHall, place: keys.KeyPlace, passphrase: str, clock: Callable[[], dt.datetime]) -> str:
    """Make key, database and hall; returns the recovery key for the sealed envelope."""
    passwords = Passwords()
    _check(new, passwords)
    if not new.address and new.database_path.exists():
        raise Refused(Reason.VALUE_NOT_ALLOWED, field="数据库位置", typed=f"{new.database_path.name} 已存在")
    master = keys.create_master(place, passphrase=passphrase)
    hall_keys = keys.derive(master)
    hall_id = HallId(hall_keys.key_id)
    engine = _engine(new, hall_keys)
    try:
        migrate.create(engine)
        opened = database.Database(engine, hall_id, hall_keys, clock)
        founding.found_hall(opened, _plan(new, hall_id), passwords)
    finally:
        engine.dispose()
    return keys.recovery_text(master)


def join(
    address: str, place: keys.KeyPlace, passphrase: str, recovery: str, clock: Callable[[], dt.datetime]
) -> str:
    """Join the hall in the database at `address` with its recovery key; returns the hall's name."""
    master = keys.master_from_recovery(recovery)
    hall_keys = keys.derive(master)
    engine = database.postgres_engine(address)
    try:
        database.check_schema(engine)
        with engine.connect() as connection:
            hall_id = halls.only_hall_id(connection)
        opened = database.Database(engine, hall_id, hall_keys, clock)
        if opened.read(halls.key_id) != hall_keys.key_id:
            raise Refused(Reason.KEY_WRONG)
        name = opened.read(halls.load).name
    finally:
        engine.dispose()
    keys.store_master(place, master, passphrase=passphrase)
    return name


def _check(new: NewHall, passwords: Passwords) -> None:
    for field, value in (
        ("营业厅名称", new.hall_name),
        ("凭证字母", new.hall_code),
        ("主管工号", new.manager_no),
        ("主管姓名", new.manager_name),
    ):
        if not value.strip():
            raise Refused(Reason.TEXT_MISSING, field=field)
    if not (new.hall_code.isascii() and new.hall_code.isalpha() and len(new.hall_code) <= 3):
        raise Refused(Reason.VALUE_NOT_ALLOWED, field="凭证字母", typed="请用一至三个英文字母")
    if not 1 <= new.counter_no <= 99:
        raise Refused(Reason.VALUE_NOT_ALLOWED, field="柜台号", typed=new.counter_no)
    passwords.check_strength(new.manager_password, new.manager_no, new.manager_name)


def _engine(new: NewHall, hall_keys: keys.HallKeys) -> Engine:
    if new.address:
        return database.postgres_engine(new.address)
    new.database_path.parent.mkdir(parents=True, exist_ok=True)
    return database.sqlite_engine(new.database_path, hall_keys)


def _plan(new: NewHall, hall_id: HallId) -> HallPlan:
    return HallPlan(
        Hall(hall_id, new.hall_name.strip(), new.hall_code.upper(), is_demo=False),
        ((new.counter_no, f"{new.counter_no} 号台"),),
        (Place("this", new.hall_name.strip(), new.may_replace, is_this_hall=True),),
        DEPARTMENTS,
        (),
        founding.default_rules(),
        (founding.person(new.manager_no.strip(), new.manager_name.strip(), "manager", new.manager_password),),
        (),
    )
