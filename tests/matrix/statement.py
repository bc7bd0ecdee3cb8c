"""Who may see and do what, said in plain Python: what the answers of the API are held against.

It follows the rules in words and shares no code with the conditions in SQL that it checks. It is written to be read,
row by row, without a thought for speed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import IntEnum
from functools import cached_property
from typing import Any

from genji_graphql.vocabulary import RESPONSES

Thing = tuple[str, int]
"""A row: the name of its type in the API, and its number."""


class Level(IntEnum):
    NONE = 0
    VIEW = 1
    EDIT = 2
    MANAGE = 3


@dataclass(frozen=True)
class Permission:
    id: int
    name: str


@dataclass(frozen=True)
class Role:
    id: int
    name: str
    permissions: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Person:
    id: int
    roles: frozenset[int] = frozenset()
    active: bool = True


@dataclass(frozen=True)
class Group:
    id: int
    creator: int | None = None
    members: frozenset[int] = frozenset()
    start: date | None = None
    end: date | None = None


@dataclass(frozen=True)
class Collection:
    id: int
    visibility: str = "public"
    owner: int | None = None
    creator: int | None = None
    modifier: int | None = None
    deleted: bool = False

    @property
    def keeper(self) -> int | None:
        return self.creator if self.owner is None else self.owner


@dataclass(frozen=True)
class Document:
    id: int
    collection: int
    owner: int | None = None
    deleted: bool = False


@dataclass(frozen=True)
class Element:
    id: int
    document: int
    deleted: bool = False


@dataclass(frozen=True)
class Revision:
    """What an element said before."""

    id: int
    element: int
    modifier: int | None = None


@dataclass(frozen=True)
class Note:
    """An annotation, of whatever motivation. `says` is the text of its body."""

    id: int
    motivation: str | None = "commenting"
    status: str = "active"
    creator: int | None = None
    owner: int | None = None
    classroom: int | None = None
    parent: int | None = None
    element: int | None = None
    document: int | None = None
    collection: int | None = None
    says: str = "moon"
    classroom_gone: bool = False
    modifier: int | None = None

    @property
    def keeper(self) -> int | None:
        return self.creator if self.owner is None else self.owner


@dataclass(frozen=True)
class Version:
    """What an annotation was before."""

    id: int
    annotation: int
    modifier: int | None = None


@dataclass(frozen=True)
class Share:
    id: int
    object_type: str  # "collection" or "document"
    object_id: int
    recipient_type: str  # "user" or "group"
    recipient_id: int
    level: str = "view"
    creator: int | None = None

    @property
    def object(self) -> Thing:
        return ("DocumentCollection" if self.object_type == "collection" else "Document", self.object_id)

    @property
    def recipient(self) -> Thing:
        return ("User" if self.recipient_type == "user" else "Group", self.recipient_id)


@dataclass(frozen=True)
class Import:
    """A file that somebody sent, and where it belongs."""

    id: int
    creator: int
    collection: int | None = None


Row = Permission | Role | Person | Group | Collection | Document | Element | Revision | Note | Version | Share | Import


@dataclass(frozen=True)
class World:
    """All rows of a site, as they are written. Each tuple is in the order of the ids."""

    today: date
    permissions: tuple[Permission, ...] = ()
    roles: tuple[Role, ...] = ()
    people: tuple[Person, ...] = ()
    groups: tuple[Group, ...] = ()
    collections: tuple[Collection, ...] = ()
    documents: tuple[Document, ...] = ()
    elements: tuple[Element, ...] = ()
    notes: tuple[Note, ...] = ()
    shares: tuple[Share, ...] = ()
    revisions: tuple[Revision, ...] = ()
    versions: tuple[Version, ...] = ()
    imports: tuple[Import, ...] = ()

    @cached_property
    def rows(self) -> Mapping[str, Mapping[int, Any]]:
        """The rows of each type of the API, by number."""
        tables: dict[str, tuple[Row, ...]] = {
            "Permission": self.permissions,
            "Role": self.roles,
            "User": self.people,
            "Group": self.groups,
            "DocumentCollection": self.collections,
            "Document": self.documents,
            "DocumentElement": self.elements,
            "ElementRevision": self.revisions,
            "Annotation": tuple(map(self._placed, self.notes)),
            "AnnotationVersion": self.versions,
            "ObjectShare": self.shares,
            "ImportJob": self.imports,
        }
        return {name: {row.id: row for row in rows} for name, rows in tables.items()}

    def _placed(self, note: Note) -> Note:
        """It stands where its element does, or without one where its document does, whatever was written."""
        document = next((one.document for one in self.elements if one.id == note.element), note.document)
        collection = next((one.collection for one in self.documents if one.id == document), note.collection)
        return replace(note, document=document, collection=collection)

    def row(self, thing: Thing) -> Any:
        """The row, or None where there is none."""
        return self.rows[thing[0]].get(thing[1])

    def is_gone(self, thing: Thing) -> bool:
        """Is it deleted, or what it is in?"""
        row = self.row(thing)
        match row:
            case Collection():
                return row.deleted
            case Document():
                return row.deleted or self.is_gone(("DocumentCollection", row.collection))
            case Element():
                return row.deleted or self.is_gone(("Document", row.document))
            case _:
                return False

    def permitted(self, person_id: int) -> frozenset[str]:
        """The permissions of all their roles, united."""
        person: Person = self.row(("User", person_id))
        return frozenset().union(*(self.given_by(role) for role in self.roles if role.id in person.roles))

    def given_by(self, role: Role) -> frozenset[str]:
        return frozenset(permission.name for permission in self.permissions if permission.id in role.permissions)

    def thread(self, note: Note) -> list[Note]:
        """The note, what it answers, and so on up to the one that began the thread."""
        return [note] if note.parent is None else [note, *self.thread(self.row(("Annotation", note.parent)))]

    def classrooms_of(self, person_id: int) -> frozenset[int]:
        """The groups that a person, active or not, belongs to or created."""
        return frozenset(group.id for group in self.groups if person_id in group.members or person_id == group.creator)

    @property
    def things(self) -> list[Thing]:
        return [(name, row_id) for name, rows in self.rows.items() for row_id in rows]


@dataclass(frozen=True)
class Sight:
    """What one person, or somebody who isn't signed in, may see and do in a world."""

    world: World
    person_id: int | None = None
    _known: dict[Thing, bool] = field(default_factory=dict, repr=False)

    # -- who is asking

    @cached_property
    def me(self) -> Person | None:
        """Inactive users are anonymous."""
        person: Person | None = self.world.row(("User", self.person_id)) if self.person_id else None
        return person if person is not None and person.active else None

    def is_me(self, person_id: int | None) -> bool:
        return self.me is not None and self.me.id == person_id

    @cached_property
    def roles(self) -> frozenset[str]:
        return frozenset(role.name for role in self.world.roles if self.me and role.id in self.me.roles)

    @cached_property
    def permissions(self) -> frozenset[str]:
        return frozenset() if self.me is None else self.world.permitted(self.me.id)

    @cached_property
    def is_administrator(self) -> bool:
        return "manage_all_content" in self.permissions

    @cached_property
    def classrooms(self) -> frozenset[int]:
        """The groups that they belong to or created, now."""
        return frozenset() if self.me is None else self.world.classrooms_of(self.me.id)

    @cached_property
    def taught(self) -> frozenset[int]:
        """The groups that they created, and those that they belong to as an instructor."""
        return frozenset(
            group.id
            for group in self.world.groups
            if self.is_me(group.creator) or (group.id in self.classrooms and "instructor" in self.roles)
        )

    # -- levels on content

    def level(self, thing: Thing) -> Level:
        """What they may do with a collection, a document or an element. Nothing, with what isn't there."""
        row = self.world.row(thing)
        if self.world.is_gone(thing):
            return Level.NONE
        match row:
            case Collection():
                return max(
                    Level.MANAGE if self.is_administrator or self.is_me(row.keeper) else Level.NONE,
                    Level.VIEW if row.visibility == "public" else Level.NONE,
                    Level.NONE if row.visibility == "private" else self._shared(thing),
                )
            case Document():
                asleep = self.world.row(("DocumentCollection", row.collection)).visibility == "private"
                return max(
                    self.level(("DocumentCollection", row.collection)),
                    Level.MANAGE if self.is_me(row.owner) else Level.NONE,
                    Level.NONE if asleep else self._shared(thing),
                )
            case Element():
                return self.level(("Document", row.document))
            case _:
                return Level.NONE

    def _shared(self, thing: Thing) -> Level:
        """The highest share with them or with one of their groups."""
        return max(
            (
                Level[share.level.upper()]
                for share in self.world.shares
                if share.object == thing and self.receives(share)
            ),
            default=Level.NONE,
        )

    def receives(self, share: Share) -> bool:
        match share.recipient:
            case ("User", person_id):
                return self.is_me(person_id)
            case (_, group_id):
                return group_id in self.classrooms

    # -- what is there for them

    def sees(self, thing: Thing) -> bool:
        if thing not in self._known:
            row = self.world.row(thing)
            self._known[thing] = row is not None and self._sees(row)
        return self._known[thing]

    def _sees(self, row: Row) -> bool:
        match row:
            case Collection():
                return self.level(("DocumentCollection", row.id)) >= Level.VIEW
            case Document():
                return self.level(("Document", row.id)) >= Level.VIEW
            case Element():
                return self.level(("DocumentElement", row.id)) >= Level.VIEW
            case Revision():
                # It may have been taken out on purpose.
                return self.level(("DocumentElement", row.element)) >= Level.EDIT
            case Note():
                return self._sees_note(row)
            case Version():
                # It may have been taken back.
                note = self.world.row(("Annotation", row.annotation))
                return self.sees(("Annotation", note.id)) and (self.is_me(note.keeper) or self._watches(note))
            case Person():
                return self._sees_person(row)
            case Group():
                return self.is_administrator or row.id in self.classrooms
            case Share():
                told = self.is_administrator or self.receives(row) or self.level(row.object) >= Level.MANAGE
                return told and not self.world.is_gone(row.object)
            case Import():
                return self.is_administrator or self.is_me(row.creator)
            case Role():
                # Roles are told to those who hold them and to administrators.
                return self.is_administrator or (self.me is not None and row.id in self.me.roles)
            case Permission():
                return any(row.id in role.permissions and self.sees(("Role", role.id)) for role in self.world.roles)

    def _sees_note(self, note: Note) -> bool:
        return (
            self._sees_ground(note)
            and self._sees_status(note)
            and self._sees_classroom(note)
            and (note.motivation != "flagging" or self._sees_flag(note))
        )

    def _sees_ground(self, note: Note) -> bool:
        """A response is seen with what it answers, wherever it says that it is; any other note with what it is on."""
        if note.parent is not None:
            return self.sees(("Annotation", note.parent))
        ground = ground_of(note)
        if ground is not None:
            return self.level(ground) >= Level.VIEW
        return self.is_administrator or self.is_me(note.keeper)

    def _sees_status(self, note: Note) -> bool:
        match note.status:
            case "active":
                return True
            case "private":
                return self.is_me(note.keeper)
            case _:
                return self.is_me(note.keeper) or self._watches(note)

    def _sees_classroom(self, note: Note) -> bool:
        """What was written for a classroom stays in it, and is nobody else's when the classroom is gone."""
        return (
            (note.classroom is None and not note.classroom_gone)
            or note.classroom in self.classrooms
            or self.is_administrator
            or self.is_me(note.keeper)
        )

    def _sees_flag(self, flag: Note) -> bool:
        return self.is_me(flag.keeper) or self._watches(flag)

    def _watches(self, note: Note) -> bool:
        """Would they moderate it, if they see it? A response is moderated with what began its thread."""
        begun = self.world.thread(note)[-1]
        ground = ground_of(begun)
        return (
            self.is_administrator
            or "manage_flags" in self.permissions
            or note.classroom in self.taught
            or begun.classroom in self.taught
            or (ground is not None and self.level(ground) >= Level.MANAGE)
        )

    def _sees_person(self, person: Person) -> bool:
        """Themselves; who shares a classroom; who wrote or owns something seen; with whom a share is that is seen."""
        if self.is_me(person.id) or self.is_administrator:
            return True
        wrote_or_owns = any(
            person.id in makers_of(row) and self.sees((name, row.id))
            for name in ("DocumentCollection", "Document", "Annotation")
            for row in self.world.rows[name].values()
        )
        receives = any(
            share.recipient == ("User", person.id) and self.sees(("ObjectShare", share.id))
            for share in self.world.shares
        )
        return bool(self.classrooms & self.world.classrooms_of(person.id)) or wrote_or_owns or receives

    # -- what is told of people

    def sees_details(self, person: Person) -> bool:
        """Roles and metadata."""
        return self.is_administrator or self.is_me(person.id)

    def sees_email(self, person: Person) -> bool:
        return self.sees_details(person) or any(
            person.id in group.members and group.id in self.taught for group in self.world.groups
        )

    # -- lists and edges

    def seen(self, things: Iterable[Thing]) -> list[Thing]:
        return [thing for thing in things if self.sees(thing)]

    def root(self, name: str) -> list[Thing]:
        """The list of a type that reading begins with."""
        if name == "User" and not (self.is_administrator or "list_users" in self.permissions):
            return []
        return self.seen((name, row_id) for row_id in self.world.rows[name])

    def follow(self, thing: Thing, field_name: str) -> list[Thing]:
        """Where an edge leads: to what it is tied to, as far as that is seen by itself."""
        row = self.world.row(thing)
        if (thing[0], field_name) == ("User", "roles") and not self.sees_details(row):
            return []
        found = self.seen(EDGES[thing[0], field_name](self.world, row))
        if (thing[0], field_name) == ("Role", "users"):
            return [one for one in found if self.sees_details(self.world.row(one))]
        return found

    # -- actions

    def can(self, action: str, thing: Thing) -> bool:
        """What isn't seen can't be acted on; who isn't signed in acts on nothing."""
        if self.me is None or not self.sees(thing):
            return False
        row = self.world.row(thing)
        match row:
            case Collection() | Document():
                least = {
                    "edit": Level.EDIT,
                    "delete": Level.MANAGE,
                    "restore": Level.MANAGE,
                    "share": Level.MANAGE,
                    "moderate": Level.MANAGE,
                    "annotate": Level.VIEW,
                }.get(action)
                return least is not None and self.level(thing) >= least
            case Element():
                # To delete a line is to edit its document.
                least = {
                    "edit": Level.EDIT,
                    "delete": Level.EDIT,
                    "restore": Level.EDIT,
                    "moderate": Level.MANAGE,
                    "annotate": Level.VIEW,
                }.get(action)
                return least is not None and self.level(thing) >= least
            case Note():
                return self._can_with_note(action, row)
            case Person():
                # Who may change an account could take it over, so nobody may who is permitted less.
                exceeded = not self.world.permitted(row.id) <= self.permissions
                return {
                    "edit": self.is_me(row.id) or ("manage_users" in self.permissions and not exceeded),
                    "deactivate": "manage_users" in self.permissions and not exceeded,
                    "assignRoles": "assign_roles" in self.permissions and not exceeded,
                }.get(action, False)
            case Group():
                return {
                    "edit": self.is_administrator or row.id in self.taught,
                    "delete": self.is_administrator or self.is_me(row.creator),
                    "manageMembers": self.is_administrator or row.id in self.taught,
                }.get(action, False)
            case Role():
                # Nobody hands out or takes away what they lack.
                exceeded = not self.world.given_by(row) <= self.permissions
                return action == "edit" and "assign_roles" in self.permissions and not exceeded
            case _:
                return False

    def _can_with_note(self, action: str, note: Note) -> bool:
        match action:
            case "edit":
                return self.is_me(note.keeper)
            case "delete" | "restore":
                return self.is_me(note.keeper) or self._watches(note)
            case "moderate":
                return self._watches(note)
            case "reattach":
                ground = ground_of(note)
                edits = ground is not None and self.level(ground) >= Level.EDIT
                return self.is_me(note.keeper) or self._watches(note) or edits
            case "reply":
                return all(self._may_write_for(one) for one in self.world.thread(note))
            case _:
                return False

    def _may_write_for(self, note: Note) -> bool:
        """One of the people of its classroom, until the last day of that."""
        if note.classroom is None:
            return not note.classroom_gone
        group: Group = self.world.row(("Group", note.classroom))
        return group.id in self.classrooms and (group.end is None or self.world.today <= group.end)


