"""German, formal address."""

LATE = ("seit 1 Tag fällig", "seit {days} Tagen fällig")

ATOMS = {
    "Invoices": "{% if count == 1 %}Rechnung{% else %}Rechnungen{% endif %}",
    "these": "{% if due_count == 1 %}diese Rechnung{% else %}diese Rechnungen{% endif %}",
    "are": "{% if due_count == 1 %}ist{% else %}sind{% endif %}",
}

WORDS = {
    "greeting": "{% if contact %}Guten Tag {{ contact }},{% else %}Guten Tag,{% endif %}",
    "invoice": "Rechnung",
    "dated": "Datum",
    "due_on": "Fällig",
    "total": "Betrag",
    "received": "Bisher erhalten, vielen Dank",
    "open": "Offen",
    "pay": "Ansehen und bezahlen",
    "listed": "Fällige Rechnungen",
    "credit": "Zahlungen und Gutschriften, die noch keiner Rechnung zugeordnet sind",
    "amount_due": "Zu zahlen",
    "how_to_pay": "So können Sie bezahlen",
    "not_due_yet": "Noch nicht fällig, zu Ihrer Information:",
    "help": "Schon bezahlt? Stimmt etwas nicht oder fehlt etwas, etwa eine Bestellnummer, eine Kopie oder eine Freigabe? "
    "Brauchen Sie mehr Zeit? Antworten Sie einfach auf diese Nachricht{% if phone %} oder rufen Sie an: {{ phone }}"
    "{% endif %}. Wir kümmern uns persönlich darum.",
    "regards": "Mit freundlichen Grüßen",
    "phone": "Telefon",
    "mail": "E-Mail",
    "reference": "Unser Zeichen",
    "who": "Anrufen",
}

