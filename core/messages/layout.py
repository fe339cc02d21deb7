"""How a message is laid out: the Jinja2 sources of text, HTML and call script. Words come from core.messages.texts.

HTML is one table of one column that narrows with the screen, styled inline because mail clients drop style sheets.
"""

TEXT_LAYOUT = """\
{{ words.greeting }}

{{ words.opening }}

{% for group in groups %}
{% for line in group.due %}
{{ words.invoice }} {{ line.label }}{% if line.reference %} ({{ line.reference }}){% endif +%}
  {{ words.dated }}: {{ line.issued_on }}
  {{ words.due_on }}: {{ line.due_on }}{% if line.late %} ({{ line.late }}){% endif +%}
  {{ words.total }}: {{ line.total }}
{% if line.received %}
  {{ words.received }}: {{ line.received }}
{% endif %}
  {{ words.open }}: {{ line.open }}
{% if line.link %}
  {{ words.pay }}: {{ line.link }}
{% endif %}

{% endfor %}
{% if group.due %}
{% if group.credit %}
{{ words.listed }}: {{ group.listed }}
{{ words.credit }}: -{{ group.credit }}
{% endif %}
{{ words.amount_due }}: {{ group.amount_due }}

{% endif %}
{% if group.upcoming %}
{{ words.not_due_yet }}

{% for line in group.upcoming %}
{{ words.invoice }} {{ line.label }}{% if line.reference %} ({{ line.reference }}){% endif +%}
  {{ words.dated }}: {{ line.issued_on }}
  {{ words.due_on }}: {{ line.due_on }}
{% if line.received %}
  {{ words.total }}: {{ line.total }}
  {{ words.received }}: {{ line.received }}
{% endif %}
  {{ words.open }}: {{ line.open }}
{% if line.link %}
  {{ words.pay }}: {{ line.link }}
{% endif %}

{% endfor %}
{% endif %}
{% endfor %}
{{ words.ask }}

{% if payment %}
{{ words.how_to_pay }}:
{% for line in payment %}
  {{ line }}
{% endfor %}

{% endif %}
{{ words.help }}

{{ words.regards }}
{{ organisation }}
{% if phone %}{{ words.phone }}: {{ phone }}
{% endif %}
{% if reply_to %}{{ words.mail }}: {{ reply_to }}
{% endif %}
{% if address %}{{ address }}
{% endif %}
{% if reference %}

{{ words.reference }}: {{ reference }}
{% endif %}
"""

SCRIPT_LAYOUT = """\
{{ words.opening }}

{{ words.who }}: {{ client }}{% if contact %}, {{ contact }}{% endif +%}
{% if phone_of_client %}
{{ words.phone }}: {{ phone_of_client }}
{% endif %}

{% for group in groups %}
{% for line in group.due %}
- {{ words.invoice }} {{ line.label }}: {{ line.open }}, {{ words.due_on }} {{ line.due_on }}
{%- if line.late %} ({{ line.late }}){% endif +%}
{% endfor %}
{% if group.credit %}
{{ words.credit }}: -{{ group.credit }}
{% endif %}
{{ words.amount_due }}: {{ group.amount_due }}

{% endfor %}
{{ words.ask }}

{{ words.help }}
{% if notes %}

{% for note in notes %}
- {{ note }}
{% endfor %}
{% endif %}
"""

