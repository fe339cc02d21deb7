"""What `duesync doctor` asks QuickBooks: does the sign-in work, for which company, and which of its preferences matter to us.

Sources: Intuit's API reference, CompanyInfo and Preferences. The API does not show whether QuickBooks' own reminders are on.
"""

from __future__ import annotations

from datetime import date, datetime

from connectors.oauth import expiry_warnings
from connectors.quickbooks.api import QuickBooksApi
from connectors.quickbooks.reading import Row, Unreadable
from connectors.quickbooks.settings import QuickBooksSettings
from core.errors import ConnectorError
from core.ports import Check, ConnectionContext, OtherSender, Probe

_MAY_REMIND = "QuickBooks mails invoices itself here; whether its automatic reminders are on, its API does not show"


def probe_company(api: QuickBooksApi, settings: QuickBooksSettings, context: ConnectionContext) -> Probe:
    """Every check in one go; an error of the first call is the answer. Raises nothing of the vendor's."""
    try:
        info = api.singleton(f"companyinfo/{settings.realm_id}", "CompanyInfo")
        preferences = api.singleton("preferences", "Preferences")
    except ConnectorError as error:
        return Probe(ok=False, checks=(Check(name="sign-in", ok=False, detail=error.message, remedy=error.remedy),))
    try:
        return _probe(api, info, preferences, settings, context)
    except Unreadable as error:
        return Probe(ok=False, checks=(Check(name="company", ok=False, detail=f"its details cannot be read: {error}"),))


def _probe(api: QuickBooksApi, info: Row, preferences: Row, settings: QuickBooksSettings, context: ConnectionContext) -> Probe:
    name = info.find_text("CompanyName")
    currency = _preference(preferences, "CurrencyPrefs").find_ref("HomeCurrency")
    zone = info.find_text("DefaultTimeZone")
    checks = [
        Check(name="sign-in", ok=True, detail=f"{name}, company {settings.realm_id} ({settings.environment})"),
        _subscription(info),
        _currency(currency, context.currency, multi=_preference(preferences, "CurrencyPrefs").find_flag("MultiCurrencyEnabled")),
        _zone(zone, context.timezone),
        *_rules(preferences, context.clock.now().date()),
        *_terms(api, preferences),
        *_consent(api, context.clock.now(), context.name),
    ]
    senders = (OtherSender(what=_MAY_REMIND, certain=False),) if _mails(preferences) else ()
    return Probe(
        ok=all(check.ok is not False for check in checks),
        company=name,
        timezone=zone,
        currency=currency,
        vendor_now=api.vendor_now,
        checks=tuple(checks),
        other_senders=senders,
    )


def _preference(preferences: Row, group: str) -> Row:
    return preferences.find_row(group) or Row({}, group)


def _subscription(info: Row) -> Check:
    values = {item.find_text("Name"): item.find_text("Value") for item in info.rows("NameValue")}
    status, plan = values.get("SubscriptionStatus"), values.get("OfferingSku") or "unknown plan"
    if status is None:
        return Check(name="subscription", ok=None, detail=f"{plan}; QuickBooks does not say whether it is paid")
    lapsed = status.upper() not in ("PAID", "TRIAL", "SUBSCRIBED", "ACTIVE", "TRIAL_OPTED_IN", "TRIAL_NOT_OPTED_IN")
    remedy = "Renew the company's QuickBooks subscription; until then writing fails." if lapsed else ""
    return Check(name="subscription", ok=not lapsed, detail=f"{plan}, {status.lower()}", remedy=remedy)


def _currency(home: str | None, ours: str, *, multi: bool | None) -> Check:
    detail = f"home currency {home or 'unknown'}" + (", several currencies in use" if multi else "")
    if home is None or home == ours:
        return Check(name="currency", ok=None if home is None else True, detail=detail)
    remedy = f"Set organisation.currency to {home}, or connect another company."
    return Check(name="currency", ok=False, detail=f"{detail}, but organisation.currency is {ours}", remedy=remedy)


def _zone(theirs: str | None, ours: str) -> Check:
    if theirs is None:
        return Check(name="time zone", ok=None, detail="QuickBooks does not say")
    same = theirs == ours
    remedy = "" if same else "Days past due are counted in organisation.timezone; set it to the company's zone."
    return Check(name="time zone", ok=True if same else None, detail=theirs, remedy=remedy)


def _rules(preferences: Row, today: date) -> list[Check]:
    """Preferences that change what the books mean or what can be written."""
    sales, accounting = _preference(preferences, "SalesFormsPrefs"), _preference(preferences, "AccountingInfoPrefs")
    found = []
    closed = accounting.find_day("BookCloseDate")
    if closed is not None and closed <= today:
        found.append(Check(name="books closed", ok=None, detail=f"up to {closed}; nothing before can be changed"))
    if sales.find_flag("AutoApplyCredit") or sales.find_flag("AutoApplyPayments"):
        detail = "QuickBooks applies credits or payments to open invoices by itself"
        found.append(Check(name="automatic application", ok=None, detail=detail))
    if sales.find_flag("CustomTxnNumbers"):
        found.append(Check(name="invoice numbers", ok=None, detail="typed by hand: expect missing and double ones"))
    return found


def _terms(api: QuickBooksApi, preferences: Row) -> list[Check]:
    """When new invoices fall due unless somebody says otherwise."""
    ref = _preference(preferences, "SalesFormsPrefs").find_ref("DefaultTerms")
    term = api.read("Term", ref) if ref else None
    if term is None:
        return []
    row = term.row
    days, day = row.find_text("DueDays"), row.find_text("DayOfMonthDue")
    when = f"{days} days after their date" if days else f"on day {day} of the month" if day else "as their terms say"
    return [Check(name="terms", ok=True, detail=f"new invoices are due {when} ({row.find_text('Name')})")]


def _mails(preferences: Row) -> bool:
    return _preference(preferences, "SalesFormsPrefs").find_text("ETransactionEnabledStatus") == "Enabled"


def _consent(api: QuickBooksApi, now: datetime, connection: str) -> list[Check]:
    tokens = api.tokens.tokens()
    if tokens is None:
        return []
    found = [Check(name="consent", ok=None, detail=text) for text in expiry_warnings(tokens, now, connection=connection)]
    if tokens.realm is not None and tokens.realm != api.realm:
        detail = f"the stored consent is for company {tokens.realm}, the configuration names {api.realm}"
        found.append(
            Check(name="consent", ok=False, detail=detail, remedy=f"Correct realm_id or run `duesync auth {connection}`.")
        )
    return found
