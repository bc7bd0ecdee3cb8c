"""The schema as clients see it: written down, explained, and what was agreed on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    EnumTypeDefinitionNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    InterfaceTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    build_schema,
    is_specified_scalar_type,
    parse,
    print_ast,
    validate_schema,
)

from genji_graphql import models
from genji_graphql.schema import schema

SCHEMA = Path(__file__).parents[2] / "schema.graphql"
GRAPHQL = schema._schema
TYPES: dict[str, GraphQLNamedType] = {
    name: type_
    for name, type_ in GRAPHQL.type_map.items()
    if not name.startswith("__") and not is_specified_scalar_type(type_)
}


def test_the_printed_schema_is_that_of_the_code() -> None:
    assert SCHEMA.read_text() == schema.as_str() + "\n", "Type: ./dev schema"


def test_the_printed_schema_is_valid() -> None:
    assert validate_schema(build_schema(SCHEMA.read_text())) == []


def described() -> Iterator[tuple[str, str | None]]:
    """All that can be explained, and its explanation."""
    for name, type_ in TYPES.items():
        yield name, type_.description
        match type_:
            case GraphQLObjectType() | GraphQLInterfaceType():
                for field_name, field in type_.fields.items():
                    yield f"{name}.{field_name}", field.description
                    for argument_name, argument in field.args.items():
                        yield f"{name}.{field_name}({argument_name})", argument.description
            case GraphQLInputObjectType():
                for field_name, input_field in type_.fields.items():
                    yield f"{name}.{field_name}", input_field.description
            case GraphQLEnumType():
                for value_name, value in type_.values.items():
                    yield f"{name}.{value_name}", value.description


def test_everything_is_explained() -> None:
    explanations = dict(described())
    assert len(explanations) > 500
    assert [name for name, description in explanations.items() if not description] == []


def test_explanations_are_sentences() -> None:
    odd = [
        (name, description)
        for name, description in described()
        if description
        and not (description.endswith((".", "?", "…")) and (description[0].isupper() or description[0] == "`"))
    ]
    assert odd == []


# What was agreed on

PAGE_ARGUMENTS = {"first": "Int", "after": "String", "last": "Int", "before": "String"}

AGREED = """
type Query {
  viewer: User
  node(id: ID!): Node
  nodes(ids: [ID!]!): [Node]!
  collections: DocumentCollectionConnection!
  collection(id: ID!): DocumentCollection
  documents: DocumentConnection!
  document(id: ID!): Document
  element(id: ID!): DocumentElement
  annotations: AnnotationConnection!
  annotation(id: ID!): Annotation
  annotationStats(where: AnnotationWhere, by: [AnnotationDimension!]!): [AnnotationStat!]!
  users: UserConnection!
  user(id: ID!): User
  groups: GroupConnection!
  group(id: ID!): Group
  roles: [Role!]!
  siteSettings: SiteSettings!
}
interface Node {
  id: ID!
  databaseId: Int!
}
type DocumentCollection implements Node {
  id: ID!
  databaseId: Int!
  title: String!
  visibility: Visibility!
  textDirection: TextDirection!
  language: String
  created: DateTime!
  modified: DateTime!
  hierarchy: JSON
  collectionMetadata: JSON
  owner: User
  createdBy: User
  modifiedBy: User
  documents: DocumentConnection!
  annotations: AnnotationConnection!
  shares: ObjectShareConnection!
  stats: ContentStats!
}
type Document implements Node {
  id: ID!
  databaseId: Int!
  title: String!
  description: String
  created: DateTime!
  modified: DateTime!
  collection: DocumentCollection
  owner: User
  elements: DocumentElementConnection!
  annotations: AnnotationConnection!
  stats: ContentStats!
  shares: ObjectShareConnection!
}
type DocumentElement implements Node {
  id: ID!
  databaseId: Int!
  text: String
  content: JSON
  hierarchy: JSON
  created: DateTime!
  modified: DateTime!
  document: Document!
  annotations: AnnotationConnection!
  annotationCounts: [AnnotationStat!]!
}
type Annotation implements Node {
  id: ID!
  databaseId: Int!
  type: String
  motivation: String
  status: AnnotationStatus!
  annotationType: String
  context: String
  generator: String
  generated: DateTime
  created: DateTime!
  modified: DateTime!
  body: JSON
  target: JSON
  bodies: [AnnotationBody!]!
  targets: [AnnotationTarget!]!
  creator: User
  owner: User
  classroom: Group
  collection: DocumentCollection
  document: Document
  element: DocumentElement
  replies: AnnotationConnection!
  replyTo: Annotation
  tags: [String!]!
  upvoteCount: Int!
  viewerHasUpvoted: Boolean!
}
type PageInfo {
  hasNextPage: Boolean!
  hasPreviousPage: Boolean!
  startCursor: String
  endCursor: String
}
enum Visibility { PUBLIC SHARED PRIVATE }
enum TextDirection { LTR RTL VERTICAL_RL }
enum AccessLevel { VIEW EDIT MANAGE }
enum AnnotationStatus { ACTIVE PRIVATE HIDDEN DELETED }
"""


def agreed() -> Iterator[Any]:
    """The fields that were agreed on, with their types and arguments."""
    for definition in parse(AGREED).definitions:
        if isinstance(definition, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode):
            for field in definition.fields or ():
                arguments = {argument.name.value: print_ast(argument.type) for argument in field.arguments or ()}
                path = f"{definition.name.value}.{field.name.value}"
                yield pytest.param(path, print_ast(field.type), arguments, id=path)


@pytest.mark.parametrize(("path", "type_", "arguments"), list(agreed()))
def test_a_field_is_as_it_was_agreed(path: str, type_: str, arguments: dict[str, str]) -> None:
    type_name, field_name = path.split(".")
    holder = TYPES[type_name]
    assert isinstance(holder, GraphQLObjectType | GraphQLInterfaceType)
    field = holder.fields[field_name]
    assert str(field.type) == type_
    if type_.endswith("Connection!"):
        noun = type_.removesuffix("Connection!")
        arguments = PAGE_ARGUMENTS | {"where": f"{noun}Where", "orderBy": f"[{noun}Order!]"}
    assert {name: str(argument.type) for name, argument in field.args.items()} == arguments


def test_words_are_as_they_were_agreed() -> None:
    for definition in parse(AGREED).definitions:
        if isinstance(definition, EnumTypeDefinitionNode):
            words = TYPES[definition.name.value]
            assert isinstance(words, GraphQLEnumType)
            assert list(words.values) == [value.name.value for value in definition.values or ()]


def test_a_list_is_a_connection() -> None:
    """Its pages, rows and cursors are named as the specification of connections has them."""
    for name, type_ in TYPES.items():
        if name.endswith("Connection") and isinstance(type_, GraphQLObjectType):
            noun = name.removesuffix("Connection")
            assert {field_name: str(field.type) for field_name, field in type_.fields.items()} == {
                "nodes": f"[{noun}!]!",
                "edges": f"[{noun}Edge!]!",
                "pageInfo": "PageInfo!",
                "totalCount": "Int!",
            }
            edge = TYPES[f"{noun}Edge"]
            assert isinstance(edge, GraphQLObjectType)
            assert {field_name: str(field.type) for field_name, field in edge.fields.items()} == {
                "cursor": "String!",
                "node": f"{noun}!",
            }


def test_secrets_are_in_no_type() -> None:
    """They go in by inputs of mutations, and never come out."""
    read = {name for name, type_ in TYPES.items() if not isinstance(type_, GraphQLInputObjectType)}
    names = [
        path
        for path, _ in described()
        if path.split(".")[0] in read - {"Mutation"} and any(word in path.lower() for word in ("password", "hash"))
    ]
    assert names == []


def test_a_node_is_named_like_its_table() -> None:
    """A global id holds this name, so that neither may change alone."""
    nodes = {name for name, type_ in TYPES.items() if "Node" in map(str, getattr(type_, "interfaces", ()))}
    assert nodes <= {model.__name__ for model in vars(models).values() if isinstance(model, type)}
