"""The one way into a database: open it safely, run one unit of work as a whole, translate its errors.

`run` is the only place in the program that retries, and nothing in a unit may touch a device or a widget.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import logging
import pathlib
import secrets
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.characteristics import ConnectionCharacteristic
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from counter_app.domain.errors import Reason, Refused, StorageTrouble
from counter_app.domain.ids import HallId, OperationId
from counter_app.storage import tables, wire

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine, Row
    from tenacity import Retrying

    from counter_app.domain.asking import Asked
    from counter_app.storage.keys import HallKeys

log = logging.getLogger(__name__)

T = TypeVar("T")

MINIMUM_SQLITE = (3, 51, 3)
"""Older ones can lose a committed sale with two connections in WAL mode (the WAL-reset bug)."""

BUSY_TIMEOUT_MS = 5_000
CACHE_KIB = 65_536
"""Decrypted pages kept per connection: SQLCipher's own 2 MB make each search among a million people decrypt anew."""
ATTEMPTS = 6
ATTEMPT_WINDOW_S = 10.0

_ADVICE_BUSY = "数据库正被其他窗口占用，本笔没有入账，请稍候再按一次。"
_ADVICE_FULL = "磁盘已满，本笔没有入账。请通知管理员清理磁盘后再按一次，已填内容保留。"
_ADVICE_BROKEN = "数据库文件读写出错，本笔没有入账。请停止收付款并通知管理员。"
_ADVICE_AWAY = "数据库没有答复，不能确定本笔是否入账。请按“再查一次”，不要重新收款。"
_ADVICE_OTHER = "数据库出错，本笔没有入账，请再按一次；仍不行请通知管理员。"


class AsksSomething(Protocol):
    """Every request: it carries who asks and under which operation id."""

    @property
    def asked(self) -> Asked:
        """Who, where, when and the operation's id."""


