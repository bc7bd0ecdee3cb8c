"""Where reading begins."""

from asyncio import gather
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from genji_graphql import models
from genji_graphql.errors import Invalid
from genji_graphql.identity import accounts, cas
from genji_graphql.reads import filters, graph, ids, stats
from genji_graphql.reads.deletions import MAX_DELETIONS, deletions
from genji_graphql.reads.history import MAX_CHANGES, difference
from genji_graphql.reads.invitations import invitation
from genji_graphql.reads.settings import site_settings
from genji_graphql.reads.stats import Dimension
from genji_graphql.schema import where
from genji_graphql.schema.access_token import AccessToken
from genji_graphql.schema.annotation import Annotation
from genji_graphql.schema.collection import DocumentCollection
from genji_graphql.schema.connection import Connection
from genji_graphql.schema.deletion import Deletion
from genji_graphql.schema.document import Document
from genji_graphql.schema.element import DocumentElement
from genji_graphql.schema.fields import ID, Info, lookup, to_many
from genji_graphql.schema.filters import plain
from genji_graphql.schema.group import Group, GroupInvitation
from genji_graphql.schema.import_job import ImportJob
from genji_graphql.schema.node import Node
from genji_graphql.schema.revision import ElementRevision
from genji_graphql.schema.role import Permission, Role
from genji_graphql.schema.share import ObjectShare
from genji_graphql.schema.site_settings import SiteSettings
from genji_graphql.schema.sso import SsoConfiguration
from genji_graphql.schema.stats import AnnotationStat
from genji_graphql.schema.user import User
from genji_graphql.schema.version import AnnotationVersion, Change
from genji_graphql.vocabulary import PermissionName

MAX_NODES = 100

_NODES: dict[str, type[models.Base]] = {
    model.__name__: model
    for model in (
        models.Annotation,
        models.AnnotationVersion,
        models.Document,
        models.DocumentCollection,
        models.DocumentElement,
        models.ElementRevision,
        models.Group,
        models.ImportJob,
        models.ObjectShare,
        models.Permission,
        models.Role,
        models.User,
    )
}

Where = Annotated[where.AnnotationWhere | None, strawberry.argument(description="Only annotations like this.")]
By = Annotated[list[Dimension], strawberry.argument(description="What to count by, the first first.")]
Token = Annotated[str, strawberry.argument(description="The token of the link.")]
From = Annotated[int, strawberry.argument(name="from", description="The number of the one.")]
To = Annotated[int, strawberry.argument(description="The number of the other.")]
NodeID = Annotated[strawberry.ID, strawberry.argument(description="A global id.")]
NodeIDs = Annotated[list[strawberry.ID], strawberry.argument(description=f"Global ids, at most {MAX_NODES}.")]


