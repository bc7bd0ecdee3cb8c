"""Documents that are named instead of sent, and whom the schema is told."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from graphql import get_introspection_query

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.errors import Invalid
from genji_graphql.http.trusted import trusted_documents
from genji_graphql.schema import schema
from genji_graphql.settings import Introspection, Settings
from tests.service import Service

TITLE = "query Title { siteSettings { siteTitle } }"
PERSON = Viewer(user_id=1)


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[[Any], Path]:
    def write(content: Any) -> Path:
        path = tmp_path / "manifest.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


async def post(service: Service, **body: Any) -> tuple[int, Any]:
    response = await service.http.post("/graphql", json=body)
    return response.status_code, response.json()


@pytest.mark.parametrize("trusted_only", [False, True])
async def test_a_trusted_document_is_named_by_its_hash(
    settings: Settings, manifest: Callable[[Any], Path], trusted_only: bool
) -> None:
    given = {"trusted_documents": manifest({hash_of(TITLE): TITLE}), "trusted_only": trusted_only}
    async with Service(settings.model_copy(update=given)) as service:
        status, answer = await post(service, documentId=f"sha256:{hash_of(TITLE)}")
        assert (status, answer["data"]) == (200, {"siteSettings": {"siteTitle": "Genji"}})

        for strange in ("sha256:0", hash_of(TITLE), "x"):
            status, answer = await post(service, documentId=strange)
            assert (status, answer["errors"][0]["message"]) == (
                400,
                "There is no trusted document of this `documentId`.",
            )
        status, answer = await post(service, documentId=f"sha256:{hash_of(TITLE)}", query=TITLE)
        assert (status, answer["errors"][0]["message"]) == (400, "Send a `query` or a `documentId`, not both.")


async def test_where_only_those_run_nothing_else_does(settings: Settings, manifest: Callable[[Any], Path]) -> None:
    given = {"trusted_documents": manifest({hash_of(TITLE): TITLE}), "trusted_only": True}
    async with Service(settings.model_copy(update=given)) as service:
        # Not even the same document.
        status, answer = await post(service, query=TITLE)
        assert (status, set(answer)) == (403, {"errors"})
        assert "trusted documents only" in answer["errors"][0]["message"]
        assert service.statements == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "can't be read"),
        ([TITLE], "must be a JSON object"),
        ({hash_of(TITLE): 1}, "must be a JSON object"),
        ({hash_of("{ viewer { id } }"): TITLE}, "has another hash"),
        ({hash_of("{ nothing }"): "{ nothing }"}, "Cannot query field 'nothing'"),
        ({hash_of("{"): "{"}, "Syntax Error"),
    ],
)
def test_a_manifest_that_cannot_be_trusted_is_refused_at_the_start(
    manifest: Callable[[Any], Path], content: Any, said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        trusted_documents(manifest(content), schema._schema)


def test_a_manifest_that_is_not_there_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="can't be read"):
        trusted_documents(tmp_path / "none.json", schema._schema)


# The schema

ASKS = [
    get_introspection_query(),
    '{ __type(name: "User") { name } }',
    "{ ...T } fragment T on Query { __schema { __typename } }",
]


@pytest.mark.parametrize("query", ASKS, ids=["whole", "a type", "in a fragment"])
@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (Introspection.EVERYBODY, {ANONYMOUS: True, PERSON: True}),
        (Introspection.PEOPLE, {ANONYMOUS: False, PERSON: True}),
        (Introspection.NOBODY, {ANONYMOUS: False, PERSON: False}),
    ],
)
async def test_the_schema_is_told_by_policy(
    settings: Settings, policy: Introspection, told: dict[Viewer, bool], query: str
) -> None:
    async with Service(settings.model_copy(update={"introspection": policy})) as service:
        for viewer, is_told in told.items():
            answer = await service.answer(query, viewer=viewer)
            if is_told:
                assert "errors" not in answer
            else:
                assert set(answer) == {"errors"}
                assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_name_of_a_type_is_no_secret(settings: Settings) -> None:
    async with Service(settings.model_copy(update={"introspection": Introspection.NOBODY})) as service:
        assert await service.ask("{ __typename }") == {"__typename": "Query"}


@pytest.mark.parametrize(("policy", "suggests"), [(Introspection.EVERYBODY, True), (Introspection.PEOPLE, False)])
async def test_a_name_that_is_nearly_right_is_corrected_only_where_the_schema_is_told(
    settings: Settings, policy: Introspection, suggests: bool
) -> None:
    async with Service(settings.model_copy(update={"introspection": policy})) as service:
        answer = await service.answer("{ documentz { nodes { id } } }")
        assert ("Did you mean" in answer["errors"][0]["message"]) is suggests
        ordered = "query Ask($order: [DocumentOrder!]) { documents(orderBy: $order) { nodes { id } } }"
        answer = await service.answer(ordered, {"order": [{"field": "TITEL"}]})
        assert ("Did you mean" in answer["errors"][0]["message"]) is suggests


def test_by_default_a_public_site_tells_people_and_a_developers_everybody() -> None:
    assert Settings().introspection_for is Introspection.EVERYBODY
    public = Settings(base_url="https://genji.example.org")
    assert public.introspection_for is Introspection.PEOPLE
