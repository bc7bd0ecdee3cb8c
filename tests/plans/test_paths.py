"""Which path an operation takes, and that nobody can tell but by being told."""

import pytest

from genji_graphql.access.viewer import ANONYMOUS
from tests.lasting import Lasting
from tests.plans.both import Both
from tests.plans.operations import Operation


async def path_of(crowd: Lasting, query: str, variables: dict[str, object] | None = None) -> str:
    both = Both(crowd.service)
    operation = Operation(query, variables or {}, None)
    ours, general = await both.ask(operation, ANONYMOUS)
    assert ours.body == general.body
    assert ours.status == general.status
    return ours.path


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ('{ invitation(token: "") { name } }', "Query.invitation has a resolver of its own"),
        ("{ siteSettings { siteTitle } }", "Query.siteSettings has a resolver of its own"),
        ("{ __schema { queryType { name } } }", "it asks for the schema"),
        ("mutation { __typename }", "it is a mutation"),
    ],
)
async def test_what_has_no_plan_says_why(crowd: Lasting, query: str, why: str) -> None:
    assert await path_of(crowd, query) == f'general; why="{why}"'


@pytest.mark.parametrize(
    "query",
    [
        '{ documents(after: "xyz") { nodes { id } } }',
        "{ documents(first: 1, last: 1) { totalCount } }",
        "{ documents(first: 100000) { nodes { id } } }",
        "{ documents(orderBy: [{field: TITLE}, {field: TITLE}]) { nodes { id } } }",
        '{ documents(where: {title: {eq: "\\u0000"}}) { nodes { id } } }',
    ],
)
async def test_a_bad_argument_is_answered_by_the_general_executor(crowd: Lasting, query: str) -> None:
    assert await path_of(crowd, query) == 'general; why="an argument can\'t be taken"'


async def test_a_variable_that_is_not_of_its_type_is_refused_on_the_way_to_either_path(crowd: Lasting) -> None:
    query = "query Ask($n: Int!) { documents(first: $n) { nodes { id } } }"
    assert await path_of(crowd, query, {"n": "two"}) == "refused"
    assert await path_of(crowd, query, {"n": 2}) == "plan"


async def test_a_switch_selects_another_plan_of_the_same_document(crowd: Lasting) -> None:
    query = 'query Ask($deep: Boolean!) { annotation(id: 1) { id } invitation(token: "") @include(if: $deep) { name } }'
    assert await path_of(crowd, query, {"deep": False}) == "plan"
    assert (await path_of(crowd, query, {"deep": True})).startswith("general")


async def test_unions_in_unions_are_planned_until_there_are_too_many_ways(crowd: Lasting) -> None:
    def selector(depth: int) -> str:
        below = f"refinedBy {{ {selector(depth - 1)} }}" if depth else "json"
        return f"... on TextQuoteSelector {{ {below} }} ... on CssSelector {{ {below} }}"

    def query(depth: int) -> str:
        target = f"... on SpecificResource {{ selectors {{ {selector(depth)} }} }}"
        return f"{{ annotation(id: 1) {{ targets {{ {target} }} }} }}"

    assert await path_of(crowd, query(4)) == "plan"
    assert await path_of(crowd, query(7)) == 'general; why="what it asks for may be of too many types"'


async def test_an_invalid_document_is_refused_on_the_way_to_either_path(crowd: Lasting) -> None:
    for _ in range(2):
        assert await path_of(crowd, "{ nothing }") == "refused"
