"""What an answer costs: one SQL statement for each edge or computed field selected, whatever the number of rows.

Every field of every type is asked below two parents and below two hundred. Who adds a type says here how to reach it;
a field that costs something is an edge, or it is named here.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
    is_required_argument,
)

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.reads.ids import global_id
from genji_graphql.schema import schema
from genji_graphql.schema.query import MAX_NODES
from genji_graphql.vocabulary import PermissionName
from tests.lasting import Lasting
from tests.schema.conftest import MANY

FEW = 2
ADMINISTRATOR = Viewer(user_id=1, is_administrator=True, permissions=frozenset(PermissionName))
TOLD = {"AnnotationCreated", "AnnotationUpdated", "AnnotationDeleted", "FlagRaised", "GroupMembershipChanged"}
"""What is told of an event, one at a time."""
TYPES = {
    name: type_
    for name, type_ in schema._schema.type_map.items()
    if isinstance(type_, GraphQLObjectType)
    and not name.startswith("__")
    and name not in {"Mutation", "TextPassage", "Subscription"} | TOLD
    and not {"Payload", "UserError"} & {name[-7:], *map(str, type_.interfaces)}
}
"""Those that are read. What a change answers is of them, and errors."""

_NOTES = "annotations(first: $n) { nodes { %s } }"
# A list that tells of its page costs a statement whatever is asked of its rows; others may be part of their parent's.
_ELEMENTS = "documents(first: $n) { nodes { elements(first: 1) { pageInfo { hasNextPage } nodes { %s } } } }"
_REVISIONS = _ELEMENTS % "revisions(first: 1) { pageInfo { hasNextPage } nodes { %s } }"
_ROLES = "users(first: $n) { nodes { roles(first: 1) { nodes { %s } } } }"
# No edge leads there: by their ids, as many as can be asked for at once.
_IMPORTS = "nodes(ids: $imports) { ... on ImportJob { %s } }"
_BODY = _NOTES % "bodies { ... on TYPE { %s } }"
_TARGET = _NOTES % "targets { ... on TYPE { %s } }"
_SELECTOR = _TARGET.replace("TYPE", "SpecificResource") % "selectors { ... on TYPE { %s } }"

PARENTS = {
    "DocumentCollection": "collections(first: $n) { nodes { %s } }",
    "Document": "documents(first: $n) { nodes { %s } }",
    "DocumentElement": _ELEMENTS,
    "ElementRevision": _REVISIONS,
    "Annotation": _NOTES,
    "AnnotationVersion": "annotations(first: $n) { nodes { history { pageInfo { hasNextPage } nodes { %s } } } }",
    "Change": "annotationDifference(id: 1, from: 1, to: 2) { %s }",
    "User": "documents(first: $n) { nodes { owner { %s } } }",
    "Group": "groups(first: $n) { nodes { %s } }",
    "ObjectShare": "users(first: $n) { nodes { shares(first: 2) { pageInfo { hasNextPage } nodes { %s } } } }",
    "Role": _ROLES,
    "Permission": _ROLES % "permissions(first: 1) { nodes { %s } }",
    "ContentStats": "collections(first: $n) { nodes { stats { %s } } }",
    "Deletion": "deletions { %s }",
    "AnnotationStat": "annotationStats(by: [CREATOR, CLASSROOM, COLLECTION, DOCUMENT, ELEMENT], where: $where) { %s }",
    "ImportJob": _IMPORTS,
    "ImportProgress": _IMPORTS % "progress { %s }",
    "ImportOutcome": _IMPORTS % "outcome { %s }",
    "ImportFailure": _IMPORTS % "error { %s }",
    "SiteSettings": "siteSettings { %s }",
    "MetadataField": "siteSettings { collectionMetadataSchema { %s } }",
    "SsoConfiguration": "ssoConfiguration { %s }",
    "AccessToken": "accessTokens { %s }",
    "GroupInvitation": 'invitation(token: "token1") { %s }',
    "TextualBody": _BODY.replace("TYPE", "TextualBody"),
    "ExternalResource": _TARGET.replace("TYPE", "ExternalResource"),
    "SpecificResource": _TARGET.replace("TYPE", "SpecificResource"),
    "Choice": _BODY.replace("TYPE", "Choice"),
    "OpaqueResource": _BODY.replace("TYPE", "OpaqueResource"),
    "TextQuoteSelector": _SELECTOR.replace("TYPE", "TextQuoteSelector"),
    "TextPositionSelector": _SELECTOR.replace("TYPE", "TextQuoteSelector")
    % "refinedBy { ... on TextPositionSelector { %s } }",
    "DataPositionSelector": _SELECTOR.replace("TYPE", "DataPositionSelector"),
    "FragmentSelector": _SELECTOR.replace("TYPE", "FragmentSelector"),
    "CssSelector": _SELECTOR.replace("TYPE", "CssSelector"),
    "XPathSelector": _SELECTOR.replace("TYPE", "XPathSelector"),
    "SvgSelector": _SELECTOR.replace("TYPE", "SvgSelector"),
    "RangeSelector": _SELECTOR.replace("TYPE", "RangeSelector"),
    "OpaqueSelector": _SELECTOR.replace("TYPE", "OpaqueSelector"),
}
"""How to reach parents of each type, `$n` of them or in proportion to it."""

PARENTS_OF_FIELD = {
    "Annotation.replyTo": 'annotations(first: $n, where: {motivation: {eq: "replying"}}) { nodes { %s } }',
    "Annotation.classroom": "groups(first: $n) { nodes { annotations { pageInfo { hasNextPage } nodes { %s } } } }",
}
"""Where a field's value isn't found at every parent of its type."""

VARIABLES = {"$n": "$n: Int!", "$where": "$where: AnnotationWhere", "$imports": "$imports: [ID!]!"}

THE_ONLY_ONE = {
    *("Change", "SiteSettings", "MetadataField", "SsoConfiguration", "AccessToken", "GroupInvitation"),
    "Deletion",  # none of the crowd is deleted
}

NOT_FOR_VISITORS = {
    *("AnnotationVersion", "Change", "ElementRevision", "Group", "ImportJob", "ObjectShare", "Role", "Permission"),
}

COST = {
    "Annotation.bodies": 0,
    "Annotation.targets": 0,
    "Annotation.jsonLd": 1,  # who wrote it
    "AnnotationVersion.bodies": 0,
    "AnnotationVersion.targets": 0,
    "Annotation.tags": 1,
    "Annotation.upvoteCount": 1,
    "Annotation.viewerHasUpvoted": 1,
    "ImportJob.progress": 0,
    "ImportJob.outcome": 0,
    "ImportJob.error": 0,
    "User.email": 1,
    "SiteSettings.collectionMetadataSchema": 0,
    "SiteSettings.ssoLoginUrl": 1,
    "DocumentElement.annotationCounts": 1,
    "DocumentCollection.stats": 0,
    "Document.stats": 0,
    "ContentStats.documents": 1,
    "ContentStats.elements": 1,
    "ContentStats.annotations": 1,
    "ContentStats.comments": 1,
    "ContentStats.scholarlyNotes": 1,
    "ObjectShare.object": 2,  # collections and documents
    "ExternalResource.place": 4,  # elements, documents, collections, annotations
    "SpecificResource.place": 4,
    "SpecificResource.selectors": 0,
    "Choice.items": 0,
    "TextQuoteSelector.refinedBy": 0,
    "TextPositionSelector.refinedBy": 0,
    "DataPositionSelector.refinedBy": 0,
    "FragmentSelector.refinedBy": 0,
    "CssSelector.refinedBy": 0,
    "XPathSelector.refinedBy": 0,
    "SvgSelector.refinedBy": 0,
    "RangeSelector.refinedBy": 0,
    "RangeSelector.startSelector": 0,
    "RangeSelector.endSelector": 0,
}
"""What a field costs that isn't a column (nothing), an edge to one row (1) or a list (1, and 1 for its count)."""

