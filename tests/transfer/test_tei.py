"""Reading TEI: which elements a text has, where they stand, and what is refused."""

import html
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from genji_graphql.errors import Invalid
from genji_graphql.models import LONGEST_TEXT
from genji_graphql.transfer import tei_text
from genji_graphql.transfer.source import SourceDocument, SourceElement
from tests.data import genji
from tests.transfer.library import Library, documents, elements

NAMESPACE = "http://www.tei-c.org/ns/1.0"
in_any_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def edition(body: str, header: str = "", attributes: str = "") -> str:
    return (
        f'<TEI xmlns="{NAMESPACE}" {attributes}><teiHeader>{header}</teiHeader><text><body>{body}</body></text></TEI>'
    )


def read_tei(library: Library, content: str | bytes, name: str = "text.xml") -> list[SourceElement]:
    return elements(library.write(content, name))


def document_of(library: Library, content: str, name: str = "text.xml") -> SourceDocument:
    ((document, _),) = library.documents(content, name)
    return document


def places(found: list[SourceElement], *keys: str) -> list[tuple[Any, ...]]:
    return [tuple(element.hierarchy.get(key) for key in keys) for element in found]


# The Tale of Genji


def test_the_54_chapters_of_genji_are_54_documents_of_25065_lines() -> None:
    chapters = [chapter for path in genji() for chapter in documents(path)]

    assert [document.source_id for document, _ in chapters] == [f"{number:02}.xml" for number in range(1, 55)]
    assert chapters[0][0].title == "校異源氏物語・きりつぼ"
    assert chapters[0][0].description == "池田亀鑑 校異源氏物語 中央公論社"
    lines = [line for _, found in chapters for line in found]
    assert len(lines) == 25_065
    assert lines[0].text == "いつれの御時にか女御更衣あまたさふらひ給けるなかにいとやむことなきゝは"
    assert lines[-1].text == "と我御心のおもひよらぬくまなくおとしをきたまへりしならひにとそ"
    assert lines[0].source_id == "https://w3id.org/kouigenjimonogatari/api/items/0005-01.json"
    assert len({line.source_id for line in lines}) == 25_065
    for _, found in chapters:
        assert [line.hierarchy["element_order"] for line in found] == list(range(1, len(found) + 1))
        assert {line.hierarchy["unit"] for line in found} == {"seg"}
    assert {line.content["source"] == line.source_id for line in lines} == {True}


def test_every_line_of_genji_is_the_one_that_stands_in_the_file() -> None:
    for path in genji():
        in_the_file = re.findall("<seg [^>]*>(.*?)</seg>", path.read_text(encoding="utf-8"), re.DOTALL)
        expected = [html.unescape(re.sub("<[^>]+>", "", line)) for line in in_the_file]
        assert [line.text for line in elements(path)] == expected


def test_the_page_and_line_of_each_line_of_genji_are_those_of_its_iri() -> None:
    for path in genji():
        for line in elements(path):
            assert line.source_id.endswith(f"/{line.hierarchy['page']:04}-{line.hierarchy['line']:02}.json")
            assert line.content["facs"].startswith("https://dl.ndl.go.jp/api/iiif/")


def test_the_795_waka_of_genji_mark_their_lines_and_double_nothing() -> None:
    marked = [line for path in genji() for line in elements(path) if "verse" in line.content]
    waka = [(line, verse) for line in marked for verse in line.content["verse"]]

    assert [verse["id"] for _, verse in waka] == [f"waka-{number:03}" for number in range(1, 796)]
    assert {line.hierarchy["verse"] for line in marked} == {"waka"}
    first, verse = waka[0]
    assert first.text == "　　かきりとてわかるゝ道のかなしきにいかまほしきはいのちなりけりいとか"
    assert first.text[verse["start"] : verse["end"]] == "かきりとてわかるゝ道のかなしきにいかまほしきはいのちなりけり"
    assert [first.text[start:end] for start, end in verse["lines"]] == [
        *("かきりとて", "わかるゝ道の", "かなしきに", "いかまほしきは", "いのちなりけり")
    ]
    assert (verse["type"], verse["rhyme"]) == ("waka", "tanka")
    expected = [
        ["".join(line.itertext()) for line in group.iter(f"{{{NAMESPACE}}}l")]
        for path in genji()
        for group in ElementTree.parse(path).iter(f"{{{NAMESPACE}}}lg")
    ]
    assert [[line.text[start:end] for start, end in verse["lines"]] for line, verse in waka] == expected


