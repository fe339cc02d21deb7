"""Charts as SVG text: bars by month with a limit line, and pairs of bars. No script; colours come from the page's style."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_WIDTH, _HEIGHT, _BASE, _TOP = 640, 190, 155, 30


def bars(
    labels: Sequence[str],
    values: Sequence[float],
    *,
    limit: float | None,
    words: Sequence[str],
    title: str,
    figures: Sequence[str] = (),
    marked: int | None = -1,
) -> str:
    """One bar a month, the `marked` one dark; a dashed line at `limit`, which says so. `words` are told when a bar is pointed at.

    `figures` stand above their bars, for those who have it on paper. Nothing at all where no bar would be seen.
    """
    if not any(value > 0 for value in values):
        return ""
    top = _top([*values, limit or 0.0])
    parts = [_open(title)]
    step = _WIDTH / len(values)
    for index, value in enumerate(values):
        kind = "now" if marked is not None and index == marked % len(values) else "bar"
        parts.append(_bar(index * step + step * 0.15, step * 0.7, value / top, kind, words[index]))
        parts.append(_label(index * step + step / 2, labels[index]))
    if limit is not None:
        parts.append(_limit(limit / top))
    parts += [_figure(index, step, values[index] / top, text) for index, text in enumerate(figures) if text]
    return "".join([*parts, "</svg>"])


def pairs(
    labels: Sequence[str], first: Sequence[float], second: Sequence[float], words: Sequence[tuple[str, str]], title: str
) -> str:
    """Two bars a month side by side: what was billed and what came in. Nothing where there was neither."""
    if not any(value > 0 for value in (*first, *second)):
        return ""
    top = _top([*first, *second])
    parts = [_open(title)]
    step = _WIDTH / max(len(labels), 1)
    for index, label in enumerate(labels):
        left = index * step + step * 0.12
        parts.append(_bar(left, step * 0.36, first[index] / top, "bar", words[index][0]))
        parts.append(_bar(left + step * 0.4, step * 0.36, second[index] / top, "now", words[index][1]))
        parts.append(_label(index * step + step / 2, label))
    return "".join([*parts, "</svg>"])


def _top(values: Sequence[float]) -> float:
    highest = max(values, default=0.0)
    return highest * 1.08 if highest > 0 else 1.0


def _open(title: str) -> str:
    safe = escape(title)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{safe}"><title>{safe}</title>'
        f'<line class="axis" x1="0" y1="{_BASE}" x2="{_WIDTH}" y2="{_BASE}"/>'
    )


def _bar(left: float, width: float, share: float, kind: str, words: str) -> str:
    height = max(share, 0.0) * (_BASE - _TOP)
    return (
        f'<rect class="{kind}" x="{left:.1f}" y="{_BASE - height:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2">'
        f"<title>{escape(words)}</title></rect>"
    )


def _label(middle: float, text: str) -> str:
    return f'<text x="{middle:.1f}" y="{_HEIGHT - 10}" text-anchor="middle">{escape(text)}</text>'


def _limit(share: float) -> str:
    y = _BASE - share * (_BASE - _TOP)
    line = f'<line class="limit" x1="0" y1="{y:.1f}" x2="{_WIDTH}" y2="{y:.1f}"/>'
    return f'{line}<text class="told" x="0" y="{max(y - 6, 14):.1f}">limit</text>'


def _figure(index: int, step: float, share: float, text: str) -> str:
    y = _BASE - max(share, 0.0) * (_BASE - _TOP) - 6
    middle = index * step + step / 2
    anchor = "end" if middle > _WIDTH * 0.9 else "middle"
    x = _WIDTH if anchor == "end" else middle
    return f'<text class="figure" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
