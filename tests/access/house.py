"""A house with open and closed rooms: rows of every kind, and who may see each of them."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import update

from genji_graphql import models
from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.reads.ids import global_id
from genji_graphql.vocabulary import AnnotationStatus, ImportFormat, Visibility
from tests.lasting import Lasting
from tests.world import DAWN

EVERYONE = "visitor writer keeper friend pupil guest author administrator"

# Who sees what. People: `host`, `maker` and `scribe` own and made what is open; `writer` and `replier` write on it;
# `keeper` has rooms of their own; `friend` and `guest` are let into some; `pupil` and `classmate` are taught by
# `teacher`; what `author` wrote is private, hidden, deleted, or for a class they left. What `eraser` wrote is on
# what is deleted.
SIGHT = {
    # collections: public; shared with `friend`; shared with the class; private, though shared with `friend`
    "open": EVERYONE,
    "lent": "keeper friend administrator",
    "reader": "keeper pupil administrator",
    "closed": "keeper administrator",
    # documents: one in `lent` is shared with `guest`, and so is one in `closed`; another in `closed` is `author`'s own
    "open chapter": EVERYONE,
    "open second chapter": EVERYONE,
    "lent chapter": "keeper friend administrator guest",
    "lent other chapter": "keeper friend administrator",
    "reader chapter": "keeper pupil administrator",
    "closed chapter": "keeper administrator",
    "closed own chapter": "keeper administrator author",
    # their elements
    "open line": EVERYONE,
    "open second line": EVERYONE,
    "lent line": "keeper friend administrator guest",
    "lent other line": "keeper friend administrator",
    "reader line": "keeper pupil administrator",
    "closed line": "keeper administrator",
    "closed own line": "keeper administrator author",
    # what they said before, which is for those who edit them
    "revision of the open line": "administrator",
    "version of the note": "writer administrator",
    "version of the private note": "author",
    "version of the class note": "pupil administrator",
    "revision of the lent line": "keeper administrator",
    "revision of the closed own line": "keeper administrator author",
    # what is written on the open line, and what answers it
    "note": EVERYONE,
    "reply": EVERYONE,
    "reply to the reply": EVERYONE,
    "tag": EVERYONE,
    "upvote": EVERYONE,
    "private note": "author",
    "hidden note": "author administrator",
    "deleted note": "author administrator",
    "flag": "author administrator",
    "private reply": "author",
    "administrator's private note": "administrator",
    "hidden reply": "author administrator",
    "hidden tag": "author administrator",
    "hidden upvote": "author administrator",
    "class note": "pupil administrator",
    "class note of one who left": "pupil author administrator",
    "class reply": "pupil administrator",
    # active themselves, they answer what is out of sight
    "reply to the private note": "author",
    "reply to the hidden note": "author administrator",
    "reply to that reply": "author administrator",
    "tag of the hidden note": "author administrator",
    "reply to the deleted note": "author administrator",
    "reply to the flag": "author administrator",
    "reply to the class note": "pupil administrator",
    "reply to the hidden reply": "author administrator",
    "reply to the class reply": "pupil administrator",
    # parents that end nowhere
    "loop": "",
    "loop back": "",
    "answer to itself": "",
    "reply to the loop": "",
    # on a document or a collection as a whole
    "note on the open chapter": EVERYONE,
    "note on open": EVERYONE,
    "note on the closed chapter": "keeper administrator",
    "note on closed": "keeper administrator",
    "note on the lent chapter": "keeper friend administrator guest",
    "note on lent": "keeper friend administrator",
    # on nothing
    "note on nothing": "author administrator",
    "reply to the note on nothing": "author administrator",
    # of nobody: who is nobody themselves isn't taken for their owner
    "nobody's": "administrator",
    "nobody's private note": "",
    "nobody's class note": "pupil administrator",
    "nobody's note on nothing": "administrator",
    "nobody's flag": "administrator",
    # on a line of a room, naming another room
    "note on the closed line that names open": "keeper administrator",
    "note on the closed line that names open only": "keeper administrator",
    "note on the closed chapter that names open": "keeper administrator",
    "note on the open line that names closed": EVERYONE,
    "note on the lent line": "keeper friend administrator guest",
    "note on the reader line": "keeper pupil administrator",
    "class note on the closed line": "administrator",
    # deleted, each by itself, with what hangs below
    "deleted": "",
    "deleted's chapter": "",
    "deleted's line": "",
    "deleted chapter": "",
    "deleted chapter's line": "",
    "deleted line": "",
    "revision of the deleted line": "",
    "version of the note on the deleted line": "",
    "note on deleted": "",
    "note on deleted's chapter": "",
    "note on deleted's line": "",
    "note on the deleted chapter": "",
    "note on the deleted chapter's line": "",
    "note on the deleted line": "",
    "reply to the note on the deleted line": "",
    "tag of the note on the deleted line": "",
    "class note on the deleted line": "",
    "share of deleted with friend": "",
    "share of deleted's chapter with friend": "",
    "share of the deleted chapter with guest": "",
    # people
    "eraser": "administrator",
    "host": EVERYONE,
    "maker": EVERYONE,
    "mender": "administrator",
    "scribe": EVERYONE,
    "writer": EVERYONE,
    "replier": EVERYONE,
    "keeper": "keeper friend pupil administrator",
    "friend": "keeper author friend administrator",
    "guest": "keeper guest administrator",
    "pupil": "pupil administrator",
    "classmate": "pupil administrator",
    "teacher": "pupil administrator",
    "author": "author keeper pupil administrator",
    "hermit": "keeper friend administrator",
    "administrator": "administrator",
    # files that were sent to be imported
    "import by the author": "author administrator",
    "import by keeper": "keeper administrator",
    # classrooms, shares, roles
    "class": "pupil administrator",
    "other class": "administrator",
    "share of lent with friend": "keeper friend administrator",
    "share of reader with the class": "keeper pupil administrator",
    "share of closed with friend": "keeper friend administrator",
    "share of the lent chapter with guest": "keeper guest administrator",
    "share of the closed chapter with guest": "keeper guest administrator",
    "share of the closed own chapter with friend": "keeper author friend administrator",
    # a document and a collection that have the numbers of a collection and of a document of keeper's
    "share of the open second chapter with friend": "friend administrator",
    "share of nobody's with guest": "guest administrator",
    # a person and a group that have the numbers of a group and of a person
    "share of the lent other chapter with host": "keeper administrator",
    "share of the lent other chapter with the other class": "keeper administrator",
    "role": "author writer administrator",
    "other role": "administrator",
    "permission": "author writer administrator",
    "other permission": "administrator",
}

BY_ID_ALONE = {"import by the author", "import by keeper"}
"""No edge leads to them."""

VIEWERS = EVERYONE.split()
PEOPLE = [
    "host", "writer", "maker", "mender", "scribe", "replier", "keeper", "friend", "guest", "pupil", "classmate",
    "teacher", "author", "hermit", "administrator", "eraser",
]  # fmt: skip


def mark(label: str) -> str:
    """Every text of a row says which row it is."""
    return f"«{label}»"


@dataclass
class House:
    place: Lasting
    rows: dict[str, Any] = field(default_factory=dict)
    missing: int = 999_999

    def __getitem__(self, label: str) -> Any:
        return self.rows[label]

    def id(self, label: str) -> str:
        row = self.rows[label]
        return global_id(type(row).__name__, row.id)

    def viewer(self, name: str) -> Viewer:
        if name == "visitor":
            return ANONYMOUS
        groups = {"pupil": frozenset({self["class"].id})}
        return Viewer(
            user_id=self[name].id, group_ids=groups.get(name, frozenset()), is_administrator=name == "administrator"
        )

    def seen_by(self, name: str) -> set[str]:
        return {label for label, viewers in SIGHT.items() if name in viewers.split()}

    def hidden_from(self, name: str) -> set[str]:
        return set(SIGHT) - self.seen_by(name)

    async def build(self) -> None:
        await self._people()
        await self._texts()
        await self._notes()
        await self._shares()
        await self._deleted()
        await self._imports()
        assert set(self.rows) == set(SIGHT)

    async def _people(self) -> None:
        world = self.place.world
        for name in PEOPLE:
            self.rows[name] = await world.person(
                mark(name), email=mark(f"{name}'s address"), user_metadata={"secret": mark(f"{name}'s metadata")}
            )
        self.rows["class"] = await world.group(
            self["pupil"], self["classmate"], name=mark("class"), created_by_id=self["teacher"].id
        )
        self.rows["other class"] = await world.group(self["hermit"], name=mark("other class"))
        for role, permission, holders in (
            ("role", "permission", ("author", "writer")),
            ("other role", "other permission", ("hermit",)),
        ):
            self.rows[role] = await world.add(models.Role(name=mark(role)))
            self.rows[permission] = await world.add(models.Permission(name=mark(permission)))
            ids = {"role_id": self[role].id, "permission_id": self[permission].id}
            await world.run(models.role_permissions.insert().values(ids))
            for holder in holders:
                await world.run(models.user_roles.insert().values(role_id=self[role].id, user_id=self[holder].id))
        await world.add(models.SiteSettings(site_title="House", updated_by_id=self["administrator"].id))

    async def _texts(self) -> None:
        world = self.place.world
        keeper = self["keeper"].id
        owners: dict[str, dict[str, Any]] = {
            "open": {
                "visibility": Visibility.PUBLIC,
                "owner_id": self["host"].id,
                "created_by_id": self["maker"].id,
                "modified_by_id": self["mender"].id,
            },
            "lent": {"visibility": Visibility.SHARED, "owner_id": keeper, "created_by_id": self["hermit"].id},
            "reader": {"visibility": Visibility.SHARED, "created_by_id": keeper},
            "closed": {"visibility": Visibility.PRIVATE, "owner_id": keeper, "modified_by_id": self["hermit"].id},
            "nobody's": {"visibility": Visibility.PRIVATE},
        }
        for label, columns in owners.items():
            self.rows[label] = await world.collection(
                title=mark(label), collection_metadata={"about": mark(label)}, **columns
            )
        for label, collection, owner in (
            ("open", "open", "scribe"),
            ("open second", "open", None),
            ("lent", "lent", None),
            ("lent other", "lent", None),
            ("reader", "reader", None),
            ("closed", "closed", None),
            ("closed own", "closed", "author"),
        ):
            document = await world.document(
                self[collection], title=mark(f"{label} chapter"), owner_id=self[owner].id if owner else None
            )
            self.rows[f"{label} chapter"] = document
            self.rows[f"{label} line"] = await world.element(document, mark(f"{label} line"))
        for label in ("open", "lent", "closed own"):
            await self._revision(f"{label} line")

    async def _revision(self, of: str) -> None:
        label, content = f"revision of the {of}", {"text": mark(f"revision of the {of}")}
        self.rows[label] = await self.place.world.add(
            models.ElementRevision(element_id=self[of].id, revision=1, content=content, modified=DAWN)
        )

    async def _version(self, of: str) -> None:
        label = f"version of the {of}"
        self.rows[label] = await self.place.world.add(
            models.AnnotationVersion(
                annotation_id=self[of].id,
                version=1,
                body={"value": mark(label)},
                status=AnnotationStatus.ACTIVE,
                modified=DAWN,
            )
        )

    async def _notes(self) -> None:
        line = self["open line"]
        await self._note("note", line, by="writer")
        await self._reply("reply", "note", by="replier")
        await self._reply("reply to the reply", "reply", by="writer")
        await self._reply("tag", "note", "tagging", by="writer")
        await self._reply("upvote", "note", "upvoting", by="writer")
        for status in (AnnotationStatus.PRIVATE, AnnotationStatus.HIDDEN, AnnotationStatus.DELETED):
            await self._note(f"{status} note", line, status=status)
            await self._reply(f"reply to the {status} note", f"{status} note", by="writer")
        await self._reply("reply to that reply", "reply to the hidden note", by="writer")
        await self._reply("tag of the hidden note", "hidden note", "tagging", by="writer")
        await self._reply("flag", "note", "flagging")
        await self._reply("reply to the flag", "flag", by="writer")
        await self._reply("private reply", "note", status=AnnotationStatus.PRIVATE)
        for kind, motivation in (("reply", "replying"), ("tag", "tagging"), ("upvote", "upvoting")):
            await self._reply(f"hidden {kind}", "note", motivation, status=AnnotationStatus.HIDDEN)
        await self._reply("reply to the hidden reply", "hidden reply", by="writer")
        for_class = {"classroom_id": self["class"].id}
        await self._note("class note", line, by="pupil", **for_class)
        await self._note("class note of one who left", line, **for_class)
        await self._reply("reply to the class note", "class note", by="pupil")
        await self._reply("class reply", "note", by="pupil", **for_class)
        await self._reply("reply to the class reply", "class reply", by="pupil")
        await self._loops()
        for label in ("note", "private note", "class note"):
            await self._version(label)

        for label in ("open", "closed", "lent"):
            await self._note(f"note on the {label} chapter", self[f"{label} chapter"], by="writer")
            await self._note(f"note on {label}", self[label], by="writer")
        await self._note("note on nothing", None)
        await self._reply("reply to the note on nothing", "note on nothing", by="writer")
        open_ = {"document_id": self["open chapter"].id, "document_collection_id": self["open"].id}
        closed = {"document_id": self["closed chapter"].id, "document_collection_id": self["closed"].id}
        await self._note("note on the closed line that names open", self["closed line"], by="writer", **open_)
        await self._note(
            "note on the closed line that names open only",
            self["closed line"],
            by="writer",
            document_collection_id=self["open"].id,
        )
        await self._note(
            "note on the closed chapter that names open",
            self["closed chapter"],
            by="writer",
            document_collection_id=self["open"].id,
        )
        await self._note("note on the open line that names closed", line, by="writer", **closed)
        for label in ("lent", "reader"):
            home = {"document_id": self[f"{label} chapter"].id, "document_collection_id": self[label].id}
            await self._note(f"note on the {label} line", self[f"{label} line"], by="writer", **home)
        await self._note("class note on the closed line", self["closed line"], by="pupil", **for_class)
        await self._note("administrator's private note", line, by="administrator", status=AnnotationStatus.PRIVATE)
        await self._note("nobody's private note", line, status=AnnotationStatus.PRIVATE, creator_id=None)
        await self._note("nobody's class note", line, creator_id=None, **for_class)
        await self._note("nobody's note on nothing", None, creator_id=None)
        await self._reply("nobody's flag", "note", "flagging", creator_id=None)

    async def _loops(self) -> None:
        world = self.place.world
        for label in ("loop", "loop back", "answer to itself"):
            await self._reply(label, "note", by="writer")
        note = models.Annotation
        for child, parent in (("loop", "loop back"), ("loop back", "loop"), ("answer to itself", "answer to itself")):
            await world.run(update(note).where(note.id == self[child].id).values(parent_id=self[parent].id))
        await self._reply("reply to the loop", "loop", by="writer")

    async def _shares(self) -> None:
        share = self.place.world.share
        self.rows["share of lent with friend"] = await share(self["lent"], self["friend"])
        self.rows["share of reader with the class"] = await share(self["reader"], self["class"])
        self.rows["share of closed with friend"] = await share(self["closed"], self["friend"])
        self.rows["share of the lent chapter with guest"] = await share(self["lent chapter"], self["guest"])
        self.rows["share of the closed chapter with guest"] = await share(self["closed chapter"], self["guest"])
        self.rows["share of the closed own chapter with friend"] = await share(
            self["closed own chapter"], self["friend"]
        )
        assert self["open second chapter"].id == self["lent"].id
        self.rows["share of the open second chapter with friend"] = await share(
            self["open second chapter"], self["friend"]
        )
        assert self["nobody's"].id == self["reader chapter"].id
        other = self["lent other chapter"]
        assert self["host"].id == self["class"].id
        self.rows["share of the lent other chapter with host"] = await share(other, self["host"])
        assert self["writer"].id == self["other class"].id
        self.rows["share of the lent other chapter with the other class"] = await share(other, self["other class"])
        self.rows["share of nobody's with guest"] = await share(self["nobody's"], self["guest"])

    async def _deleted(self) -> None:
        world, open_, eraser = self.place.world, self["open"], self["eraser"].id
        by, gone = {"by": "eraser"}, dict[str, Any](deleted_at=DAWN)
        self.rows["deleted"] = await world.collection(title=mark("deleted"), owner_id=eraser, **gone)
        self.rows["deleted's chapter"] = await world.document(self["deleted"], title=mark("deleted's chapter"))
        self.rows["deleted chapter"] = await world.document(
            open_, title=mark("deleted chapter"), owner_id=eraser, **gone
        )
        for label in ("deleted's", "deleted chapter's"):
            chapter = self["deleted's chapter" if label == "deleted's" else "deleted chapter"]
            self.rows[f"{label} line"] = await world.element(chapter, mark(f"{label} line"))
        line = await world.element(self["open chapter"], mark("deleted line"), modified_by_id=eraser, **gone)
        self.rows["deleted line"] = line
        for label in ("deleted", "deleted's chapter", "deleted's line"):
            await self._note(f"note on {label}", self[label], **by)
        for label in ("deleted chapter", "deleted chapter's line", "deleted line"):
            await self._note(f"note on the {label}", self[label], **by)
        await self._reply("reply to the note on the deleted line", "note on the deleted line", **by)
        await self._reply("tag of the note on the deleted line", "note on the deleted line", "tagging", **by)
        await self._note("class note on the deleted line", line, classroom_id=self["class"].id, **by)
        await self._revision("deleted line")
        await self._version("note on the deleted line")
        for label, of, whom in (
            ("deleted", "deleted", "friend"),
            ("deleted's chapter", "deleted's chapter", "friend"),
            ("the deleted chapter", "deleted chapter", "guest"),
        ):
            self.rows[f"share of {label} with {whom}"] = await world.share(self[of], self[whom])

    async def _imports(self) -> None:
        for label, by in (("import by the author", "author"), ("import by keeper", "keeper")):
            self.rows[label] = await self.place.world.add(
                models.ImportJob(
                    document_collection_id=self["closed"].id,
                    created_by_id=self[by].id,
                    file_name=mark(label),
                    format=ImportFormat.TEI,
                    size=1,
                    error_code="INVALID",
                    error_message=mark(label),
                )
            )

    async def _note(self, label: str, on: Any, *, by: str = "author", **columns: Any) -> Any:
        """A note that says its name, and points at every place there is."""
        columns = {"creator_id": self[by].id, "body": {"value": mark(label)}, "context": mark(label)} | columns
        if "target" not in columns:
            columns["target"] = [
                {"source": f"{kind}:{self[of].id}"}
                for kind, of in (
                    ("document_element", "closed line"),
                    ("document", "closed chapter"),
                    ("collection", "closed"),
                    ("document_element", "open line"),
                    ("annotation", "private note"),
                    ("annotation", "note"),
                )
                if of in self.rows
            ]
        self.rows[label] = await self.place.world.note(on, **columns)
        return self.rows[label]

    async def _reply(
        self, label: str, to: str, motivation: str = "replying", *, by: str = "author", **columns: Any
    ) -> Any:
        target = [{"source": f"Annotation/{self[to].id}"}]
        return await self._note(label, None, by=by, **{"motivation": motivation, "target": target} | columns)
