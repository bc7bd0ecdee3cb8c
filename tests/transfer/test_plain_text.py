"""Reading plain text: which chapters and paragraphs it has, and what is refused."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genji_graphql.errors import Invalid
from genji_graphql.models import LONGEST_TEXT
from genji_graphql.transfer.files import read
from tests.data import moby_dick
from tests.transfer.library import Library, documents

in_any_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def outline(library: Library, content: str, name: str = "book.txt") -> list[tuple[str, list[str]]]:
    return [
        (document.title, [element.text for element in found]) for document, found in library.documents(content, name)
    ]


def paragraphs(library: Library, content: str) -> list[str]:
    return [text for _, texts in outline(library, content) for text in texts]


# Moby-Dick


def test_moby_dick_is_its_135_chapters() -> None:
    chapters = documents(moby_dick())

    assert [document.source_id for document, _ in chapters] == [f"moby-dick.txt#chapter-{n}" for n in range(1, 136)]
    titles = [document.title for document, _ in chapters]
    assert titles[0] == "CHAPTER 1. Loomings."
    assert titles[55].endswith("and the True Pictures of Whaling Scenes.")
    assert titles[72] == "CHAPTER 73. Stubb and Flask Kill a Right Whale; and Then Have a Talk Over Him."
    assert titles[119].endswith("Night Watch. Ahab standing by the helm. Starbuck approaching him.")
    first, last = chapters[0][1][0], chapters[-1][1][-1]
    assert first.text.startswith("Call me Ishmael. Some years ago—never mind how long precisely—having little or no")
    assert last.text.endswith("the great shroud of the sea rolled on as it rolled five thousand years ago.")
    assert first.hierarchy == {"element_order": 1, "chapter": 1, "paragraph": 1}
    assert first.source_id == "p1"
    for number, (_, found) in enumerate(chapters, 1):
        assert [element.hierarchy["element_order"] for element in found] == list(range(1, len(found) + 1))
        assert {element.hierarchy["chapter"] for element in found} == {number}


def test_no_word_of_moby_dick_is_lost_doubled_or_moved() -> None:
    pieces = [
        piece for document, found in documents(moby_dick()) for piece in (document.title, *(e.text for e in found))
    ]
    assert "".join("".join(pieces).split()) == "".join(moby_dick().read_text(encoding="utf-8").split())


def test_every_block_of_moby_dick_that_is_no_heading_is_a_paragraph() -> None:
    blocks = re.split(r"\n{2,}", moby_dick().read_text(encoding="utf-8").strip())
    expected = [block for block in blocks if not block.startswith("CHAPTER ") and block != "Over Him."]
    assert sum(len(found) for _, found in documents(moby_dick())) == len(expected)


def test_the_songs_of_moby_dick_keep_their_lines_and_its_indented_footnote_does_not() -> None:
    chapters = {document.source_id.partition("#")[2]: found for document, found in documents(moby_dick())}
    verse = {name: [e for e in found if "verse" in e.hierarchy] for name, found in chapters.items()}

    assert {name: len(found) for name, found in verse.items() if found} == {
        "chapter-9": 5,
        "chapter-40": 2,
        "chapter-119": 3,
    }
    stanza = verse["chapter-9"][0]
    assert stanza.text.startswith("“The ribs and terrors in the whale,\nArched over me a dismal gloom,\n")
    (marked,) = stanza.content["verse"]
    assert (marked["start"], marked["end"]) == (0, len(stanza.text))
    assert [stanza.text[start:end] for start, end in marked["lines"]] == stanza.text.split("\n")
    note = next(e for e in chapters["chapter-44"] if e.text.startswith("*Since the above"))
    assert "\n" not in note.text


# Chapters


@pytest.mark.parametrize(
    ("heading", "slug"),
    [
        ("CHAPTER 1. Loomings.", "chapter-1"),
        ("Chapter II", "chapter-2"),
        ("chapter iv", None),
        ("Chapter Twenty-One", "chapter-21"),
        ("Chapter twenty one: The End", "chapter-21"),
        ("CHAPTER THE FORTIETH", "chapter-40"),
        ("CHAPTER XLIX.—THE HYENA", "chapter-49"),
        ("    CHAPTER 7 - THE CHAPEL", "chapter-7"),
        ("_Chap. IV._", "chapter-4"),
        ("CHAPTER 120. The Deck Towards the End of the First Night Watch. Ahab\nstanding by the helm.", "chapter-120"),
        ("CHAPTER I.\nTHE PERIOD.", "chapter-1"),
        ("BOOK THE FIRST", "book-1"),
        ("Book Two. Recalled to Life", "book-2"),
        ("PART THIRD", "part-3"),
        ("VOLUME III", "volume-3"),
        ("LETTER 1", "letter-1"),
        ("STAVE ONE: Marley’s Ghost", "stave-1"),
        ("ACT V", "act-5"),
        ("SCENE II. Elsinore. A platform before the castle.", "scene-2"),
        ("CANTO XXXIV", "canto-34"),
        ("EPILOGUE", "epilogue"),
        ("Prologue.", "prologue"),
        ("APPENDIX B", "appendix-b"),
        ("EXTRACTS. (Supplied by a Sub-Sub-Librarian).", "extracts-supplied-by-a-sub-sub-librarian"),
        ("# The Whale", "the-whale"),
        ("## Chapter 3: The Inn ##", "chapter-3"),
        ("第一章", "chapter-1"),
        ("第二十五帖　蛍", "chapter-25"),
        ("第百二回「終」", "chapter-102"),
        ("第３巻", "book-3"),
        ("エピローグ", "エピローグ"),
        # and these are paragraphs
        ("Chapter 5 of this book is lost.", None),
        ("Part two was lost.", None),
        ("Part of the crew was lost.", None),
        ("Letter I wrote, and no reply.", None),
        ("Book him, he said.", None),
        ("Chapter Mix", None),
        ("Epilogue: he was lost.", None),
        ("Conclusion was reached.", None),
        ("第一章では人がいた。", None),
        ("CHAPTER I\nIt was late. He left.", None),
        ("CHAPTER I\nCHAPTER II\nCHAPTER III", None),
        (
            "BOOK I. (Folio), CHAPTER I. (Sperm Whale).—This whale,\namong the English\nof old\nvaguely known.",
            None,
        ),
        ("#hashtag", None),
        ("### A small heading", None),
    ],
)
def test_a_heading_stands_alone_and_speaks_of_a_division(library: Library, heading: str, slug: str | None) -> None:
    ((document, found),) = library.documents(f"{heading}\n\nSome text.\n", "book.txt")
    if slug is None:
        assert document.source_id == "book.txt"
        assert len(found) == 2
    else:
        assert document.source_id == f"book.txt#{slug}"
        assert [element.text for element in found] == ["Some text."]
        assert document.title == re.sub(r"\n", " ", heading).strip(" _#")


def test_a_chapter_is_named_by_the_divisions_around_it(library: Library) -> None:
    found = library.documents(
        "BOOK I\nCHAPTER I\n\na\n\nCHAPTER II\n\nb\n\nBOOK II\n\nc\n\nCHAPTER I\n\nd\n\nEPILOGUE\n\ne\n", "book.txt"
    )
    assert [(document.title, document.source_id) for document, _ in found] == [
        ("BOOK I — CHAPTER I", "book.txt#book-1-chapter-1"),
        ("BOOK I — CHAPTER II", "book.txt#book-1-chapter-2"),
        ("BOOK II", "book.txt#book-2"),
        ("BOOK II — CHAPTER I", "book.txt#book-2-chapter-1"),
        ("BOOK II — EPILOGUE", "book.txt#book-2-epilogue"),
    ]
    assert found[3][1][0].hierarchy == {"element_order": 1, "book": 2, "chapter": 1, "paragraph": 1}


def test_a_title_may_stand_under_its_number(library: Library) -> None:
    titled = "CHAPTER I\n\nDOWN THE RABBIT-HOLE\n\na\n\nCHAPTER II.\n\nThe Pool of Tears\n\nb\n\n"
    untitled = "CHAPTER III\n\nSilence.\n\nc"
    assert outline(library, titled + untitled) == [
        ("CHAPTER I DOWN THE RABBIT-HOLE", ["a"]),
        ("CHAPTER II. The Pool of Tears", ["b"]),
        ("CHAPTER III", ["Silence.", "c"]),
    ]


def test_text_before_the_first_heading_is_a_document_if_there_is_any(library: Library) -> None:
    assert outline(library, "By Nobody\n\nCHAPTER 1\n\na\n") == [("book", ["By Nobody"]), ("CHAPTER 1", ["a"])]
    assert outline(library, "\n\n \nCHAPTER 1\n\na\n") == [("CHAPTER 1", ["a"])]


def test_a_text_without_headings_is_one_document(library: Library) -> None:
    ((document, found),) = library.documents("One\n\nTwo", "帚木.txt")
    assert (document.title, document.source_id, document.description, document.language) == (
        "帚木",
        "帚木.txt",
        None,
        None,
    )
    assert [(element.source_id, element.hierarchy) for element in found] == [
        ("p1", {"element_order": 1, "paragraph": 1}),
        ("p2", {"element_order": 2, "paragraph": 2}),
    ]


@pytest.mark.parametrize("between", ["", "A note on the text.\n\n"])
def test_a_table_of_contents_makes_no_documents(library: Library, between: str) -> None:
    contents = "CONTENTS\n\nCHAPTER 1. A\n\nCHAPTER 2. B\n\nCHAPTER 3. C\n\nCHAPTER 4. D\n\n"
    found = outline(library, f"{contents}{between}CHAPTER 1. A\n\na\n\nCHAPTER 2. B\n\nb\n\nCHAPTER 3. C\n")
    note = [("book", ["A note on the text."])] if between else []
    assert found == [*note, ("CHAPTER 1. A", ["a"]), ("CHAPTER 2. B", ["b"])]


def test_contents_in_one_block_are_a_paragraph(library: Library) -> None:
    found = outline(
        library, "CONTENTS\n\nCHAPTER 1. A\nCHAPTER 2. B\nCHAPTER 3. C\nCHAPTER 4. D\n\nCHAPTER 1. A\n\na\n"
    )
    assert found == [
        ("CONTENTS", ["CHAPTER 1. A CHAPTER 2. B CHAPTER 3. C CHAPTER 4. D"]),
        ("CHAPTER 1. A", ["a"]),
    ]


def test_chapters_of_one_name_are_told_apart(library: Library) -> None:
    found = library.documents("# A\n\na\n\n# A\n\nb\n", "book.md")
    assert [document.source_id for document, _ in found] == ["book.md#a", "book.md#a-2"]


def test_a_markdown_heading_needs_no_blank_line(library: Library) -> None:
    assert outline(library, "# A\na\nb\n# B\nc", "book.md") == [("A", ["a b"]), ("B", ["c"])]


def test_the_licence_of_project_gutenberg_is_left_out(library: Library) -> None:
    content = (
        "The Project Gutenberg eBook of X\n\nLicence.\n\n*** START OF THE PROJECT GUTENBERG EBOOK X ***\n\n"
        "CHAPTER 1\n\na\n\n*** END OF THE PROJECT GUTENBERG EBOOK X ***\n\nCHAPTER 2\n\nLicence.\n"
    )
    assert outline(library, content) == [("CHAPTER 1", ["a"])]


def test_the_next_document_begins_where_its_forerunner_ends_even_if_that_was_not_read(library: Library) -> None:
    path = library.write("CHAPTER 1\n\na\n\nb\n\nCHAPTER 2\n\nc\n", "book.txt")
    assert [document.title for document in read(path, max_bytes=1000)] == ["CHAPTER 1", "CHAPTER 2"]
    first_words = [next(document.elements).text for document in read(path, max_bytes=1000)]
    assert first_words == ["a", "c"]


# Paragraphs


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ("One\ntwo\n\nthree\n \t\n\n\nfour", ["One two", "three", "four"]),
        ("One\r\ntwo\r\n\r\nthree\rfour", ["One two", "three four"]),
        (
            "sea-\nsick sailors, never mind how long—\nor why\n—and so on -\nand on",
            ["sea-sick sailors, never mind how long—or why—and so on - and on"],
        ),
        ("源氏\n物語\nGenji\n\n한글\n한글", ["源氏物語 Genji", "한글 한글"]),
        ("   One\ntwo", ["One two"]),
        (
            "　いつれの\n御時にか\n　女御更衣\n「あな」\n「をかし」",
            ["いつれの御時にか", "女御更衣「あな」", "「をかし」"],
        ),
        (
            f"{'long ' * 30}\nshort\n{'long ' * 30}\n\nshort\nagain",
            [("long " * 30).strip(), "short", ("long " * 30).strip(), "short again"],
        ),
        (f"short\n{'長' * 61}\nshort", ["short", "長" * 61, "short"]),
        ("A\fpage\tand\ta tab", ["A\fpage  and     a tab"]),
        ("    One line", ["One line"]),
        ("    Two\n      lines,\n    three", ["Two\n  lines,\nthree"]),
        ("*** not a licence", ["*** not a licence"]),
    ],
)
def test_blank_lines_part_paragraphs_and_wraps_are_joined(library: Library, content: str, texts: list[str]) -> None:
    assert paragraphs(library, content) == texts


@given(st.lists(st.text("ab 源「。　-—\n\tIV.", min_size=1), max_size=12).map("\n\n".join))
@in_any_folder
def test_no_letter_is_lost_doubled_or_moved(library: Library, content: str) -> None:
    found = library.documents(content + "\n\nend", "book.txt")
    written = "".join(element.text for _, texts in found for element in texts)
    assert "".join(written.split()) == "".join((content + "end").split())


# What is refused


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("\n \n\t\n", "holds no text."),
        ("CHAPTER 1\n\nCHAPTER 2\n", "holds no text."),
        ("Père".encode("iso-8859-1"), "is not in UTF-8; save it as UTF-8."),
        ("帚木".encode("shift_jis"), "is not in UTF-8; save it as UTF-8."),
        (b"\xff\xfea\x00\x00\xd8", "is not in UTF-16; save it as UTF-8."),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is not in UTF-8; save it as UTF-8."),
        ("One\n\ntw\0o", "is not plain text: it holds U+0000, line 3."),
        ("\x1b[1mOne", "is not plain text: it holds U+001B, line 1."),
        ("x" * (LONGEST_TEXT + 1), "has a line of more than 250,000 characters, line 1."),
        ("word " * 16 + "\n", None),
    ],
)
def test_what_is_no_text_is_refused_in_a_sentence(library: Library, content: str | bytes, reason: str | None) -> None:
    if reason is None:
        assert isinstance(content, str)
        content, reason = (
            content * 4000,
            ("has a paragraph of more than 250,000 characters; a blank line ends a paragraph."),
        )
    assert library.refusal(content, "book.txt") == reason


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_is_read_with_its_mark_or_without(library: Library, encoding: str) -> None:
    ((document, found),) = library.documents("第一章\n\n𠮟".encode(encoding), "book.txt")
    assert (document.title, found[0].text) == ("第一章", "𠮟")


@given(st.binary(max_size=300))
@in_any_folder
def test_any_file_gives_elements_or_a_reason(library: Library, content: bytes) -> None:
    path = library.write(content + b"\n", "book.txt")
    try:
        found = [element for _, texts in documents(path) for element in texts]
    except Invalid as refused:
        assert str(refused).startswith(f"{path} ")  # noqa: PT017 - either outcome is right
    else:
        assert found
