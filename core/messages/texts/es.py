"""Spanish, formal address."""

LATE = ("vencida hace 1 día", "vencida hace {days} días")

ATOMS = {
    "invoices": "{% if count == 1 %}factura{% else %}facturas{% endif %}",
    "Invoices": "{% if count == 1 %}Factura{% else %}Facturas{% endif %}",
    "these": "{% if due_count == 1 %}esta factura{% else %}estas facturas{% endif %}",
    "siguen": "{% if due_count == 1 %}sigue pendiente{% else %}siguen pendientes{% endif %}",
    "vencen": "{% if due_count == 1 %}vence{% else %}vencen{% endif %}",
}

WORDS = {
    "greeting": "{% if contact %}Buenos días, {{ contact }}:{% else %}Buenos días:{% endif %}",
    "invoice": "Factura",
    "dated": "Fecha",
    "due_on": "Vencimiento",
    "total": "Importe",
    "received": "Recibido hasta ahora, gracias",
    "open": "Pendiente",
    "pay": "Ver y pagar",
    "listed": "Facturas vencidas",
    "credit": "Pagos y abonos aún no aplicados a una factura",
    "amount_due": "A pagar",
    "how_to_pay": "Cómo pagar",
    "not_due_yet": "Todavía no vencido, para su información:",
    "help": "¿Ya ha pagado? ¿Hay algún error o falta algo, como un número de pedido, una copia o una aprobación? "
    "¿Necesita más tiempo? Responda a este mensaje{% if phone %} o llame al {{ phone }}{% endif %} y una persona le ayudará.",
    "regards": "Un cordial saludo",
    "phone": "Teléfono",
    "mail": "Correo",
    "reference": "Nuestra referencia",
    "who": "Llamar",
}

KINDS = {
    "created": {
        "subject": "{{ Invoices }} {{ numbers }} de {{ organisation }}",
        "opening": "Gracias por confiar en nosotros. {% if count == 1 %}Aquí tiene una nueva factura para {{ client }}."
        "{% else %}Aquí tiene {{ count }} nuevas facturas para {{ client }}.{% endif %}",
        "ask": "No hace falta nada antes del vencimiento. Si algo no es correcto, díganoslo y lo arreglaremos.",
    },
    "upcoming": {
        "subject": "Próximo vencimiento: {{ invoices }} {{ numbers }} de {{ organisation }}",
        "opening": "Un aviso con antelación: lo siguiente vence pronto para {{ client }}.",
        "ask": "Si el pago ya está previsto, no tiene que hacer nada.",
    },
    "due": {
        "subject": "Vence hoy: {{ invoices }} {{ numbers }} de {{ organisation }}",
        "opening": "Para {{ client }}, {{ these }} {{ vencen }} hoy.",
        "ask": "Si el pago ya está en camino, gracias: no hay nada más que hacer.",
    },
    "reminder_friendly": {
        "subject": "Un recordatorio: {{ invoices }} {{ numbers }} de {{ organisation }}",
        "opening": "En nuestros libros, {{ these }} de {{ client }} {{ siguen }}. ¿Se habrá pasado por alto, o falta algo por "
        "nuestra parte?",
        "ask": "¿Puede decirnos cuándo podemos esperar {{ amount }}? Si ya está en camino, gracias.",
    },
    "reminder_clear": {
        "subject": "{{ amount }} pendientes: {{ invoices }} {{ numbers }} de {{ organisation }}",
        "opening": "Ya le hemos escrito: lo siguiente sigue pendiente por parte de {{ client }}.",
        "ask": "Le rogamos que pague {{ amount }}, o que nos diga qué lo impide y qué día le vendría bien. "
        "También podemos acordar plazos.",
    },
    "reminder_firm": {
        "subject": "Por favor, responda a más tardar el {{ answer_by }}: {{ amount }} pendientes, {{ organisation }}",
        "opening": "A pesar de nuestros mensajes, lo siguiente sigue pendiente por parte de {{ client }}. La factura más antigua "
        "venció el {{ first_due_on }}.",
        "ask": "Le rogamos que pague {{ amount }} a más tardar el {{ answer_by }}, o que nos proponga hasta entonces una fecha "
        "o un plan. "
        "Somos firmes en el importe y flexibles en la forma.",
    },
    "statement": {
        "subject": "Estado de cuenta de {{ client }}, {{ written_on }}",
        "opening": "Este es su estado de cuenta a {{ written_on }}. Recoge las facturas pendientes de {{ client }}.",
        "ask": "Le rogamos que pague {{ amount }}, o que nos proponga una fecha o un plan. "
        "Mientras reciba estos estados mensuales no le recordaremos facturas sueltas.",
    },
    "final_notice": {
        "subject": "Último aviso: {{ amount }} pendientes con {{ organisation }}, responda a más tardar el {{ answer_by }}",
        "opening": "Ya nos hemos puesto en contacto con usted por este asunto, y preferimos con mucho resolverlo junto con "
        "{{ client }} antes que por otra vía.",
        "ask": "Le rogamos que pague {{ amount }} a más tardar el {{ answer_by }}, que acuerde plazos con nosotros o que nos "
        "diga qué no es correcto. {% if hand_over_on %}Sin respuesta hasta entonces podremos encargar el "
        "cobro a una agencia de recobro, no antes del {{ hand_over_on }}. Preferiríamos con mucho evitarlo."
        "{% else %}Sin respuesta hasta entonces tendremos que ver cómo seguir.{% endif %}",
    },
    "call": {
        "subject": "Llamar a {{ client }}: {{ amount }} pendientes",
        "opening": "Por favor, llame a este cliente. Preguntar, no acusar: un retraso puede resultar incómodo, "
        "y la causa puede estar en nosotros.",
        "ask": "Diga quién es y que llama por las facturas de arriba. Pregunte: ¿han llegado, son correctas, falta un "
        "pedido o una "
        "aprobación? ¿Qué impide el pago? ¿Qué día es realista, o ayudarían unos plazos?",
        "help": "Después anote: con quién habló, el motivo (liquidez, desacuerdo, factura perdida, retraso interno), el día y el "
        "importe prometidos. Regístrelo con: duesync contacts log-call. Confirme por escrito al cliente toda promesa.",
    },
}

STATEMENT = {
    "title": "Estado de cuenta",
    "as_of": "A fecha de",
    "invoices": "Facturas",
    "due_on": "vencimiento",
    "total": "Importe",
    "left": "Pendiente",
    "credits": "Pagos y abonos aún no aplicados",
    "none": "Ninguna factura pendiente",
    "buckets": "No vencido|1-30 días|31-60 días|61-90 días|Más de 90 días",
    "open": "Facturas pendientes",
    "applied": "Pagos y abonos aún no aplicados",
    "other": "Otros apuntes de la cuenta",
    "net": "Saldo",
    "questions": "¿Alguna pregunta? Escriba a",
    "spelled": "Las palabras entre [corchetes] están transcritas en letras latinas: "
    "no se encontró una fuente para el original al crear esto.",
}
