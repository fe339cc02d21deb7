"""PDFs in any alphabet: with a font the letters themselves, without one the word spelled, and that said; never a loss."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from hypothesis import given, settings
from hypothesis import strategies as st

from core import fonts
from core.fonts import faces_of
from core.messages.alphabets import chosen, no_faces, printable, spelled
from core.messages.clean import one_line
from core.messages.pdf import Column, Sheet
from core.messages.statement_pdf import statement_pdf
from core.messages.texts import LANGUAGES
from tests.unit.messages.test_statement import scene, statement

MADE_ON = date(2026, 3, 17)
LATIN = "".join(map(chr, range(0x20, 0x7F))) + "·"
NAMES = {
    "greek": "Ελληνική Εταιρεία",
    "cyrillic": "ООО Ромашка",
    "arabic": "شركة النور",
    "hebrew": "חברת אור",
    "chinese": "株式会社",
    "polish": "Łódź Spółka",
}


def font(path: Path, characters: str, *, restricted: bool = False) -> Path:
    """A font of boxes that has these characters."""
    pen = TTGlyphPen(None)
    for point in ((50, 0), (50, 700), (450, 700), (450, 0)):
        (pen.moveTo if point == (50, 0) else pen.lineTo)(point)
    pen.closePath()
    box = pen.glyph()
    names = {ord(char): f"g{ord(char):x}" for char in sorted(set(characters))}
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", *names.values()])
    builder.setupCharacterMap(names)
    builder.setupGlyf(dict.fromkeys([".notdef", *names.values()], box))
    builder.setupHorizontalMetrics(dict.fromkeys([".notdef", *names.values()], (500, 50)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": path.stem, "styleName": "Regular"})
    builder.setupOS2(fsType=2 if restricted else 0)
    builder.setupPost()
    builder.save(path)
    return path


@pytest.fixture
def alone(monkeypatch):
    """A machine without fonts, whatever this one has."""
    monkeypatch.setattr(fonts, "FOLDERS", ())
    fonts._faces.cache_clear()
    yield
    fonts._faces.cache_clear()


def sheet_of(*lines: str, language: str = "en") -> Sheet:
    sheet = Sheet(made_on=MADE_ON, language=language, footer="Northwind IT")
    sheet.title("Statement")
    for line in lines:
        sheet.line(line)
    return sheet


def words_in(document: bytes, tmp_path: Path) -> str:
    """What somebody who copies the text out of the PDF gets."""
    tool = shutil.which("pdftotext")
    if tool is None:
        pytest.skip("pdftotext is not installed here")
    (tmp_path / "out.pdf").write_bytes(document)
    return subprocess.run([tool, "-layout", str(tmp_path / "out.pdf"), "-"], capture_output=True, check=True).stdout.decode()


# ── which letters, which font ───────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ООО Ромашка, Riga", "[OOO Romashka,] Riga"),
        ("Ελληνική", "[Elliniki]"),
        ("株式会社 Ltd", "[ZhuShiHuiShe] Ltd"),
        ("Łódź & Søn", "[Lodz] & Søn"),
        ("Müller €", "Müller €"),
        ("\U0001d7d8\u0378", "[0]"),
    ],
)
def test_without_a_font_a_word_is_spelled_in_brackets(name, shown):
    assert spelled(name, printable(())) == shown


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40))
def test_no_word_is_ever_dropped(text):
    text = one_line(text)
    shown = spelled(text, printable(()))
    assert len(shown.split()) >= len(text.split())
    assert all(map(printable(()), shown))


def test_one_font_for_everything_is_better_than_several(tmp_path, alone):
    latin = font(tmp_path / "latin.ttf", LATIN)
    greek = font(tmp_path / "greek.ttf", LATIN + NAMES["greek"])
    han = font(tmp_path / "han.ttf", NAMES["chinese"])
    faces = faces_of([latin, han, greek])
    assert chosen(faces, ["plain"]) == ()
    assert [face.name for face in chosen(faces, [NAMES["greek"]])] == ["greek"]
    assert [face.name for face in chosen(faces, [f"Firm {NAMES['greek']} {NAMES['chinese']}"])] == ["greek", "han"]
    assert chosen(faces, [NAMES["arabic"]]) == ()


def test_a_font_that_cannot_be_read_or_embedded_is_passed_over(tmp_path, alone):
    (tmp_path / "broken.ttf").write_bytes(b"not a font")
    restricted = font(tmp_path / "restricted.ttf", LATIN + NAMES["greek"], restricted=True)
    good = font(tmp_path / "good.ttf", LATIN + NAMES["greek"])
    faces = faces_of([tmp_path / "missing.ttf", tmp_path / "broken.ttf", restricted, good])
    assert [face.name for face in faces()] == ["good"]


def test_installed_fonts_are_found_by_name_the_wide_ones_first(tmp_path, alone, monkeypatch):
    (tmp_path / "truetype" / "dejavu").mkdir(parents=True)
    font(tmp_path / "truetype" / "NotoSansHebrew-Regular.ttf", NAMES["hebrew"])
    font(tmp_path / "truetype" / "dejavu" / "DejaVuSans.ttf", LATIN + NAMES["greek"])
    font(tmp_path / "truetype" / "unknown.ttf", LATIN)
    monkeypatch.setattr(fonts, "FOLDERS", (str(tmp_path), str(tmp_path / "nowhere")))
    assert [face.name for face in faces_of()()] == ["DejaVuSans", "NotoSansHebrew-Regular"]


# ── the document ────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_in_any_alphabet_is_printed_or_spelled_and_said(name, tmp_path, alone):
    bare = words_in(sheet_of(f"Client: {name}").pdf(no_faces), tmp_path)
    assert "[" in bare
    assert "no font for the original letters" in " ".join(bare.split())
    faces = faces_of([font(tmp_path / "wide.ttf", LATIN + name)])
    full = words_in(sheet_of(f"Client: {name}").pdf(faces), tmp_path)
    assert "[" not in full
    assert set("".join(name.split())) <= set(full)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_says_why_a_name_is_spelled(language, alone):
    plain, foreign = sheet_of("Acme", language=language).pdf(), sheet_of("株式会社", language=language).pdf()
    assert len(foreign) > len(plain)


def test_the_same_content_is_the_same_bytes_with_fonts_and_without(tmp_path, alone):
    faces = faces_of([font(tmp_path / "wide.ttf", LATIN + "".join(NAMES.values()))])
    for given_faces in (no_faces, faces):
        assert sheet_of(*NAMES.values()).pdf(given_faces) == sheet_of(*NAMES.values()).pdf(given_faces)
    assert sheet_of("Müller & Søn").pdf(faces) == sheet_of("Müller & Søn").pdf(no_faces)


def test_long_text_is_wrapped_and_headings_come_again_on_every_page(tmp_path):
    sheet = sheet_of("word " * 300)
    rows = [(f"INV-{number}", "x" * 90, f"{number}.00 USD") for number in range(120)]
    sheet.table([Column("Number", 1), Column("What", 2), Column("Amount", 1, right=True)], rows, strong=[-1])
    sheet.page_break()
    sheet.text("The end.\n\nReally.")
    shown = words_in(sheet.pdf(), tmp_path)
    assert shown.count("Number") >= 4
    assert shown.count("word") == 300
    assert shown.replace("\n", "").count("x") == 120 * 90
    assert "Really." in shown


def test_a_row_of_another_width_than_its_table_is_refused():
    with pytest.raises(ValueError, match="2 cells"):
        sheet_of().table([Column("a", 1), Column("b", 1)], [("only one",)])


def test_a_statement_shows_a_foreign_name_and_its_figures(tmp_path, alone):
    made = scene()
    made.party = replace(made.party, name=NAMES["cyrillic"])
    faces = faces_of([font(tmp_path / "wide.ttf", LATIN + NAMES["cyrillic"])])
    shown = words_in(statement_pdf(statement(made), faces), tmp_path)
    assert NAMES["cyrillic"] in shown
    assert "720.00 USD" in shown
    assert "[OOO Romashka]" in words_in(statement_pdf(statement(made)), tmp_path)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=30), max_size=4))
def test_no_text_breaks_a_document(lines):
    sheet = sheet_of(*lines)
    sheet.table([Column("a", 1), Column("b", 3)], [(line, line) for line in lines])
    assert sheet.pdf().startswith(b"%PDF-")
