"""How a statement of account is laid out as text and as a page: Jinja2 sources."""

TEXT_STATEMENT = """\
{{ words.title }}
{{ organisation }}
{% if address %}{{ address }}
{% endif %}

{{ client }}
{{ words.as_of }}: {{ as_of }}

{{ words.invoices }}
{% for row in invoices %}
  {{ row.label }}, {{ row.on }}, {{ words.due_on }} {{ row.due_on }}: {{ row.open }}
{%- if row.late %} ({{ row.late }}){% endif +%}
{% else %}
  {{ words.none }}
{% endfor %}
{% if credits %}

{{ words.credits }}
{% for row in credits %}
  {{ row.label }}, {{ row.on }}: -{{ row.open }}
{% endfor %}
{% endif %}

{% for name, amount in buckets %}
{{ name }}: {{ amount }}
{% endfor %}

{{ words.open }}: {{ open }}
{{ words.applied }}: -{{ applied }}
{% if other %}{{ words.other }}: {{ other }}
{% endif %}
{{ words.net }}: {{ net }}
{% if reply_to %}

{{ words.questions }} {{ reply_to }}
{% endif %}
"""

HTML_STATEMENT = """\
{% set cell = "padding:6px 2px;border-bottom:1px solid #e3e6ea;vertical-align:top;overflow-wrap:normal" %}
{% set head = "padding:6px 2px;text-align:left;border-bottom:2px solid #1c2733;font-size:13px;overflow-wrap:normal" %}
{% set name = cell + ";overflow-wrap:anywhere" %}
{% set right = "text-align:right;white-space:nowrap" %}
{% set table = "border-collapse:collapse;margin:12px 0;font-size:14px" %}
<!DOCTYPE html>
<html lang="{{ language }}" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ words.title }}</title>
</head>
<body style="margin:0 auto;max-width:720px;padding:16px 10px;overflow-wrap:anywhere;
font:15px/1.5 Helvetica,Arial,sans-serif;color:#1c2733">
<h1 style="font-size:22px;margin:0 0 4px">{{ words.title }}</h1>
<p style="margin:0"><bdi>{{ organisation }}</bdi>{% if address %}<br><bdi>{{ address }}</bdi>{% endif %}</p>
<p style="margin:16px 0"><strong><bdi>{{ client }}</bdi></strong><br>{{ words.as_of }}: {{ as_of }}</p>
<table width="100%" cellpadding="0" cellspacing="0" style="{{ table }}">
<tr><th style="{{ head }}">{{ words.invoices }}</th><th style="{{ head }}">{{ words.due_on | capitalize }}</th>
<th style="{{ head }};text-align:right">{{ words.left }}</th></tr>
{% for row in invoices %}
<tr><td style="{{ name }}"><bdi>{{ row.label }}</bdi><br><span style="color:#5a6472">{{ row.on }}</span></td>
<td style="{{ cell }}">{{ row.due_on }}
{% if row.late %}<br><span style="color:#8a3b12">{{ row.late }}</span>{% endif %}</td>
<td style="{{ cell }};{{ right }}">{{ row.open }}
{% if row.total != row.open %}<br><span style="color:#5a6472">{{ words.total }}: {{ row.total }}</span>{% endif %}</td></tr>
{% else %}
<tr><td colspan="3" style="{{ cell }}">{{ words.none }}</td></tr>
{% endfor %}
</table>
{% if credits %}
<table width="100%" cellpadding="0" cellspacing="0" style="{{ table }}">
<tr><th style="{{ head }}">{{ words.credits }}</th><th style="{{ head }};text-align:right">{{ words.left }}</th></tr>
{% for row in credits %}
<tr><td style="{{ name }}"><bdi>{{ row.label }}</bdi>, {{ row.on }}</td>
<td style="{{ cell }};{{ right }}">-{{ row.open }}</td></tr>
{% endfor %}
</table>
{% endif %}
<table width="100%" cellpadding="0" cellspacing="0" style="{{ table }}">
{% for title, amount in buckets %}
<tr><td style="{{ cell }}">{{ title }}</td><td style="{{ cell }};{{ right }}">{{ amount }}</td></tr>
{% endfor %}
</table>
<table width="100%" cellpadding="0" cellspacing="0" style="{{ table }}">
<tr><td style="{{ cell }}">{{ words.open }}</td><td style="{{ cell }};{{ right }}">{{ open }}</td></tr>
<tr><td style="{{ cell }}">{{ words.applied }}</td><td style="{{ cell }};{{ right }}">-{{ applied }}</td></tr>
{% if other %}
<tr><td style="{{ cell }}">{{ words.other }}</td><td style="{{ cell }};{{ right }}">{{ other }}</td></tr>
{% endif %}
<tr><td style="{{ cell }}"><strong>{{ words.net }}</strong></td>
<td style="{{ cell }};{{ right }}"><strong>{{ net }}</strong></td></tr>
</table>
{% if reply_to %}
<p>{{ words.questions }} <a href="mailto:{{ reply_to }}">{{ reply_to }}</a></p>
{% endif %}
</body>
</html>
"""
