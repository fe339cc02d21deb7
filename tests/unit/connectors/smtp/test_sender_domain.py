"""SPF, DKIM, DMARC and MX asked of a real name server on loopback: what each finding means, and what could not be asked."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from connectors.smtp import nameservers
from connectors.smtp.nameservers import NameServers, NoAnswer
from connectors.smtp.sender_domain import examine_sender
from core.ports import Check

DOMAIN = "bright-it.com"


class Zone:
    """A name server over UDP: records by (name, type), or a code it answers to everything; `mute` says nothing."""

    def __init__(self, records: dict[tuple[str, str], list[str]], *, code: int | None = None, mute: bool = False) -> None:
        self.records, self.code, self.mute = records, code, mute
        self.asked: list[tuple[str, str]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            packet, client = self._socket.recvfrom(4096)
            if packet == b"end":
                return
            if not self.mute:
                self._socket.sendto(self._answer(dns.message.from_wire(packet)).to_wire(), client)

    def _answer(self, question: dns.message.Message) -> dns.message.Message:
        (asked,) = question.question
        name, kind = asked.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(asked.rdtype)
        self.asked.append((name, kind))
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        found = self.records.get((name, kind), [])
        if self.code is not None:
            answer.set_rcode(self.code)
        elif found:
            answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", kind, *found))
        elif not any(known == name for known, _ in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"end", self._socket.getsockname())
        self._thread.join(5)
        self._socket.close()


@contextmanager
def zone(records: dict[tuple[str, str], list[str]] | None = None, **options) -> Iterator[Zone]:
    made = Zone(records or {}, **options)
    try:
        yield made
    finally:
        made.close()


def rsa_key(bits: int) -> str:
    made = rsa.generate_private_key(65537, bits).public_key()
    return base64.b64encode(made.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


KEY = rsa_key(2048)
GOOD = {
    (DOMAIN, "TXT"): ['"v=spf1 include:_spf.mailer.com -all"', '"unrelated=1"'],
    ("_spf.mailer.com", "TXT"): ['"v=spf1 ip4:192.0.2.0/24 -all"'],
    (f"one._domainkey.{DOMAIN}", "TXT"): [f'"v=DKIM1; k=rsa; p={KEY[:200]}" "{KEY[200:]}"'],
    (f"_dmarc.{DOMAIN}", "TXT"): ['"v=DMARC1; p=quarantine; rua=mailto:x@bright-it.com"'],
    (DOMAIN, "MX"): ["20 backup.mailer.com.", "10 mx.mailer.com."],
}


def lines(records, *, selectors=("one",), sender=f"ar@{DOMAIN}", envelope=None, answers_to=None, **options) -> dict[str, Check]:
    with zone(records, **options) as server:
        asked = NameServers([server.address])
        found = examine_sender(asked, sender=sender, envelope=envelope, answers_to=answers_to or sender, selectors=selectors)
        return {check.name: check for check in found}


def test_a_domain_in_order_passes_every_line():
    found = lines(GOOD)
    assert {name: check.ok for name, check in found.items()} == {"SPF": True, "DKIM": True, "DMARC": True, "answers": True}
    assert not any(check.remedy for check in found.values())
    assert "mx.mailer.com" in found["answers"].detail
    assert "p=quarantine" in found["DMARC"].detail


def changed(name: str, kind: str, *values: str):
    return {**GOOD, (name, kind): list(values)}


@pytest.mark.req("E43")
@pytest.mark.parametrize(
    ("record", "ok", "words"),
    [
        ((), False, "says nothing"),
        (('"v=spf1 mx -all"', '"v=spf1 a -all"'), False, "2 SPF records"),
        (('"v=spf1 mx +all"',), False, "everybody"),
        (('"v=spf1 mx all"',), False, "everybody"),
        (('"v=spf1 mx ?all"',), None, "nothing of servers"),
        (('"v=spf1 mx"',), None, "nothing of servers"),
        (('"v=spf1 mx ~all"',), True, "~all"),
        (('"v=spf1 redirect=_spf.mailer.com"',), True, "redirect"),
        (('"V=SPF1 mx -all"',), True, "-all"),
        (('"v=spf10 mx -all"',), False, "says nothing"),
        ((f'"v=spf1 {" ".join(f"a:h{n}.x.com" for n in range(11))} -all"',), False, "more than 10 look-ups"),
        ((f'"v=spf1 include:{DOMAIN} include:_spf.mailer.com -all"',), True, "-all"),
    ],
)
def test_spf_by_what_it_says(record, ok, words):
    found = lines(changed(DOMAIN, "TXT", *record))["SPF"]
    assert (found.ok, words in found.detail) == (ok, True), found
    assert bool(found.remedy) is (ok is not True)


def test_look_ups_of_includes_count_and_a_circle_ends():
    records = {
        ("loop.com", "TXT"): ['"v=spf1 include:round.com a mx -all"'],
        ("round.com", "TXT"): ['"v=spf1 include:loop.com a a a a a a a -all"'],
    }
    found = lines({**changed(DOMAIN, "TXT", '"v=spf1 include:loop.com -all"'), **records})["SPF"]
    assert (found.ok, "look-ups" in found.detail) == (False, True)


def test_an_envelope_of_another_domain_is_covered_by_that_one_and_does_not_align():
    records = {**GOOD, ("bounces.mailer.com", "TXT"): ['"v=spf1 mx -all"']}
    found = lines(records, envelope="x@bounces.mailer.com")["SPF"]
    assert (found.ok, "does not count for DMARC" in found.detail) == (None, True)
    assert lines({**GOOD, (f"b.{DOMAIN}", "TXT"): ['"v=spf1 mx -all"']}, envelope=f"x@b.{DOMAIN}")["SPF"].ok is True


@pytest.mark.req("E43")
@pytest.mark.parametrize(
    ("record", "ok", "words"),
    [
        (None, False, "no key at one._domainkey"),
        ('"v=DKIM1; p="', False, "revoked"),
        ('"v=DKIM1; p=not base64!"', False, "cannot be read"),
        ('"v=DKIM1; k=rsa; p=AAAA"', False, "cannot be read"),
    ],
)
def test_dkim_by_its_key(record, ok, words):
    records = {key: value for key, value in GOOD.items() if not key[0].startswith("one.")}
    found = lines(records if record is None else {**records, (f"one._domainkey.{DOMAIN}", "TXT"): [record]})["DKIM"]
    assert (found.ok, words in found.detail) == (ok, True), found
    assert found.remedy


def test_a_key_too_short_to_count_and_one_of_another_kind():
    place = f"one._domainkey.{DOMAIN}"
    short = rsa.RSAPublicNumbers(65537, (1 << 767) + 129).public_key()
    small = base64.b64encode(short.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    found = lines(changed(place, "TXT", f'"v=DKIM1; p={small}"'))["DKIM"]
    assert (found.ok, "only 768 bits" in found.detail) == (False, True)
    key = base64.b64encode(
        ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    ).decode()
    assert lines(changed(place, "TXT", f'"v=DKIM1; k=ed25519; p={key}"'))["DKIM"].ok is True
    curve = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert lines(changed(place, "TXT", f'"v=DKIM1; p={base64.b64encode(curve).decode()}"'))["DKIM"].ok is True


def test_without_a_selector_the_usual_names_are_tried_and_nothing_is_claimed():
    unknown = lines(GOOD, selectors=())["DKIM"]
    assert (unknown.ok, "dkim_selectors" in unknown.remedy) == (None, True)
    usual = {**GOOD, (f"selector1._domainkey.{DOMAIN}", "TXT"): [f'"p={KEY[:200]}" "{KEY[200:]}"']}
    found = lines(usual, selectors=())["DKIM"]
    assert (found.ok, "whether your mail is signed" in found.detail) == (True, True)


@pytest.mark.parametrize(
    ("place", "record", "ok", "words"),
    [
        (f"_dmarc.{DOMAIN}", ('"v=DMARC1; p=none"',), True, "only reported"),
        (f"_dmarc.{DOMAIN}", ('"v=DMARC1;p=reject"',), True, "refused"),
        (f"_dmarc.{DOMAIN}", (), False, "no policy"),
        (f"_dmarc.{DOMAIN}", ('"v=DMARC1; p=none"', '"v=DMARC1; p=reject"'), False, "2 policies"),
        (f"_dmarc.{DOMAIN}", ('"v=DMARC1; rua=mailto:x@y.com"',), False, "cannot be read"),
    ],
)
def test_dmarc_by_its_policy(place, record, ok, words):
    found = lines(changed(place, "TXT", *record))["DMARC"]
    assert (found.ok, words in found.detail) == (ok, True), found
    assert bool(found.remedy) is (ok is not True)


def test_the_organisations_policy_speaks_for_a_domain_below_it():
    below = f"mail.{DOMAIN}"
    found = lines(changed(f"_dmarc.{DOMAIN}", "TXT", '"v=DMARC1; p=reject; sp=none"'), sender=f"ar@{below}")["DMARC"]
    assert (found.ok, f"p=none at _dmarc.{DOMAIN}" in found.detail) == (True, True)


@pytest.mark.parametrize(
    ("records", "ok"),
    [
        ({(DOMAIN, "MX"): ["0 ."]}, False),
        ({}, False),
        ({(DOMAIN, "A"): ["192.0.2.1"]}, True),
        ({(DOMAIN, "AAAA"): ["2001:db8::1"]}, True),
    ],
)
def test_answers_need_a_domain_that_takes_mail(records, ok):
    found = lines(records)["answers"]
    assert found.ok is ok
    assert bool(found.remedy) is not ok


# ── what cannot be asked is never a pass ────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("options", [{"code": dns.rcode.SERVFAIL}, {"code": dns.rcode.REFUSED}, {"mute": True}])
def test_a_name_server_that_cannot_tell_makes_every_line_unknown(monkeypatch, options):
    monkeypatch.setattr(nameservers, "_LIFETIME", 0.3)
    found = lines(GOOD, **options)
    assert [check.ok for check in found.values()] == [None] * 4
    assert all("could not tell" in check.detail and check.remedy for check in found.values())


def test_nobody_is_asked_again_once_nobody_answered(monkeypatch):
    monkeypatch.setattr(nameservers, "_LIFETIME", 0.3)
    with zone({}, code=dns.rcode.SERVFAIL) as server:
        list(
            examine_sender(
                NameServers([server.address]), sender=f"a@{DOMAIN}", envelope=None, answers_to=f"a@{DOMAIN}", selectors=()
            )
        )
        assert {name for name, _ in server.asked} == {DOMAIN}


def test_a_machine_without_name_servers_says_so(monkeypatch, tmp_path):
    def unconfigured(self, filename):
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", unconfigured)
    with pytest.raises(NoAnswer, match="names no name servers"):
        NameServers()


@pytest.mark.parametrize("domain", ["msp.example", "example.com", "mail.example.org", "x.test", "localhost", "x.invalid"])
def test_a_name_for_examples_is_not_asked_about(domain):
    class Nobody:
        def txt(self, name):
            raise AssertionError(name)

        mail_hosts = txt

    (line,) = examine_sender(Nobody(), sender=f"a@{domain}", envelope=None, answers_to=f"a@{domain}", selectors=())
    assert (line.ok, bool(line.remedy)) == (None, True)


@pytest.mark.parametrize(
    ("server", "address"),
    [
        ("192.0.2.1", ("192.0.2.1", 53)),
        ("192.0.2.1:5353", ("192.0.2.1", 5353)),
        ("2001:db8::1", ("2001:db8::1", 53)),
        ("[::1]:54", ("::1", 54)),
    ],
)
def test_a_name_server_is_an_address_with_or_without_a_port(server, address):
    assert nameservers._address(server) == address