HTML_LAYOUT = """\
{% set cell = "padding:8px 4px;border-bottom:1px solid #e3e6ea;vertical-align:top;overflow-wrap:normal" %}
{% set name = cell + ";overflow-wrap:anywhere" %}
{% set head = "padding:6px 4px;text-align:left;border-bottom:2px solid #1c2733;font-size:13px;white-space:nowrap" %}
{% set sum = "padding:6px 4px;text-align:right;vertical-align:bottom" %}
{% set total = "padding:6px 4px;text-align:right;vertical-align:bottom;white-space:nowrap" %}
{% set grey = "color:#5a6472;font-size:13px" %}
{% set pay = "display:inline-block;margin-top:6px;padding:6px 10px;border:1px solid #0b57a4;border-radius:4px" %}
{% set pay = pay + ";color:#0b57a4;font-size:14px;text-align:center;text-decoration:none" %}
{% set table = "border-collapse:collapse;margin:12px 0 16px;font-size:15px" %}
{% set font = "font:16px/1.5 -apple-system,Segoe UI,Helvetica,Arial,sans-serif;color:#1c2733" %}
{% macro columns() %}
<tr>
<th style="{{ head }}">{{ words.invoice }}</th>
<th style="{{ head }}">{{ words.due_on }}</th>
<th style="{{ head }};text-align:right">{{ words.open }}</th>
</tr>
{% endmacro %}
{% macro row(line) %}
<tr>
<td style="{{ name }}"><strong><bdi>{{ line.label }}</bdi></strong>
{% if line.reference %}<br><span style="{{ grey }}"><bdi>{{ line.reference }}</bdi></span>{% endif %}
<br><span style="{{ grey }}">{{ words.dated }}: {{ line.issued_on }}</span></td>
<td style="{{ cell }}">{{ line.due_on }}
{% if line.late %}<br><span style="color:#8a3b12;font-size:13px">{{ line.late }}</span>{% endif %}
</td>
<td style="{{ cell }};text-align:right"><strong style="white-space:nowrap">{{ line.open }}</strong>
{% if line.received %}
<br><span style="{{ grey }}">{{ words.total }}: {{ line.total }}<br>{{ words.received }}: {{ line.received }}</span>
{% endif %}
{% if line.link %}
<br><a href="{{ line.link }}" style="{{ pay }}">{{ words.pay }}</a>
{% endif %}
</td>
</tr>
{% endmacro %}
<!DOCTYPE html>
<html lang="{{ language }}" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ subject }}</title>
</head>
<body style="margin:0;padding:0;background:#f4f5f7">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="background:#f4f5f7">
<tr><td align="center" style="padding:16px 8px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"
 style="max-width:600px;background:#ffffff;border:1px solid #e3e6ea;border-radius:6px">
<tr><td style="padding:24px 14px;text-align:left;overflow-wrap:anywhere;{{ font }}">
<p style="margin:0 0 4px;font-size:13px;{{ grey }}"><bdi>{{ organisation }}</bdi></p>
<p style="margin:12px 0">{{ words.greeting }}</p>
<p style="margin:12px 0">{{ words.opening }}</p>
{% for group in groups %}
{% if group.due %}
<table width="100%" cellpadding="0" cellspacing="0" style="{{ table }}">
{{ columns() }}
{% for line in group.due %}
{{ row(line) }}
{% endfor %}
{% if group.credit %}
<tr><td colspan="2" style="{{ sum }}">{{ words.listed }}</td><td style="{{ total }}">{{ group.listed }}</td></tr>
<tr><td colspan="2" style="{{ sum }}">{{ words.credit }}</td><td style="{{ total }}">-{{ group.credit }}</td></tr>
{% endif %}
<tr><td colspan="2" style="{{ sum }}"><strong>{{ words.amount_due }}</strong></td>
<td style="{{ total }}"><strong>{{ group.amount_due }}</strong></td></tr>
</table>
{% endif %}
{% if group.upcoming %}
<p style="margin:12px 0 0">{{ words.not_due_yet }}</p>
<table width="100%" cellpadding="0" cellspacing="0" style="{{ table }}">
{{ columns() }}
{% for line in group.upcoming %}
{{ row(line) }}
{% endfor %}
</table>
{% endif %}
{% endfor %}
<p style="margin:12px 0">{{ words.ask }}</p>
{% if payment %}
<p style="margin:12px 0">{{ words.how_to_pay }}:<br>
{% for line in payment %}
<bdi>{{ line }}</bdi>{% if not loop.last %}<br>{% endif +%}
{% endfor %}
</p>
{% endif %}
<p style="margin:12px 0;padding:12px;background:#f4f5f7;border-radius:4px">{{ words.help }}</p>
<p style="margin:16px 0 0">{{ words.regards }}<br><bdi>{{ organisation }}</bdi></p>
<p style="margin:8px 0 0;font-size:13px;{{ grey }}">
{% if phone %}{{ words.phone }}: {{ phone }}<br>{% endif %}
{% if reply_to %}{{ words.mail }}: <a href="mailto:{{ reply_to }}" style="color:#0b57a4">{{ reply_to }}</a><br>{% endif %}
{% if address %}<bdi>{{ address }}</bdi><br>{% endif %}
{% if reference %}{{ words.reference }}: {{ reference }}{% endif %}
</p>
</td></tr></table>
</td></tr></table>
</body>
</html>
"""