ROOTS = {
    "viewer": ("viewer { id }", 1),
    "accessTokens": ("accessTokens { id name }", 1),
    "ssoConfiguration": ("ssoConfiguration { serverUrl }", 1),
    "node": ('node(id: "RG9jdW1lbnQ6MQ==") { id }', 1),
    "nodes": ('nodes(ids: ["RG9jdW1lbnQ6MQ==", "RG9jdW1lbnQ6Mg==", "VXNlcjox"]) { id }', 2),
    "collections": ("collections { nodes { id } edges { cursor } pageInfo { endCursor } totalCount }", 2),
    "collection": ("collection(id: 1) { id }", 1),
    "documents": ("documents { nodes { id } edges { cursor } pageInfo { endCursor } totalCount }", 2),
    "document": ("document(id: 1) { id }", 1),
    "element": ("element(id: 1) { id }", 1),
    "annotations": ("annotations { nodes { id } edges { cursor } pageInfo { endCursor } totalCount }", 2),
    "annotation": ("annotation(id: 1) { id }", 1),
    "annotationDifference": ("annotationDifference(id: 1, from: 1, to: 2) { pointer before after }", 2),
    "flags": ("flags { nodes { id } edges { cursor } pageInfo { endCursor } totalCount }", 2),
    "orphans": ("orphans { nodes { id } edges { cursor } pageInfo { endCursor } totalCount }", 2),
    "deletions": ("deletions { id kind title deletedAt purgedAfter }", 1),
    "annotationStats": ("annotationStats(by: [MOTIVATION, DAY]) { count motivation day }", 1),
    "users": ("users { nodes { id } edges { cursor } pageInfo { endCursor } totalCount }", 2),
    "user": ("user(id: 1) { id }", 1),
    "groups": ("groups { nodes { id } edges { cursor } pageInfo { endCursor } totalCount }", 2),
    "group": ("group(id: 1) { id }", 1),
    "importJob": ("importJob(id: 1) { id }", 1),
    "roles": ("roles { id }", 1),
    "siteSettings": ("siteSettings { siteTitle }", 1),
    "invitation": ('invitation(token: "token1") { name isOpen instructorName }', 1),
}


