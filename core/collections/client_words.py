"""The words of the letters to a client that a person sends about a case, one set per language of our messages.

PLACED is the letter that says who acts for us now, AGREED the mail that puts an agreement by word of mouth in writing. Both are
`str.format` sources; what is put in is plain text of one line. None of them threatens or claims a step nobody took (A96, A97).
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

_WIDTH = 78  # of a letter that is printed or mailed as plain text


def wrapped(text: str) -> str:
    """Paragraphs at the width of a letter; those with short lines (an address, an indented name) stay as they are."""
    parts = text.split("\n\n")
    return "\n\n".join(_paragraph(part) for part in parts)


def _paragraph(part: str) -> str:
    if all(len(line) <= _WIDTH for line in part.splitlines()):
        return part
    filled = textwrap.fill(" ".join(part.split()), _WIDTH, break_long_words=False, break_on_hyphens=False)
    indent = "    " if part.startswith("    ") else ""
    return textwrap.indent(filled, indent) + ("\n" if part.endswith("\n") else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientWords:
    """One language. `one` and `many` name the invoices; `promised` is used where only a day was agreed on, `soon` without one."""

    reference: str
    one: str
    many: str
    placed: str
    agreed_subject: str
    agreed: str
    promised: str
    soon: str


WORDS: Mapping[str, ClientWords] = {
    "en": ClientWords(
        reference="Our reference",
        one="the invoice due",
        many="the {count} invoices due",
        placed="""\
We wrote to you about {invoices} and sent a final notice on {notice}. As {amount} was still open, on {placed_on} we placed the
account with

    {agency}

who act for us from now on. Please send payments and questions about these invoices to them; they have your file. If you
have paid meanwhile, or disagree with the claim, tell them or us, and it will be looked into.

If a payment in instalments would help, say so: we are glad to agree to one through {agency}.
""",
        agreed_subject="What we agreed on {said_on}",
        agreed="""\
Hello,

thank you for speaking with us on {said_on}. So that we both have it in writing, this is what we understood:

    {agreed}

Please reply to this mail by {answer_by}. If it is right, one word is enough; if anything is different, tell us what.

Kind regards
{organisation}

(for {client})
""",
        promised="you will pay what is open by {day}",
        soon="you will pay what is open soon",
    ),
    "de": ClientWords(
        reference="Unser Zeichen",
        one="der fälligen Rechnung",
        many="der {count} fälligen Rechnungen",
        placed="""\
Wir haben Ihnen wegen {invoices} geschrieben und am {notice} eine letzte Erinnerung gesandt. Da {amount} noch offen war, haben
wir die Forderung am {placed_on} übergeben an

    {agency}

Von jetzt an handelt dieses Haus für uns. Bitte richten Sie Zahlungen und Fragen zu diesen Rechnungen dorthin; Ihre Unterlagen
liegen dort vor. Haben Sie inzwischen gezahlt oder sind Sie nicht einverstanden, sagen Sie es dort oder uns; wir gehen dem nach.

Wenn Ihnen eine Zahlung in Raten hilft, sagen Sie es bitte: Über {agency} vereinbaren wir sie gern.
""",
        agreed_subject="Was wir am {said_on} vereinbart haben",
        agreed="""\
Guten Tag,

danke für das Gespräch am {said_on}. Damit wir es beide schriftlich haben: So haben wir es verstanden:

    {agreed}

Bitte antworten Sie bis zum {answer_by} auf diese Nachricht. Stimmt es, genügt ein Wort; ist etwas anders, sagen Sie uns, was.

Mit freundlichen Grüßen
{organisation}

(für {client})
""",
        promised="Sie zahlen den offenen Betrag bis zum {day}",
        soon="Sie zahlen den offenen Betrag bald",
    ),
    "fr": ClientWords(
        reference="Notre référence",
        one="la facture échue",
        many="les {count} factures échues",
        placed="""\
Nous vous avons écrit au sujet de ce qui suit : {invoices}. Un dernier rappel vous a été envoyé le {notice}. Comme {amount}
restaient dus, nous avons confié le dossier le {placed_on} à

    {agency}

qui agit désormais pour nous. Merci de leur adresser vos paiements et vos questions sur ces factures ; ils ont votre dossier. Si
vous avez payé entre-temps, ou si vous contestez la somme, dites-le-leur ou dites-le-nous, et ce sera examiné.

Si un paiement échelonné vous aide, dites-le : nous en conviendrons volontiers par l’intermédiaire de {agency}.
""",
        agreed_subject="Ce dont nous avons convenu le {said_on}",
        agreed="""\
Bonjour,

merci de nous avoir parlé le {said_on}. Pour que nous l’ayons tous deux par écrit, voici ce que nous avons compris :

    {agreed}

Merci de répondre à ce message au plus tard le {answer_by}. Si c’est exact, un mot suffit ; sinon, dites-nous ce qui diffère.

Cordialement
{organisation}

(pour {client})
""",
        promised="vous paierez la somme due au plus tard le {day}",
        soon="vous paierez bientôt la somme due",
    ),
    "es": ClientWords(
        reference="Nuestra referencia",
        one="la factura vencida",
        many="las {count} facturas vencidas",
        placed="""\
Le hemos escrito por {invoices} y le enviamos un último aviso el {notice}. Como {amount} seguían pendientes, el {placed_on}
encargamos la cuenta a

    {agency}

que desde ahora actúa por nosotros. Le rogamos que les envíe los pagos y las preguntas sobre estas facturas; tienen su expediente.
Si entretanto ha pagado, o no está de acuerdo, dígaselo a ellos o a nosotros y se revisará.

Si le ayuda pagar a plazos, díganoslo: con gusto los acordamos a través de {agency}.
""",
        agreed_subject="Lo que acordamos el {said_on}",
        agreed="""\
Buenos días:

gracias por hablar con nosotros el {said_on}. Para que ambos lo tengamos por escrito, esto es lo que entendimos:

    {agreed}

Responda por favor a este mensaje a más tardar el {answer_by}. Si es correcto, basta una palabra; si no, díganos qué es distinto.

Un cordial saludo
{organisation}

(para {client})
""",
        promised="pagará lo pendiente a más tardar el {day}",
        soon="pagará pronto lo pendiente",
    ),
    "nl": ClientWords(
        reference="Ons kenmerk",
        one="de vervallen factuur",
        many="de {count} vervallen facturen",
        placed="""\
Wij hebben u geschreven over {invoices} en op {notice} een laatste herinnering gestuurd. Omdat {amount} nog openstond, hebben wij
de vordering op {placed_on} overgedragen aan

    {agency}

Zij treden vanaf nu voor ons op. Wilt u betalingen en vragen over deze facturen aan hen richten? Zij hebben uw dossier. Hebt u
intussen betaald of bent u het er niet mee eens, zeg het hun of ons; het wordt uitgezocht.

Helpt betalen in termijnen, zeg het dan: via {agency} spreken wij die graag af.
""",
        agreed_subject="Wat wij op {said_on} hebben afgesproken",
        agreed="""\
Goedendag,

dank voor het gesprek op {said_on}. Zodat wij het allebei op schrift hebben, hebben wij het zo begrepen:

    {agreed}

Wilt u uiterlijk op {answer_by} op deze mail antwoorden? Klopt het, dan is één woord genoeg; is iets anders, zeg dan wat.

Met vriendelijke groet
{organisation}

(voor {client})
""",
        promised="u betaalt het openstaande bedrag uiterlijk op {day}",
        soon="u betaalt het openstaande bedrag binnenkort",
    ),
}