@strawberry.type(description="Where reading begins. What the viewer may not see isn't there: null, or in no list.")
class Query:
    @strawberry.field(
        description="Who is asking; null for somebody who isn't signed in.", metadata={"viewer": models.User}
    )
    async def viewer(self, info: Info) -> User | None:
        viewer = info.context.viewer
        return await info.context.loaders.row(models.User, viewer.user_id) if viewer.user_id else None

    @strawberry.field(description="The tokens that the viewer made for programs, newest first.")
    async def access_tokens(self, info: Info) -> list[AccessToken]:
        viewer = info.context.viewer
        if viewer.user_id is None:
            return []
        async with info.context.loaders.session() as session:
            rows: Any = await accounts.access_tokens(session, viewer.user_id)
        return rows

    @strawberry.field(description="The thing of this id.", metadata={"nodes": _NODES, "most": 1})
    async def node(self, info: Info, id: NodeID) -> Node | None:
        return await _node(info, id)

    @strawberry.field(
        description="The things of these ids, in their order; null for each that isn't there.",
        metadata={"nodes": _NODES, "most": MAX_NODES},
    )
    async def nodes(self, info: Info, ids: NodeIDs) -> list[Node | None]:
        if len(ids) > MAX_NODES:
            raise Invalid(f"`nodes` takes at most {MAX_NODES} ids, not {len(ids)}.")
        return await gather(*(_node(info, one) for one in ids))

    collections: Connection[DocumentCollection] = to_many(
        graph.all_collections,
        "The collections, in the order of the site.",
        where.DocumentCollectionWhere,
        where.DocumentCollectionOrder,
    )
    collection: DocumentCollection | None = lookup(models.DocumentCollection, "A collection.")
    documents: Connection[Document] = to_many(
        graph.all_documents, "The documents of all collections.", where.DocumentWhere, where.DocumentOrder
    )
    document: Document | None = lookup(models.Document, "A document.")
    element: DocumentElement | None = lookup(models.DocumentElement, "An element.")
    annotations: Connection[Annotation] = to_many(
        graph.all_annotations,
        "Notes proper, oldest first. Replies, tags, upvotes and flags are listed where `where` names their motivation.",
        where.AnnotationWhere,
        where.AnnotationOrder,
    )
    annotation: Annotation | None = lookup(models.Annotation, "An annotation.")

    @strawberry.field(
        description="What changed from one version of an annotation to another, for those who see its history; null "
        "where one of them isn't there.",
        metadata={"at_most": MAX_CHANGES},
    )
    async def annotation_difference(self, info: Info, id: ID, from_: From, to: To) -> list[Change] | None:
        number = ids.row_id(id, models.Annotation) or 0
        async with info.context.loaders.session() as session:
            changes: Any = await difference(session, info.context.viewer, number, from_, to)
        return changes

    orphans: Connection[Annotation] = to_many(
        graph.orphans,
        "The notes whose passage has gone from the text, for those who may say where they belong, oldest first.",
        where.AnnotationWhere,
        where.AnnotationOrder,
    )

    @strawberry.field(
        description="What was deleted and the viewer may restore now, the last first, "
        f"{MAX_DELETIONS} at most. Before what is in something deleted that is to be restored.",
        metadata={"at_most": MAX_DELETIONS},
    )
    async def deletions(self, info: Info) -> list[Deletion]:
        async with info.context.loaders.session() as session:
            found: Any = await deletions(session, info.context.viewer)
        return found

    flags: Connection[Annotation] = to_many(
        graph.flags,
        "The flags that the viewer may moderate and that nobody has dealt with, oldest first.",
        where.AnnotationWhere,
        where.AnnotationOrder,
    )

    @strawberry.field(
        description="How many annotations there are of each kind, the most frequent first, "
        f"{stats.MAX_GROUPS} at most.",
        metadata={"at_most": stats.MAX_GROUPS},
    )
    async def annotation_stats(self, info: Info, by: By, where: Where = UNSET) -> list[AnnotationStat]:
        if not by or len(set(by)) < len(by):
            raise Invalid("`by` names at least one dimension, and each once.")
        asked = filters.parse(plain(where) or None, graph.ANNOTATIONS.fields)
        async with info.context.loaders.session() as session:
            counted: Any = await stats.annotation_stats(session, info.context.viewer, asked, by)
        return counted

    users: Connection[User] = to_many(
        graph.all_users,
        "People, by their user names. For administrators and instructors.",
        where.UserWhere,
        where.UserOrder,
    )
    user: User | None = lookup(models.User, "A person.")
    groups: Connection[Group] = to_many(
        graph.all_groups, "The viewer's groups, by name.", where.GroupWhere, where.GroupOrder
    )
    group: Group | None = lookup(models.Group, "A group.")

    import_job: ImportJob | None = lookup(
        models.ImportJob, "A file that is being imported, for whoever sent it and for administrators."
    )

    @strawberry.field(description="The group of a link to join by; null where the link leads nowhere.")
    async def invitation(self, info: Info, token: Token) -> GroupInvitation | None:
        async with info.context.loaders.session() as session:
            told: Any = await invitation(session, token)
        return told

    @strawberry.field(description="The roles that the viewer may see, by name.", metadata={"every": graph.all_roles})
    async def roles(self, info: Info) -> list[Role]:
        return await info.context.loaders.every(graph.all_roles)

    @strawberry.field(
        description="Through which CAS server people sign in; null where that isn't set up, and to all but those who "
        "may set it up."
    )
    async def sso_configuration(self, info: Info) -> SsoConfiguration | None:
        if not info.context.viewer.may(PermissionName.MANAGE_SSO):
            return None
        async with info.context.loaders.session() as session:
            row: Any = await cas.configuration(session)
        return row

    @strawberry.field(description="How the site presents itself.")
    async def site_settings(self, info: Info) -> SiteSettings:
        async with info.context.loaders.session() as session:
            row: Any = await site_settings(session)
        return row


async def _node(info: Info, text: str) -> Any:
    parsed = ids.parse(text)
    model = _NODES.get(parsed[0]) if parsed else None
    return None if parsed is None or model is None else await info.context.loaders.row(model, parsed[1])


NODE_TYPES = [
    Annotation,
    AnnotationVersion,
    Document,
    DocumentCollection,
    DocumentElement,
    ElementRevision,
    Group,
    ImportJob,
    ObjectShare,
    Permission,
    Role,
    User,
]
