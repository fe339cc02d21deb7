"""A page of words and tables as PDF: what statements, letters and evidence are written with. The same content, the same bytes.

Text in any alphabet is printed with fonts of the machine where the standard ones lack a letter; see core.messages.alphabets for
what happens where there is no such font. Control and direction characters of names are taken out (core.messages.clean), long text
is wrapped, never cut. Sizes are millimetres and points.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import partial

from fpdf import FPDF
from fpdf.enums import Align, TableBordersLayout, XPos, YPos
from fpdf.fonts import FontFace

from core.messages.alphabets import Face, Faces, chosen, no_faces, printable, spelled
from core.messages.clean import one_line
from core.messages.context import known_language
from core.messages.texts import statement_words

WIDTH = 180.0  # A4 (210) less two margins of 15
_MARGIN = 15.0
_LONGEST = 4000  # characters of one paragraph or cell
_STANDARD = "Helvetica"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. `share` is its part of the width, relative to the others; amounts stand to the right."""

    title: str
    share: float
    right: bool = False


@dataclass(frozen=True, slots=True)
class _Words:
    text: str
    size: float
    bold: bool
    grey: bool

    def texts(self) -> Iterator[str]:
        yield self.text


@dataclass(frozen=True, slots=True)
class _Gap:
    height: float

    def texts(self) -> Iterator[str]:
        yield from ()


@dataclass(frozen=True, slots=True)
class _Break:
    def texts(self) -> Iterator[str]:
        yield from ()


@dataclass(frozen=True, slots=True)
class _Table:
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    strong: frozenset[int]
    size: float

    def texts(self) -> Iterator[str]:
        yield from (column.title for column in self.columns)
        yield from (cell for row in self.rows for cell in row)


@dataclass(slots=True)
class Sheet:
    """A document under construction: add to it from top to bottom, then ask for its `pdf`.

    `made_on` is the date the file says it was made, `language` that of the one line of its own (on fonts that lacked), `footer`
    what stands at the foot of each page beside the page number.
    """

    made_on: date
    language: str = "en"
    footer: str = ""
    _parts: list[_Words | _Gap | _Break | _Table] = field(default_factory=list)

    def title(self, text: str) -> None:
        """A large line."""
        self._parts.append(_Words(_clean(text), 18, True, False))

    def heading(self, text: str) -> None:
        """A line above a part, with space before it."""
        self.gap(4)
        self._parts.append(_Words(_clean(text), 12, True, False))

    def line(self, text: str, *, bold: bool = False, small: bool = False) -> None:
        """A paragraph; `small` is grey."""
        self._parts.append(_Words(_clean(text), 8.5 if small else 10, bold, small))

    def text(self, text: str) -> None:
        """Several lines as they are: each its own paragraph, empty ones as space."""
        for part in text.splitlines():
            if part.strip():
                self.line(part)
            else:
                self.gap(3)

    def gap(self, height: float = 5) -> None:
        """Space of so many millimetres."""
        self._parts.append(_Gap(height))

    def page_break(self) -> None:
        """Go on with a new page."""
        self._parts.append(_Break())

    def table(
        self, columns: Sequence[Column], rows: Sequence[Sequence[str]], *, strong: Collection[int] = (), small: bool = False
    ) -> None:
        """Rows under headings that are repeated on every page; no headings where all titles are empty.

        `strong` are the numbers of rows in bold, negative ones from the end. ValueError where a row has another number of cells.
        """
        made = tuple(tuple(_clean(cell) for cell in row) for row in rows)
        if any(len(row) != len(columns) for row in made):
            raise ValueError(f"every row of this table has {len(columns)} cells")
        bold = frozenset(number % len(made) for number in strong) if made else frozenset()
        self._parts.append(_Table(tuple(columns), made, bold, 8.5 if small else 9.5))

    def pdf(self, faces: Faces = no_faces) -> bytes:
        """The document. `faces` are the fonts that may be embedded."""
        texts = [text for part in self._parts for text in part.texts()] + [self.footer]
        fonts = chosen(faces, texts)
        spell = partial(spelled, can_print=printable(fonts))
        page = _Page(self.made_on, fonts, spell, spell(_clean(self.footer)))
        for part in self._parts:
            page.add(part)
        if any(spell(text) != text for text in texts):
            page.add(_Gap(5))
            page.add(_Words(statement_words(known_language(self.language))["spelled"], 8.5, False, True))
        return bytes(page.output())


def _clean(text: str) -> str:
    return one_line(text, _LONGEST)


class _Page(FPDF):
    """Puts parts on as many A4 pages as it takes."""

    def __init__(self, made_on: date, fonts: Sequence[Face], spell: Callable[[str], str], foot: str) -> None:
        super().__init__(format="A4")
        self._spell = spell
        self._foot = foot
        self._family = _STANDARD
        self.core_fonts_encoding = "windows-1252"
        self.set_creation_date(datetime.combine(made_on, time(), UTC))
        self.set_producer("duesync")
        self.set_margins(_MARGIN, _MARGIN)
        self.set_auto_page_break(auto=True, margin=20)
        self._embed(fonts)
        self.add_page()

    def _embed(self, fonts: Sequence[Face]) -> None:
        for index, face in enumerate(fonts):
            for style, path in (("", face.regular), ("B", face.bold or face.regular)):
                self.add_font(f"face{index}", style, path, collection_font_number=face.number)
        if fonts:
            self._family = "face0"
            self.set_fallback_fonts([f"face{index}" for index in range(1, len(fonts))], exact_match=False)
            self.set_text_shaping(True)  # joins Arabic letters and sets right-to-left words in their order

    def footer(self) -> None:
        """The foot of each page: called by fpdf2."""
        self.set_y(-14)
        self._font(8, bold=False, grey=True)
        self.cell(WIDTH - 20, 5, self._foot)
        self.cell(20, 5, f"{self.page_no()} / {{nb}}", align="R")

    def add(self, part: _Words | _Gap | _Break | _Table) -> None:
        """One part after the other."""
        match part:
            case _Words():
                self._font(part.size, bold=part.bold, grey=part.grey)
                height = part.size * 0.5
                self.multi_cell(WIDTH, height, self._spell(part.text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
            case _Gap():
                self.ln(part.height)
            case _Break():
                self.add_page()
            case _Table():
                self._table(part)

    def _table(self, part: _Table) -> None:
        titled = any(column.title for column in part.columns)
        self.set_draw_color(205)
        self._font(part.size, bold=False)
        with self.table(
            width=WIDTH,
            col_widths=tuple(column.share for column in part.columns),
            text_align=tuple(Align.R if column.right else Align.L for column in part.columns),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=FontFace(emphasis="BOLD"),
            line_height=part.size * 0.5,
            padding=(1.2, 1),
            first_row_as_headings=titled,
        ) as grid:
            if titled:
                grid.row([self._spell(column.title) for column in part.columns])
            for number, cells in enumerate(part.rows):
                style = FontFace(emphasis="BOLD") if number in part.strong else None
                row = grid.row(style=style)
                for cell in cells:
                    row.cell(self._spell(cell))

    def _font(self, size: float, *, bold: bool, grey: bool = False) -> None:
        self.set_font(self._family, style="B" if bold else "", size=size)
        self.set_text_color(90 if grey else 20)
