"""The first tables of a hall, and the triggers that let its ledger only grow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from counter_app.storage.migrations.insert_only import guard

revision = "0001"
down_revision = None

ONLY_GROW = (
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


def upgrade() -> None:
    """Create everything; there is nothing older to carry over."""
    op.create_table(
        "approval",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("approval_id", sa.Text(), nullable=False),
        sa.Column("operation_id", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("approver_no", sa.Text(), nullable=False),
        sa.Column("given_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "approval_id"),
    )
    op.create_table(
        "audit",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("business_date", sa.Text(), nullable=False),
        sa.Column("shift_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("staff_no", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("mac", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "business_date", "shift_id", "seq"),
    )
    op.create_table(
        "business_day",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("business_date", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.Text(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("anchor", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('open','closed')", name="business_day_state"),
        sa.PrimaryKeyConstraint("hall_id", "business_date"),
    )
    op.create_table(
        "card",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("card_no", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("purse_id", sa.Text(), nullable=True),
        sa.Column("holder_id", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("replaced_by", sa.Text(), nullable=True),
        sa.Column("issued_on", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('named','anonymous')", name="card_kind"),
        sa.CheckConstraint("state = 'blank' OR purse_id IS NOT NULL", name="card_has_purse"),
        sa.CheckConstraint(
            "state IN ('blank','active','lost','frozen','replaced','collected','closed')", name="card_state"
        ),
        sa.PrimaryKeyConstraint("hall_id", "card_no"),
    )
    op.create_index("card_by_holder", "card", ["hall_id", "holder_id"], unique=False)
    op.create_index("card_by_purse", "card", ["hall_id", "purse_id"], unique=False)
    op.create_table(
        "cash_count",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("shift_id", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("denomination_fen", sa.Integer(), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "shift_id", "phase", "denomination_fen"),
    )
    op.create_table(
        "claim_try",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("try_id", sa.Text(), nullable=False),
        sa.Column("card_no", sa.Text(), nullable=False),
        sa.Column("staff_no", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "try_id"),
    )
    op.create_index("claim_try_by_card", "claim_try", ["hall_id", "card_no", "at"], unique=False)
    op.create_table(
        "counter",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("counter_no", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "counter_no"),
    )
    op.create_table(
        "department",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "name"),
    )
    op.create_table(
        "deputy",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("deputy_id", sa.Text(), nullable=False),
        sa.Column("manager_no", sa.Text(), nullable=False),
        sa.Column("deputy_no", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Text(), nullable=False),
        sa.Column("valid_to", sa.Text(), nullable=False),
        sa.CheckConstraint("manager_no <> deputy_no", name="deputy_other_person"),
        sa.PrimaryKeyConstraint("hall_id", "deputy_id"),
    )
    op.create_table(
        "hall",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("is_demo", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id"),
    )
    op.create_table(
        "holder",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("holder_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("document_kind", sa.Text(), nullable=False),
        sa.Column("document_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("document_index", sa.LargeBinary(), nullable=False),
        sa.Column("document_tail", sa.Text(), nullable=False),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("phone_index", sa.LargeBinary(), nullable=True),
        sa.Column("phone_last4", sa.Text(), nullable=True),
        sa.Column("second_contact_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("sex", sa.Text(), nullable=False),
        sa.Column("address_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "holder_id"),
    )
    op.create_index("holder_by_document", "holder", ["hall_id", "document_index"], unique=True)
    op.create_index("holder_by_last4", "holder", ["hall_id", "phone_last4", "holder_id"], unique=False)
    op.create_index("holder_by_name", "holder", ["hall_id", "name", "holder_id"], unique=False)
    op.create_index("holder_by_phone", "holder", ["hall_id", "phone_index"], unique=False)
    op.create_table(
        "holder_initials",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("initials", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("holder_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "initials", "holder_id"),
    )
    op.create_table(
        "intent",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("intent_id", sa.Text(), nullable=False),
        sa.Column("operation_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("card_no", sa.Text(), nullable=True),
        sa.Column("terminal_id", sa.Text(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("counter_no", sa.Integer(), nullable=False),
        sa.Column("staff_no", sa.Text(), nullable=False),
        sa.Column("shift_id", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Text(), nullable=False),
        sa.Column("request_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("request_type", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (state IN ('reserved','sent','approved','unknown'))", name="intent_closed"
        ),
        sa.CheckConstraint(
            "state IN ('reserved','sent','approved','unknown','booked','declined','not_paid','released','reversed')",
            name="intent_state",
        ),
        sa.PrimaryKeyConstraint("hall_id", "intent_id"),
    )
    op.create_index(
        "intent_one_per_card",
        "intent",
        ["hall_id", "card_no"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL AND card_no IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NULL AND card_no IS NOT NULL"),
    )
    op.create_index(
        "intent_one_per_terminal",
        "intent",
        ["hall_id", "terminal_id"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL AND terminal_id IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NULL AND terminal_id IS NOT NULL"),
    )
    op.create_table(
        "kept_request",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("operation_id", sa.Text(), nullable=False),
        sa.Column("counter_no", sa.Integer(), nullable=False),
        sa.Column("staff_no", sa.Text(), nullable=False),
        sa.Column("request_type", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("request_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "operation_id"),
    )
    op.create_table(
        "loss_report",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("card_no", sa.Text(), nullable=False),
        sa.Column("holder_id", sa.Text(), nullable=False),
        sa.Column("operation_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("reported_at", sa.Text(), nullable=False),
        sa.Column("deadline", sa.Text(), nullable=False),
        sa.Column("balance_fen", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("hall_only", sa.Integer(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('open','cancelled','replaced')", name="loss_state"),
        sa.PrimaryKeyConstraint("hall_id", "reference"),
    )
    op.create_index(
        "loss_one_open",
        "loss_report",
        ["hall_id", "card_no"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "medium",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("medium_id", sa.Text(), nullable=False),
        sa.Column("card_no", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "medium_id"),
    )
    op.create_index("medium_by_card", "medium", ["hall_id", "card_no"], unique=False)
    op.create_table(
        "notice",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("notice_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Text(), nullable=False),
        sa.Column("valid_to", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "notice_id"),
    )
    op.create_table(
        "notice_read",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("notice_id", sa.Text(), nullable=False),
        sa.Column("staff_no", sa.Text(), nullable=False),
        sa.Column("read_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "notice_id", "staff_no"),
    )
    op.create_table(
        "operation",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("business_date", sa.Text(), nullable=False),
        sa.Column("operation_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("shift_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("receipt_no", sa.Text(), nullable=False),
        sa.Column("counter_no", sa.Integer(), nullable=False),
        sa.Column("staff_no", sa.Text(), nullable=False),
        sa.Column("approver_no", sa.Text(), nullable=True),
        sa.Column("asked_at", sa.Text(), nullable=False),
        sa.Column("booked_at", sa.Text(), nullable=False),
        sa.Column("card_no", sa.Text(), nullable=True),
        sa.Column("purse_id", sa.Text(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("tender", sa.Text(), nullable=False),
        sa.Column("reverses_operation_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "business_date", "operation_id"),
        sa.UniqueConstraint("hall_id", "business_date", "receipt_no", name="operation_receipt_no"),
        sa.UniqueConstraint("hall_id", "business_date", "shift_id", "seq", name="operation_seq"),
    )
    op.create_index("operation_by_card", "operation", ["hall_id", "card_no", "booked_at"], unique=False)
    op.create_index("operation_by_purse", "operation", ["hall_id", "purse_id", "booked_at"], unique=False)
    op.create_index("operation_by_receipt", "operation", ["hall_id", "receipt_no"], unique=False)
    op.create_table(
        "operation_key",
        sa.Column("operation_id", sa.Text(), nullable=False),
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("business_date", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("operation_id"),
    )
    op.create_table(
        "parked",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("parked_id", sa.Text(), nullable=False),
        sa.Column("counter_no", sa.Integer(), nullable=False),
        sa.Column("staff_no", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("typed_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("parked_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "parked_id"),
    )
    op.create_table(
        "payment",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("business_date", sa.Text(), nullable=False),
        sa.Column("operation_id", sa.Text(), nullable=False),
        sa.Column("tender", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("received_fen", sa.BigInteger(), nullable=False),
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("terminal_receipt_no", sa.Text(), nullable=False),
        sa.Column("trace", sa.Text(), nullable=False),
        sa.Column("batch", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("card_tail", sa.Text(), nullable=False),
        sa.Column("authorisation", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "business_date", "operation_id"),
    )
    op.create_table(
        "place",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("place_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("may_replace", sa.Integer(), nullable=False),
        sa.Column("is_this_hall", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "place_code"),
    )
    op.create_table(
        "print_job",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("receipt_no", sa.Text(), nullable=False),
        sa.Column("copy_no", sa.Integer(), nullable=False),
        sa.Column("counter_no", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("drawer", sa.Integer(), nullable=False),
        sa.Column("staff_no", sa.Text(), nullable=False),
        sa.Column("queued_at", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('queued','sending','printed','unknown','dropped')", name="print_job_state"
        ),
        sa.PrimaryKeyConstraint("hall_id", "job_id"),
        sa.UniqueConstraint("hall_id", "receipt_no", "copy_no", name="print_job_copy"),
    )
    op.create_index(
        "print_job_by_counter", "print_job", ["hall_id", "counter_no", "state", "queued_at"], unique=False
    )
    op.create_table(
        "purse",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("purse_id", sa.Text(), nullable=False),
        sa.Column("balance_fen", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "purse_id"),
    )
    op.create_table(
        "receipt",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("receipt_no", sa.Text(), nullable=False),
        sa.Column("operation_id", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("check_code", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "receipt_no"),
    )
    op.create_index("receipt_by_check_code", "receipt", ["hall_id", "check_code"], unique=False)
    op.create_table(
        "receivable",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("operation_id", sa.Text(), nullable=False),
        sa.Column("purse_id", sa.Text(), nullable=False),
        sa.Column("card_no", sa.Text(), nullable=False),
        sa.Column("holder_id", sa.Text(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.Text(), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name="receivable_amount"),
        sa.PrimaryKeyConstraint("hall_id", "operation_id"),
    )
    op.create_table(
        "replacement",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("old_card_no", sa.Text(), nullable=False),
        sa.Column("new_card_no", sa.Text(), nullable=False),
        sa.Column("operation_id", sa.Text(), nullable=False),
        sa.Column("counter_no", sa.Integer(), nullable=False),
        sa.Column("staff_no", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("overdue", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "old_card_no"),
        sa.UniqueConstraint("hall_id", "new_card_no", name="replacement_new_card"),
    )
    op.create_table(
        "reversal_key",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("operation_id", sa.Text(), nullable=False),
        sa.Column("reversed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "operation_id"),
    )
    op.create_table(
        "rule",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "code", "valid_from"),
    )
    op.create_table(
        "setting",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "name"),
    )
    op.create_table(
        "shift",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("shift_id", sa.Text(), nullable=False),
        sa.Column("counter_no", sa.Integer(), nullable=False),
        sa.Column("staff_no", sa.Text(), nullable=False),
        sa.Column("business_date", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("till_state", sa.Text(), nullable=False),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.Column("last_receipt", sa.Integer(), nullable=False),
        sa.Column("chain_head", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('open','closed')", name="shift_state"),
        sa.CheckConstraint("till_state IN ('none','open','counted','closed')", name="shift_till_state"),
        sa.PrimaryKeyConstraint("hall_id", "shift_id"),
        sa.UniqueConstraint("hall_id", "counter_no", "business_date", "ordinal", name="shift_ordinal"),
    )
    op.create_index("shift_by_date", "shift", ["hall_id", "business_date"], unique=False)
    op.create_index(
        "shift_one_open",
        "shift",
        ["hall_id", "counter_no", "staff_no", "business_date"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "shift_one_till",
        "shift",
        ["hall_id", "counter_no"],
        unique=True,
        sqlite_where=sa.text("till_state IN ('open','counted')"),
        postgresql_where=sa.text("till_state IN ('open','counted')"),
    )
    op.create_table(
        "staff",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("staff_no", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("active", sa.Integer(), nullable=False),
        sa.Column("failed_tries", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.Text(), nullable=True),
        sa.Column("demo_password", sa.Text(), nullable=True),
        sa.CheckConstraint("role IN ('clerk','manager','administrator')", name="staff_role"),
        sa.PrimaryKeyConstraint("hall_id", "staff_no"),
    )
    op.create_table(
        "terminal",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("counter_no", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("linked", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "terminal_id"),
    )
    op.create_table(
        "till_close",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("shift_id", sa.Text(), nullable=False),
        sa.Column("counter_no", sa.Integer(), nullable=False),
        sa.Column("closed_at", sa.Text(), nullable=False),
        sa.Column("opening_fen", sa.BigInteger(), nullable=False),
        sa.Column("expected_fen", sa.BigInteger(), nullable=False),
        sa.Column("counted_fen", sa.BigInteger(), nullable=False),
        sa.Column("difference_fen", sa.BigInteger(), nullable=False),
        sa.Column("left_fen", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("signed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hall_id", "shift_id"),
    )
    op.create_index(
        "till_close_by_counter", "till_close", ["hall_id", "counter_no", "closed_at"], unique=False
    )
    op.create_table(
        "transfer",
        sa.Column("hall_id", sa.Text(), nullable=False),
        sa.Column("business_date", sa.Text(), nullable=False),
        sa.Column("operation_id", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("shift_id", sa.Text(), nullable=False),
        sa.Column("debit", sa.Text(), nullable=False),
        sa.Column("credit", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name="transfer_amount"),
        sa.CheckConstraint("debit <> credit", name="transfer_accounts"),
        sa.PrimaryKeyConstraint("hall_id", "business_date", "operation_id", "line"),
    )
    op.create_index("transfer_by_credit", "transfer", ["hall_id", "credit"], unique=False)
    op.create_index("transfer_by_debit", "transfer", ["hall_id", "debit"], unique=False)
    op.create_index("transfer_by_shift", "transfer", ["hall_id", "shift_id"], unique=False)
    guard(op.get_bind(), ONLY_GROW)