ACTIONS = (
    "reattach",
    "edit",
    "delete",
    "restore",
    "share",
    "annotate",
    "reply",
    "moderate",
    "manageMembers",
    "deactivate",
    "assignRoles",
)


def ground_of(note: Note) -> Thing | None:
    """What a note is on: its element; without one its document; without that its collection."""
    if note.element is not None:
        return ("DocumentElement", note.element)
    if note.document is not None:
        return ("Document", note.document)
    return None if note.collection is None else ("DocumentCollection", note.collection)


def makers_of(row: Collection | Document | Note) -> set[int | None]:
    """Who wrote or owns it."""
    return {row.owner} if isinstance(row, Document) else {row.creator, row.keeper}


# -- how things are tied together, seen or not

Tie = Callable[[World, Any], list[Thing]]


def _to_one(name: str, attribute: str) -> Tie:
    def tied(_world: World, row: Any) -> list[Thing]:
        number = getattr(row, attribute)
        return [] if number is None else [(name, number)]

    return tied


def _to_many(name: str, attribute: str) -> Tie:
    def tied(world: World, row: Any) -> list[Thing]:
        return [(name, child.id) for child in world.rows[name].values() if getattr(child, attribute) == row.id]

    return tied


def _replies(world: World, row: Note) -> list[Thing]:
    # The questions name every status; without that, those in use are listed.
    return [("Annotation", one.id) for one in world.notes if one.parent == row.id and one.motivation == "replying"]


