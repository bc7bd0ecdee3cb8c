"""From a selection to a plan: each field by what the schema's metadata says that it stands for.

Which fields are selected, through fragments and directives, is settled by GraphQL's own executor's functions, so that
both paths agree on it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from graphql import (
    FragmentDefinitionNode,
    GraphQLAbstractType,
    GraphQLField,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    is_abstract_type,
)
from graphql.execution.collect_fields import FieldDetailsList, FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues
from sqlalchemy import Text, case, cast, false, func

from genji_graphql.access.rules import Action, allowed
from genji_graphql.access.viewer import Viewer
from genji_graphql.models import Base
from genji_graphql.plans import connections, objects
from genji_graphql.plans.arguments import Arguments, Everything
from genji_graphql.plans.holes import Found, Level, Levels, pieces_of
from genji_graphql.plans.levels import Attribute, Calculated, Counted, Grouped, One
from genji_graphql.plans.nested import nested
from genji_graphql.plans.refusal import Gone, NotPlannable
from genji_graphql.plans.roots import Asker, Keys, List, Lookup, Mentioned, Root, Said, Things
from genji_graphql.plans.run import Run
from genji_graphql.plans.scalars import as_json, fixed, joined
from genji_graphql.plans.shapes import NESTED_ROW, Piece, Pieces, Placed, Written
from genji_graphql.reads.edges import Computed, Content, ToMany, ToOne
from genji_graphql.reads.ids import global_id_of
from genji_graphql.schema.arguments import definition_of
from genji_graphql.schema.stats import of_motivation

MODELS: Mapping[str, type[Base]] = {mapper.class_.__name__: mapper.class_ for mapper in Base.registry.mappers}
"""A type of the graph stands for the table of the same name."""

_MOST_WAYS = 1000
"""In how many ways all that may be of several types is shown, at most."""


class Plan:
    """The parts of an answer, in their order."""

    def __init__(self, parts: Sequence[bytes | Root], *, nests: bool) -> None:
        self._parts = parts
        self._nests = nests
        self._roots = [part for part in parts if isinstance(part, Root)]
        self._levels = Levels(level for root in self._roots for level in root.levels)

    async def answer(self, run: Run) -> list[bytes]:
        keys = self._keys(run)
        return await self._pieces(run, keys, await self._levels.load(run, keys))

    async def tell(self, run: Run, events: Sequence[Mapping[str, Any]]) -> list[list[bytes] | None]:
        """What is told of each event, the rows of all read together; None of one whose row isn't in sight any more."""
        keys: list[Keys] = []
        wanted: dict[Level, dict[int, None]] = {}
        for run.event in events:
            keys.append(self._keys(run))
            for level, numbers in keys[-1].items():
                wanted.setdefault(level, {}).update(dict.fromkeys(numbers))
        found = await self._levels.load(run, {level: list(numbers) for level, numbers in wanted.items()})
        told: list[list[bytes] | None] = []
        for run.event, theirs in zip(events, keys, strict=True):
            try:
                told.append(await self._pieces(run, theirs, found))
            except Gone:
                told.append(None)
        return told

    def _keys(self, run: Run) -> Keys:
        return {level: wanted for root in self._roots for level, wanted in root.keys(run).items()}

    async def _pieces(self, run: Run, keys: Keys, found: Mapping[Level, Found]) -> list[bytes]:
        pieces = pieces_of(
            [part if isinstance(part, bytes) else await part.answer(run, keys, found) for part in self._parts]
        )
        if self._nests:
            unmarked = [piece.replace(NESTED_ROW, b"") for piece in pieces]
            # A mark is one byte. What a text is shorter without them tells their number sooner than counting would.
            run.loaded += sum(map(len, pieces)) - sum(map(len, unmarked))
            return unmarked
        return pieces


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
    largest_page: int,
) -> Plan:
    """The plan of a valid query. Raises NotPlannable."""
    if operation.operation is not OperationType.QUERY:
        raise NotPlannable(f"it is a {operation.operation.value}")
    return _Compiler(schema, operation, fragments, variables, largest_page).plan()


def compiled_event(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Sequence[FragmentDefinitionNode],
    variables: VariableValues,
    largest_page: int,
    shown: str,
) -> Plan:
    """The plan of what a valid subscription tells of an event, which is of this type. Raises NotPlannable."""
    return _Compiler(schema, operation, fragments, variables, largest_page).event(shown)


