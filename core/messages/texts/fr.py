"""French, formal address."""

LATE = ("échue depuis 1 jour", "échue depuis {days} jours")

ATOMS = {
    "invoices": "{% if count == 1 %}facture{% else %}factures{% endif %}",
    "Invoices": "{% if count == 1 %}Facture{% else %}Factures{% endif %}",
    "these": "{% if due_count == 1 %}cette facture{% else %}ces factures{% endif %}",
    "reste": "{% if due_count == 1 %}reste à régler{% else %}restent à régler{% endif %}",
    "echoit": "{% if due_count == 1 %}arrive à échéance{% else %}arrivent à échéance{% endif %}",
}

WORDS = {
    "greeting": "{% if contact %}Bonjour {{ contact }},{% else %}Bonjour,{% endif %}",
    "invoice": "Facture",
    "dated": "Date",
    "due_on": "Échéance",
    "total": "Montant",
    "received": "Déjà reçu, merci",
    "open": "Reste dû",
    "pay": "Voir et payer",
    "listed": "Factures échues",
    "credit": "Paiements et avoirs non encore affectés à une facture",
    "amount_due": "À payer",
    "how_to_pay": "Pour payer",
    "not_due_yet": "Pas encore à échéance, pour information :",
    "help": "Déjà payé ? Quelque chose ne va pas ou manque, par exemple un numéro de commande, une copie ou une validation ? "
    "Besoin d’un délai ? Répondez simplement à ce message{% if phone %} ou appelez le {{ phone }}{% endif %} : "
    "une personne vous aidera.",
    "regards": "Cordialement",
    "phone": "Téléphone",
    "mail": "Courriel",
    "reference": "Notre référence",
    "who": "Appeler",
}

KINDS = {
    "created": {
        "subject": "{{ Invoices }} {{ numbers }} de {{ organisation }}",
        "opening": "Merci de votre confiance. {% if count == 1 %}Voici une nouvelle facture pour {{ client }}."
        "{% else %}Voici {{ count }} nouvelles factures pour {{ client }}.{% endif %}",
        "ask": "Rien à faire avant l’échéance. Si quelque chose vous semble inexact, dites-le-nous et nous le corrigerons.",
    },
    "upcoming": {
        "subject": "Prochaine échéance : {{ invoices }} {{ numbers }} de {{ organisation }}",
        "opening": "Un mot à l’avance : ce qui suit arrive bientôt à échéance pour {{ client }}.",
        "ask": "Si le paiement est déjà prévu, il n’y a rien à faire.",
    },
    "due": {
        "subject": "Échéance aujourd’hui : {{ invoices }} {{ numbers }} de {{ organisation }}",
        "opening": "Pour {{ client }}, {{ these }} {{ echoit }} aujourd’hui.",
        "ask": "Si le paiement est en route, merci : il n’y a rien d’autre à faire.",
    },
    "reminder_friendly": {
        "subject": "Petit rappel : {{ invoices }} {{ numbers }} de {{ organisation }}",
        "opening": "Dans nos livres, {{ these }} pour {{ client }} {{ reste }}. Un oubli peut-être, ou quelque chose manque-t-il "
        "de notre côté ?",
        "ask": "Pouvez-vous nous dire quand nous pouvons attendre {{ amount }} ? Si le paiement est déjà en route, merci.",
    },
    "reminder_clear": {
        "subject": "{{ amount }} à régler : {{ invoices }} {{ numbers }} de {{ organisation }}",
        "opening": "Nous vous avons déjà écrit : ce qui suit reste à régler pour {{ client }}.",
        "ask": "Merci de régler {{ amount }}, ou de nous dire ce qui bloque et quel jour vous conviendrait. "
        "Un paiement en plusieurs fois est aussi possible.",
    },
    "reminder_firm": {
        "subject": "Merci de répondre au plus tard le {{ answer_by }} : {{ amount }} à régler, {{ organisation }}",
        "opening": "Malgré nos messages, ce qui suit reste à régler pour {{ client }}. La facture la plus ancienne est échue "
        "depuis le {{ first_due_on }}.",
        "ask": "Merci de régler {{ amount }} au plus tard le {{ answer_by }}, ou de nous proposer d’ici là une date ou un "
        "échéancier. Nous restons fermes sur le montant et souples sur la manière.",
    },
    "statement": {
        "subject": "Relevé de compte de {{ client }}, {{ written_on }}",
        "opening": "Voici votre relevé de compte au {{ written_on }}. Il reprend les factures à régler par {{ client }}.",
        "ask": "Merci de régler {{ amount }}, ou de nous proposer une date ou un échéancier. "
        "Tant que vous recevez ces relevés mensuels, nous ne relançons pas facture par facture.",
    },
    "final_notice": {
        "subject": "Dernier rappel : {{ amount }} dus à {{ organisation }}, merci de répondre au plus tard le {{ answer_by }}",
        "opening": "Nous vous avons déjà contactés à ce sujet et préférons de loin trouver une solution avec {{ client }} plutôt "
        "que de suivre une autre voie.",
        "ask": "Merci de régler {{ amount }} au plus tard le {{ answer_by }}, de convenir d’un échéancier, ou de nous dire ce "
        "qui ne va pas. {% if hand_over_on %}Sans réponse d’ici là, nous pourrons confier le dossier à "
        "une société de recouvrement, au plus tôt le {{ hand_over_on }}. Nous préférerions de loin l’éviter."
        "{% else %}Sans réponse d’ici là, nous devrons examiner la suite à donner.{% endif %}",
    },
    "call": {
        "subject": "Appeler {{ client }} : {{ amount }} à régler",
        "opening": "Merci d’appeler ce client. Demander sans accuser : un retard peut être gênant, et la raison peut "
        "venir de nous.",
        "ask": "Présentez-vous et dites que vous appelez au sujet des factures ci-dessus. Demandez : sont-elles arrivées, "
        "sont-elles correctes, manque-t-il un bon de commande ou une validation ? Qu’est-ce qui empêche le paiement ? "
        "Quelle date est réaliste, ou un paiement en plusieurs fois aiderait-il ?",
        "help": "Notez ensuite : la personne jointe, la raison (trésorerie, désaccord, facture perdue, retard interne), "
        "la date et le "
        "montant promis. Enregistrez avec : duesync contacts log-call. Confirmez toute promesse par écrit au client.",
    },
}

STATEMENT = {
    "title": "Relevé de compte",
    "as_of": "Au",
    "invoices": "Factures",
    "due_on": "échéance",
    "total": "Montant",
    "left": "Reste dû",
    "credits": "Paiements et avoirs non encore affectés",
    "none": "Aucune facture à régler",
    "buckets": "À échoir|1-30 jours|31-60 jours|61-90 jours|Plus de 90 jours",
    "open": "Factures à régler",
    "applied": "Paiements et avoirs non encore affectés",
    "other": "Autres écritures du compte",
    "net": "Solde",
    "questions": "Des questions ? Écrivez à",
    "spelled": "Les mots entre [crochets] sont transcrits en lettres latines : "
    "aucune police pour l’original n’a été trouvée à la création.",
}