# Which elements a text has


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ("<p>One.</p><p>Two.</p>", ["One.", "Two."]),
        ("<p><seg>One.</seg> <seg>Two.</seg></p>", ["One.", "Two."]),
        ("<p>One <seg>and <hi>two</hi></seg> and three</p>", ["One and two and three"]),
        ("<p><seg>One</seg> and then <seg>two</seg></p>", ["One and then two"]),
        ("<p><seg>One</seg><seg>two</seg> at last</p>", ["Onetwo at last"]),
        ("<p><hi>One</hi> <seg>two</seg></p>", ["One two"]),
        ("<seg><seg>One</seg><seg>Two</seg></seg>", ["One", "Two"]),
        ("<seg><lg><l>One</l><l>two</l></lg></seg>", ["One two"]),
        ("<p><lg><l>One</l><l>two</l></lg></p>", ["One", "two"]),
        ("<p>She sang: <lg><l>One</l><l>two</l></lg></p>", ["She sang: One two"]),
        ("<lg><head>Song</head><l>One</l><l>two</l></lg>", ["Song", "One", "two"]),
        ("<l><seg>One</seg> <seg>two</seg></l>", ["One", "two"]),
        ("<list><item>One</item><item>two <list><item>three</item></list></item></list>", ["One", "two three"]),
        ("<table><row><cell>One</cell><cell>Two</cell></row></table>", ["One", "Two"]),
        ("<sp><speaker>Ham.</speaker><l>One</l><stage>Exit</stage></sp>", ["Ham.", "One", "Exit"]),
        ("<quote>One <hi>two</hi></quote><quote><p>Three</p></quote>", ["One two", "Three"]),
        ("<div>One <hi>two</hi> three<p>Four</p>five<div>six</div></div>seven", "One two three|Four|five|six|seven"),
        ("<closer>Yours, <signed>H.</signed></closer>", ["Yours, H."]),
        ("<p/><p> \n </p><p>　</p><seg></seg><p>One</p>", ["One"]),
        ("<p>One<note>Not this</note> two<figure><figDesc>a ship</figDesc></figure></p>", ["One two"]),
        ("<note><p>Not this</p></note><fw>page 3</fw><p>One</p>", ["One"]),
        ("<p><choice><sic>Oen</sic><corr>One</corr></choice>, <choice><reg>two</reg><orig>tvvo</orig></choice></p>", 0),
        ("<p><sic>One</sic>, <abbr>two</abbr></p>", ["One, two"]),
        ("<p><choice><sic>O</sic><corr><hi><sic>One</sic></hi></corr></choice><hi><sic>, two</sic></hi></p>", 0),
        ("<p><app><lem>One</lem><rdg>Won</rdg></app><hi><rdg>, two</rdg></hi></p>", 0),
        ("<p><choice><abbr>O</abbr><expan>One</expan></choice><subst><del>x</del><add>, two</add></subst></p>", 0),
        ("<p><app><lem>One</lem><rdg>Won</rdg><rdg>Wan</rdg></app>, two</p>", 0),
        ("<p><app><rdg>One</rdg><rdg>Won</rdg></app>, two</p>", 0),
        ("<p><ruby><rb>One</rb><rt>wan</rt></ruby>, two</p>", 0),
    ],
)
def test_the_innermost_unit_with_text_of_its_own_is_the_element(
    library: Library, body: str, texts: list[str] | str | int
) -> None:
    expected = texts.split("|") if isinstance(texts, str) else texts or ["One, two"]
    assert [element.text for element in read_tei(library, edition(body))] == expected


@st.composite
def trees(draw: st.DrawFn) -> str:
    """Nested elements, whether or not the schema allows them; every word in them is another."""
    words = iter(range(1_000_000))
    tag = st.sampled_from(["p", "seg", "l", "lg", "hi", "div", "quote", "item", "list", "lb", "head", "app", "text"])

    def inside(depth: int) -> Iterator[str]:
        for _ in range(draw(st.integers(0, 4))):
            if depth < 5 and draw(st.booleans()):
                name = draw(tag)
                yield f"<{name}>{''.join(inside(depth + 1))}</{name}>" if name != "lb" else "<lb/>"
            else:
                yield draw(st.sampled_from([f"w{next(words)};", " ", "\n\t"]))

    return "".join(inside(0))