class _Compiler:
    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: Sequence[FragmentDefinitionNode],
        variables: VariableValues,
        largest_page: int,
    ) -> None:
        self.nests = False
        """Are there lists within rows?"""
        self._schema = schema
        self._largest_page = largest_page
        self._operation = operation
        self._fragments = {fragment.name.value: FragmentDetails(fragment) for fragment in fragments}
        self._variables = variables
        self._ways = 0

    def plan(self) -> Plan:
        query = self._schema.query_type
        assert query is not None  # noqa: S101 - ours has one
        collected = collect_fields(self._schema, self._fragments, self._variables, query, self._operation)
        return self._plan(self._object(query, collected, self._root))

    def event(self, shown: str) -> Plan:
        subscription, type_ = self._schema.subscription_type, self._schema.type_map[shown]
        assert subscription is not None  # noqa: S101 - ours has one
        assert isinstance(type_, GraphQLObjectType)  # noqa: S101 - events are
        collected = collect_fields(self._schema, self._fragments, self._variables, subscription, self._operation)

        def told(root: Selected) -> list[str | Root]:
            fields = self._subfields(type_, root.details)
            names = {details[0].node.name.value for details in fields.grouped_field_set.values()}
            if not needed <= names:
                # The executor would still look whether the row is in sight.
                raise NotPlannable("it doesn't ask for what happened")
            return list(self._object(type_, fields, self._told))

        needed = {name for name, field in type_.fields.items() if _is_row(field.type)}
        parts = self._object(subscription, collected, told)
        return self._plan(piece for part in parts for piece in ([part] if isinstance(part, str) else part))

    def _plan(self, parts: Iterable[str | Root]) -> Plan:
        encoded = [part.encode() if isinstance(part, str) else part for part in parts]
        return Plan(encoded, nests=self.nests)

    def _told(self, selected: Selected) -> Root:
        """A field of an event: a row, or a value that it is told with."""
        name, type_ = definition_of(selected.field).python_name, get_named_type(selected.field.type)
        if isinstance(type_, GraphQLLeafType):
            if type_.coerce_output_value is None:
                raise NotPlannable(f"{type_} has no serialiser")
            return Said(name, type_.coerce_output_value)
        if (model := MODELS.get(type_.name)) is None:
            raise NotPlannable(f"{selected.name} is no row")
        pieces = self._shape(selected.type, model, selected.details)
        return Mentioned(name, One("id", model, None, pieces, required=isinstance(selected.field.type, GraphQLNonNull)))

    def _root(self, selected: Selected) -> Root:
        edge, model, nodes = (selected.metadata.get(name) for name in ("edge", "lookup", "nodes"))
        if isinstance(edge, ToMany):
            return List(self._many(selected, edge))
        if model is not None:
            return Lookup(model, selected.arguments, self._one(selected, "id", model, None))
        if nodes is not None:
            levels = {name: self._thing(selected, model) for name, model in nodes.items()}
            return Things(levels, selected.arguments, selected.metadata["most"])
        if viewer := selected.metadata.get("viewer"):
            return Asker(self._one(selected, "id", viewer, None))
        if every := selected.metadata.get("every"):
            shape = self._shape(selected.type, every.target, selected.details)
            return List(connections.Many(every, Everything(), [connections.Rows(0)], [shape]))
        raise NotPlannable(f"Query.{selected.name} has a resolver of its own")

    def _thing(self, selected: Selected, model: type[Base], *, required: bool = False) -> One:
        type_ = self._schema.type_map[model.__name__]
        assert isinstance(type_, GraphQLObjectType)  # noqa: S101 - nodes are
        return One("id", model, None, self._shape(type_, model, selected.details), required=required)

    # -- objects

    def _possible(self, type_: GraphQLAbstractType) -> Sequence[GraphQLObjectType]:
        """The types that something may be of, each of which is shown in a way of its own."""
        types = self._schema.get_possible_types(type_)
        self._ways += len(types)
        # Fragments of unions in unions have many more of them than letters.
        if self._ways > _MOST_WAYS:
            raise NotPlannable("what it asks for may be of too many types")
        return types

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
        return _flat(self._object(type_, self._subfields(type_, details), partial(self._pieces, type_, model)))

    def _pieces(self, type_: GraphQLObjectType, model: type[Base], selected: Selected) -> Sequence[Piece]:
        if content := selected.metadata.get("content"):
            return self._stats(selected, content)
        if "global_id" in selected.metadata:
            return ['"', Written(lambda row, _: global_id_of(model.__name__, row.id)), '"']
        return [self._piece(type_, model, selected)]

    def _piece(self, type_: GraphQLObjectType, model: type[Base], selected: Selected) -> Piece:
        metadata = selected.metadata
        match metadata.get("edge"):
            case ToOne() as edge:
                return self._one(selected, edge.key, edge.target, edge.given)
            case ToMany() as edge:
                many = self._many(selected, edge)
                within = nested(many, self._largest_page)
                self.nests = self.nests or within is not None
                return within or many
        if isinstance(what := metadata.get("computed"), Computed):
            return Calculated(what) if what.by is None else self._groups(selected, what)
        if make := metadata.get("made"):
            made = _Objects(self)
            return objects.Made(metadata["of"], make, made.writer(selected.field.type, selected), made.levels)
        if "abilities" in metadata:
            return self._abilities(selected, model)
        if column := metadata.get("column") or _attribute(selected):
            written = _column(column, selected.field.type, metadata.get("told"))
            return _entrusted(model, metadata["entrusted"], written) if "entrusted" in metadata else written
        raise NotPlannable(f"{type_.name}.{selected.name} has a resolver of its own")

    def _one(self, selected: Selected, key: str, model: type[Base], given: type[Base] | None) -> One:
        pieces = self._shape(selected.type, model, selected.details)
        return One(key, model, given, pieces, required=isinstance(selected.field.type, GraphQLNonNull))

    def _abilities(self, selected: Selected, model: type[Base]) -> Written:
        fields = self._subfields(selected.type, selected.details)
        pieces: list[str | Action] = list(self._object(selected.type, fields, lambda one: one.metadata["ability"]))

        def write(_row: Any, viewer: Viewer) -> Any:
            return joined(
                cast(func.coalesce(allowed(model, piece, viewer), false()), Text)
                if isinstance(piece, Action)
                else fixed(piece)
                for piece in pieces
            )

        return Written(write)

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
        lists = _Lists(self, edge)
        parts = list(self._object(selected.type, self._subfields(selected.type, selected.details), lists.part))
        return connections.Many(edge, selected.arguments, parts, lists.shapes)