def is_part_of_connection(name: str) -> bool:
    return name.endswith(("Connection", "Edge")) or name == "PageInfo"


def price(type_name: str, field_name: str) -> tuple[str, int]:
    """A selection of the field, and how many statements it costs."""
    field = TYPES[type_name].fields[field_name]
    path, named = f"{type_name}.{field_name}", get_named_type(field.type)
    assert not any(is_required_argument(argument) for argument in field.args.values()), path
    if named.name.endswith("Connection"):
        page = "nodes { __typename } edges { cursor node { __typename } } pageInfo { hasNextPage endCursor }"
        return f"{field_name} {{ {page} totalCount }}", 2
    if isinstance(named, GraphQLObjectType) and named.name == "Abilities":
        return f"{field_name} {{ {' '.join(named.fields)} }}", 0
    if is_composite_type(named):
        assert path in COST or not is_list_type(get_nullable_type(field.type)), f"Say in COST what {path} costs."
        return f"{field_name} {{ __typename }}", COST.get(path, 1)
    return field_name, COST.get(path, 0)


def cases() -> Iterator[Any]:
    """All columns of a type together, and each other field by itself."""
    for type_name, parents in PARENTS.items():
        prices = [price(type_name, field_name) for field_name in TYPES[type_name].fields]
        # Rights are told in the row by a plan, which a selection with everything may not have.
        free = " ".join(selection for selection, cost in prices if cost == 0 and not selection.startswith("viewerCan"))
        yield pytest.param(type_name, parents, free, 0, id=f"{type_name}'s columns")
    for type_name, field_name, selection, cost in paid():
        path = f"{type_name}.{field_name}"
        yield pytest.param(type_name, PARENTS_OF_FIELD.get(path, PARENTS[type_name]), selection, cost, id=path)


def paid() -> Iterator[tuple[str, str, str, int]]:
    """The fields that cost something."""
    for type_name in PARENTS:
        for field_name in TYPES[type_name].fields:
            selection, cost = price(type_name, field_name)
            if cost:
                yield type_name, field_name, selection, cost


