"""Dutch, formal address."""

LATE = ("1 dag over de vervaldatum", "{days} dagen over de vervaldatum")

ATOMS = {
    "invoices": "{% if count == 1 %}factuur{% else %}facturen{% endif %}",
    "Invoices": "{% if count == 1 %}Factuur{% else %}Facturen{% endif %}",
    "these": "{% if due_count == 1 %}deze factuur{% else %}deze facturen{% endif %}",
    "staan": "{% if due_count == 1 %}staat{% else %}staan{% endif %}",
    "vervallen": "{% if due_count == 1 %}vervalt{% else %}vervallen{% endif %}",
}

WORDS = {
    "greeting": "{% if contact %}Beste {{ contact }},{% else %}Goedendag,{% endif %}",
    "invoice": "Factuur",
    "dated": "Datum",
    "due_on": "Vervaldatum",
    "total": "Bedrag",
    "received": "Al ontvangen, dank u",
    "open": "Open",
    "pay": "Bekijken en betalen",
    "listed": "Vervallen facturen",
    "credit": "Betalingen en creditnota’s die nog niet aan een factuur zijn toegewezen",
    "amount_due": "Te betalen",
    "how_to_pay": "Zo kunt u betalen",
    "not_due_yet": "Nog niet vervallen, ter informatie:",
    "help": "Al betaald? Klopt er iets niet of ontbreekt er iets, zoals een inkoopnummer, een kopie of een goedkeuring? "
    "Hebt u meer tijd nodig? Beantwoord gewoon dit bericht{% if phone %} of bel {{ phone }}{% endif %}; een medewerker helpt u.",
    "regards": "Met vriendelijke groet",
    "phone": "Telefoon",
    "mail": "E-mail",
    "reference": "Ons kenmerk",
    "who": "Bellen",
}

KINDS = {
    "created": {
        "subject": "{{ Invoices }} {{ numbers }} van {{ organisation }}",
        "opening": "Dank u voor de samenwerking. {% if count == 1 %}Er is een nieuwe factuur voor {{ client }}."
        "{% else %}Er zijn {{ count }} nieuwe facturen voor {{ client }}.{% endif %}",
        "ask": "Tot de vervaldatum hoeft u niets te doen. Klopt er iets niet, zeg het ons en wij zetten het recht.",
    },
    "upcoming": {
        "subject": "Vervalt binnenkort: {{ invoices }} {{ numbers }} van {{ organisation }}",
        "opening": "Een kort bericht vooraf: voor {{ client }} vervalt binnenkort het volgende.",
        "ask": "Is de betaling al geregeld, dan hoeft u niets te doen.",
    },
    "due": {
        "subject": "Vervalt vandaag: {{ invoices }} {{ numbers }} van {{ organisation }}",
        "opening": "Voor {{ client }} {{ vervallen }} {{ these }} vandaag.",
        "ask": "Is de betaling onderweg, dank u: dan hoeft u verder niets te doen.",
    },
    "reminder_friendly": {
        "subject": "Een herinnering: {{ invoices }} {{ numbers }} van {{ organisation }}",
        "opening": "In onze boeken {{ staan }} {{ these }} voor {{ client }} nog open. Misschien is er iets tussendoor geglipt, "
        "of ontbreekt er iets van onze kant?",
        "ask": "Kunt u ons laten weten wanneer wij {{ amount }} mogen verwachten? Is de betaling al onderweg, dank u.",
    },
    "reminder_clear": {
        "subject": "{{ amount }} open: {{ invoices }} {{ numbers }} van {{ organisation }}",
        "opening": "Wij schreven u al eerder: voor {{ client }} staat het volgende nog open.",
        "ask": "Wilt u {{ amount }} betalen, of ons zeggen wat in de weg staat en welke dag u schikt? "
        "Ook termijnen kunnen wij afspreken.",
    },
    "reminder_firm": {
        "subject": "Graag antwoord uiterlijk {{ answer_by }}: {{ amount }} open bij {{ organisation }}",
        "opening": "Ondanks onze berichten staat voor {{ client }} het volgende nog open. De oudste factuur is vervallen op "
        "{{ first_due_on }}.",
        "ask": "Wilt u {{ amount }} uiterlijk {{ answer_by }} betalen, of ons voor die tijd een datum of een plan noemen? "
        "Aan het bedrag houden wij vast; over de manier denken wij graag mee.",
    },
    "statement": {
        "subject": "Rekeningoverzicht van {{ client }}, {{ written_on }}",
        "opening": "Dit is uw rekeningoverzicht per {{ written_on }}, met de open facturen van {{ client }}.",
        "ask": "Wilt u {{ amount }} betalen, of ons een datum of een plan noemen? "
        "Zolang u deze maandelijkse overzichten krijgt, herinneren wij niet aan losse facturen.",
    },
    "final_notice": {
        "subject": "Laatste herinnering: {{ amount }} open bij {{ organisation }}, graag antwoord uiterlijk {{ answer_by }}",
        "opening": "Wij hebben hierover al contact met u gezocht, en lossen dit veel liever samen met {{ client }} op dan langs "
        "een andere weg.",
        "ask": "Wilt u {{ amount }} uiterlijk {{ answer_by }} betalen, termijnen met ons afspreken, of zeggen wat er niet "
        "klopt? {% if hand_over_on %}Zonder antwoord kunnen wij de vordering daarna overdragen aan een "
        "incassobureau, op zijn vroegst op {{ hand_over_on }}. Dat voorkomen wij veel liever."
        "{% else %}Zonder antwoord moeten wij daarna bekijken hoe het verder gaat.{% endif %}",
    },
    "call": {
        "subject": "Bel {{ client }} over {{ amount }} die openstaat",
        "opening": "Bel deze klant. Vragen, niet verwijten: te laat betalen kan pijnlijk zijn, en de reden kan bij ons liggen.",
        "ask": "Zeg wie u bent en dat u belt over de facturen hierboven. Vraag: zijn ze aangekomen, klopt er iets niet, "
        "ontbreekt een "
        "inkoopnummer of goedkeuring? Wat houdt de betaling tegen? Welke dag is haalbaar, of helpen termijnen?",
        "help": "Schrijf daarna op: wie u sprak, de reden (liquiditeit, onenigheid, verloren factuur, interne "
        "vertraging), dag en "
        "bedrag van de toezegging. Leg vast met: duesync contacts log-call. Bevestig elke toezegging schriftelijk aan de klant.",
    },
}

STATEMENT = {
    "title": "Rekeningoverzicht",
    "as_of": "Per",
    "invoices": "Facturen",
    "due_on": "vervaldatum",
    "total": "Bedrag",
    "left": "Open",
    "credits": "Betalingen en creditnota’s nog niet toegewezen",
    "none": "Geen open facturen",
    "buckets": "Niet vervallen|1-30 dagen|31-60 dagen|61-90 dagen|Meer dan 90 dagen",
    "open": "Open facturen",
    "applied": "Betalingen en creditnota’s nog niet toegewezen",
    "other": "Andere boekingen op de rekening",
    "net": "Saldo",
    "questions": "Vragen? Schrijf naar",
    "spelled": "Woorden tussen [haken] zijn in Latijnse letters weergegeven: "
    "bij het maken was er geen lettertype voor het origineel.",
}