KINDS = {
    "created": {
        "subject": "{{ Invoices }} {{ numbers }} von {{ organisation }}",
        "opening": "Vielen Dank für die Zusammenarbeit. {% if count == 1 %}Hier ist eine neue Rechnung für {{ client }}."
        "{% else %}Hier sind {{ count }} neue Rechnungen für {{ client }}.{% endif %}",
        "ask": "Bis zur Fälligkeit ist nichts zu tun. Sollte etwas nicht stimmen, sagen Sie es uns, und wir bringen es in "
        "Ordnung.",
    },
    "upcoming": {
        "subject": "Demnächst fällig: {{ Invoices }} {{ numbers }} von {{ organisation }}",
        "opening": "Ein kurzer Hinweis vorab: Für {{ client }} wird demnächst Folgendes fällig.",
        "ask": "Wenn die Zahlung schon veranlasst ist, brauchen Sie nichts zu tun.",
    },
    "due": {
        "subject": "Heute fällig: {{ Invoices }} {{ numbers }} von {{ organisation }}",
        "opening": "Für {{ client }} {{ are }} {{ these }} heute fällig.",
        "ask": "Wenn die Zahlung schon unterwegs ist: vielen Dank, dann ist nichts weiter zu tun.",
    },
    "reminder_friendly": {
        "subject": "Zur Erinnerung: {{ Invoices }} {{ numbers }} von {{ organisation }}",
        "opening": "In unseren Büchern {{ are }} {{ these }} für {{ client }} noch offen. Vielleicht ist etwas untergegangen, "
        "oder es fehlt etwas von unserer Seite?",
        "ask": "Können Sie uns sagen, wann wir mit {{ amount }} rechnen dürfen? Ist die Zahlung schon unterwegs: vielen Dank.",
    },
    "reminder_clear": {
        "subject": "{{ amount }} offen: {{ Invoices }} {{ numbers }} von {{ organisation }}",
        "opening": "Wir haben Ihnen bereits geschrieben. Für {{ client }} ist noch Folgendes offen.",
        "ask": "Bitte zahlen Sie {{ amount }}, oder sagen Sie uns, was im Wege steht und welcher Tag Ihnen möglich ist. "
        "Auch Raten können wir vereinbaren.",
    },
    "reminder_firm": {
        "subject": "Bitte um Antwort bis zum {{ answer_by }}: {{ amount }} offen bei {{ organisation }}",
        "opening": "Trotz unserer Nachrichten ist für {{ client }} noch Folgendes offen. Die älteste Rechnung ist seit dem "
        "{{ first_due_on }} fällig.",
        "ask": "Bitte zahlen Sie {{ amount }} bis zum {{ answer_by }}, oder nennen Sie uns bis dahin einen Tag oder einen Plan, "
        "der für Sie passt. Am Betrag halten wir fest, beim Weg dorthin kommen wir Ihnen gern entgegen.",
    },
    "statement": {
        "subject": "Kontoauszug für {{ client }}, {{ written_on }}",
        "opening": "Dies ist Ihr Kontoauszug zum {{ written_on }}. Er nennt die offenen Rechnungen von {{ client }}.",
        "ask": "Bitte zahlen Sie {{ amount }}, oder nennen Sie uns einen Tag oder einen Plan, der für Sie passt. "
        "Solange Sie diese monatlichen Auszüge erhalten, erinnern wir nicht an einzelne Rechnungen.",
    },
    "final_notice": {
        "subject": "Letzte Erinnerung: {{ amount }} offen bei {{ organisation }}, bitte um Antwort bis zum {{ answer_by }}",
        "opening": "Wir haben uns deswegen schon an Sie gewandt und möchten es viel lieber gemeinsam mit {{ client }} klären "
        "als auf anderem Weg.",
        "ask": "Bitte zahlen Sie {{ amount }} bis zum {{ answer_by }}, vereinbaren Sie Raten mit uns, oder sagen Sie uns, "
        "was nicht stimmt. {% if hand_over_on %}Ohne Antwort bis dahin können wir die "
        "Forderung einem Inkassounternehmen übergeben, frühestens am {{ hand_over_on }}. Das würden wir gern vermeiden."
        "{% else %}Ohne Antwort bis dahin müssen wir prüfen, wie es weitergeht.{% endif %}",
    },
    "call": {
        "subject": "{{ client }} anrufen: {{ amount }} offen",
        "opening": "Bitte rufen Sie diesen Kunden an. Fragen statt vorwerfen: Eine späte Zahlung kann peinlich sein, "
        "und der Grund kann bei uns liegen.",
        "ask": "Sagen Sie, wer Sie sind und dass es um die Rechnungen oben geht. Fragen Sie: Sind sie angekommen, stimmt etwas "
        "nicht, fehlt eine Bestellnummer oder eine Freigabe? Was hindert an der Zahlung? Welcher Tag ist realistisch, oder "
        "würden Raten helfen?",
        "help": "Danach bitte festhalten: wen Sie erreicht haben, den Grund (Liquidität, Unstimmigkeit, verlorene "
        "Rechnung, interne "
        "Verzögerung), zugesagten Tag und Betrag. Eintragen mit: duesync contacts log-call. Jede Zusage dem Kunden schriftlich "
        "bestätigen.",
    },
}

STATEMENT = {
    "title": "Kontoauszug",
    "as_of": "Stand",
    "invoices": "Rechnungen",
    "due_on": "fällig",
    "total": "Betrag",
    "left": "Offen",
    "credits": "Noch nicht zugeordnete Zahlungen und Gutschriften",
    "none": "Keine offenen Rechnungen",
    "buckets": "Nicht fällig|1-30 Tage|31-60 Tage|61-90 Tage|Über 90 Tage",
    "open": "Offene Rechnungen",
    "applied": "Noch nicht zugeordnete Zahlungen und Gutschriften",
    "other": "Weitere Buchungen auf dem Konto",
    "net": "Saldo",
    "questions": "Fragen? Schreiben Sie an",
    "spelled": "Wörter in [Klammern] sind in lateinischen Buchstaben wiedergegeben: "
    "Wo dies erstellt wurde, fehlte eine Schrift für das Original.",
}
