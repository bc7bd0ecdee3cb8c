"""A reading room: a text that a class reads, and what its people ask for."""

from typing import Any

from genji_graphql import models
from genji_graphql.access.viewer import Viewer
from genji_graphql.reads.ids import global_id
from genji_graphql.vocabulary import PermissionName
from tests.people.site import Site
from tests.service import Service
from tests.world import World

TEXT = "In which reign was it, among the many ladies, that one who was not of the first rank was favoured above all?"
FIELDS = """
  id databaseId motivation status version created modified body target other isOrphan deletedAt
  tags upvoteCount viewerHasUpvoted
  element { id } document { id } collection { id } classroom { id } creator { username } owner { username }
  modifiedBy { username } replyTo { id }
"""
ERRORS = """
  errors {
    __typename message code field
    ... on Conflict { current { id ... on Annotation { body } } }
    ... on SelectorError { nearest { start end exact } }
    ... on MalformedDocument { pointer }
  }
"""


def mutation(name: str, kind: str, *answers: str) -> str:
    return f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ {' '.join(answers)} {ERRORS} }} }}"


NOTE = f"annotation {{ {FIELDS} }}"
CREATE = mutation("createAnnotation", "CreateAnnotationInput", NOTE)
BULK = mutation("bulkCreateAnnotations", "BulkCreateAnnotationsInput", f"annotations {{ {FIELDS} }}")
UPDATE = mutation("updateAnnotation", "UpdateAnnotationInput", NOTE)
DELETE = mutation("deleteAnnotation", "DeleteAnnotationInput", NOTE)
RESTORE = mutation("restoreAnnotation", "RestoreAnnotationInput", NOTE)
REATTACH = mutation("reattachAnnotation", "ReattachAnnotationInput", NOTE)
REVERT = mutation("revertAnnotation", "RevertAnnotationInput", NOTE)
LINK = mutation("createLink", "CreateLinkInput", NOTE)
ADD_TARGET = mutation("addLinkTarget", "AddLinkTargetInput", "targetId", NOTE)
REMOVE_TARGET = mutation("removeLinkTarget", "RemoveLinkTargetInput", NOTE)
REFERENCE = mutation("createExternalReference", "CreateExternalReferenceInput", NOTE)
REPLY = mutation("replyToAnnotation", "ReplyToAnnotationInput", f"reply {{ {FIELDS} }}")
TAG = mutation("tagAnnotation", "TagInput", NOTE)
UNTAG = mutation("untagAnnotation", "TagInput", NOTE)
UPVOTE = mutation("upvoteAnnotation", "UpvoteInput", NOTE)
REMOVE_UPVOTE = mutation("removeUpvote", "UpvoteInput", NOTE)
FLAG = mutation("flagAnnotation", "FlagAnnotationInput", f"flag {{ {FIELDS} }}")
DISMISS = mutation("dismissFlag", "FlagInput", f"flag {{ {FIELDS} }}")
REMOVE_FLAGGED = mutation("removeFlaggedAnnotation", "FlagInput", NOTE)

READ = f"query ($id: ID!) {{ annotation(id: $id) {{ {FIELDS} }} }}"


def id_of(row: Any) -> str:
    return global_id(type(row).__name__, row.id)


class Room:
    """An owner of a public text, two members of a class that reads it, its teacher, and a stranger."""

    def __init__(self, service: Service, world: World, site: Site) -> None:
        self.service, self.world, self.site = service, world, site
        self.base = service.app.state.endpoint.settings.base_url

    async def opened(self) -> "Room":
        world = self.world
        names = ("murasaki", "sei", "izumi", "akiko", "stranger")
        self.owner, self.student, self.mate, self.teacher, self.stranger = [await world.person(name) for name in names]
        self.classroom = await world.group(
            self.student, self.mate, self.teacher, created_by_id=self.teacher.id, name="Readers"
        )
        self.collection = await world.collection(owner_id=self.owner.id)
        self.document = await world.document(self.collection)
        self.element = await world.element(self.document, TEXT)
        return self

    def viewer(self, person: models.User, *permissions: PermissionName) -> Viewer:
        groups = {self.classroom.id} if person in (self.student, self.mate, self.teacher) else set()
        taught = {self.classroom.id} if person is self.teacher else set()
        return Viewer(
            user_id=person.id,
            group_ids=frozenset(groups),
            taught_group_ids=frozenset(taught),
            permissions=frozenset(permissions),
        )

    async def asked(self, text: str, viewer: models.User | Viewer, /, **given: Any) -> dict[str, Any]:
        """The payload of a mutation."""
        asking = viewer if isinstance(viewer, Viewer) else self.viewer(viewer)
        (payload,) = (await self.service.ask(text, {"input": given}, viewer=asking)).values()
        result: dict[str, Any] = payload
        return result

    async def made(self, text: str, viewer: models.User | Viewer, /, **given: Any) -> dict[str, Any]:
        """What a mutation that went well gives."""
        payload = await self.asked(text, viewer, **given)
        assert payload.pop("errors") == []
        return next(value for value in payload.values() if isinstance(value, dict))

    async def refused(self, text: str, viewer: models.User | Viewer, /, **given: Any) -> dict[str, Any]:
        """The one error of a mutation that changed nothing."""
        (error,) = await self.all_refused(text, viewer, **given)
        return error

    async def all_refused(self, text: str, viewer: models.User | Viewer, /, **given: Any) -> list[dict[str, Any]]:
        before = await self.site.contents()
        payload = await self.asked(text, viewer, **given)
        errors: list[dict[str, Any]] = payload.pop("errors")
        assert errors
        assert all(value in (None, []) for value in payload.values())
        assert await self.site.contents() == before
        return errors

    async def note(self, by: models.User | None = None, **given: Any) -> dict[str, Any]:
        """A note on the element, written over the API."""
        on_element = {"elementId": id_of(self.element), "text": "Which reign, indeed?"}
        return await self.made(CREATE, by or self.student, **on_element | given)

    async def seen(self, note: str, viewer: models.User | Viewer) -> dict[str, Any] | None:
        asking = viewer if isinstance(viewer, Viewer) else self.viewer(viewer)
        found: dict[str, Any] | None = (await self.service.ask(READ, {"id": note}, viewer=asking))["annotation"]
        return found
