"""English."""

LATE = ("1 day past due", "{days} days past due")

ATOMS = {
    "invoices": "{% if count == 1 %}invoice{% else %}invoices{% endif %}",
    "Invoices": "{% if count == 1 %}Invoice{% else %}Invoices{% endif %}",
    "these": "{% if due_count == 1 %}this invoice{% else %}these invoices{% endif %}",
    "are": "{% if due_count == 1 %}is{% else %}are{% endif %}",
}

WORDS = {
    "greeting": "{% if contact %}Hello {{ contact }},{% else %}Hello,{% endif %}",
    "invoice": "Invoice",
    "dated": "Dated",
    "due_on": "Due",
    "total": "Total",
    "received": "Received so far, thank you",
    "open": "Open",
    "pay": "View and pay",
    "listed": "Invoices due",
    "credit": "Payments and credits not yet applied to an invoice",
    "amount_due": "Amount due",
    "how_to_pay": "How to pay",
    "not_due_yet": "Not due yet, for your information:",
    "help": "Already paid? Is something wrong or missing, such as a purchase order number, a copy or an approval? "
    "Do you need more time? Just reply to this message{% if phone %} or call {{ phone }}{% endif %} and a person will help.",
    "regards": "Kind regards",
    "phone": "Phone",
    "mail": "Mail",
    "reference": "Our reference",
    "who": "Call",
}

KINDS = {
    "created": {
        "subject": "{{ Invoices }} {{ numbers }} from {{ organisation }}",
        "opening": "Thank you for working with us. {% if count == 1 %}Here is a new invoice for {{ client }}."
        "{% else %}Here are {{ count }} new invoices for {{ client }}.{% endif %}",
        "ask": "Nothing is needed before the due date. If anything looks wrong, tell us now and we will put it right.",
    },
    "upcoming": {
        "subject": "Coming up: {{ invoices }} {{ numbers }} from {{ organisation }}",
        "opening": "A short note ahead of time: the following falls due soon for {{ client }}.",
        "ask": "If payment is already arranged, there is nothing to do.",
    },
    "due": {
        "subject": "Due today: {{ invoices }} {{ numbers }} from {{ organisation }}",
        "opening": "For {{ client }}, {{ these }} {{ are }} due today.",
        "ask": "If payment is on its way, thank you: there is nothing more to do.",
    },
    "reminder_friendly": {
        "subject": "A reminder about {{ invoices }} {{ numbers }} from {{ organisation }}",
        "opening": "Our books still show {{ these }} for {{ client }} as open. Perhaps it slipped through, "
        "or something is missing on our side?",
        "ask": "Could you let us know when we may expect {{ amount }}? If it is already on its way, thank you.",
    },
    "reminder_clear": {
        "subject": "{{ amount }} due: {{ invoices }} {{ numbers }} from {{ organisation }}",
        "opening": "We wrote to you before. For {{ client }}, the following is still open.",
        "ask": "Please pay {{ amount }}, or tell us what stands in the way and which day would suit you. "
        "We can also agree on instalments.",
    },
    "reminder_firm": {
        "subject": "Please answer by {{ answer_by }}: {{ amount }} due to {{ organisation }}",
        "opening": "Despite our earlier messages, the following is still open for {{ client }}. The oldest invoice has been "
        "due since {{ first_due_on }}.",
        "ask": "Please pay {{ amount }} by {{ answer_by }}, or reply by then with a day or a plan that works for you. "
        "We are firm about the amount and flexible about how.",
    },
    "statement": {
        "subject": "Statement of account for {{ client }}, {{ written_on }}",
        "opening": "This is your statement of account as of {{ written_on }}. It lists the open invoices of {{ client }}.",
        "ask": "Please pay {{ amount }}, or reply with a day or a plan that works for you. "
        "While you receive these monthly statements we do not remind you of single invoices.",
    },
    "final_notice": {
        "subject": "Final notice: {{ amount }} open with {{ organisation }}, please answer by {{ answer_by }}",
        "opening": "We have been in touch about this before, and would much rather settle it together with {{ client }} than go "
        "any other way.",
        "ask": "Please pay {{ amount }} by {{ answer_by }}, agree on instalments with us, or tell us what is wrong. "
        "{% if hand_over_on %}Without an answer by then we may hand {{ these }} over to a collection "
        "agency, on {{ hand_over_on }} at the earliest. We would much rather not."
        "{% else %}Without an answer by then we will have to review how to go on.{% endif %}",
    },
    "call": {
        "subject": "Call {{ client }} about {{ amount }} due",
        "opening": "Please call this client. Ask, do not accuse: a late payment can be embarrassing, "
        "and the reason may be on our side.",
        "ask": "Say who you are, and that you call about the invoices above. Ask: did they arrive, is anything wrong with them, "
        "is a purchase order or an approval missing? What keeps them from paying? Which day is realistic, or would "
        "instalments help?",
        "help": "Afterwards write down: whom you reached, the reason (cash flow, disagreement, lost invoice, internal delay), "
        "the day and amount promised. Record it with: duesync contacts log-call. Put any promise in writing to the client.",
    },
}

STATEMENT = {
    "title": "Statement of account",
    "as_of": "As of",
    "invoices": "Invoices",
    "due_on": "due",
    "total": "Total",
    "left": "Open",
    "credits": "Payments and credits not yet applied",
    "none": "No open invoices",
    "buckets": "Not due|1-30 days|31-60 days|61-90 days|Over 90 days",
    "open": "Open invoices",
    "applied": "Payments and credits not yet applied",
    "other": "Other entries on the account",
    "net": "Balance",
    "questions": "Questions? Write to",
    "spelled": "Words in [brackets] are spelled in Latin letters: "
    "no font for the original letters was found where this was made.",
}
