"""Reading Word documents: which elements a text has, where they stand, how they look, and what is refused."""

from contextlib import suppress
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any
from zipfile import ZIP_LZMA, ZIP_STORED

import docx
import pytest
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.shared import Inches
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.errors import Invalid
from genji_graphql.models import LONGEST_TEXT
from genji_graphql.transfer import files, word_package
from genji_graphql.transfer.source import SourceDocument, SourceElement
from tests.transfer.library import MAX_BYTES, Library, elements
from tests.transfer.test_files import LINE, MOST_GROWTH, growth
from tests.transfer.test_importing import bring, lines, rows
from tests.transfer.word_files import W, by_hand, made, packed, paragraph, parts_by_hand, run
from tests.world import World

in_any_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def read_word(library: Library, content: bytes, name: str = "text.docx") -> list[SourceElement]:
    return elements(library.write(content, name))


def document_of(library: Library, content: bytes, name: str = "text.docx") -> SourceDocument:
    ((document, _),) = library.documents(content, name)
    return document


def texts(found: list[SourceElement]) -> list[str]:
    return [element.text for element in found]


def places(found: list[SourceElement], *keys: str) -> list[tuple[Any, ...]]:
    return [tuple(element.hierarchy.get(key) for key in keys) for element in found]


def styles_of(element: SourceElement) -> Any:
    return element.content["formatting"]["text_styles"]


def ranges(element: SourceElement) -> list[tuple[str, str]]:
    """What is marked, by the words that the offsets cut from the text."""
    return [(element.text[each["start"] : each["end"]], *each["type"]) for each in styles_of(element)["formatting"]]


# Paragraphs and their formatting


def test_a_paragraph_is_an_element_in_the_shape_of_the_existing_system(library: Library) -> None:
    def build(document: Any) -> None:
        first = document.add_paragraph("The river ")
        first.add_run("rose").italic = True
        first.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
        first.paragraph_format.left_indent = Inches(0.5)
        first.paragraph_format.right_indent = Inches(0.25)
        first.paragraph_format.first_line_indent = Inches(-0.125)

    (element,) = read_word(library, made(build))

    assert element.hierarchy == {"element_order": 1, "kind": "paragraph"}
    assert element.text == "The river rose"
    assert element.content == {
        "text": "The river rose",
        "formatting": {
            "alignment": "justify",
            "left_indent": 0.5,
            "right_indent": 0.25,
            "first_line_indent": -0.125,
            "text_styles": {
                "is_bold": False,
                "is_italic": False,
                "is_underlined": False,
                "formatting": [{"start": 10, "end": 14, "type": ["italic"]}],
            },
        },
    }


def test_repeated_text_is_marked_where_it_is_formatted(library: Library) -> None:
    def build(document: Any) -> None:
        first = document.add_paragraph("rose rose ")
        first.add_run("rose").bold = True
        first.add_run(" rose ")
        first.add_run("rose").italic = True

    (element,) = read_word(library, made(build))

    assert styles_of(element)["formatting"] == [
        {"start": 10, "end": 14, "type": ["bold"]},
        {"start": 20, "end": 24, "type": ["italic"]},
    ]


def test_what_all_of_a_paragraph_is_stands_once_and_the_rest_in_ranges(library: Library) -> None:
    def build(document: Any) -> None:
        first = document.add_paragraph()
        for text, italic in (("one ", None), ("two", True), (" three", None)):
            piece = first.add_run(text)
            piece.bold, piece.italic = True, italic

    (element,) = read_word(library, made(build))

    assert styles_of(element) == {
        "is_bold": True,
        "is_italic": False,
        "is_underlined": False,
        "formatting": [{"start": 4, "end": 7, "type": ["italic"]}],
    }


def test_offsets_count_code_points(library: Library) -> None:
    combined = "e\u0301"
    before = f"𠮷野家 {combined} 👩\u200d👩\u200d👧 "
    (element,) = read_word(library, by_hand(f"<w:p>{run(before)}{run(combined, '<w:i/>')}{run('𠮷')}</w:p>"))

    assert element.text == f"{before}{combined}𠮷"
    assert styles_of(element)["formatting"] == [{"start": 13, "end": 15, "type": ["italic"]}]


PIECES = st.lists(
    st.tuples(
        st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]), min_size=1, max_size=6)
        | st.sampled_from(["a", "ab", " ", "\n", "\t", "𠮷", "e\u0301"]),
        *([st.booleans()] * 3),
    ),
    min_size=1,
    max_size=12,
)


