"""What counts as a fault: windows, tolerances and limits, with their defaults. The operator may change them under [reconcile].

Days are calendar days. Amounts are in minor units of the record's own currency (500 is 5.00 dollars or 500 yen).
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ReconcileRules(BaseModel):
    """Settings of the reconciler. The defaults are what docs/accuracy.md was measured with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    duplicate_invoice_days: int = Field(
        3, ge=0, le=60, description="equal invoices this close are duplicates, whatever their amount"
    )
    duplicate_invoice_telling_days: int = Field(
        10, ge=0, le=90, description="the same for amounts that are no round price and that the client is billed only once"
    )
    duplicate_number_days: int = Field(60, ge=0, le=400, description="equal invoices whose numbers are one number are duplicates")
    duplicate_payment_days: int = Field(3, ge=0, le=60, description="equal payments this close are compared as duplicates")
    duplicate_payment_same_reference_days: int = Field(30, ge=0, le=120, description="the same, where both carry one reference")
    twice_paid_days: int = Field(
        30,
        ge=0,
        le=120,
        description="a payment equal to an invoice that another payment closed this recently was paid twice (E40)",
    )
    credit_and_rebill_days: int = Field(
        45, ge=0, le=400, description="a credit note this near an invoice of its amount cancels it"
    )
    short_payment_percent: int = Field(
        10, ge=0, le=20, description="a remainder up to this share of the invoice is a short payment"
    )
    short_payment_minor: int = Field(5000, ge=0, description="a remainder up to this is one too, below 15 percent of the invoice")
    income_deposit_days: int = Field(
        45, ge=1, le=365, description="an income deposit up to this long after the due date may be the invoice's payment (E2)"
    )
    undeposited_days: int = Field(14, ge=1, le=365, description="a payment in Undeposited Funds is stale after this long")
    tax_rounding_minor: int = Field(
        5, ge=0, le=100, description="totals of one invoice in two systems may differ by this (tax per line)"
    )
    cross_system_grace_days: int = Field(
        3, ge=0, le=60, description="how long an invoice or payment may take from one system to the other"
    )
    billing_grace_days: int = Field(
        20, ge=0, le=120, description="how long after a period begins its agreement invoice may still come"
    )
    undeposited_share: float = Field(
        0.8, ge=0.5, le=1.0, description="where this share of old payments stands in a deposit, the others are undeposited"
    )
    mirrored_share: float = Field(
        0.8, ge=0.5, le=1.0, description="where this share of one system's invoices is in the other, the others are missing there"
    )
