"""What of an annotation goes into which column."""

from datetime import UTC, datetime
from typing import Any

import pytest

from genji_graphql.errors import Invalid
from genji_graphql.models import Annotation, Document, DocumentCollection, DocumentElement
from genji_graphql.reads import ids
from genji_graphql.reads.web_annotation import Place
from genji_graphql.web_annotation.reading import NamedPlace, adopted, places, read
from genji_graphql.web_annotation.terms import CONTEXT, moment_of, motivation_of, written
from tests.web_annotation.examples import BASE, OWN, TEXT, annotation


def test_an_annotation_is_taken_apart() -> None:
    body = {"type": "TextualBody", "value": "a"}
    target = {"source": f"{BASE}/elements/42"}
    creator = {"type": "Person", "name": "Murasaki"}
    given = annotation(
        motivation="commenting", body=body, target=target, creator=creator, generator="urn:x:margin",
        generated="2026-01-31T12:00:00Z", created="2026-01-30T12:00:00+09:00", rights="urn:x:free",
    )  # fmt: skip
    parsed = read(given, BASE)
    assert (parsed.iri, parsed.motivation, parsed.body, parsed.target) == (OWN, "commenting", body, target)
    assert (parsed.creator, parsed.generator) == (creator, "urn:x:margin")
    assert (parsed.generated, parsed.modified) == (datetime(2026, 1, 31, 12, tzinfo=UTC), None)
    assert parsed.created == datetime(2026, 1, 30, 3, tzinfo=UTC)
    assert parsed.other == {"creator": creator, "created": "2026-01-30T12:00:00+09:00", "rights": "urn:x:free"}
    assert parsed.places == (NamedPlace("/source", Place(DocumentElement, 42)),)


def test_the_least_leaves_nothing_over() -> None:
    parsed = read({"@context": CONTEXT, "type": "Annotation", "target": TEXT}, BASE)
    assert (parsed.iri, parsed.motivation, parsed.body, parsed.other, parsed.places) == (None, None, None, {}, ())


def test_what_a_column_holds_inexactly_stays_beside_it() -> None:
    given = annotation(
        **{"@context": [CONTEXT, "https://schema.org"]}, type=["Annotation", "urn:x:Gloss"],
        motivation=["urn:x:glossing", "oa:tagging"], generated="2026-01-31T12:00:00+00:00", bodyValue="v",
        generator={"id": "urn:x:margin", "type": "Software"},
    )  # fmt: skip
    parsed = read(given, BASE)
    assert (parsed.motivation, parsed.generator) == ("tagging", "urn:x:margin")
    assert parsed.body == {"type": "TextualBody", "value": "v", "format": "text/plain"}
    assert parsed.other == {name: value for name, value in given.items() if name not in ("id", "target")}


def test_what_is_no_annotation_is_refused() -> None:
    with pytest.raises(Invalid, match="has to be an IRI") as refused:
        read(annotation(body=[TEXT, "nowhere"]), BASE)
    assert (refused.value.field, refused.value.code) == ("/body/1", "INVALID_ANNOTATION")


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (None, None),
        ([], None),
        ("commenting", "commenting"),
        ("oa:commenting", "commenting"),
        ("http://www.w3.org/ns/oa#commenting", "commenting"),
        ("upvoting", "upvoting"),
        ("urn:x:glossing", "urn:x:glossing"),
        (["urn:x:glossing", "oa:replying", "tagging"], "replying"),
        (["urn:x:" + "g" * 100, "urn:x:h"], "urn:x:h"),
        (["urn:x:" + "g" * 100], None),
    ],
)
def test_a_motivation_becomes_a_word(given: Any, word: str | None) -> None:
    assert motivation_of(given) == word