@settings(in_any_folder, max_examples=40)  # python-docx takes its time over each
@given(pieces=PIECES)
def test_every_character_keeps_its_formatting(library: Library, pieces: list[tuple[str, bool, bool, bool]]) -> None:
    def build(document: Any) -> None:
        first = document.add_paragraph("|")
        for text, bold, italic, underlined in pieces:
            piece = first.add_run(text)
            piece.bold, piece.italic, piece.underline = bold, italic, underlined

    (element,) = read_word(library, made(build))

    expected = [("|", False, False, False)] + [(each, *piece[1:]) for piece in pieces for each in piece[0]]
    assert element.text == "".join(each[0] for each in expected)
    assert characters(element) == expected


def characters(element: SourceElement) -> list[tuple[str, bool, bool, bool]]:
    said = styles_of(element)
    marked = [(each["start"], each["end"], each["type"]) for each in said["formatting"]]
    assert all(start < end <= len(element.text) and kinds for start, end, kinds in marked)
    assert all(a[1] <= b[0] for a, b in pairwise(marked))

    def is_so(name: str, place: int) -> bool:
        return said[f"is_{name}"] or any(start <= place < end and name in kinds for start, end, kinds in marked)

    return [
        (each, is_so("bold", place), is_so("italic", place), is_so("underlined", place))
        for place, each in enumerate(element.text)
    ]


STYLES = """
<w:docDefaults>
  <w:rPrDefault><w:rPr><w:u w:val="none"/></w:rPr></w:rPrDefault>
  <w:pPrDefault><w:pPr><w:ind w:right="720"/></w:pPr></w:pPrDefault>
</w:docDefaults>
<w:style w:type="paragraph" w:styleId="Quote">
  <w:name w:val="Quote"/><w:basedOn w:val="Set"/><w:rPr><w:i/></w:rPr>
</w:style>
<w:style w:type="paragraph" w:styleId="Set">
  <w:name w:val="Set"/><w:pPr><w:jc w:val="center"/><w:ind w:left="1440"/></w:pPr><w:rPr><w:u w:val="single"/></w:rPr>
</w:style>
<w:style w:type="paragraph" w:default="1" w:styleId="Normal">
  <w:name w:val="Normal"/><w:pPr><w:jc w:val="both"/></w:pPr>
</w:style>
<w:style w:type="character" w:styleId="Emphasis"><w:name w:val="Emphasis"/><w:rPr><w:i/></w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="Round">
  <w:name w:val="Round"/><w:basedOn w:val="Round"/><w:rPr><w:b/></w:rPr>
</w:style>
"""


def test_styles_say_what_the_paragraph_does_not(library: Library) -> None:
    quote = '<w:pStyle w:val="Quote"/>'
    first, second, third = read_word(
        library,
        by_hand(
            paragraph("One", quote) + paragraph("Two", f'{quote}<w:jc w:val="right"/>') + paragraph("Three"),
            styles=STYLES,
        ),
    )
    assert first.content["formatting"] == {
        "alignment": "center",
        "left_indent": 1.0,
        "right_indent": 0.5,
        "first_line_indent": 0.0,
        "text_styles": {"is_bold": False, "is_italic": True, "is_underlined": True, "formatting": []},
    }
    assert second.content["formatting"]["alignment"] == "right"
    assert third.content["formatting"]["alignment"] == "justify"


def test_emphasis_within_an_italic_paragraph_is_upright_as_word_shows_it(library: Library) -> None:
    emphasis = '<w:rStyle w:val="Emphasis"/>'
    upright = '<w:i w:val="0"/>'
    runs = run("One ") + run("two", emphasis) + run(" three", upright) + run(" four", f"{emphasis}<w:i/>")
    body = f'<w:p><w:pPr><w:pStyle w:val="Quote"/></w:pPr>{runs}</w:p>'
    (element,) = read_word(library, by_hand(body, styles=STYLES))
    assert ranges(element) == [("One ", "italic"), (" four", "italic")]


def test_styles_that_are_missing_or_go_round_in_a_circle_say_nothing_more(library: Library) -> None:
    found = read_word(
        library,
        by_hand(
            paragraph("One", '<w:pStyle w:val="Gone"/>') + paragraph("Two", '<w:pStyle w:val="Round"/>'), styles=STYLES
        ),
    )
    assert [styles_of(element)["is_bold"] for element in found] == [False, True]


def test_a_paragraph_that_runs_from_the_right_begins_there(library: Library) -> None:
    (element,) = read_word(library, by_hand(paragraph("שלום", '<w:bidi/><w:ind w:left="720"/>')))
    formatting = element.content["formatting"]
    assert (formatting["alignment"], formatting["left_indent"], formatting["right_indent"]) == ("right", 0.0, 0.5)


@pytest.mark.parametrize(("indent", "inches"), [("567", 0.3937), ("1in", 1.0), ("2.54cm", 1.0), ("x", 0.0), ("", 0.0)])
def test_lengths_are_told_in_inches(library: Library, indent: str, inches: float) -> None:
    (element,) = read_word(library, by_hand(paragraph("One", f'<w:ind w:left="{indent}"/>')))
    assert element.content["formatting"]["left_indent"] == inches