class _Lists:
    """The parts of a connection, and the shapes of its rows."""

    def __init__(self, compiler: _Compiler, edge: ToMany) -> None:
        self._compiler = compiler
        self._model = edge.target
        self.shapes: list[Pieces] = []

    def part(self, selected: Selected) -> connections.Part:
        match selected.name:
            case "totalCount":
                return connections.total
            case "nodes":
                return self._rows(self._node(selected))
            case "edges":
                return self._rows(_flat(self._object(selected, self._of_edge)))
            case "pageInfo":
                return connections.PageInfo(list(self._object(selected, lambda one: connections.PAGE_INFO[one.name])))
            case name:
                raise NotPlannable(f"nothing is known of a connection's {name}")

    def _rows(self, shape: Pieces) -> connections.Rows:
        self.shapes.append(shape)
        return connections.Rows(len(self.shapes) - 1)

    def _of_edge(self, selected: Selected) -> Pieces:
        return self._node(selected) if selected.name == "node" else [Placed()]

    def _node(self, selected: Selected) -> Pieces:
        return self._compiler._shape(selected.type, self._model, selected.details)  # noqa: SLF001

    def _object(self, selected: Selected, piece: Callable[[Selected], Any]) -> Iterator[Any]:
        fields = self._compiler._subfields(selected.type, selected.details)  # noqa: SLF001
        return self._compiler._object(selected.type, fields, piece)  # noqa: SLF001


class _Objects:
    """How objects are written that Python makes, and the levels of the rows that they lead to."""

    def __init__(self, compiler: _Compiler) -> None:
        self._compiler = compiler
        self.levels: list[Level] = []

    def writer(self, type_: GraphQLOutputType, selected: Selected) -> objects.Writer:
        if isinstance(type_, GraphQLNonNull):
            return objects.required(self._some(type_.of_type, selected))
        return objects.optional(self._some(type_, selected))

    def _some(self, type_: GraphQLOutputType, selected: Selected) -> objects.Writer:
        if isinstance(type_, GraphQLList):
            return objects.several(self.writer(type_.of_type, selected))
        if isinstance(type_, GraphQLLeafType):
            return objects.leaf(type_)
        if models := selected.metadata.get("places"):
            return self._row(selected, models)
        types = self._compiler._possible(type_) if is_abstract_type(type_) else [selected.type]  # noqa: SLF001
        return objects.one_of([(one, self._parts(one, selected.details)) for one in types])

    def _parts(self, type_: GraphQLObjectType, details: FieldDetailsList) -> objects.Parts:
        def part(selected: Selected) -> objects.Attribute:
            name = selected.metadata["of"] if "places" in selected.metadata else _attribute(selected)
            if name is None:
                raise NotPlannable(f"{type_.name}.{selected.name} has a resolver of its own")
            return objects.Attribute(name, self.writer(selected.field.type, selected))

        return list(self._compiler._object(type_, self._compiler._subfields(type_, details), part))  # noqa: SLF001

    def _row(self, selected: Selected, models: Iterable[type[Base]]) -> objects.Writer:
        required = isinstance(selected.field.type, GraphQLNonNull)
        levels = {model: self._compiler._thing(selected, model, required=required) for model in models}  # noqa: SLF001
        self.levels += levels.values()
        return objects.row(levels)


def _is_row(type_: GraphQLOutputType) -> bool:
    """A row that must be there."""
    return isinstance(type_, GraphQLNonNull) and isinstance(type_.of_type, GraphQLObjectType)


def _flat(pieces: Iterable[str | Pieces]) -> list[Piece]:
    return [piece for several in pieces for piece in ([several] if isinstance(several, str) else several)]


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


def _entrusted(model: type[Base], action: Action, written: Written) -> Written:
    """What is shown to those only who may do something to the row."""

    def write(row: Any, viewer: Viewer) -> Any:
        return case((allowed(model, action, viewer), written.write(row, viewer)), else_=fixed("null"))

    return Written(write)