class Transaction:
    """One open unit of work. Storage functions take it first; nobody outside `storage` looks inside."""

    def __init__(self, connection: Connection, database: Database) -> None:
        self.connection = connection
        self.hall_id = database.hall_id
        self.keys = database.keys
        self.now = database.clock()
        self._plain = database.plain_statements

    def run(self, statement: sa.Executable, values: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> int:
        """Execute a writing statement that returns no rows; the number of rows it touched."""
        if not isinstance(values, Mapping):
            return self.connection.execute(statement, values).rowcount
        names = tuple(values)
        plain = self._plain.get((statement, names))
        if plain is None:
            plain = self._plain[statement, names] = _PlainStatement(statement, names, self.connection.dialect)
        return self.connection.exec_driver_sql(plain.text, plain.bound(values)).rowcount

    def one(self, statement: sa.Executable, values: Mapping[str, Any]) -> Row[Any] | None:
        """The only row, or None."""
        return self.connection.execute(statement, values).one_or_none()

    def all(self, statement: sa.Executable, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
        """All rows; the statement itself bounds how many."""
        return self.connection.execute(statement, values).all()


class _PlainStatement:
    """A writing statement compiled once for one dialect and one set of value names.

    Sending the text spares the statement cache's key, the type processors and the result's metadata at each call:
    half of what a write costs beside the driver. It is right for the types of `tables` (or none), which both drivers
    take as they are; any other type, and what must be compiled again for its values (`IN`), is a mistake here.
    """

    __slots__ = ("_constants", "_order", "text")

    def __init__(self, statement: sa.Executable, names: tuple[str, ...], dialect: sa.Dialect) -> None:
        clause = cast(sa.ClauseElement, statement)
        compiled: Any = clause.compile(dialect=dialect, column_keys=list(names))
        strange = [b.key for b in compiled.binds.values() if not isinstance(b.type, _PLAIN_TYPES)]
        if strange or compiled.post_compile_params:
            raise TypeError(f"cannot be sent as plain text because of {strange}: {compiled}")
        self.text = str(compiled)
        self._constants = {name: value for name, value in compiled.params.items() if name not in names}
        self._order = compiled.positiontup

    def bound(self, values: Mapping[str, Any]) -> Any:
        """The values as the driver takes them: by position or by name."""
        if self._constants:
            values = {**self._constants, **values}
        return dict(values) if self._order is None else tuple([values[name] for name in self._order])


_PLAIN_TYPES = (sa.Text, sa.Integer, sa.LargeBinary, sa.types.NullType)


def new_id() -> str:
    """A random id of 128 bits as hex; ids never carry meaning."""
    return secrets.token_hex(16)


def utc_text(moment: dt.datetime) -> str:
    """An aware moment as sortable ISO text in UTC."""
    return moment.astimezone(dt.UTC).isoformat(timespec="microseconds")


def moment(text: str) -> dt.datetime:
    """The aware moment back from stored text."""
    return dt.datetime.fromisoformat(text)


_key = tables.operation_key
_find_key = sa.select(_key.c.request_hash, _key.c.business_date, _key.c.hall_id).where(
    _key.c.operation_id == sa.bindparam("operation_id")
)
_op = tables.operation
_find_outcome = sa.select(_op.c.outcome).where(
    _op.c.hall_id == sa.bindparam("hall_id"),
    _op.c.business_date == sa.bindparam("business_date"),
    _op.c.operation_id == sa.bindparam("operation_id"),
)
_kept = tables.kept_request
_drop_kept = sa.delete(_kept).where(
    _kept.c.hall_id == sa.bindparam("b_hall_id"), _kept.c.operation_id == sa.bindparam("b_operation_id")
)


class Database:
    """One hall's database with its keys. Two may be open in one process."""

    def __init__(
        self,
        engine: Engine,
        hall_id: HallId,
        keys: HallKeys,
        clock: Callable[[], dt.datetime],
    ) -> None:
        self.engine = engine
        self.hall_id = hall_id
        self.keys = keys
        self.clock = clock
        self.plain_statements: dict[tuple[sa.Executable, tuple[str, ...]], _PlainStatement] = {}
        self._reading = engine.execution_options(read_only=True)
        self._kept: set[OperationId] = set()

    # --- units of work ------------------------------------------------------------------------------------------

    def run(self, request: AsksSomething, unit: Callable[[Transaction], T], outcome: type[T]) -> T:
        """Book `request` exactly once: the first outcome again when its id is known, else what `unit` returns.

        Refuses loudly when the id is known with other content. Retries the whole unit while the trouble is
        passing (busy, serialization, a server restart), at most 6 times within 10 s.
        """
        asked = request.asked
        digest = wire.request_hash(request)

        kept = {"b_hall_id": self.hall_id, "b_operation_id": asked.operation_id}

        def answered(tx: Transaction) -> tuple[T, ...]:
            """The first outcome, or nothing when this id was never booked."""
            known = tx.one(_find_key, {"operation_id": asked.operation_id})
            if known is None:
                return ()
            first = self._first_outcome(tx, asked.operation_id, known, digest, outcome)
            # A retry keeps its request again before it learns that it was booked long ago.
            tx.run(_drop_kept, kept)
            return (first,)

        def whole(tx: Transaction) -> T:
            for first in answered(tx):
                return first
            result = unit(tx)
            tx.run(_drop_kept, kept)
            return result

        try:
            return self.write(whole)
        except Refused as refusal:
            if refusal.reason is not Reason.OPERATION_CHANGED:
                # The same request sent twice at once: this one looked before the other booked, then met what the
                # other had changed (a limit reached, a till counted). The answer is the other's outcome.
                for first in self.write(answered):
                    return first
            self._forget(asked.operation_id)
            raise

    def _first_outcome(
        self, tx: Transaction, operation_id: OperationId, known: Row[Any], digest: str, outcome: type[T]
    ) -> T:
        if known.request_hash != digest:
            log.error("operation %s came again with other content", operation_id)
            raise Refused(Reason.OPERATION_CHANGED)
        row = tx.one(
            _find_outcome,
            {"hall_id": self.hall_id, "business_date": known.business_date, "operation_id": operation_id},
        )
        if row is None:
            raise StorageTrouble(_ADVICE_BROKEN, f"operation {operation_id} has a key but no row")
        return wire.from_json(row.outcome, outcome)

    def keep(self, request: AsksSomething) -> None:
        """Keep a request durably, sealed, before its first try; booking removes it in the same unit."""
        from counter_app.storage.sealed import seal

        asked = request.asked
        digest = wire.request_hash(request)

        def unit(tx: Transaction) -> None:
            tx.run(
                # The same request may be kept from two threads at once: the first one stands.
                insert_ignoring(_kept, tx.connection.dialect.name),
                {
                    "hall_id": self.hall_id,
                    "operation_id": asked.operation_id,
                    "counter_no": asked.counter_no,
                    "staff_no": asked.staff_no,
                    "request_type": type(request).__name__,
                    "request_hash": digest,
                    "request_sealed": seal(
                        self.keys, "kept_request", "request", asked.operation_id, wire.to_json(request)
                    ),
                    "kept_at": utc_text(tx.now),
                },
            )

        self.write(unit)
        self._kept.add(asked.operation_id)

    def _forget(self, operation_id: OperationId) -> None:
        """A refused request holds no money: it needs no question after a restart."""
        if operation_id not in self._kept:
            return
        values = {"b_hall_id": self.hall_id, "b_operation_id": operation_id}
        self.write(lambda tx: tx.run(_drop_kept, values))
        self._kept.discard(operation_id)

    def write(self, unit: Callable[[Transaction], T]) -> T:
        """One writing unit as a whole, retried while the trouble is passing. `unit` may be run again."""
        return self._as_a_whole(self.engine, unit)

    def read(self, unit: Callable[[Transaction], T]) -> T:
        """One read-only look; short, and never with a cursor left open. Retried like a writing unit."""
        return self._as_a_whole(self._reading, unit)

    def _as_a_whole(self, engine: Engine, unit: Callable[[Transaction], T]) -> T:
        # Once an answer to COMMIT was lost, no later failure can tell that nothing was booked.
        answer_lost = False

        def once() -> T:
            nonlocal answer_lost
            with engine.connect() as connection:
                with connection.begin() as transaction:
                    result = unit(Transaction(connection, self))
                    try:
                        transaction.commit()
                    except DBAPIError as error:
                        answer_lost = answer_lost or (error.connection_invalidated and engine is self.engine)
                        raise
                return result

        try:
            try:
                return once()
            except DBAPIError as error:
                if ATTEMPTS < 2 or not is_passing(error):
                    raise
            return _once_more()(once)
        except DBAPIError as error:
            raise translated(error, answer_lost=answer_lost) from error

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


# --- errors -----------------------------------------------------------------------------------------------------

_SERVER_ENDED = {"57P01", "57P02", "57P03"}
_PASSING_SQLSTATES = {"40001", "40P01", "40003", *_SERVER_ENDED}
_SQLITE_BUSY, _SQLITE_LOCKED, _SQLITE_FULL = 5, 6, 13


def _sqlite_code(error: DBAPIError) -> int | None:
    code = getattr(error.orig, "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _once_more() -> Retrying:
    """How a whole unit is tried again after its first failure; loaded by the first trouble, not by each start."""
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_after_delay
    from tenacity.wait import wait_random_exponential

    return Retrying(
        retry=retry_if_exception(is_passing),
        stop=stop_after_attempt(ATTEMPTS - 1) | stop_after_delay(ATTEMPT_WINDOW_S),
        wait=wait_random_exponential(multiplier=0.02, max=1),
        reraise=True,
    )


def is_passing(error: BaseException) -> bool:
    """Whether running the whole unit again may help; an own-key conflict counts, its look-up then answers."""
    if isinstance(error, IntegrityError):
        return "operation_key" in str(error.orig)
    if not isinstance(error, DBAPIError):
        return False
    state = _sqlstate(error)
    if state is not None:
        return state in _PASSING_SQLSTATES or state.startswith("08")
    code = _sqlite_code(error)
    if code is not None:
        return code in (_SQLITE_BUSY, _SQLITE_LOCKED)
    # A server that cannot be reached gives no state at all.
    return error.connection_invalidated or isinstance(error, OperationalError)


def translated(error: DBAPIError, *, answer_lost: bool = False) -> Exception:
    """The driver's error as trouble with advice; an unexpected constraint violation stays what it is: a bug."""
    if isinstance(error, IntegrityError):
        return error
    code = _sqlite_code(error)
    cause = f"{type(error.orig).__name__}: {error.orig}"
    if answer_lost:
        return StorageTrouble(_ADVICE_AWAY, cause, outcome_unknown=True)
    if code in (_SQLITE_BUSY, _SQLITE_LOCKED):
        return StorageTrouble(_ADVICE_BUSY, cause)
    if code == _SQLITE_FULL:
        return StorageTrouble(_ADVICE_FULL, cause)
    if code is not None and code in (10, 11, 14, 26):  # IOERR, CORRUPT, CANTOPEN, NOTADB
        return StorageTrouble(_ADVICE_BROKEN, cause)
    if code is not None or _sqlstate(error) is not None:
        log.error("database error: %s", cause)
    return StorageTrouble(_ADVICE_OTHER, cause)


# --- opening ----------------------------------------------------------------------------------------------------


def sqlite_engine(path: pathlib.Path, keys: HallKeys, *, max_pages: int | None = None) -> Engine:
    """An engine over one encrypted file: WAL, synchronous FULL, foreign keys, BEGIN IMMEDIATE for writers.

    What its errors say goes to the log, so they leave out the values of a statement: names are among them.
    `max_pages` bounds the file's size; the disk-full test uses it.
    """
    import sqlcipher3.dbapi2 as sqlcipher

    if tuple(int(part) for part in sqlcipher.sqlite_version.split(".")) < MINIMUM_SQLITE:
        raise StorageTrouble(
            "数据库组件版本过旧，可能丢失账目，已停止启动。请重新安装本程序。", sqlcipher.sqlite_version
        )
    engine = sa.create_engine(
        f"sqlite:///{path}",
        module=sqlcipher,
        hide_parameters=True,
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
    )
    key = keys.database_key.hex()

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA key=\"x'{key}'\"")
        try:
            cursor.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlcipher.DatabaseError as error:
            if (
                getattr(error, "sqlite_errorcode", 0) & 0xFF == 26
            ):  # NOTADB: the page HMAC does not fit the key
                raise Refused(Reason.KEY_WRONG) from error
            raise
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            f"cache_size=-{CACHE_KIB}",
            "recursive_triggers=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        if max_pages is not None:
            cursor.execute(f"PRAGMA max_page_count={max_pages}")
        cursor.close()

    # Not the engine's "begin" event: with one listener every statement asks all of the engine's events.
    readers = _ReadOnly()
    dialect: Any = engine.dialect
    dialect.connection_characteristics = dialect.connection_characteristics.union({"read_only": readers})
    dialect.do_begin = readers.begin
    return engine


class _ReadOnly(ConnectionCharacteristic):
    """The execution option `read_only` on SQLite: such a connection begins without the right to write.

    A writer takes that right with its BEGIN, so that it never has to wait for it in the middle of a unit.
    """

    __slots__ = ("_connections",)

    def __init__(self) -> None:
        self._connections: set[Any] = set()

    def begin(self, connection: Any) -> None:
        """The dialect's way to begin; the driver itself begins nothing."""
        reading = connection.dbapi_connection in self._connections
        connection.cursor().execute("BEGIN" if reading else "BEGIN IMMEDIATE")

    def set_characteristic(self, _dialect: sa.Dialect, dbapi_conn: Any, value: Any) -> None:
        """Connect with `read_only`."""
        if value:
            self._connections.add(dbapi_conn)
        else:
            self._connections.discard(dbapi_conn)

    def reset_characteristic(self, _dialect: sa.Dialect, dbapi_conn: Any) -> None:
        """Back to the pool."""
        self._connections.discard(dbapi_conn)

    def get_characteristic(self, _dialect: sa.Dialect, dbapi_conn: Any) -> bool:
        """Whether it reads only."""
        return dbapi_conn in self._connections


def postgres_engine(url: str) -> Engine:
    """An engine over PostgreSQL at READ COMMITTED: rows are locked by the fence, not by the isolation level."""
    engine = sa.create_engine(url, isolation_level="READ COMMITTED", pool_size=8, hide_parameters=True)

    @event.listens_for(engine, "handle_error")
    def failed(context: sa.engine.ExceptionContext) -> None:
        # The driver still calls a connection open whose server process has just said goodbye.
        if getattr(context.original_exception, "sqlstate", None) in _SERVER_ENDED:
            context.is_disconnect = True
        _drop_row_values(context)

    last_used: weakref.WeakKeyDictionary[Any, float] = weakref.WeakKeyDictionary()

    @event.listens_for(engine, "checkin")
    def returned(_connection: Any, record: Any) -> None:
        last_used[record] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def taken(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - last_used.get(record, time.monotonic()) > 30:
            try:
                connection.execute("SELECT 1")
                connection.rollback()
            except Exception as error:
                raise sa.exc.DisconnectionError() from error

    return engine


def _drop_row_values(context: sa.engine.ExceptionContext) -> None:
    """Leave the server's first sentence only: its DETAIL holds the whole row of a broken constraint, names included,
    and what an error says may reach the log."""
    original, wrapped = context.original_exception, context.sqlalchemy_exception
    sentence = getattr(getattr(original, "diag", None), "message_primary", None)
    if sentence is None or wrapped is None:
        return
    original.args = (sentence,)
    wrapped.args = (f"({type(original).__module__}.{type(original).__name__}) {sentence}",)


_version = sa.text("SELECT version_num FROM alembic_version")


def check_schema(engine: Engine) -> None:
    """Refuse a database written by a newer program, or one that still waits for its upgrade."""
    try:
        with engine.connect() as connection:
            found = connection.execute(_version).scalar_one()
    except DBAPIError as error:
        raise StorageTrouble("这不是本程序的数据库，请检查设置中的数据库位置。", str(error.orig)) from error
    if found == tables.SCHEMA_VERSION:
        return
    newer = found > tables.SCHEMA_VERSION
    raise Refused(Reason.DATABASE_NEWER if newer else Reason.DATABASE_OLDER, found=found)


@contextlib.contextmanager
def opened(engine: Engine) -> Iterator[Engine]:
    """An engine that is disposed of at the end."""
    try:
        yield engine
    finally:
        engine.dispose()


@functools.cache
def insert_ignoring(table: sa.Table, dialect: str) -> sa.Executable:
    """INSERT that leaves an existing row alone, for rows that must exist before they can be locked.

    Built once at its first use: the other database's dialect would cost each start 25 ms for nothing.
    """
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert(table).on_conflict_do_nothing()
    from sqlalchemy.dialects.postgresql import insert as postgres_insert

    return postgres_insert(table).on_conflict_do_nothing()