# What is in the text


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:cr/><w:t>d</w:t></w:r>", "a\tb\nc\nd"),
        ('<w:r><w:t>a</w:t><w:br w:type="page"/><w:t>b</w:t></w:r>', "a\nb"),
        ('<w:r><w:br w:type="page"/><w:t>b</w:t><w:br w:type="column"/></w:r>', "b"),
        ("<w:r><w:t>co</w:t><w:softHyphen/><w:t>op</w:t><w:noBreakHyphen/><w:t>s</w:t></w:r>", "co\u00adop\u2011s"),
        ('<w:r><w:sym w:font="Symbol" w:char="F061"/><w:sym w:char="0000"/><w:sym w:char="D800"/></w:r>', "\uf061"),
        ("<w:r><w:t> a </w:t></w:r><w:r><w:t xml:space='preserve'> b\nc </w:t></w:r>", "a b c "),
        ("<w:hyperlink><w:r><w:t>link</w:t></w:r></w:hyperlink>", "link"),
        ("<w:ins><w:r><w:t>new</w:t></w:r></w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del>", "new"),
        ("<w:moveFrom><w:r><w:t>x</w:t></w:r></w:moveFrom><w:moveTo><w:r><w:t>y</w:t></w:r></w:moveTo>", "y"),
        ("<w:smartTag><w:sdt><w:sdtContent><w:r><w:t>deep</w:t></w:r></w:sdtContent></w:sdt></w:smartTag>", "deep"),
        ('<w:fldSimple w:instr="PAGE"><w:r><w:t>7</w:t></w:r></w:fldSimple>', "7"),
        (
            "<w:ruby><w:rt><w:r><w:t>よし</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>𠮷</w:t></w:r></w:rubyBase></w:ruby>",
            "𠮷",
        ),
        ("<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r><w:r><w:t>seen</w:t></w:r>", "seen"),
        (
            f"<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>{run('Click here')}</w:sdtContent></w:sdt>"
            "<w:r><w:t>seen</w:t></w:r>",
            "seen",
        ),
    ],
)
def test_the_text_is_what_word_shows(library: Library, inside: str, text: str) -> None:
    assert texts(read_word(library, by_hand(f"<w:p>{inside}</w:p>"))) == [text]