class Answers:
    """Asks the crowd, each question once."""

    def __init__(self, crowd: Lasting) -> None:
        self.crowd = crowd
        self.known: dict[tuple[str, int, Viewer], tuple[str, int]] = {}

    async def to(self, query: str, number: int, viewer: Viewer) -> tuple[str, int]:
        """The answer as text, and how many statements it cost."""
        key = (query, number, viewer)
        if key not in self.known:
            head = "".join(declared for name, declared in VARIABLES.items() if name in query)
            where = {"element": {"in": [str(2 * n - 1) for n in range(1, number + 1)]}}
            imports = [global_id("ImportJob", n) for n in range(1, min(number, MAX_NODES) + 1)]
            data = await self.crowd.service.ask(
                f"query Ask{f'({head})' if head else ''} {{ {query} }}",
                {"n": number, "where": where, "imports": imports},
                viewer=viewer,
            )
            self.known[key] = json.dumps(data), len(self.crowd.service.statements)
        return self.known[key]


@pytest.fixture(scope="module")
def answers(crowd: Lasting) -> Answers:
    return Answers(crowd)


def test_every_type_can_be_reached_by_these_tests() -> None:
    assert {name for name in TYPES if not is_part_of_connection(name)} == {"Query", "Abilities", *PARENTS}
    assert set(ROOTS) == set(TYPES["Query"].fields)


def test_no_cost_is_named_of_a_field_that_does_not_exist() -> None:
    fields = {f"{name}.{field}" for name, type_ in TYPES.items() for field in type_.fields}
    assert {*COST, *PARENTS_OF_FIELD} <= fields


@pytest.mark.parametrize(("type_name", "parents", "selection", "cost"), list(cases()))
async def test_a_field_costs_the_same_below_two_and_below_two_hundred(
    answers: Answers, type_name: str, parents: str, selection: str, cost: int
) -> None:
    _, few = await answers.to(parents % "__typename", FEW, ADMINISTRATOR)
    reached, many = await answers.to(parents % "__typename", MANY, ADMINISTRATOR)
    assert few == many
    most = MAX_NODES if "$imports" in parents else MANY
    assert type_name in THE_ONLY_ONE or reached.count(f'"{type_name}"') >= most

    _, below_few = await answers.to(parents % selection, FEW, ADMINISTRATOR)
    _, below_many = await answers.to(parents % selection, MANY, ADMINISTRATOR)

    assert (below_few - few, below_many - many) == (cost, cost)


@pytest.mark.parametrize("type_name", sorted({type_name for type_name, *_ in paid()} - NOT_FOR_VISITORS))
async def test_all_of_a_type_costs_a_visitor_the_same_below_two_and_below_two_hundred(
    answers: Answers, type_name: str
) -> None:
    parents = PARENTS[type_name]
    prices = [price(type_name, field_name) for field_name in TYPES[type_name].fields]
    everything = " ".join(selection for selection, _ in prices)
    _, base = await answers.to(parents % "__typename", FEW, ANONYMOUS)

    _, few = await answers.to(parents % everything, FEW, ANONYMOUS)
    _, many = await answers.to(parents % everything, MANY, ANONYMOUS)

    assert few == many <= base + sum(cost for _, cost in prices)


@pytest.mark.parametrize("field", ROOTS)
@pytest.mark.parametrize("viewer", [ANONYMOUS, ADMINISTRATOR], ids=["a visitor", "an administrator"])
async def test_a_root_field_costs_one_statement_and_one_for_its_count(
    answers: Answers, field: str, viewer: Viewer
) -> None:
    query, cost = ROOTS[field]
    if field in {"viewer", "accessTokens", "ssoConfiguration"} and viewer.is_anonymous:
        cost = 0
    _, paid = await answers.to(query, FEW, viewer)
    assert paid == cost


@pytest.mark.parametrize("number", [FEW, MANY])
async def test_a_deep_tree_costs_one_statement_a_level(answers: Answers, number: int) -> None:
    tree = """collections(first: $n) { nodes { title documents { nodes { title elements { nodes { text
        annotations { nodes { body creator { displayName } replies { nodes { body replyTo { id } } } } } } } } } } }"""
    _, paid = await answers.to(tree, number, ANONYMOUS)
    # Collections, documents, elements, annotations; their creators and their replies; what these answer.
    assert paid == 7