@given(trees())
@example("<lg><l>w0;w1;<l>w2;</l></l></lg>")
@in_any_folder
def test_no_word_is_lost_doubled_or_moved(library: Library, body: str) -> None:
    words = re.findall(r"w\d+;", body)
    found = read_tei(library, edition(body + "<p>end;</p>"))

    assert re.findall(r"w\d+;", "".join(element.text for element in found)) == words
    for element in found:
        assert element.text == element.text.strip()
        for verse in element.content.get("verse", ()):
            for start, end in verse["lines"]:
                line = element.text[start:end]
                assert line
                assert line == line.strip()
                assert verse["start"] <= start < end <= verse["end"]


@given(trees())
@in_any_folder
def test_a_text_too_long_to_be_held_back_is_read_alike_or_refused(library: Library, body: str) -> None:
    whole = read_tei(library, edition(body + "<p>end;</p>"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tei_text, "LONGEST_TEXT", 20)
        try:
            assert elements(library.folder / "text.xml") == whole
        except Invalid as refused:
            assert "20 characters" in str(refused)  # noqa: PT017 - either outcome is right


def test_front_body_and_back_are_read_in_order_and_nothing_beside_the_text(library: Library) -> None:
    found = read_tei(
        library,
        f'<TEI xmlns="{NAMESPACE}"><teiHeader><p>Not this</p></teiHeader><facsimile><p>nor this</p></facsimile>'
        "<text><front><titlePage><docTitle><titlePart>One</titlePart><titlePart>Two</titlePart></docTitle></titlePage>"
        "</front><body><p>Three</p></body><back><p>Four</p></back></text><standOff><p>nor this</p></standOff></TEI>",
    )
    assert [element.text for element in found] == ["One", "Two", "Three", "Four"]
    loose = read_tei(library, f'<TEI xmlns="{NAMESPACE}"><text>One</text><standOff><p>nor this</p></standOff></TEI>')
    assert [element.text for element in loose] == ["One"]


# Their text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("\n\t\tCall me\n\t\t\tIshmael.  Some\tyears\n", "Call me Ishmael. Some years"),
        ("\n　　かきり\n\t\tとて\n", "　　かきりとて"),
        ("源氏 物語", "源氏 物語"),
        ("源氏\nGenji", "源氏 Genji"),
        ("한글\n한글", "한글 한글"),
        ("𠮟\n𠮟", "𠮟𠮟"),
        ("One<lb/>two<pb n='2'/>three", "One two three"),
        ("源氏<lb/>物語", "源氏物語"),
        ("won\n\t<lb break='no'/>\n\tderful", "wonderful"),
        ("cafe\u0301 ﬁn\u00a0x", "cafe\u0301 ﬁn\u00a0x"),
        ("&lt;b&gt; &amp; &#x20000;<![CDATA[<i>]]><!-- no --><?no?>", "<b> & \U00020000<i>"),
    ],
)
def test_only_the_white_space_of_the_layout_is_folded(library: Library, raw: str, text: str) -> None:
    assert [element.text for element in read_tei(library, edition(f"<p>{raw}</p>"))] == [text]


def test_verse_is_marked_by_code_points_of_the_folded_text(library: Library) -> None:
    (element,) = read_tei(
        library,
        edition("""<p>𠮟 She sang:
            <lg xml:id="s1" type="song">
                <l>Farewell   and
                   adieu,</l>
                <l>　ladies
                </l><l> </l>
            </lg> and left. <lg><l>Again</l></lg></p>"""),
    )
    assert element.text == "𠮟 She sang: Farewell and adieu, 　ladies and left. Again"
    assert element.hierarchy["verse"] == "song"
    assert element.content["verse"] == [
        {"id": "s1", "type": "song", "start": 12, "end": 39, "lines": [[12, 31], [32, 39]]},
        {"start": 50, "end": 55, "lines": [[50, 55]]},
    ]
    assert (element.text[12:31], element.text[32:39]) == ("Farewell and adieu,", "　ladies")


def test_a_line_of_verse_belongs_to_its_verse(library: Library) -> None:
    found = read_tei(
        library,
        edition(
            '<lg type="sonnet" xml:id="s"><lg><l n="1">One</l></lg><lg><l n="2"><seg>two</seg></l></lg></lg><l>x</l>'
        ),
    )
    assert places(found, "unit", "verse", "line") == [("l", "sonnet", 1), ("seg", "sonnet", None), ("l", "verse", None)]
    assert found[0].content["verse"] == [{"id": "s", "type": "sonnet", "start": 0, "end": 3, "lines": [[0, 3]]}]