def test_of_a_field_its_result_is_read_and_not_how_it_is_made(library: Library) -> None:
    begin, separate, end = (f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>' for kind in ("begin", "separate", "end"))
    how = "<w:r><w:instrText>HYPERLINK x</w:instrText><w:t>condition</w:t></w:r>"
    inner = f"{begin}{how}{separate}{run('within')}{end}"
    body = f"<w:p>{run('see ')}{begin}{inner}{separate}{run('page 7')}{end}{run('.')}</w:p>"
    lost = f"<w:p>{begin}{how}</w:p>{paragraph('after')}<w:p>{end}{separate}{run('all')}</w:p>"

    assert texts(read_word(library, by_hand(body + lost))) == ["see page 7.", "after", "all"]


def test_offsets_are_of_the_text_without_what_was_deleted(library: Library) -> None:
    body = f"<w:p><w:del>{run('gone ')}</w:del>{run('kept ')}<w:ins>{run('new', '<w:b/>')}</w:ins></w:p>"
    (element,) = read_word(library, by_hand(body))
    assert ranges(element) == [("new", "bold")]


def test_paragraphs_whose_mark_was_deleted_are_one(library: Library) -> None:
    deleted = "<w:rPr><w:del/></w:rPr>"
    body = paragraph("One ", deleted, "0000000A") + paragraph("two", '<w:jc w:val="center"/>', "0000000B")
    body += paragraph("Last", deleted)

    first, second = read_word(library, by_hand(body))

    assert (first.text, first.source_id) == ("One two", "body:0000000B")
    assert first.content["formatting"]["alignment"] == "center"
    assert second.text == "Last"


def test_a_drop_cap_is_the_first_letter_of_its_paragraph(library: Library) -> None:
    body = paragraph("M", '<w:framePr w:dropCap="drop" w:lines="3"/>') + paragraph("orning came.")
    assert texts(read_word(library, by_hand(body))) == ["Morning came."]


def test_empty_paragraphs_headers_and_footers_are_left_out(library: Library) -> None:
    def build(document: Any) -> None:
        document.add_paragraph("One")
        document.add_paragraph(" \t\u3000\u00a0")
        document.add_paragraph("")
        document.add_paragraph("Two")
        document.sections[0].header.paragraphs[0].text = "above"
        document.sections[0].footer.paragraphs[0].text = "below"

    found = read_word(library, made(build))
    assert places(found, "element_order") == [(1,), (2,)]
    assert texts(found) == ["One", "Two"]


def test_a_text_box_is_read_once_after_its_paragraph(library: Library) -> None:
    box = f"<w:txbxContent>{paragraph('boxed', paragraph_id='0000000C')}</w:txbxContent>"
    twice = (
        f"<mc:AlternateContent><mc:Choice><w:drawing>{box}</w:drawing></mc:Choice>"
        f"<mc:Fallback><w:pict>{box}</w:pict></mc:Fallback></mc:AlternateContent>"
    )
    found = read_word(library, by_hand(f"<w:p>{run('One')}<w:r>{twice}</w:r></w:p>{paragraph('Two')}"))
    assert list(zip(texts(found), places(found, "kind"), strict=True)) == [
        ("One", ("paragraph",)),
        ("boxed", ("text_box",)),
        ("Two", ("paragraph",)),
    ]


# Headings, lists, tables, notes


def test_headings_have_their_level(library: Library) -> None:
    def build(document: Any) -> None:
        document.add_heading("The flood", 0)
        document.add_heading("Morning", 1)
        document.add_heading("Nine", 9)
        document.add_paragraph("Text")

    found = read_word(library, made(build))
    assert places(found, "kind", "level") == [("heading", 0), ("heading", 1), ("heading", 9), ("paragraph", None)]


def test_a_style_based_on_a_heading_is_one_unless_it_says_otherwise(library: Library) -> None:
    styles = (
        '<w:style w:type="paragraph" w:styleId="a"><w:name w:val="heading 2"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="b"><w:name w:val="Own"/><w:basedOn w:val="a"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="c"><w:name w:val="TOC Heading"/><w:basedOn w:val="a"/>'
        '<w:pPr><w:outlineLvl w:val="9"/></w:pPr></w:style>'
    )
    body = "".join(paragraph(style, f'<w:pStyle w:val="{style}"/>') for style in "abc")
    body += paragraph("d", '<w:outlineLvl w:val="3"/>')

    found = read_word(library, by_hand(body, styles=styles))

    assert places(found, "kind", "level") == [("heading", 2), ("heading", 2), ("paragraph", None), ("heading", 4)]


def test_word_s_own_list_styles_are_items_at_their_level(library: Library) -> None:
    def build(document: Any) -> None:
        for text, style in (("a", "List Number"), ("b", "List Bullet 2"), ("c", "List Bullet 3"), ("d", "List Number")):
            document.add_paragraph(text, style=style)

    found = read_word(library, made(build))
    assert places(found, "kind", "level", "number", "marker") == [
        ("list_item", 1, 1, "1."),
        ("list_item", 2, None, "•"),
        ("list_item", 3, None, "•"),
        ("list_item", 1, 2, "2."),
    ]


def level(number: int, kind: str, pattern: str, more: str = "") -> str:
    return (
        f'<w:lvl w:ilvl="{number}"><w:start w:val="1"/><w:numFmt w:val="{kind}"/>{more}<w:lvlText w:val="{pattern}"/>'
        f'<w:pPr><w:ind w:left="{720 * (number + 1)}" w:hanging="360"/></w:pPr></w:lvl>'
    )


NUMBERING = (
    f'<w:abstractNum w:abstractNumId="0">{level(0, "decimal", "%1.")}{level(1, "lowerLetter", "%1.%2)")}'
    f"{level(2, 'upperRoman', '%3')}{level(3, 'hebrew1', '%4.')}</w:abstractNum>"
    '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    '<w:num w:numId="2"><w:abstractNumId w:val="0"/>'
    '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride></w:num>'
)


def item(list_id: int, depth: int, text: str = "x") -> str:
    return paragraph(text, f'<w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="{list_id}"/></w:numPr>')


def test_nested_lists_are_counted_as_word_counts_them(library: Library) -> None:
    order = [(1, 0), (1, 1), (1, 1), (1, 2), (1, 0), (1, 1), (1, 3), (2, 0), (2, 0), (1, 0), (7, 0), (0, 0)]
    found = read_word(library, by_hand("".join(item(*each) for each in order), numbering=NUMBERING))

    assert places(found, "list", "level", "number", "marker") == [
        *((1, 1, 1, "1."), (1, 2, 1, "1.a)"), (1, 2, 2, "1.b)"), (1, 3, 1, "I"), (1, 1, 2, "2."), (1, 2, 1, "2.a)")),
        *((1, 4, 1, None), (2, 1, 5, "5."), (2, 1, 6, "6."), (1, 1, 7, "7.")),
        *((None, None, None, None), (None, None, None, None)),
    ]
    assert found[0].content["formatting"]["left_indent"] == 0.5
    assert found[0].content["formatting"]["first_line_indent"] == -0.25
    assert places(found, "kind")[-2:] == [("paragraph",), ("paragraph",)]


def test_an_empty_item_counts_though_it_is_left_out(library: Library) -> None:
    found = read_word(library, by_hand(item(1, 0) + item(1, 0, "") + item(1, 0), numbering=NUMBERING))
    assert places(found, "marker") == [("1.",), ("3.",)]


def test_the_cells_of_a_table_have_their_row_and_column(library: Library) -> None:
    def build(document: Any) -> None:
        document.add_paragraph("before")
        table = document.add_table(2, 2)
        for number, cell in enumerate(cell for row in table.rows for cell in row.cells):
            cell.text = f"cell {number}"
        table.cell(1, 1).add_paragraph("more")
        inner = table.cell(1, 1).add_table(1, 1)
        inner.cell(0, 0).text = "inner"
        document.add_paragraph("after")

    found = read_word(library, made(build))
    assert list(zip(texts(found), places(found, "kind", "table", "row", "column"), strict=True)) == [
        ("before", ("paragraph", None, None, None)),
        ("cell 0", ("table_cell", 1, 1, 1)),
        ("cell 1", ("table_cell", 1, 1, 2)),
        ("cell 2", ("table_cell", 1, 2, 1)),
        ("cell 3", ("table_cell", 1, 2, 2)),
        ("more", ("table_cell", 1, 2, 2)),
        ("inner", ("table_cell", 2, 1, 1)),
        ("after", ("paragraph", None, None, None)),
    ]


def test_merged_cells_are_read_once(library: Library) -> None:
    def build(document: Any) -> None:
        table = document.add_table(3, 3)
        for row in range(3):
            for column in range(3):
                table.cell(row, column).text = f"{row}{column}"
        table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"
        table.cell(1, 0).merge(table.cell(2, 0)).text = "tall"

    found = read_word(library, made(build))
    assert list(zip(texts(found), places(found, "row", "column"), strict=True)) == [
        *(("wide", (1, 1)), ("02", (1, 3))),
        *(("tall", (2, 1)), ("11", (2, 2)), ("12", (2, 3))),
        *(("21", (3, 2)), ("22", (3, 3))),
    ]


def test_a_cell_that_goes_on_with_none_is_read_and_a_deleted_row_is_not(library: Library) -> None:
    def cell(text: str, properties: str = "") -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(text)}</w:tc>"

    rows_ = (
        f"<w:tr>{cell('a', '<w:vMerge/>')}{cell('b')}</w:tr>"
        f"<w:tr><w:trPr><w:del/></w:trPr>{cell('gone')}</w:tr>"
        f'<w:tr><w:trPr><w:gridBefore w:val="1"/></w:trPr>{cell("c", "<w:vMerge/>")}</w:tr>'
    )
    found = read_word(library, by_hand(f"<w:tbl>{rows_}</w:tbl>"))
    assert list(zip(texts(found), places(found, "row", "column"), strict=True)) == [
        *(("a", (1, 1)), ("b", (1, 2)), ("c", (2, 2))),
    ]


