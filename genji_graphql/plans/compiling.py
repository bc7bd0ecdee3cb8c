"""From a selection to a plan: each field by what the schema's metadata says that it stands for.

Which fields are selected, through fragments and directives, is settled by GraphQL's own executor's functions, so that
both paths agree on it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from graphql import (
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
)
from graphql.execution.collect_fields import FieldDetailsList, FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues
from sqlalchemy import case

from genji_graphql.access.viewer import Viewer
from genji_graphql.models import Base
from genji_graphql.plans import connections
from genji_graphql.plans.arguments import Arguments
from genji_graphql.plans.levels import Allowed, Attribute, Calculated, Counted, Entrusted, Grouped, One
from genji_graphql.plans.refusal import NotPlannable
from genji_graphql.plans.roots import Asker, Every, Lookup, Page, Root, Things
from genji_graphql.plans.run import Run
from genji_graphql.plans.scalars import as_json, fixed
from genji_graphql.plans.shapes import Found, Level, Levels, Piece, Shown, Written
from genji_graphql.reads.edges import Computed, Content, ToMany, ToOne
from genji_graphql.reads.ids import global_id_of
from genji_graphql.schema.arguments import definition_of
from genji_graphql.schema.stats import of_motivation

MODELS: Mapping[str, type[Base]] = {mapper.class_.__name__: mapper.class_ for mapper in Base.registry.mappers}
"""A type of the graph stands for the table of the same name."""


class Plan:
    """The parts of an answer, in their order."""

    def __init__(self, parts: Sequence[bytes | Root]) -> None:
        self._parts = parts
        self._roots = [part for part in parts if isinstance(part, Root)]
        self._levels = Levels(level for root in self._roots for level in root.levels)

    async def answer(self, run: Run) -> bytes:
        keys = {level: wanted for root in self._roots for level, wanted in root.keys(run).items()}
        found = defaultdict[Level, Found](dict, await self._levels.load(run, keys))
        return b"".join(
            [part if isinstance(part, bytes) else await part.answer(run, keys, found) for part in self._parts]
        )


@dataclass(frozen=True)
class Selected:
    """A field that was selected, perhaps in several places at once."""

    key: str
    name: str
    field: GraphQLField
    details: FieldDetailsList

    @property
    def arguments(self) -> Arguments:
        return Arguments(self.field, self.details[0].node)

    @property
    def metadata(self) -> Mapping[Any, Any]:
        return definition_of(self.field).metadata

    @property
    def type(self) -> GraphQLObjectType:
        """The type of what it leads to."""
        named = get_named_type(self.field.type)
        if not isinstance(named, GraphQLObjectType):
            raise NotPlannable(f"{self.name} may be of several types")
        return named


def compiled(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Sequence[FragmentDefinitionNode],
    variables: VariableValues,
) -> Plan:
    """The plan of a valid query. Raises NotPlannable."""
    if operation.operation is not OperationType.QUERY:
        raise NotPlannable(f"it is a {operation.operation.value}")
    return _Compiler(schema, operation, fragments, variables).plan()


class _Compiler:
    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: Sequence[FragmentDefinitionNode],
        variables: VariableValues,
    ) -> None:
        self._schema = schema
        self._operation = operation
        self._fragments = {fragment.name.value: FragmentDetails(fragment) for fragment in fragments}
        self._variables = variables

    def plan(self) -> Plan:
        query = self._schema.query_type
        assert query is not None  # noqa: S101 - ours has one
        collected = collect_fields(self._schema, self._fragments, self._variables, query, self._operation)
        parts = self._object(query, collected, self._root)
        return Plan([part.encode() if isinstance(part, str) else part for part in parts])

    def _root(self, selected: Selected) -> Root:
        edge, model, nodes = (selected.metadata.get(name) for name in ("edge", "lookup", "nodes"))
        if isinstance(edge, ToMany):
            return Page(self._many(selected, edge))
        if model is not None:
            return Lookup(model, selected.arguments, self._one(selected, "id", model, None))
        if nodes is not None:
            levels = {name: self._thing(selected, model) for name, model in nodes.items()}
            return Things(levels, selected.arguments, selected.metadata["most"])
        if viewer := selected.metadata.get("viewer"):
            return Asker(self._one(selected, "id", viewer, None))
        if every := selected.metadata.get("every"):
            return Every(every, Shown(self._shape(selected.type, every.target, selected.details)))
        raise NotPlannable(f"Query.{selected.name} has a resolver of its own")

    def _thing(self, selected: Selected, model: type[Base]) -> Level:
        type_ = self._schema.type_map[model.__name__]
        assert isinstance(type_, GraphQLObjectType)  # noqa: S101 - nodes are
        return One("id", model, None, self._shape(type_, model, selected.details), required=False)

    # -- objects

    def _subfields(self, type_: GraphQLObjectType, details: FieldDetailsList) -> Any:
        return collect_subfields(self._schema, self._fragments, self._variables, self._operation, type_, details)

    def _object(self, type_: GraphQLObjectType, collected: Any, piece: Callable[[Selected], Any]) -> Iterator[Any]:
        """A JSON object: text, and for each selected field what `piece` makes of it."""
        if collected.new_defer_usages:
            raise NotPlannable("a part of it is deferred")
        before = "{"
        for key, details in collected.grouped_field_set.items():
            name = details[0].node.name.value
            yield f'{before}"{key}":'
            before = ","
            if name == "__typename":
                yield f'"{type_.name}"'
            elif name in type_.fields:
                yield piece(Selected(key, name, type_.fields[name], details))
            else:
                raise NotPlannable("it asks for the schema")
        yield "{}" if before == "{" else "}"

    def _shape(self, type_: GraphQLObjectType, model: type[Base], details: FieldDetailsList) -> Sequence[Piece]:
        pieces = self._object(type_, self._subfields(type_, details), partial(self._pieces, type_, model))
        return [piece for several in pieces for piece in ([several] if isinstance(several, str) else several)]

    def _pieces(self, type_: GraphQLObjectType, model: type[Base], selected: Selected) -> Sequence[Piece]:
        content = selected.metadata.get("content")
        return [self._piece(type_, model, selected)] if content is None else self._stats(selected, content)

    def _piece(self, type_: GraphQLObjectType, model: type[Base], selected: Selected) -> Piece:
        metadata = selected.metadata
        match metadata.get("edge"):
            case ToOne() as edge:
                return self._one(selected, edge.key, edge.target, edge.given)
            case ToMany() as edge:
                return self._many(selected, edge)
        if isinstance(what := metadata.get("computed"), Computed):
            return Calculated(what) if what.by is None else self._groups(selected, what)
        if "abilities" in metadata:
            return self._abilities(selected, model)
        if "global_id" in metadata:
            return Written(lambda row, _: _global_id(model, row.id))
        if column := metadata.get("column") or _attribute(selected):
            written = _column(column, selected.field.type, metadata.get("told"))
            return Entrusted(model, metadata["entrusted"], written) if "entrusted" in metadata else written
        raise NotPlannable(f"{type_.name}.{selected.name} has a resolver of its own")

    def _one(self, selected: Selected, key: str, model: type[Base], given: type[Base] | None) -> One:
        pieces = self._shape(selected.type, model, selected.details)
        return One(key, model, given, pieces, required=isinstance(selected.field.type, GraphQLNonNull))

    def _abilities(self, selected: Selected, model: type[Base]) -> Allowed:
        fields = self._subfields(selected.type, selected.details)
        return Allowed(model, list(self._object(selected.type, fields, lambda one: one.metadata["ability"])))

    def _stats(self, selected: Selected, content: Content) -> Sequence[Piece]:
        def counted(one: Selected) -> Piece:
            edge = getattr(content, one.metadata["counts"])
            return "1" if edge is None else Counted(edge, of_motivation(one.metadata.get("motivation")))

        return list(self._object(selected.type, self._subfields(selected.type, selected.details), counted))

    def _groups(self, selected: Selected, computed: Computed) -> Grouped:
        def attribute(one: Selected) -> str | Attribute:
            # Grouped by motivation alone, they name no row that an edge could lead to.
            if "edge" in one.metadata:
                return "null"
            return Attribute(definition_of(one.field).python_name)

        fields = self._subfields(selected.type, selected.details)
        return Grouped(computed, list(self._object(selected.type, fields, attribute)))

    # -- lists

    def _many(self, selected: Selected, edge: ToMany) -> connections.Many:
        shapes: list[Sequence[Piece]] = []
        pages = _Pages(self, edge, shapes)
        fields = self._subfields(selected.type, selected.details)
        parts = list(self._object(selected.type, fields, pages.part))
        cursors = ["id", *(column.key for column in edge.listing.orders.values())] if pages.cursors else []
        return connections.Many(edge, selected.arguments, parts, shapes, cursors if pages.rows else None)


class _Pages:
    """The parts of a connection, and what they need."""

    def __init__(self, compiler: _Compiler, edge: ToMany, shapes: list[Sequence[Piece]]) -> None:
        self._compiler = compiler
        self._edge = edge
        self._shapes = shapes
        self.rows = False
        self.cursors = False

    def part(self, selected: Selected) -> connections.Part:
        match selected.name:
            case "totalCount":
                return connections.total
            case "nodes":
                self.rows = True
                return partial(connections.nodes, self._shape(selected))
            case "edges":
                self.rows = True
                return partial(connections.edges, self._parts(selected, self._edge_part))
            case "pageInfo":
                self.rows = True
                return partial(_all_of, self._parts(selected, self._page_info))
            case name:
                raise NotPlannable(f"nothing is known of a connection's {name}")

    def _parts(self, selected: Selected, part: Callable[[Selected], Any]) -> list[Any]:
        fields = self._compiler._subfields(selected.type, selected.details)  # noqa: SLF001
        return list(self._compiler._object(selected.type, fields, part))  # noqa: SLF001

    def _shape(self, selected: Selected) -> int:
        self._shapes.append(self._compiler._shape(selected.type, self._edge.target, selected.details))  # noqa: SLF001
        return len(self._shapes) - 1

    def _edge_part(self, selected: Selected) -> int | None:
        if selected.name == "node":
            return self._shape(selected)
        self.cursors = True
        return None

    def _page_info(self, selected: Selected) -> connections.Part:
        self.cursors = self.cursors or selected.name.endswith("Cursor")
        return connections.PAGE_INFO[selected.name]


def _all_of(parts: Sequence[str | connections.Part], loaded: connections.Loaded) -> bytes:
    return b"".join(part.encode() if isinstance(part, str) else part(loaded) for part in parts)


def _attribute(selected: Selected) -> str | None:
    """The column of a field that has no resolver; it goes by the same name."""
    definition = definition_of(selected.field)
    return definition.python_name if definition.base_resolver is None else None


def _column(name: str, type_: GraphQLOutputType, told: Callable[[Viewer, Any], Any] | None = None) -> Written:
    """A column; with `told`, null to all but those whom a row of this id is told of."""

    def write(row: Any, viewer: Viewer) -> Any:
        text = as_json(getattr(row, name), type_)
        return text if told is None else case((told(viewer, row.id), text), else_=fixed("null"))

    return Written(write)


def _global_id(model: type[Base], number: Any) -> Any:
    return fixed('"') + global_id_of(model.__name__, number) + fixed('"')
