"""Ways out, from the configuration to the other end: mail with the vendor's PDF, a signed webhook, a letter to post."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
from cryptography.fernet import Fernet

from connectors.testing.serve import serve
from connectors.webhook.sandbox import SECRET, TOKEN, WebhookReceiver
from connectors.xero.sandbox import XeroSandbox
from core.clock import ManualClock
from core.outbox import ContactKind, OutboxState
from scheduler.app import open_app
from scheduler.doctor import examine
from scheduler.jobs import dispatch_outbox, jobs, review_accounts, sync_connection
from tests.system.commands import BASE, CSV, books
from tests.unit.connectors.smtp.servers import sink
from tests.unit.connectors.smtp.test_connector import kept

NOW = datetime(2026, 3, 24, 15, 0, tzinfo=UTC)  # a Tuesday, ten in the morning in Chicago
PARTIES = "ref,name,email,currency,active\nP1,../Älder & Søn,{email},USD,true\n"
INVOICES = (
    "ref,party_ref,number,currency,total,open,issued_on,due_on,status\nI1,P1,1001,USD,250.00,250.00,2026-02-15,2026-03-17,open\n"
)
STAGE = '\n[dunning]\nmode = "active"\n[[dunning.stages]]\nname = "step"\ndays = 7\nchannel = "{channel}"\n'
OWN = 'email = "ar@northwind.example"\n\n[store]'


def secret(folder, name, value):
    (folder / name).write_text(value)
    (folder / name).chmod(0o600)
    return f"file:{folder / name}"


@contextmanager
def working(folder, more, *, email="ap@alder.example"):
    """An app over a folder of CSV files, its clock at NOW, everything pulled and decided."""
    books(folder, parties=PARTIES.format(email=email), invoices=INVOICES)
    config = folder / "duesync.toml"
    config.write_text(CSV.replace("[store]", OWN) + more)
    with open_app(config, clock=ManualClock(NOW), quiet=True) as app:
        assert sync_connection(app, "books").errors == []
        review_accounts(app, full=True)
        yield app


def only_row(app):
    (row,) = app.store.outbox()
    return row


@pytest.mark.req("E25")
@pytest.mark.parametrize("lost", [False, True])
def test_a_reminder_reaches_a_webhook_once_though_an_answer_is_lost(tmp_path, lost):
    receiver = WebhookReceiver(ManualClock(NOW))
    with serve(receiver) as base:
        keys = [f'url = "{base}/hooks/duesync"', f'secret = "{secret(tmp_path, "hook", SECRET)}"']
        keys += [f'token = "{secret(tmp_path, "token", TOKEN)}"', "read_back = true"]
        crm = '[connections.crm]\ntype = "webhook"\nrole = "channel"\nmode = "active"\n' + "\n".join(keys)
        with working(tmp_path, crm + STAGE.format(channel="webhook"), email="") as app:
            if lost:
                receiver.levers.lose_reply()
            dispatch_outbox(app)
            app.clock.advance(timedelta(minutes=2))
            receiver.clock.advance(timedelta(minutes=2))
            dispatch_outbox(app)
            assert only_row(app).state is OutboxState.SETTLED
            ((contact,),) = app.store.contacts().values()
            assert (contact.channel, contact.to) == ("crm", ("../Älder & Søn",))
            assert [job.name for job in jobs(app) if job.name.startswith("sync:")] == ["sync:books"]
            assert [check.ok for check in examine(app) if check.name.startswith("crm")] == [True, True, True]
    (said,) = receiver.taken.values()
    assert (said["stage"], said["invoices"][0]["number"], said["to"]) == ("step", "1001", ["../Älder & Søn"])
    assert set(receiver.acted.values()) == {1}


@pytest.mark.req("A73")
def test_a_letter_is_written_into_its_folder_and_is_a_task_to_post(tmp_path):
    post = '[connections.post]\ntype = "letters"\nrole = "channel"\nmode = "active"\npath = "letters"\nsender = "Northwind IT"\n'
    (tmp_path / "letters").mkdir()
    with working(tmp_path, post + STAGE.format(channel="letter"), email="") as app:
        assert dispatch_outbox(app).summary() == {"settled": 1}
        ((contact,),) = app.store.contacts().values()
        assert (contact.kind, contact.channel) == (ContactKind.MESSAGE, "post")
    (letter,) = (tmp_path / "letters").iterdir()
    assert letter.name.startswith("lder-S-n-step-")
    assert letter.read_bytes().startswith(b"%PDF-")
    assert letter.resolve().parent == (tmp_path / "letters").resolve()


@pytest.mark.req("A97")
def test_a_letter_over_a_connection_in_draft_mode_is_written_once_a_person_lets_it_go(tmp_path):
    post = '[connections.post]\ntype = "letters"\nrole = "channel"\nmode = "draft"\npath = "letters"\n'
    (tmp_path / "letters").mkdir()
    with working(tmp_path, post + STAGE.format(channel="letter")) as app:
        assert dispatch_outbox(app).summary() == {}
        row = only_row(app)
        assert row.state is OutboxState.DRAFT
        app.store.approve(row.id, by="ann", now=app.clock.now())
        assert dispatch_outbox(app).summary() == {"settled": 1}
    assert len(list((tmp_path / "letters").iterdir())) == 1


def test_a_webhook_is_told_of_letters_and_of_the_task_to_post_them(tmp_path):
    receiver = WebhookReceiver(ManualClock(NOW))
    (tmp_path / "letters").mkdir()
    with serve(receiver) as base:
        keys = [f'url = "{base}/hooks/duesync"', f'secret = "{secret(tmp_path, "hook", SECRET)}"']
        keys += [f'token = "{secret(tmp_path, "token", TOKEN)}"', "reminders = false", "tasks = true", "notes = true"]
        crm = '[connections.crm]\ntype = "webhook"\nrole = "channel"\nmode = "active"\n' + "\n".join(keys)
        post = '\n[connections.post]\ntype = "letters"\nrole = "channel"\nmode = "active"\npath = "letters"\n'
        told = "[pushback.crm]\ntasks = true\n"
        with working(tmp_path, crm + post + told + STAGE.format(channel="letter")) as app:
            dispatch_outbox(app)
            review_accounts(app, full=True)
            dispatch_outbox(app)
            (account,) = app.store.accounts()
    said = {item["type"]: item for item in receiver.taken.values()}
    assert set(said) == {"note", "task"}
    assert said["note"]["record"] == {"stream": "invoices", "ref": "I1"}
    assert "step message sent to ../Älder & Søn" in said["note"]["text"]
    assert said["task"]["client_ref"] == account.id
    assert "print and post the letter" in said["task"]["text"]


@pytest.mark.req("A106")
@pytest.mark.parametrize("broken", [False, True])
def test_xeros_pdf_goes_with_the_mail_and_its_absence_does_not_stop_it(tmp_path, broken):
    clock = ManualClock(NOW)
    box = XeroSandbox(clock)
    contact = box.books.add_contact("Acme Dental", EmailAddress="ap@acme.example")
    box.books.add_invoice(contact, "120.00", date(2026, 2, 15), date(2026, 3, 17))
    if broken:
        box.levers.fail_next(500, times=20, only=lambda request: request.url.path.endswith("/pdf"))
    with serve(box) as base, sink(tmp_path / "box") as (port, _):
        keys = []
        for name, value in box.settings(base).items():
            shown = secret(tmp_path, name, str(value)) if name in ("client_secret", "webhook_key") else value
            keys += [f'{name} = "{shown}"'] if isinstance(shown, str) else []
        vault = secret(tmp_path, "vault", Fernet.generate_key().decode())
        config = tmp_path / "duesync.toml"
        mail = f'\n[mail]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\nfrom_address = "ar@northwind.example"\n'
        xero = '\n[connections.xero]\ntype = "xero"\nrole = "books"\n' + "\n".join(keys)
        head = BASE.replace("[store]", OWN) + f'\n[vault]\nkey = "{vault}"\n'
        config.write_text(head + xero + mail + STAGE.format(channel="mail"))
        with open_app(config, clock=clock, quiet=True) as app:
            assert sync_connection(app, "xero").errors == []
            review_accounts(app, full=True)
            assert dispatch_outbox(app).summary() == {"settled": 1}
            ((logged,),) = app.store.contacts().values()
    (got,) = kept(tmp_path / "box")
    files = list(got.iter_attachments())
    if broken:
        assert files == []
        assert "not attached: INV-" in logged.outcome
    else:
        assert [item.get_filename() for item in files] == [
            f"invoice-{next(iter(box.books.tables['Invoices'].values()))['InvoiceNumber']}.pdf"
        ]
        assert files[0].get_content().startswith(b"%PDF-")
        assert logged.outcome.startswith("sent; attached: INV-")
    assert "in.xero.com" in got.get_body(("plain",)).get_content()