def note(kind: str, note_id: int, text: str) -> str:
    mark = f"<w:p><w:r><w:{kind}Ref/></w:r>{run(' ' + text)}</w:p>"
    return f'<w:{kind} w:id="{note_id}">{mark}{paragraph("more")}</w:{kind}>'


def test_notes_are_elements_and_their_marks_have_a_position(library: Library) -> None:
    def call(kind: str, note_id: int) -> str:
        return f'<w:r><w:{kind}Reference w:id="{note_id}"/></w:r>'

    body = (
        f"<w:p>{run('One')}{call('footnote', 2)}{run(' two')}{call('endnote', 1)}{call('footnote', 9)}</w:p>"
        f"<w:p>{run('Three')}{call('footnote', 1)}{call('footnote', 2)}</w:p>"
    )
    separator = f'<w:footnote w:type="separator" w:id="9">{paragraph("---")}</w:footnote>'
    footnotes = (
        separator + note("footnote", 1, "first") + note("footnote", 2, "second") + note("footnote", 3, "uncalled")
    )

    found = read_word(library, by_hand(body, footnotes=footnotes, endnotes=note("endnote", 1, "end")))

    assert list(zip(texts(found), places(found, "element_order", "kind", "note"), strict=True)) == [
        ("One two", (1, "paragraph", None)),
        ("second", (2, "footnote", 1)),
        ("more", (3, "footnote", 1)),
        ("Three", (4, "paragraph", None)),
        ("first", (5, "footnote", 2)),
        ("more", (6, "footnote", 2)),
        ("end", (7, "endnote", 1)),
        ("more", (8, "endnote", 1)),
    ]
    assert found[0].content["notes"] == [
        {"kind": "footnote", "note": 1, "position": 3},
        {"kind": "endnote", "note": 1, "position": 7},
    ]
    assert found[3].content["notes"] == [
        {"kind": "footnote", "note": 2, "position": 5},
        {"kind": "footnote", "note": 1, "position": 5},
    ]
    assert "notes" not in found[1].content