@pytest.mark.parametrize(
    ("given", "in_utc"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00:00.5+09:00", "2026-01-31T03:00:00.5Z"),
        ("2026-01-31T12:00:00.123456789-00:30", "2026-01-31T12:30:00.123456Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ("9999-12-31T23:59:59-00:01", None),
        ("2026-01-31T24:00:00Z", None),
        ("2026-01-31T12:00:60Z", None),
        ("2026-01-31T12:00Z", None),
        ("2026-01-31t12:00:00z", None),
        ("２026-01-31T12:00:00Z", None),
        ("2026-01-31T12:00:00Z\n", None),
        (5, None),
    ],
)
def test_a_moment_has_its_zone(given: Any, in_utc: str | None) -> None:
    moment = moment_of(given)
    assert (moment and written(moment)) == in_utc


_ELEMENT = Place(DocumentElement, 42)


@pytest.mark.parametrize(
    ("target", "found"),
    [
        (TEXT, []),
        (f"{BASE}/elements/42", [("", _ELEMENT)]),
        (f"{BASE}/elements/42#char=0,8", [("", _ELEMENT)]),
        (f"{BASE}/annotations/7", [("", Place(Annotation, 7))]),
        (f"{BASE}/documents/3", [("", Place(Document, 3))]),
        (f"{BASE}/collections/1", [("", Place(DocumentCollection, 1))]),
        (f"{BASE}/users/1", []),
        (f"{BASE}/elements/0", []),
        (f"{BASE}/elements/42/x", []),
        (f"{BASE}/elements/99999999999", []),
        (f"{BASE}.evil.example/elements/42", []),
        (f"https://evil.example/?{BASE}/elements/42", []),
        (ids.global_id("DocumentElement", 42), [("", _ELEMENT)]),
        (ids.global_id("User", 1), []),
        ("document_element:42", [("", _ELEMENT)]),
        ([TEXT, {"id": f"{BASE}/elements/42", "type": "Text"}], [("/1/id", _ELEMENT)]),
        ({"id": f"{OWN}#target-3", "source": f"{BASE}/elements/42"}, [("/source", _ELEMENT)]),
        ({"source": {"id": f"{BASE}/elements/42"}}, [("/source/id", _ELEMENT)]),
        ({"type": "Choice", "items": [TEXT, {"source": f"{BASE}/elements/42"}]}, [("/items/1/source", _ELEMENT)]),
        (
            [[{"source": "DocumentElements/42"}], "Annotation/7"],
            [("/0/0/source", _ELEMENT), ("/1", Place(Annotation, 7))],
        ),
        ({"selector": {"source": "element:42"}}, []),
        (None, []),
        (5, []),
    ],
)
def test_the_places_of_a_target(target: Any, found: list[tuple[str, Place]]) -> None:
    assert list(places(target, BASE)) == [NamedPlace(*each) for each in found]
    assert list(places(target, f"{BASE}/")) == [NamedPlace(*each) for each in found]


def test_numbers_of_ours_are_numbers_again() -> None:
    body = [{"id": f"{OWN}#body-12", "value": "a"}, {"type": "List", "items": [{"id": f"{OWN}#body-0", "value": "b"}]}]
    parsed = read(annotation(body=body, target={"id": f"{OWN}#target-3", "source": TEXT}), BASE)
    assert parsed.body == [{"id": 12, "value": "a"}, {"type": "List", "items": [{"id": 0, "value": "b"}]}]
    assert parsed.target == {"id": 3, "source": TEXT}


@pytest.mark.parametrize(
    "iri",
    [f"{OWN}#body-01", f"{OWN}#body-2147483648", f"{OWN}#target-1", f"{OWN}#body-", f"{OWN}0#body-1", f"{OWN}#body-x"],
)
def test_other_numbers_are_none_of_ours(iri: str) -> None:
    assert read(annotation(body={"id": iri, "value": "a"}), BASE).body["id"] == iri


@pytest.mark.parametrize(
    "own", ["https://elsewhere.example/annotations/7", f"{BASE}/annotations/07", f"{BASE}/notes/7"]
)
def test_numbers_of_others_are_none_of_ours(own: str) -> None:
    iri = f"{own}#body-1"
    assert read(annotation(id=own, body={"id": iri, "value": "a"}), BASE).body["id"] == iri


def test_where_it_came_from_is_told() -> None:
    before = "https://elsewhere.example/1"
    assert adopted(read({**annotation(), "id": before}, BASE)) == {"via": before}
    assert adopted(read({**annotation(via="urn:x:1"), "id": before}, BASE)) == {"via": ["urn:x:1", before]}
    assert adopted(read({**annotation(via=["urn:x:1", before]), "id": before}, BASE)) == {"via": ["urn:x:1", before]}
    assert adopted(read({"@context": CONTEXT, "type": "Annotation", "target": TEXT}, BASE)) == {}
