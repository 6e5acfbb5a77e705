"""The tables of a hall, with the CHECKs and indexes that keep them honest; no statement, no decision.

Moments are ISO text in UTC with microseconds, business dates ISO text: the same on SQLite and PostgreSQL, and
they sort. Keys of hall data begin with `hall_id`. Insert-only tables are named in `INSERT_ONLY`; triggers of the
migration refuse UPDATE and DELETE on them.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData()

Text, Int, Big, Blob = sa.Text, sa.Integer, sa.BigInteger, sa.LargeBinary

Ordered = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Text that is searched as a range of prefixes: its order must be that of the characters, whatever the server's."""


def _hall() -> sa.Column[str]:
    return sa.Column("hall_id", Text, primary_key=True)


def _table(name: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(name, metadata, *columns)


def _one_of(name: str, *columns: str, where: str) -> sa.Index:
    """A unique index over the rows that `where` names, on each database."""
    return sa.Index(name, *columns, unique=True, sqlite_where=sa.text(where), info={"where": where})


@sa.event.listens_for(metadata, "before_create")
def _name_the_rows_on_postgresql(_metadata: sa.MetaData, connection: sa.Connection, **_options: Any) -> None:
    # Said where an index is defined, it would load that database's dialect at each start.
    if connection.dialect.name == "postgresql":
        for index in (index for table in metadata.tables.values() for index in table.indexes):
            if "where" in index.info:
                index.dialect_options["postgresql"]["where"] = sa.text(index.info["where"])


hall = _table(
    "hall",
    _hall(),
    sa.Column("name", Text, nullable=False),
    sa.Column("code", Text, nullable=False),
    sa.Column("is_demo", Int, nullable=False),
    sa.Column("key_id", Text, nullable=False),
)

setting = _table(
    "setting",
    _hall(),
    sa.Column("name", Text, primary_key=True),
    sa.Column("value", Text, nullable=False),
)

counter = _table(
    "counter",
    _hall(),
    sa.Column("counter_no", Int, primary_key=True),
    sa.Column("name", Text, nullable=False),
)

place = _table(
    "place",
    _hall(),
    sa.Column("place_code", Text, primary_key=True),
    sa.Column("name", Text, nullable=False),
    sa.Column("may_replace", Int, nullable=False),
    sa.Column("is_this_hall", Int, nullable=False),
)

department = _table(
    "department",
    _hall(),
    sa.Column("name", Text, primary_key=True),
    sa.Column("position", Int, nullable=False),
)

staff = _table(
    "staff",
    _hall(),
    sa.Column("staff_no", Text, primary_key=True),
    sa.Column("name", Text, nullable=False),
    sa.Column("role", Text, nullable=False),
    sa.Column("password_hash", Text, nullable=False),
    sa.Column("active", Int, nullable=False),
    sa.Column("failed_tries", Int, nullable=False),
    sa.Column("locked_until", Text),
    sa.Column("demo_password", Text),
    sa.CheckConstraint("role IN ('clerk','manager','administrator')", name="staff_role"),
)

deputy = _table(
    "deputy",
    _hall(),
    sa.Column("deputy_id", Text, primary_key=True),
    sa.Column("manager_no", Text, nullable=False),
    sa.Column("deputy_no", Text, nullable=False),
    sa.Column("valid_from", Text, nullable=False),
    sa.Column("valid_to", Text, nullable=False),
    sa.CheckConstraint("manager_no <> deputy_no", name="deputy_other_person"),
)

notice = _table(
    "notice",
    _hall(),
    sa.Column("notice_id", Text, primary_key=True),
    sa.Column("title", Text, nullable=False),
    sa.Column("body", Text, nullable=False),
    sa.Column("valid_from", Text, nullable=False),
    sa.Column("valid_to", Text, nullable=False),
)

notice_read = _table(
    "notice_read",
    _hall(),
    sa.Column("notice_id", Text, primary_key=True),
    sa.Column("staff_no", Text, primary_key=True),
    sa.Column("read_at", Text, nullable=False),
)

rule = _table(
    "rule",
    _hall(),
    sa.Column("code", Text, primary_key=True),
    sa.Column("valid_from", Text, primary_key=True),
    sa.Column("value", Big, nullable=False),
    sa.Column("source", Text, nullable=False),
    sa.Column("approved_by", Text, nullable=False),
)

holder = _table(
    "holder",
    _hall(),
    sa.Column("holder_id", Text, primary_key=True),
    sa.Column("name", Ordered, nullable=False),
    sa.Column("document_kind", Text, nullable=False),
    sa.Column("document_sealed", Blob, nullable=False),
    sa.Column("document_index", Blob, nullable=False),
    sa.Column("document_tail", Text, nullable=False),
    sa.Column("phone_sealed", Blob),
    sa.Column("phone_index", Blob),
    sa.Column("phone_last4", Text),
    sa.Column("second_contact_sealed", Blob),
    sa.Column("sex", Text, nullable=False),
    sa.Column("address_sealed", Blob),
    sa.Column("key_version", Int, nullable=False),
    sa.Index("holder_by_document", "hall_id", "document_index", unique=True),
    sa.Index("holder_by_phone", "hall_id", "phone_index"),
    sa.Index("holder_by_last4", "hall_id", "phone_last4", "holder_id"),
    sa.Index("holder_by_name", "hall_id", "name", "holder_id"),
)

holder_initials = _table(
    "holder_initials",
    _hall(),
    sa.Column("initials", Ordered, primary_key=True),
    sa.Column("holder_id", Text, primary_key=True),
)

purse = _table(
    "purse",
    _hall(),
    sa.Column("purse_id", Text, primary_key=True),
    sa.Column("balance_fen", Big, nullable=False),
    sa.Column("version", Int, nullable=False),
)

card = _table(
    "card",
    _hall(),
    sa.Column("card_no", Text, primary_key=True),
    sa.Column("kind", Text, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("purse_id", Text),
    sa.Column("holder_id", Text),
    sa.Column("version", Int, nullable=False),
    sa.Column("replaced_by", Text),
    sa.Column("issued_on", Text),
    sa.CheckConstraint("kind IN ('named','anonymous')", name="card_kind"),
    sa.CheckConstraint(
        "state IN ('blank','active','lost','frozen','replaced','collected','closed')", name="card_state"
    ),
    sa.CheckConstraint("state = 'blank' OR purse_id IS NOT NULL", name="card_has_purse"),
    sa.Index("card_by_purse", "hall_id", "purse_id"),
    sa.Index("card_by_holder", "hall_id", "holder_id"),
)

medium = _table(
    "medium",
    _hall(),
    sa.Column("medium_id", Text, primary_key=True),
    sa.Column("card_no", Text, nullable=False),
    sa.Index("medium_by_card", "hall_id", "card_no"),
)

terminal = _table(
    "terminal",
    _hall(),
    sa.Column("terminal_id", Text, primary_key=True),
    sa.Column("counter_no", Int, nullable=False),
    sa.Column("name", Text, nullable=False),
    sa.Column("linked", Int, nullable=False),
)

business_day = _table(
    "business_day",
    _hall(),
    sa.Column("business_date", Text, primary_key=True),
    sa.Column("state", Text, nullable=False),
    sa.Column("opened_at", Text, nullable=False),
    sa.Column("closed_at", Text),
    sa.Column("closed_by", Text),
    sa.Column("anchor", Text),
    sa.CheckConstraint("state IN ('open','closed')", name="business_day_state"),
)

shift = _table(
    "shift",
    _hall(),
    sa.Column("shift_id", Text, primary_key=True),
    sa.Column("counter_no", Int, nullable=False),
    sa.Column("staff_no", Text, nullable=False),
    sa.Column("business_date", Text, nullable=False),
    sa.Column("ordinal", Int, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("till_state", Text, nullable=False),
    sa.Column("last_seq", Int, nullable=False),
    sa.Column("last_receipt", Int, nullable=False),
    sa.Column("chain_head", Text, nullable=False),
    sa.Column("opened_at", Text, nullable=False),
    sa.Column("closed_at", Text),
    sa.CheckConstraint("state IN ('open','closed')", name="shift_state"),
    sa.CheckConstraint("till_state IN ('none','open','counted','closed')", name="shift_till_state"),
    sa.UniqueConstraint("hall_id", "counter_no", "business_date", "ordinal", name="shift_ordinal"),
    _one_of("shift_one_open", "hall_id", "counter_no", "staff_no", "business_date", where="state = 'open'"),
    _one_of("shift_one_till", "hall_id", "counter_no", where="till_state IN ('open','counted')"),
    sa.Index("shift_by_date", "hall_id", "business_date"),
)

operation_key = _table(
    "operation_key",
    sa.Column("operation_id", Text, primary_key=True),
    sa.Column("hall_id", Text, nullable=False),
    sa.Column("business_date", Text, nullable=False),
    sa.Column("request_hash", Text, nullable=False),
)

operation = _table(
    "operation",
    _hall(),
    sa.Column("business_date", Text, primary_key=True),
    sa.Column("operation_id", Text, primary_key=True),
    sa.Column("kind", Text, nullable=False),
    sa.Column("shift_id", Text, nullable=False),
    sa.Column("seq", Int, nullable=False),
    sa.Column("receipt_no", Text, nullable=False),
    sa.Column("counter_no", Int, nullable=False),
    sa.Column("staff_no", Text, nullable=False),
    sa.Column("approver_no", Text),
    sa.Column("asked_at", Text, nullable=False),
    sa.Column("booked_at", Text, nullable=False),
    sa.Column("card_no", Text),
    sa.Column("purse_id", Text),
    sa.Column("amount_fen", Big, nullable=False),
    sa.Column("tender", Text, nullable=False),
    sa.Column("reverses_operation_id", Text),
    sa.Column("reason", Text, nullable=False),
    sa.Column("outcome", Text, nullable=False),
    sa.UniqueConstraint("hall_id", "business_date", "shift_id", "seq", name="operation_seq"),
    sa.UniqueConstraint("hall_id", "business_date", "receipt_no", name="operation_receipt_no"),
    sa.Index("operation_by_receipt", "hall_id", "receipt_no"),
    sa.Index("operation_by_purse", "hall_id", "purse_id", "booked_at"),
    sa.Index("operation_by_card", "hall_id", "card_no", "booked_at"),
)

reversal_key = _table(
    "reversal_key",
    _hall(),
    sa.Column("operation_id", Text, primary_key=True),
    sa.Column("reversed_by", Text, nullable=False),
)

transfer = _table(
    "transfer",
    _hall(),
    sa.Column("business_date", Text, primary_key=True),
    sa.Column("operation_id", Text, primary_key=True),
    sa.Column("line", Int, primary_key=True),
    sa.Column("shift_id", Text, nullable=False),
    sa.Column("debit", Text, nullable=False),
    sa.Column("credit", Text, nullable=False),
    sa.Column("amount_fen", Big, nullable=False),
    sa.CheckConstraint("amount_fen > 0", name="transfer_amount"),
    sa.CheckConstraint("debit <> credit", name="transfer_accounts"),
    sa.Index("transfer_by_shift", "hall_id", "shift_id"),
    sa.Index("transfer_by_debit", "hall_id", "debit"),
    sa.Index("transfer_by_credit", "hall_id", "credit"),
)

payment = _table(
    "payment",
    _hall(),
    sa.Column("business_date", Text, primary_key=True),
    sa.Column("operation_id", Text, primary_key=True),
    sa.Column("tender", Text, nullable=False),
    sa.Column("amount_fen", Big, nullable=False),
    sa.Column("received_fen", Big, nullable=False),
    sa.Column("terminal_id", Text, nullable=False),
    sa.Column("terminal_receipt_no", Text, nullable=False),
    sa.Column("trace", Text, nullable=False),
    sa.Column("batch", Text, nullable=False),
    sa.Column("reference", Text, nullable=False),
    sa.Column("card_tail", Text, nullable=False),
    sa.Column("authorisation", Text, nullable=False),
)

audit = _table(
    "audit",
    _hall(),
    sa.Column("business_date", Text, primary_key=True),
    sa.Column("shift_id", Text, primary_key=True),
    sa.Column("seq", Int, primary_key=True),
    sa.Column("at", Text, nullable=False),
    sa.Column("staff_no", Text, nullable=False),
    sa.Column("action", Text, nullable=False),
    sa.Column("payload", Text, nullable=False),
    sa.Column("key_id", Text, nullable=False),
    sa.Column("mac", Text, nullable=False),
)

intent = _table(
    "intent",
    _hall(),
    sa.Column("intent_id", Text, primary_key=True),
    sa.Column("operation_id", Text, nullable=False),
    sa.Column("kind", Text, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("card_no", Text),
    sa.Column("terminal_id", Text),
    sa.Column("amount_fen", Big, nullable=False),
    sa.Column("counter_no", Int, nullable=False),
    sa.Column("staff_no", Text, nullable=False),
    sa.Column("shift_id", Text, nullable=False),
    sa.Column("started_at", Text, nullable=False),
    sa.Column("request_sealed", Blob),
    sa.Column("request_type", Text, nullable=False),
    sa.Column("result", Text),
    sa.Column("closed_at", Text),
    sa.CheckConstraint(
        "state IN ('reserved','sent','approved','unknown','booked','declined','not_paid','released','reversed')",
        name="intent_state",
    ),
    sa.CheckConstraint(
        "(closed_at IS NULL) = (state IN ('reserved','sent','approved','unknown'))", name="intent_closed"
    ),
    _one_of("intent_one_per_card", "hall_id", "card_no", where="closed_at IS NULL AND card_no IS NOT NULL"),
    _one_of(
        "intent_one_per_terminal",
        "hall_id",
        "terminal_id",
        where="closed_at IS NULL AND terminal_id IS NOT NULL",
    ),
)

kept_request = _table(
    "kept_request",
    _hall(),
    sa.Column("operation_id", Text, primary_key=True),
    sa.Column("counter_no", Int, nullable=False),
    sa.Column("staff_no", Text, nullable=False),
    sa.Column("request_type", Text, nullable=False),
    sa.Column("request_hash", Text, nullable=False),
    sa.Column("request_sealed", Blob, nullable=False),
    sa.Column("kept_at", Text, nullable=False),
)

approval = _table(
    "approval",
    _hall(),
    sa.Column("approval_id", Text, primary_key=True),
    sa.Column("operation_id", Text, nullable=False),
    sa.Column("request_hash", Text, nullable=False),
    sa.Column("approver_no", Text, nullable=False),
    sa.Column("given_at", Text, nullable=False),
)

parked = _table(
    "parked",
    _hall(),
    sa.Column("parked_id", Text, primary_key=True),
    sa.Column("counter_no", Int, nullable=False),
    sa.Column("staff_no", Text, nullable=False),
    sa.Column("title", Text, nullable=False),
    sa.Column("page", Text, nullable=False),
    sa.Column("typed_sealed", Blob, nullable=False),
    sa.Column("parked_at", Text, nullable=False),
)

cash_count = _table(
    "cash_count",
    _hall(),
    sa.Column("shift_id", Text, primary_key=True),
    sa.Column("phase", Text, primary_key=True),
    sa.Column("denomination_fen", Int, primary_key=True),
    sa.Column("pieces", Int, nullable=False),
)

till_close = _table(
    "till_close",
    _hall(),
    sa.Column("shift_id", Text, primary_key=True),
    sa.Column("counter_no", Int, nullable=False),
    sa.Column("closed_at", Text, nullable=False),
    sa.Column("opening_fen", Big, nullable=False),
    sa.Column("expected_fen", Big, nullable=False),
    sa.Column("counted_fen", Big, nullable=False),
    sa.Column("difference_fen", Big, nullable=False),
    sa.Column("left_fen", Big, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("signed_by", Text, nullable=False),
    sa.Index("till_close_by_counter", "hall_id", "counter_no", "closed_at"),
)

loss_report = _table(
    "loss_report",
    _hall(),
    sa.Column("reference", Text, primary_key=True),
    sa.Column("card_no", Text, nullable=False),
    sa.Column("holder_id", Text, nullable=False),
    sa.Column("operation_id", Text, nullable=False),
    sa.Column("channel", Text, nullable=False),
    sa.Column("reported_at", Text, nullable=False),
    sa.Column("deadline", Text, nullable=False),
    sa.Column("balance_fen", Big, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("hall_only", Int, nullable=False),
    sa.Column("remark", Text, nullable=False),
    sa.Column("ended_at", Text),
    sa.CheckConstraint("state IN ('open','cancelled','replaced')", name="loss_state"),
    _one_of("loss_one_open", "hall_id", "card_no", where="state = 'open'"),
)

claim_try = _table(
    "claim_try",
    _hall(),
    sa.Column("try_id", Text, primary_key=True),
    sa.Column("card_no", Text, nullable=False),
    sa.Column("staff_no", Text, nullable=False),
    sa.Column("at", Text, nullable=False),
    sa.Column("answer", Text, nullable=False),
    sa.Column("held", Int, nullable=False),
    sa.Index("claim_try_by_card", "hall_id", "card_no", "at"),
)

replacement = _table(
    "replacement",
    _hall(),
    sa.Column("old_card_no", Text, primary_key=True),
    sa.Column("new_card_no", Text, nullable=False),
    sa.Column("operation_id", Text, nullable=False),
    sa.Column("counter_no", Int, nullable=False),
    sa.Column("staff_no", Text, nullable=False),
    sa.Column("at", Text, nullable=False),
    sa.Column("overdue", Int, nullable=False),
    sa.UniqueConstraint("hall_id", "new_card_no", name="replacement_new_card"),
)

receivable = _table(
    "receivable",
    _hall(),
    sa.Column("operation_id", Text, primary_key=True),
    sa.Column("purse_id", Text, nullable=False),
    sa.Column("card_no", Text, nullable=False),
    sa.Column("holder_id", Text),
    sa.Column("amount_fen", Big, nullable=False),
    sa.Column("why", Text, nullable=False),
    sa.Column("opened_at", Text, nullable=False),
    sa.CheckConstraint("amount_fen > 0", name="receivable_amount"),
)

receipt = _table(
    "receipt",
    _hall(),
    sa.Column("receipt_no", Text, primary_key=True),
    sa.Column("operation_id", Text, nullable=False),
    sa.Column("document", Text, nullable=False),
    sa.Column("check_code", Text, nullable=False),
    sa.Index("receipt_by_check_code", "hall_id", "check_code"),
)

print_job = _table(
    "print_job",
    _hall(),
    sa.Column("job_id", Text, primary_key=True),
    sa.Column("receipt_no", Text, nullable=False),
    sa.Column("copy_no", Int, nullable=False),
    sa.Column("counter_no", Int, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("drawer", Int, nullable=False),
    sa.Column("staff_no", Text, nullable=False),
    sa.Column("queued_at", Text, nullable=False),
    sa.Column("changed_at", Text, nullable=False),
    sa.Column("note", Text, nullable=False),
    sa.UniqueConstraint("hall_id", "receipt_no", "copy_no", name="print_job_copy"),
    sa.CheckConstraint("state IN ('queued','sending','printed','unknown','dropped')", name="print_job_state"),
    sa.Index("print_job_by_counter", "hall_id", "counter_no", "state", "queued_at"),
)

INSERT_ONLY = (
    "operation_key",
    "operation",
    "transfer",
    "payment",
    "audit",
    "reversal_key",
    "receipt",
    "cash_count",
    "till_close",
    "replacement",
    "receivable",
    "claim_try",
    "approval",
)

SCHEMA_VERSION = "0001"
"""The migration this program needs; compared with `alembic_version` at start without importing Alembic."""