def test_a_note_of_a_paragraph_without_text_is_read(library: Library) -> None:
    body = f'{paragraph("One")}<w:p><w:r><w:footnoteReference w:id="1"/></w:r></w:p>'
    found = read_word(library, by_hand(body, footnotes=note("footnote", 1, "first")))
    assert texts(found) == ["One", "first", "more"]
    assert places(found, "element_order") == [(1,), (2,), (3,)]


# The document


def test_the_title_is_the_file_s_property_else_its_first_heading_else_its_name(library: Library) -> None:
    heading = paragraph("Morning", '<w:pStyle w:val="Heading1"/>')
    plain = paragraph("Text")
    core = "<dc:title> The\n flood </dc:title><dc:language>fr</dc:language>"

    named = document_of(library, by_hand(plain + heading, core=core))
    assert (named.title, named.language, named.source_id) == ("The flood", "fr", "text.docx")
    assert document_of(library, by_hand(plain + heading)).title == "Morning"
    assert document_of(library, by_hand(plain)).title == "text"


def test_the_text_may_stand_under_another_name_in_the_package(library: Library) -> None:
    parts = parts_by_hand(paragraph("One"))
    parts["word/document2.xml"] = parts.pop("word/document.xml")
    parts["_rels/.rels"] = str(parts["_rels/.rels"]).replace("word/document", "/word/document2")
    assert texts(read_word(library, packed(parts))) == ["One"]


@pytest.mark.parametrize("name", ["a.docx", "a.DOCM", "a.txt", "a"])
def test_a_word_document_is_known_by_its_content(library: Library, name: str) -> None:
    assert texts(read_word(library, by_hand(paragraph("One")), name)) == ["One"]


def test_an_upload_is_read_as_a_file_is() -> None:
    upload = BytesIO(by_hand(paragraph("One")))
    ((document, found),) = (
        (each, list(each.elements)) for each in files.read(Path("mine.docx"), max_bytes=MAX_BYTES, source=upload)
    )
    assert (document.source_id, texts(found)) == ("mine.docx", ["One"])


# Ids


def test_a_paragraph_is_known_by_the_id_that_word_gave_it_if_no_other_has_it(library: Library) -> None:
    body = "".join(paragraph(text, "", name) for text, name in (("a", "0000000a"), ("b", "0000000A"), ("c", "x")))
    first, second, third = read_word(library, by_hand(body))
    assert first.source_id == "body:0000000A"
    assert second.source_id.startswith("body#")
    assert third.source_id.startswith("body#")


def test_without_such_ids_a_paragraph_that_comes_before_changes_no_other_s(library: Library) -> None:
    old = read_word(library, by_hand("".join(map(paragraph, ["a", "***", "b", "***"]))))
    new = read_word(library, by_hand("".join(map(paragraph, ["new", "a", "***", "b", "***"]))))
    assert len({element.source_id for element in new}) == 5
    assert [element.source_id for element in new[1:]] == [element.source_id for element in old]


# What is refused


DAMAGED = "is damaged; if Word can open it, save it again there."
NO_WORD = "is not a Word document (.docx); if Word can open it, save it there as one."
LOCKED = "is locked with a password, or from an old Word (.doc); save it in Word as .docx, without a password."
GOOD = by_hand(paragraph("One"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", NO_WORD),
        (b"{\\rtf1 One}", NO_WORD),
        (b"One", NO_WORD),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), LOCKED),
        (GOOD[: len(GOOD) // 2], DAMAGED),
        (b"PK\x03\x04", DAMAGED),
        (GOOD[:60] + b"\x00\x01\x02" + GOOD[63:], DAMAGED),
        (
            packed({"a.txt": "One"}),
            "is packed like a Word document but is none: it has no word/document.xml.",
        ),
        (
            packed({"mimetype": "", "META-INF/manifest.xml": "<a/>", "content.xml": "<a/>"}),
            "is an OpenDocument text (.odt); save it as a Word document (.docx).",
        ),
        (
            packed({"word/document.xml": "<workbook/>"}),
            "is packed like a Word document but holds something else, such as a table.",
        ),
        (
            packed({"word/document.xml": '<document xmlns="http://purl.oclc.org/ooxml/wordprocessingml/main"/>'}),
            "is a “Strict Open XML Document”; save it in Word as a “Word Document (.docx)”.",
        ),
        (packed({"word/document.xml": ""}), DAMAGED),
        (packed({"word/document.xml": "<w:document"}), DAMAGED),
        (packed({"word/document.xml": b"<a>\xff</a>"}), DAMAGED),
        (packed({"word/document.xml": "<a/>"}, ZIP_LZMA), DAMAGED),
        (
            packed({"word/document.xml": '<?xml version="1.0" encoding="cp037"?><a/>'}),
            "can't be read: it is not in UTF-8.",
        ),
        (by_hand(""), "holds no text."),
        (by_hand(paragraph(" ")), "holds no text."),
        (
            by_hand(paragraph("x" * 200_000) + f"<w:p>{run('y' * 200_000)}{run('z' * 200_000)}</w:p>"),
            f"can't be read: a paragraph has more than {LONGEST_TEXT:,} characters.",
        ),
    ],
    ids=lambda each: each[:40] if isinstance(each, str) else "file",
)
def test_what_is_no_word_document_is_refused_in_words(library: Library, content: bytes, reason: str) -> None:
    assert library.refusal(content, "a.docx") == reason


