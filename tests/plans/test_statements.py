"""What a plan costs: the same for two rows and for two hundred, and no more than the general executor takes.

There is one exception: rows that the executor remembers, as the same were loaded at another level. A plan loads them
again, for what it shows of them there.
"""

import pytest

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.vocabulary import PermissionName
from tests.lasting import Lasting
from tests.plans.both import Both
from tests.plans.operations import Operation
from tests.schema.conftest import MANY
from tests.schema.test_reading import READING

FEW = 2
ADMINISTRATOR = Viewer(user_id=1, is_administrator=True, permissions=frozenset(PermissionName))
MEMBER = Viewer(user_id=5, group_ids=frozenset({3, 4, 5}), taught_group_ids=frozenset({5}))
VIEWERS = pytest.mark.parametrize(
    "viewer", [ANONYMOUS, MEMBER, ADMINISTRATOR], ids=["a visitor", "a member", "an administrator"]
)

LISTS = {
    "columns": """documents(first: $n) { nodes { title } edges { cursor node { id } } pageInfo { endCursor }
        totalCount }""",
    "edges to one": """annotations(first: $n) { nodes { creator { id } owner { username }
        document { title owner { id } } element { text document { id } } } }""",
    "the same edge twice": """annotations(first: $n) { nodes { creator { id } }
        edges { node { creator { username } } } }""",
    "lists in lists": """collections(first: $n) { nodes { documents { totalCount nodes { elements { nodes { text
        annotations { nodes { body replies { nodes { replyTo { id } } } } } } } } } } }""",
    "computed": """annotations(first: $n) { nodes { tags upvoteCount viewerHasUpvoted more: tags
        viewerCan { edit delete } } }""",
    "bodies": """annotations(first: $n) { nodes { bodies { __typename ... on TextualBody { value }
        ... on Choice { items { ... on TextualBody { value json } } } ... on SpecificResource { source } } } }""",
    "places": """annotations(first: $n) { nodes {
        bodies { ... on SpecificResource { place { id ... on Document { title } } } }
        targets { ... on SpecificResource { selectors { ... on TextQuoteSelector { refinedBy { __typename } } }
            place { __typename id ... on DocumentElement { text document { id } } } }
        ... on ExternalResource { place { databaseId } } } } }""",
    "counts": "collections(first: $n) { nodes { stats { documents elements annotations comments } } }",
    "people": """users(first: $n) { nodes { email userMetadata roles { nodes { name } }
        groups { nodes { joinToken } } } }""",
    "several": """documents(first: $n) { nodes { id } } a: document(id: 1) { title } b: document(id: 2) { id }
        node(id: "RG9jdW1lbnQ6Mw==") { id } viewer { username } user(id: 1) { id }""",
}


@VIEWERS
@pytest.mark.parametrize("selection", LISTS.values(), ids=LISTS)
async def test_a_plan_costs_the_same_for_two_and_for_two_hundred(
    crowd: Lasting, selection: str, viewer: Viewer
) -> None:
    both = Both(crowd.service)
    query = f"query Ask($n: Int!) {{ {selection} }}"
    few, _ = await both.ask(Operation(query, {"n": FEW}, None), viewer)
    many, general = await both.ask(Operation(query, {"n": MANY}, None), viewer)
    assert many.path == "plan"
    assert many.body == general.body
    assert few.statements == many.statements <= general.statements


@VIEWERS
async def test_the_reading_view_costs_no_more_than_the_general_executor_takes(crowd: Lasting, viewer: Viewer) -> None:
    ours, general = await Both(crowd.service).ask(Operation(READING, {"id": "1"}, None), viewer)
    assert ours.path == "plan"
    assert ours.body == general.body
    assert 0 < ours.statements <= general.statements


async def test_statements_are_compiled_once_for_all_viewers_of_a_kind_and_for_all_values(crowd: Lasting) -> None:
    statements = crowd.service.app.state.endpoint.operations.planner.statements
    both = Both(crowd.service)
    query = """query Ask($id: ID!, $creator: ID!, $after: String) { document(id: $id) {
        annotations(where: {creator: {eq: $creator}}, after: $after) { pageInfo { endCursor } nodes { id } } } }"""

    async def compiled(person: int, document: int) -> int:
        viewer = Viewer(user_id=person, group_ids=frozenset({person}), taught_group_ids=frozenset({person}))
        ours, general = await both.ask(Operation(query, {"id": str(document), "creator": str(document)}, None), viewer)
        assert ours.path == "plan"
        assert ours.body == general.body
        return len(statements)

    first = await compiled(5, 1)
    assert [await compiled(person, person) for person in (6, 7, 8)] == [first] * 3
