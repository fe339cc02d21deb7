"""What a contact of Xero is in duesync's words: a party, and the people to write to. Pure, like mapping.py.

A contact's own `Balances` are not taken over: they are in base currency and change without the contact's UpdatedDateUTC changing
(Xero, "If-Modified-Since"), so they would contradict fresher invoices. Suppliers are kept too: whether a contact is a customer is
computed by Xero and changes as silently.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from connectors.xero.mapping import Tenant, changed_at, version_of
from connectors.xero.rows import ContactRow, ContactStatus, Person, Phone
from core.records import Contact, Party, Ref

# Xero keeps countries as typed text; these are the countries it is sold in, by the names its own examples use.
_COUNTRIES = {
    "australia": "AU",
    "canada": "CA",
    "hong kong": "HK",
    "ireland": "IE",
    "malaysia": "MY",
    "new zealand": "NZ",
    "singapore": "SG",
    "south africa": "ZA",
    "united kingdom": "GB",
    "uk": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "united states": "US",
    "united states of america": "US",
    "usa": "US",
}


def read_party(raw: bytes, tenant: Tenant) -> Iterable[Party]:
    """A row of /Contacts. A merged contact names the winner as its parent, so that its history follows (Contacts page)."""
    row = msgspec.json.decode(raw, type=ContactRow)
    changed = changed_at(row.updated_date_utc)
    country, region = _place_of(row)
    yield Party(
        connection=tenant.connection,
        ref=Ref(row.contact_id),
        version=version_of(changed),
        updated_at=changed,
        name=row.name,
        email=row.email_address or None,
        phone=_phone_of(row.phones),
        currency=row.default_currency or None,
        country=country,
        region=region,
        active=row.contact_status is ContactStatus.ACTIVE,
        parent_ref=Ref(row.merged_to_contact_id) if row.merged_to_contact_id else None,
        status="merged" if row.merged_to_contact_id else row.contact_status.lower(),
        tags=_tags_of(row),
    )


def _tags_of(row: ContactRow) -> tuple[str, ...]:
    """What links a contact to the PSA's client: the numbers integrations write, and which side of the books it is on."""
    tags = ["customer"] if row.is_customer else []
    tags += ["supplier"] if row.is_supplier else []
    tags += [f"contact-number:{row.contact_number}"] if row.contact_number else []
    tags += [f"account-number:{row.account_number}"] if row.account_number else []
    return tuple(tags)


def _phone_of(phones: Iterable[Phone] | None) -> str | None:
    """The default number, else the mobile, else the direct one; never the fax."""
    by_type = {phone.phone_type: phone for phone in phones or () if phone.phone_number}
    for kind in ("DEFAULT", "MOBILE", "DDI"):
        if (phone := by_type.get(kind)) is not None:
            parts = (phone.phone_country_code, phone.phone_area_code, phone.phone_number)
            return " ".join(part.strip() for part in parts if part and part.strip())
    return None


def _place_of(row: ContactRow) -> tuple[str | None, str | None]:
    """Country (ISO code) and region of the first address that names them, the street before the post box."""
    places = sorted(row.addresses or (), key=lambda address: address.address_type != "STREET")
    names = [address.country.strip() for address in places if address.country and address.country.strip()]
    regions = [address.region.strip() for address in places if address.region and address.region.strip()]
    name = names[0] if names else ""
    country = name if re.fullmatch(r"[A-Z]{2}", name) and name != "UK" else _COUNTRIES.get(name.lower())
    return country, regions[0] if regions else None


def read_people(raw: bytes, tenant: Tenant) -> Iterable[Contact]:
    """The people of a row of /Contacts. Xero gives them no id: the ref is the contact's with the mail address or name."""
    row = msgspec.json.decode(raw, type=ContactRow)
    changed = changed_at(row.updated_date_utc)
    own = Person(first_name=row.first_name, last_name=row.last_name, email_address=row.email_address, include_in_emails=True)
    seen: set[str] = set()
    for index, person in enumerate((own, *(row.contact_persons or ()))):
        name = " ".join(part.strip() for part in (person.first_name, person.last_name) if part and part.strip())
        email = (person.email_address or "").strip()
        handle = (email or name).lower()
        if not handle or handle in seen:
            continue
        seen.add(handle)
        yield Contact(
            connection=tenant.connection,
            ref=Ref(f"{row.contact_id}#{handle}"),
            version=version_of(changed),
            updated_at=changed,
            party_ref=Ref(row.contact_id),
            name=name or row.name,
            email=email or None,
            phone=_phone_of(row.phones) if index == 0 else None,
            role="accounts payable" if person.include_in_emails else None,
            primary=index == 0,
            active=row.contact_status is ContactStatus.ACTIVE,
        )