@pytest.mark.parametrize("name", ["a.doc", "a.rtf", "a.odt"])
def test_other_kinds_of_document_are_told_what_to_do(library: Library, name: str) -> None:
    assert library.refusal("One", name) == NO_WORD


def test_a_member_with_a_password_is_refused(library: Library) -> None:
    changed = bytearray(GOOD)
    place = changed.index(b"PK\x01\x02")
    changed[place + 8] |= 1
    assert library.refusal(bytes(changed), "a.docx") == "is locked with a password; save it without one."


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE a SYSTEM "http://example.invalid/a.dtd">',
        '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>',
    ],
)
@pytest.mark.parametrize("part", ["word/document.xml", "word/styles.xml", "_rels/.rels"])
def test_a_document_type_is_refused_in_every_part(library: Library, declaration: str, part: str) -> None:
    parts = parts_by_hand(paragraph("One"), styles="")
    parts[part] = declaration + str(parts[part])
    assert library.refusal(packed(parts), "a.docx") == (
        "can't be read: it declares a document type, as no Word document does."
    )


def test_a_zip_bomb_is_refused_before_it_goes_off(library: Library) -> None:
    bomb = by_hand(paragraph("One") + " " * 20_000_000)
    assert len(bomb) < 50_000
    assert library.refusal(bomb, "a.docx") == "can't be read: its word/document.xml is packed tighter than any text."


def test_a_bomb_that_hides_its_size_unpacks_to_no_more_than_it_says(library: Library) -> None:
    bomb = bytearray(by_hand(paragraph("One") + " " * 20_000_000))
    place = bomb.index(b"word/document.xml", bomb.index(b"PK\x01\x02")) - 46
    bomb[place + 24 : place + 28] = (1000).to_bytes(4, "little")
    assert library.refusal(bytes(bomb), "a.docx") == DAMAGED