# Where they stand


def test_pages_and_lines_are_counted_or_taken_from_the_source(library: Library) -> None:
    found = read_tei(
        library,
        edition(
            '<p><lb/><seg>a</seg><pb n="iv" facs="4.jpg"/><seg>b</seg><lb/><seg>c</seg><lb n="10"/><seg>d</seg>'
            '<pb n="005"/><lb/><lb/><seg>e</seg><pb/><seg>f</seg></p>'
        ),
    )
    assert places(found, "page", "line") == [(None, 1), ("iv", None), ("iv", 1), ("iv", 10), (5, 2), (None, None)]
    assert [element.content.get("facs") for element in found] == [None, "4.jpg", "4.jpg", "4.jpg", None, None]


def test_a_paragraph_stands_where_its_first_word_stands(library: Library) -> None:
    (found,) = read_tei(library, edition('<p><pb n="1"/><lb/><lb/><seg>One</seg><pb n="2"/><lb/> two</p>'))
    assert (found.hierarchy["page"], found.hierarchy["line"]) == (1, 2)


def test_divisions_of_known_types_and_their_paragraphs_are_numbered(library: Library) -> None:
    found = read_tei(
        library,
        edition(
            '<div type="book" n="II"><div type="Chapter"><head>h</head><p>a</p><div><p>b</p></div></div>'
            '<div type="chapter"><div type="section" n="7"><p n="9">c</p></div><p><seg n="3">d</seg></p></div></div>'
            "<p n='0'>e</p><head>f</head>"
        ),
    )
    assert places(found, "book", "chapter", "section", "paragraph", "n", "unit") == [
        ("II", 1, None, None, None, "head"),
        ("II", 1, None, 1, None, "p"),
        ("II", 1, None, 2, None, "p"),
        ("II", 2, 7, 9, None, "p"),
        ("II", 2, None, 1, 3, "seg"),
        (None, None, None, 0, None, "p"),
        (None, None, None, None, None, "head"),
    ]


def test_an_element_is_known_by_its_iri_else_its_id_else_its_place(library: Library) -> None:
    body = (
        '<p corresp="https://example.org/1 #x">a</p><p xml:id="two">b</p><p corresp="#x">c</p><head>d</head><p>e</p>'
        '<p xml:id="two">f</p><p corresp="https://example.org/1">g</p><p xml:id="two">h</p>'
    )
    found = read_tei(library, edition(body))
    assert [element.source_id for element in found] == [
        *("https://example.org/1", "two", "p[1]", "head[1]", "p[2]"),
        *("two~2", "https://example.org/1~2", "two~3"),
    ]
    assert [element.content.get("source") for element in found[:3]] == ["https://example.org/1", None, None]
    based = read_tei(library, edition(body, attributes='xml:base="https://example.org/book#top"'))
    assert based[1].source_id == based[1].content["source"] == "https://example.org/book#two"


# The header


def test_the_header_tells_title_description_language_and_identity(library: Library) -> None:
    document = document_of(
        library,
        edition(
            "<p>a</p>",
            "<fileDesc><titleStmt><title type='sub'>or,\n The Whale</title><title type='alt'>x</title>"
            "<title>Moby-<hi>Dick</hi></title></titleStmt>"
            "<publicationStmt><idno type='ISBN'>978</idno><p><idno>moby-1</idno></p></publicationStmt>"
            "<sourceDesc><p>London:\n Bentley</p></sourceDesc></fileDesc>"
            "<profileDesc><langUsage><language ident='en-US'>English</language></langUsage></profileDesc>",
        ),
    )
    assert (document.title, document.source_id) == ("Moby-Dick: or, The Whale", "moby-1")
    assert (document.description, document.language) == ("London: Bentley", "en-US")


def test_without_a_header_the_file_gives_the_name(library: Library) -> None:
    document = document_of(library, f'<TEI xmlns="{NAMESPACE}"><text xml:lang="ja"><p>a</p></text></TEI>', "帚木.xml")
    assert (document.title, document.source_id, document.language) == ("帚木", "帚木.xml", "ja")
    assert document.description is None


