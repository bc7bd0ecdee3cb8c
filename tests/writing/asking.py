"""Changes as people of every standing ask for them."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.models import Document, DocumentCollection, DocumentElement, User
from genji_graphql.reads.ids import global_id
from genji_graphql.vocabulary import AccessLevel, Visibility
from tests.people.site import Site
from tests.plans.both import Both, data_of
from tests.plans.operations import Operation
from tests.schema.test_mutations import mutations
from tests.service import Service
from tests.world import World

ERRORS = "errors { __typename code field message ... on Conflict { current { id } } }"
WHO = ["owner", "manager", "editor", "reader", "stranger", "visitor", "administrator", "reading token"]


def id_of(row: Any) -> str:
    return global_id(type(row).__name__, row.id)


async def asked(service: Service, viewer: Viewer, name: str, fields: str, /, **given: Any) -> Any:
    """The payload of a mutation."""
    query = (
        f"mutation($input: {mutations()[name].args['input'].type}) {{ {name}(input: $input) {{ {fields} {ERRORS} }} }}"
    )
    return (await service.ask(query, {"input": given}, viewer=viewer))[name]


async def changed(service: Service, viewer: Viewer, name: str, fields: str, /, **given: Any) -> Any:
    """What came of a change that was made."""
    payload = await asked(service, viewer, name, fields, **given)
    assert payload.pop("errors") == []
    return payload


async def refused(service: Service, site: Site, viewer: Viewer, name: str, /, **given: Any) -> list[dict[str, Any]]:
    """Why a change was not made; it left every table as it was."""
    before = await site.contents()
    payload = await asked(service, viewer, name, "__typename", **given)
    assert await site.contents() == before
    assert payload["errors"]
    told: list[dict[str, Any]] = payload["errors"]
    return told


async def denied(
    service: Service, site: Site, viewer: Viewer, name: str, /, **given: Any
) -> tuple[str, str, str | None]:
    """The kind, code and field of the one error."""
    (error,) = await refused(service, site, viewer, name, **given)
    return error["__typename"], error["code"], error["field"]


async def read(service: Service, viewer: Viewer, query: str, **variables: Any) -> Any:
    """What a reader is told, by a plan and by the general executor alike."""
    planned, general = await Both(service).ask(Operation(query, variables, None), viewer)
    assert planned.is_planned, planned.path
    assert planned.body == general.body
    return data_of(planned)


class Shelf(Site):
    """A shared collection with a document, and people who reach each level on it."""

    owner: User
    collection: DocumentCollection
    document: Document
    elements: list[DocumentElement]

    def __init__(self, engine: AsyncEngine, world: World) -> None:
        super().__init__(engine, world)
        self.people: dict[str, User] = {}

    async def fill(self, elements: int = 3) -> "Shelf":
        for name in ("owner", "manager", "editor", "reader", "stranger"):
            self.people[name] = await self.person(username=name)
        self.people["administrator"] = await self.administrator("administrator")
        self.owner = self.people["owner"]
        self.collection = await self.world.collection(Visibility.SHARED, title="Genji", owner_id=self.owner.id)
        self.document = await self.world.document(self.collection, title="Kiritsubo")
        self.elements = await self.world.elements(self.document, elements)
        await self.lend(self.collection)
        return self

    async def lend(self, what: DocumentCollection | Document) -> None:
        """Share it with each at the level that they are called by."""
        for name, level in (("manager", "manage"), ("editor", "edit"), ("reader", "view")):
            await self.world.share(what, self.people[name], AccessLevel(level))

    async def who(self, name: str) -> Viewer:
        if name == "visitor":
            return ANONYMOUS
        if name == "reading token":
            return await self.program(self.owner, "read")
        return await self.viewer(self.people[name])


def expected_of(who: str, *, level: AccessLevel) -> tuple[str, str] | None:
    """The kind and code of the error that this person meets; None where they may."""
    reached = {"owner": 3, "administrator": 3, "manager": 3, "editor": 2, "reader": 1}.get(who, 0)
    if who in {"visitor", "reading token"} or 0 < reached < 1 + list(AccessLevel).index(level):
        return "PermissionDenied", "FORBIDDEN"
    return None if reached else ("NotFound", "NOT_FOUND")