def test_too_many_members_or_too_much_in_them_is_refused(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    many = packed({**parts_by_hand(paragraph("One")), **{f"{number}": "" for number in range(10_001)}})
    assert library.refusal(many, "a.docx") == "can't be read: more than 10,000 files are packed in it."
    assert library.refusal(packed({f"{number:0300}": "" for number in range(4_000)}), "a.docx") == DAMAGED

    monkeypatch.setattr(word_package, "_MOST_UNPACKED", 100)
    assert library.refusal(GOOD, "a.docx") == "can't be read: unpacked it would have more than 100 bytes."


@pytest.mark.parametrize(
    ("limit", "body", "reason"),
    [
        ("_LONGEST_TEXT_PART", paragraph("One"), "unpacked its word/document.xml would have more than 50 bytes"),
        ("_MOST_IN_UNIT", f"<w:p>{run('x') * 50}</w:p>", "a table or another piece of it is too large"),
        (
            "_MOST_NAMES",
            "".join(f"<a{number}/>" for number in range(60)),
            "its elements have more names than any text's",
        ),
        ("_LONGEST_TAG", f"<w:p a='{'x' * 100_000}'/>", "a tag in it is longer than any text's"),
    ],
)
def test_each_bound_is_kept(
    library: Library, monkeypatch: pytest.MonkeyPatch, limit: str, body: str, reason: str
) -> None:
    monkeypatch.setattr(word_package, limit, 50)
    assert library.refusal(by_hand(body), "a.docx") == f"can't be read: {reason}."


def test_deep_nesting_is_read_up_to_a_bound(library: Library) -> None:
    def nested(depth: int) -> bytes:
        return by_hand(f"<w:p>{'<w:smartTag>' * depth}{run('One')}{'</w:smartTag>' * depth}</w:p>")

    def tables(depth: int) -> bytes:
        return by_hand("<w:tbl><w:tr><w:tc>" * depth + paragraph("One") + "</w:tc></w:tr></w:tbl>" * depth)

    def controls(depth: int) -> bytes:
        return by_hand("<w:sdt><w:sdtContent>" * depth + paragraph("One") + "</w:sdtContent></w:sdt>" * depth)

    for content in (nested(190), tables(64), controls(97)):
        assert texts(read_word(library, content)) == ["One"]
    for content in (nested(200), tables(70), controls(100), tables(1_000)):
        assert library.refusal(content, "a.docx") == "can't be read: its elements are nested too deep."


def test_a_part_outside_of_the_package_is_never_opened(library: Library) -> None:
    parts = parts_by_hand(paragraph("One"), styles="")
    parts["word/_rels/document.xml.rels"] = str(parts["word/_rels/document.xml.rels"]).replace(
        "styles.xml", "../../../../etc/passwd"
    )
    assert texts(read_word(library, packed(parts))) == ["One"]


@in_any_folder
@given(place=st.floats(0, 1), byte=st.integers(0, 255), cut=st.booleans())
def test_damage_anywhere_ends_in_a_sentence(library: Library, place: float, byte: int, cut: bool) -> None:
    whole = bytearray(BUSY)
    at = int(place * (len(whole) - 1))
    whole[at] = byte
    path = library.write(bytes(whole[: at + 1] if cut else whole), "a.docx")
    with suppress(Invalid):
        elements(path)


BUSY = packed(
    parts_by_hand(
        paragraph("One", '<w:pStyle w:val="Quote"/>') + item(1, 1),
        styles=STYLES,
        numbering=NUMBERING,
        footnotes=note("footnote", 1, "x"),
    ),
    ZIP_STORED,
)


def test_30_mb_of_word_are_read_in_little_memory(library: Library) -> None:
    repeated = paragraph(LINE, '<w:pStyle w:val="Quote"/>', "{:08X}")
    count = 30_000_000 // len(repeated.encode())

    def write(name: str, count: int) -> Path:
        body = "".join(repeated.replace("{:08X}", f"{number:08X}") for number in range(1, count + 1))
        return library.write(packed(parts_by_hand(body, styles=STYLES), ZIP_STORED), name)

    paths = write("short.docx", 10), write("a.docx", count)
    found, megabytes = growth(*paths)
    assert found == count
    assert megabytes < MOST_GROWTH


# Into the database


def essay(paragraphs: list[tuple[str, str]]) -> bytes:
    return by_hand("".join(paragraph(text, "", name) for name, text in paragraphs), core="<dc:title>Essay</dc:title>")


async def test_a_word_document_is_imported_and_updated(engine: AsyncEngine, world: World, tmp_path: Path) -> None:
    path = tmp_path / "essay.docx"
    path.write_bytes(essay([("0000000A", "The river rose."), ("0000000B", "Nobody slept."), ("0000000C", "Morning.")]))
    assert str(await bring(engine, path)) == "1 document, 3 elements added"
    assert str(await bring(engine, path)) == "1 document, 3 elements unchanged"
    old = dict(await rows(engine, "SELECT source_id, id FROM app.document_elements"))

    path.write_bytes(
        essay([("0000000A", "The river rose."), ("0000000D", "New."), ("0000000B", "Nobody could sleep.")])
    )
    outcome = await bring(engine, path)

    assert (outcome.known_documents, outcome.added, outcome.changed, outcome.removed) == (1, 1, 1, 1)
    assert await lines(engine) == ["The river rose.", "New.", "Nobody could sleep."]
    assert await rows(engine, "SELECT title, source_id FROM app.documents") == [("Essay", "essay.docx")]
    new = dict(await rows(engine, "SELECT source_id, id FROM app.document_elements"))
    assert {name: new[name] for name in ("body:0000000A", "body:0000000B")} == {
        name: old[name] for name in ("body:0000000A", "body:0000000B")
    }
    shown = "FROM app.document_elements WHERE deleted_at IS NULL ORDER BY position"
    orders = await rows(engine, f"SELECT hierarchy ->> 'element_order' {shown}")
    assert orders == [("1",), ("2",), ("3",)]

    await world.note(document_element_id=new["body:0000000A"])
    path.write_bytes(essay([("0000000A", "The river fell.")]))
    assert (await bring(engine, path)).carried == 1


async def test_a_bad_word_document_leaves_nothing_behind(engine: AsyncEngine, tmp_path: Path) -> None:
    path = tmp_path / "essay.docx"
    path.write_bytes(packed({**parts_by_hand(""), "word/document.xml": f'<w:document xmlns:w="{W}"><w:body><w:p>'}))
    with pytest.raises(Invalid, match=r"essay\.docx is damaged"):
        await bring(engine, path)
    assert await rows(engine, "SELECT id FROM app.document_collections") == []


def test_python_docx_opens_what_is_made_by_hand() -> None:
    """So that the tests' own files are Word's, as far as another reader can tell."""
    parts = parts_by_hand(paragraph("One"), styles=STYLES)
    override = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    parts["[Content_Types].xml"] = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{override}.document.main+xml"/>'
        f'<Override PartName="/word/styles.xml" ContentType="{override}.styles+xml"/></Types>'
    )
    assert [each.text for each in docx.Document(BytesIO(packed(parts))).paragraphs] == ["One"]