def test_an_id_of_the_file_comes_before_a_number_that_others_may_bear(library: Library) -> None:
    header = "<fileDesc><publicationStmt><idno>shared</idno></publicationStmt></fileDesc>"
    assert document_of(library, edition("<p>a</p>", header, 'xml:id="own"')).source_id == "own"


def test_a_title_fits_its_column(library: Library) -> None:
    document = document_of(
        library, edition("<p>a</p>", f"<fileDesc><titleStmt><title>{'x' * 300}</title></titleStmt></fileDesc>")
    )
    assert document.title == "x" * 254 + "…"


# What is refused

BOMB = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha"}">' for n in range(10))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("Call me Ishmael.", "is not XML: syntax error, line 1."),
        (" \n ", "is not XML: no element found, line 2."),
        (edition("<p>One\n</seg>"), "is not well-formed XML: mismatched tag, line 2."),
        (edition("<p>One</p>")[:-3], "is not well-formed XML: unclosed token, line 1."),
        (edition("<p>&nbsp;</p>"), "is not well-formed XML: undefined entity, line 1."),
        (edition("<p>a\0b</p>"), "is not well-formed XML: invalid token, line 1."),
        (
            f'<?xml version="1.0" encoding="ISO-8859-1"?>{edition("<×>")}'.encode("iso-8859-1"),
            "is not well-formed XML: invalid token, line 1.",
        ),
        (edition("<p>&#0;</p>"), "is not well-formed XML: reference to invalid character number, line 1."),
        ("<html><p>One</p></html>", f'is not TEI P5: it begins with <html>, not <TEI xmlns="{NAMESPACE}">.'),
        ("<TEI.2><text/></TEI.2>", f'is not TEI P5: it begins with <TEI.2>, not <TEI xmlns="{NAMESPACE}">.'),
        ("<TEI><text/></TEI>", f'is not TEI P5: it begins with <TEI>, not <TEI xmlns="{NAMESPACE}">.'),
        (f'<p xmlns="{NAMESPACE}"/>', f'is not TEI P5: it begins with <p>, not <TEI xmlns="{NAMESPACE}">.'),
        (
            f'<teiCorpus xmlns="{NAMESPACE}"/>',
            "is a corpus of several texts; save each TEI in it as a file of its own.",
        ),
        (
            f'<TEI xmlns="{NAMESPACE}"><TEI><text/></TEI></TEI>',
            "holds several texts; save each TEI in it as a file of its own.",
        ),
        (f'<TEI xmlns="{NAMESPACE}"><teiHeader/></TEI>', "holds no text."),
        (edition("<p><lb/></p><note>a</note>"), "holds no text."),
        (
            f"<!DOCTYPE TEI [{BOMB}]>{edition('<p>&e9;</p>')}",
            "can't be read: it declares an entity, e0, and entities are never resolved, line 1.",
        ),
        (
            f"<!DOCTYPE TEI [<!ENTITY % all SYSTEM 'x.dtd'> %all;]>{edition('<p>a</p>')}",
            "can't be read: it declares an entity, all, and entities are never resolved, line 1.",
        ),
        (
            f"<!DOCTYPE TEI SYSTEM 'tei.dtd'>{edition('<p>&eacute;</p>')}",
            "can't be read: its entity eacute is declared in another file, which is never opened, line 1.",
        ),
        (
            edition("<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='2.xml'/>"),
            "can't be read: it includes another file, which is never opened, line 1.",
        ),
        (edition("<p>帚木</p>").encode("shift_jis"), "is not in UTF-8: line 1."),
        (
            b'<?xml version="1.0" encoding="Shift_JIS"?>' + edition("<p>帚木</p>").encode("shift_jis"),
            'is in "SHIFT_JIS", which cannot be read; save it as "UTF-8".',
        ),
        (
            '<?xml version="1.0" encoding="UTF-16"?>' + edition("<p>a</p>"),
            "is not XML: encoding specified in XML declaration is incorrect, line 1.",
        ),
        (edition("<hi>" * 300), "can't be read: its elements are nested too deep, line 1."),
        (edition("", "<p>" * 300), "can't be read: its elements are nested too deep, line 1."),
        (edition("<note>" * 300), "can't be read: its elements are nested too deep, line 1."),
        (
            edition(f"<p>{'x' * (LONGEST_TEXT + 1)}</p>"),
            "can't be read: a p is longer than 250,000 characters, line 1.",
        ),
        (
            edition("<p>" + 251 * f"<seg>{'x' * 1000}</seg>" + " and more</p>"),
            "can't be read: a p has text of its own beside segments of more than 250,000 characters, line 1.",
        ),
        (edition(f"<!--{'x' * 2_000_000}--><p>a</p>"), "can't be read: a tag or a comment is longer than any text's"),
        (edition("".join(f"<x{n}/>" for n in range(20_000))), "can't be read: its elements have more names than any"),
    ],
)
def test_what_is_no_tei_is_refused_in_a_sentence(library: Library, content: str | bytes, reason: str) -> None:
    assert library.refusal(content, "text.xml").startswith(reason)