def responses(world: World, note: Note, motivation: str) -> list[Thing]:
    """Those that are in use."""
    return [
        ("Annotation", one.id)
        for one in world.notes
        if one.parent == note.id and one.motivation == motivation and one.status in {"active", "private"}
    ]


def _shares_of(name: str) -> Tie:
    return lambda world, row: [("ObjectShare", share.id) for share in world.shares if share.object == (name, row.id)]


def _shares_with(name: str) -> Tie:
    return lambda world, row: [("ObjectShare", share.id) for share in world.shares if share.recipient == (name, row.id)]


EDGES: Mapping[tuple[str, str], Tie] = {
    ("DocumentCollection", "owner"): _to_one("User", "keeper"),
    ("DocumentCollection", "createdBy"): _to_one("User", "creator"),
    ("DocumentCollection", "modifiedBy"): _to_one("User", "modifier"),
    ("DocumentCollection", "documents"): _to_many("Document", "collection"),
    ("DocumentCollection", "annotations"): _to_many("Annotation", "collection"),
    ("DocumentCollection", "shares"): _shares_of("DocumentCollection"),
    ("Document", "collection"): _to_one("DocumentCollection", "collection"),
    ("Document", "owner"): _to_one("User", "owner"),
    ("Document", "elements"): _to_many("DocumentElement", "document"),
    ("Document", "annotations"): _to_many("Annotation", "document"),
    ("Document", "shares"): _shares_of("Document"),
    ("DocumentElement", "document"): _to_one("Document", "document"),
    ("DocumentElement", "annotations"): _to_many("Annotation", "element"),
    ("DocumentElement", "revisions"): _to_many("ElementRevision", "element"),
    ("ElementRevision", "element"): _to_one("DocumentElement", "element"),
    ("ElementRevision", "modifiedBy"): _to_one("User", "modifier"),
    ("Annotation", "creator"): _to_one("User", "creator"),
    ("Annotation", "owner"): _to_one("User", "keeper"),
    ("Annotation", "classroom"): _to_one("Group", "classroom"),
    ("Annotation", "collection"): _to_one("DocumentCollection", "collection"),
    ("Annotation", "document"): _to_one("Document", "document"),
    ("Annotation", "element"): _to_one("DocumentElement", "element"),
    ("Annotation", "replyTo"): _to_one("Annotation", "parent"),
    ("Annotation", "replies"): _replies,
    ("Annotation", "history"): _to_many("AnnotationVersion", "annotation"),
    ("Annotation", "modifiedBy"): _to_one("User", "modifier"),
    ("AnnotationVersion", "modifiedBy"): _to_one("User", "modifier"),
    ("User", "roles"): lambda _, row: [("Role", number) for number in sorted(row.roles)],
    ("User", "groups"): lambda world, row: [("Group", one.id) for one in world.groups if row.id in one.members],
    ("User", "createdGroups"): _to_many("Group", "creator"),
    ("User", "collections"): _to_many("DocumentCollection", "keeper"),
    ("User", "createdCollections"): _to_many("DocumentCollection", "creator"),
    ("User", "modifiedCollections"): _to_many("DocumentCollection", "modifier"),
    ("User", "documents"): _to_many("Document", "owner"),
    ("User", "annotations"): _to_many("Annotation", "creator"),
    ("User", "ownedAnnotations"): _to_many("Annotation", "owner"),
    ("User", "shares"): _shares_with("User"),
    ("Group", "createdBy"): _to_one("User", "creator"),
    ("Group", "members"): lambda _, row: [("User", number) for number in sorted(row.members)],
    ("Group", "annotations"): _to_many("Annotation", "classroom"),
    ("Group", "shares"): _shares_with("Group"),
    ("ObjectShare", "createdBy"): _to_one("User", "creator"),
    ("ObjectShare", "object"): lambda _, row: [row.object],
    ("ObjectShare", "sharedWith"): lambda _, row: [row.recipient],
    ("ImportJob", "collection"): _to_one("DocumentCollection", "collection"),
    ("ImportJob", "createdBy"): _to_one("User", "creator"),
    ("Role", "permissions"): lambda _, row: [("Permission", number) for number in sorted(row.permissions)],
    ("Role", "users"): lambda world, row: [("User", one.id) for one in world.people if row.id in one.roles],
    ("Permission", "roles"): lambda world, row: [("Role", one.id) for one in world.roles if row.id in one.permissions],
}


def is_proper(note: Note) -> bool:
    """Is it listed among the notes where nothing else is asked for?"""
    return note.motivation not in RESPONSES and note.status in ("active", "private")
