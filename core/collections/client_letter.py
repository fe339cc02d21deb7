"""The letter that tells a client its account was placed, naming the agency (product notes A112). Only a person sends it.

While the agency has the case duesync itself writes to the client no more, and an agency's contract may forbid it too (A113): so
this is a draft to print or mail by hand, after asking the agency. It threatens nothing and states only what is on record.
"""

from __future__ import annotations

from datetime import date

from core.collections.agencies import AgencySettings
from core.collections.case import Case
from core.messages.clean import one_line
from core.messages.letter import Organisation

# English only, like the pack: it is a draft that a person reads before it goes.
_LETTER = """\
{organisation}
{address}

{day}

{client}

Our reference: {reference}

We wrote and called about {count} and gave notice on {notice}. As {amount} is still open, we have placed the account with

    {agency}

who act for us from now on. Please send payments and questions about these invoices to them; they have your file. If you
have paid meanwhile, or disagree with the claim, tell them or us, and it will be looked into.

If a payment in instalments would help, say so: we are glad to agree to one through {agency}.

{organisation}
{contact}
"""


def placed_letter(case: Case, *, organisation: Organisation, agency: AgencySettings, client: str, today: date) -> str:
    """The draft. ValueError when the case is with no agency, or had no final notice."""
    placed, notice = case.placement, case.notice
    if placed is None or notice is None or not case.with_agency:
        raise ValueError(f"case {case.id} is with no agency")
    count = "the invoice due" if placed.count == 1 else f"the {placed.count} invoices due"
    contact = ", ".join(filter(None, (one_line(organisation.email, 200), one_line(organisation.phone))))
    return _LETTER.format(
        organisation=one_line(organisation.name),
        address=one_line(organisation.address, 300),
        day=today,
        client=one_line(client),
        reference=placed.reference,
        count=count,
        notice=notice.sent_at.date(),
        amount=placed.amount,
        agency=one_line(agency.name),
        contact=contact,
    )
