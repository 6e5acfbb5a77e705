"""Names for the identifiers of the hall; plain text or numbers underneath."""

from __future__ import annotations

from typing import NewType

HallId = NewType("HallId", str)
StaffNo = NewType("StaffNo", str)
ShiftId = NewType("ShiftId", str)
OperationId = NewType("OperationId", str)
IntentId = NewType("IntentId", str)
ApprovalId = NewType("ApprovalId", str)
HolderId = NewType("HolderId", str)
PurseId = NewType("PurseId", str)
AccountId = NewType("AccountId", str)
CardNo = NewType("CardNo", str)
MediumId = NewType("MediumId", str)
ReceiptNo = NewType("ReceiptNo", str)
TerminalId = NewType("TerminalId", str)
