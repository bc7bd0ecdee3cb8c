"""A site as its people find it, and people who ask for one thing after another, as in GraphiQL."""

import json
from dataclasses import dataclass
from typing import Any

from genji_graphql import models
from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.identity.accounts import start_session
from genji_graphql.vocabulary import RoleName
from tests.people.site import LIFETIME, Site
from tests.service import Service
from tests.world import World

TEXT = "In which reign was it, among the many ladies, that one who was not of the first rank was favoured above all?"


@dataclass(frozen=True)
class Person:
    """Somebody at a screen."""

    service: Service
    site: Site
    token: str | None = None

    async def asks(self, document: str, costs: int, **variables: Any) -> Any:
        """What comes of it, which costs so many statements beside those that say who asks. Nothing is refused."""
        answer = await self.service.ask(document, variables, viewer=await self._viewer())
        return self._checked(answer, costs)

    async def sends(self, document: str, costs: int, *, name: str, content: bytes, **given: Any) -> Any:
        """What comes of a change that takes a file, as its `input`."""
        self.service._viewer = await self._viewer()
        self.service.statements.clear()
        operations = {"query": document, "variables": {"input": {"file": None, **given}}}
        fields = {"operations": json.dumps(operations), "map": json.dumps({"0": ["variables.input.file"]})}
        response = await self.service.http.post("/graphql", data=fields, files={"0": (name, content)})
        (payload,) = self._checked(response.json()["data"], costs).values()
        return payload

    async def _viewer(self) -> Viewer:
        return ANONYMOUS if self.token is None else await self.site.holder_of(self.token)

    def _checked(self, answer: Any, costs: int) -> Any:
        assert len(self.service.statements) == costs, self.service.statements
        payloads = [value for value in answer.values() if isinstance(value, dict) and "errors" in value]
        assert all(payload.pop("errors") == [] for payload in payloads), answer
        return answer

    async def does(self, document: str, costs: int, **variables: Any) -> Any:
        """What a change gives."""
        answer = await self.asks(document, costs, **variables)
        (payload,) = answer.values()
        return payload


@dataclass(frozen=True)
class Screens:
    """A collection with a document of two paragraphs and one of a single, somebody of each kind, and a class."""

    service: Service
    site: Site
    collection: models.DocumentCollection
    document: models.Document
    translation: models.Document
    elements: list[models.DocumentElement]
    classroom: models.Group
    note: models.Annotation
    """The student's, for everybody."""
    people: dict[str, models.User]

    async def person(self, name: str) -> Person:
        async with self.site.sessions.begin() as session:
            issued = await start_session(session, self.people[name].id, LIFETIME)
        return self.holder_of(issued.token)

    def holder_of(self, token: str) -> Person:
        return Person(self.service, self.site, token)

    @property
    def visitor(self) -> Person:
        return Person(self.service, self.site)


async def screens_of(service: Service, world: World, site: Site) -> Screens:
    roles = {
        "admin": RoleName.ADMIN,
        "teacher": RoleName.INSTRUCTOR,
        "scholar": RoleName.VERIFIED_SCHOLAR,
        "student": RoleName.STUDENT,
        "mate": RoleName.STUDENT,
    }
    people = {name: await site.person(role, username=name, first_name=name.title()) for name, role in roles.items()}
    collection = await world.collection(
        title="Genji", language="en", owner_id=people["teacher"].id, collection_metadata={"author": "Murasaki Shikibu"}
    )
    document = await world.document(collection, title="Kiritsubo")
    translation = await world.document(collection, title="桐壺")
    elements = [
        await world.element(document, TEXT),
        await world.element(document, "The other ladies were not pleased."),
        await world.element(translation, "いづれの御時にか"),
    ]
    members = [people[name] for name in ("teacher", "student", "mate")]
    classroom = await world.group(*members, name="Readers", created_by_id=people["teacher"].id)
    student = people["student"].id
    note = await world.note(elements[0], creator_id=student, owner_id=student)
    return Screens(service, site, collection, document, translation, elements, classroom, note, people)