def test_no_entity_opens_another_file(library: Library) -> None:
    secret = library.write("the secret", "secret.txt")
    for doctype in (f'[<!ENTITY x SYSTEM "{secret.as_uri()}">]', f'[<!ENTITY % x SYSTEM "{secret.as_uri()}"> %x;]'):
        reason = library.refusal(f"<!DOCTYPE TEI {doctype}>{edition('<p>&x;</p>')}", "text.xml")
        assert reason == "can't be read: it declares an entity, x, and entities are never resolved, line 1."


def test_no_document_type_is_fetched(library: Library) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/tei.dtd"
        found = read_tei(library, f'<!DOCTYPE TEI SYSTEM "{address}">{edition("<p>a</p>")}')
        assert [element.text for element in found] == ["a"]
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_document_type_adds_no_attributes(library: Library) -> None:
    doctype = "<!DOCTYPE TEI [<!ATTLIST p xml:id CDATA 'same'>]>"
    assert read_tei(library, doctype + edition("<p>a</p>"))[0].source_id == "p[1]"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1"])
def test_what_says_its_encoding_is_read_in_it(library: Library, encoding: str) -> None:
    name = {"utf-8-sig": "UTF-8", "utf-16": "UTF-16"}.get(encoding, "ISO-8859-1")
    content = f'<?xml version="1.0" encoding="{name}"?>{edition("<p>Père</p>")}'
    assert [element.text for element in read_tei(library, content.encode(encoding))] == ["Père"]


SAMPLE = f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE TEI SYSTEM "tei.dtd">
<TEI xmlns="{NAMESPACE}" xml:lang="ja"><teiHeader><fileDesc><titleStmt><title>題</title></titleStmt></fileDesc>
</teiHeader><text><body><div type="chapter" n="1"><head>桐壺</head><p><lb/><pb n="5" facs="5.jpg"/><lb/>
<seg corresp="https://example.org/0005-01">いつれの御時にか</seg><lb n="2"/><seg xml:id="s2">　　<lg xml:id="waka-001"
type="waka"><l n="1">かきりとて</l><l n="2">わかるゝ道の</l></lg>いとか</seg></p></div>
<p>One <choice><sic>tvvo</sic><corr>two</corr></choice><note>no</note> &amp; <![CDATA[three]]></p></body></text></TEI>
""".encode()


@st.composite
def spoilt(draw: st.DrawFn, original: bytes) -> bytes:
    content = bytearray(original)
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(content)))
        end = min(len(content), begin + draw(st.integers(0, 60)))
        replacement = draw(
            st.one_of(
                st.just(b""),
                st.binary(max_size=8),
                st.sampled_from([b"<", b">", b"&", b"</seg>", b"<p>", b"<!ENTITY a 'b'>", b"]]>", b"\0", b"\xe3"]),
                st.just(bytes(content[begin:end]) * 2),
            )
        )
        content[begin:end] = replacement
    return bytes(content)


@given(spoilt(SAMPLE))
@in_any_folder
def test_a_spoilt_file_gives_elements_or_a_reason(library: Library, content: bytes) -> None:
    read_or_refused(library.write(content, "spoilt.xml"))


@given(st.data())
@in_any_folder
def test_a_spoilt_chapter_of_genji_gives_elements_or_a_reason(library: Library, data: st.DataObject) -> None:
    content = data.draw(spoilt(genji()[10].read_bytes()))
    read_or_refused(library.write(content, "spoilt.xml"))


def read_or_refused(path: Path) -> None:
    try:
        found = elements(path)
    except Invalid as refused:
        assert str(refused).startswith(f"{path} ")  # noqa: PT017 - either outcome is right
    else:
        assert found
        assert all(element.text.strip() for element in found)
