"""Every mutation and who may ask for it. A new one fails here until somebody has said who that is."""

from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    is_required_input_field,
)

from genji_graphql.access.viewer import Viewer
from genji_graphql.schema import schema
from tests.service import Service
from tests.world import World

PUBLIC = {"register", "signIn", "signInWithCas", "requestPasswordReset", "resetPassword"}

SIGNED_IN = {
    "signOut": "whoever has a session",
    "changePassword": "whoever has a session, and knows the password",
    "createGroup": "permission create_group",
    "updateGroup": "its creator and its instructors",
    "deleteGroup": "its creator",
    "rotateJoinLink": "its creator and its instructors",
    "joinGroup": "whoever holds its link",
    "addGroupMembers": "its creator and its instructors",
    "removeGroupMembers": "its creator and its instructors",
    "updateUser": "oneself, or permission manage_users",
    "deactivateUser": "permission manage_users",
    "reactivateUser": "permission manage_users",
    "assignRole": "permission assign_roles",
    "revokeRole": "permission assign_roles",
    "updateRole": "permission assign_roles",
    "createAccessToken": "whoever has a session",
    "revokeAccessToken": "whoever has a session, for their own",
    "createAnnotation": "whoever sees what it is about, and belongs to its classroom",
    "bulkCreateAnnotations": "whoever sees what they are about, and belongs to their classrooms",
    "updateAnnotation": "its owner",
    "deleteAnnotation": "its owner, and those who moderate it",
    "restoreAnnotation": "its owner, and those who moderate it",
    "revertAnnotation": "its owner",
    "reattachAnnotation": "its owner, those who moderate it, level edit on its text",
    "createLink": "whoever sees its passages",
    "addLinkTarget": "its owner",
    "removeLinkTarget": "its owner",
    "createExternalReference": "whoever sees the passage",
    "replyToAnnotation": "whoever sees it, in its classroom",
    "tagAnnotation": "whoever sees it, in its classroom",
    "untagAnnotation": "whose tag it is, and those who moderate it",
    "upvoteAnnotation": "whoever sees it, in its classroom",
    "removeUpvote": "whoever sees it, for their own",
    "flagAnnotation": "whoever sees it, in its classroom",
    "dismissFlag": "those who moderate what is flagged",
    "removeFlaggedAnnotation": "those who moderate what is flagged",
    "createCollection": "permission create_collection",
    "updateCollection": "level edit; level manage for its visibility",
    "reorderCollections": "level edit on each",
    "deleteCollection": "level manage",
    "restoreCollection": "level manage on what is deleted",
    "createDocument": "level edit on the collection",
    "updateDocument": "level edit; level manage to bring it to another collection",
    "deleteDocuments": "level manage on each",
    "restoreDocuments": "level manage on each, which is deleted",
    "importDocument": "level edit on the collection",
    "cancelImport": "whoever asked for it, and administrators",
    "createElements": "level edit on the document",
    "updateElement": "level edit",
    "moveElement": "level edit, on the other document too",
    "deleteElement": "level edit",
    "restoreElement": "level edit on what is deleted",
    "splitElement": "level edit",
    "mergeElements": "level edit",
    "shareObject": "level manage on the object",
    "updateShare": "level manage on the object",
    "revokeShare": "level manage on the object",
    "updateSiteSettings": "permission manage_site_settings",
    "uploadSiteLogo": "permission manage_site_settings",
    "uploadSiteFavicon": "permission manage_site_settings",
    "updateSsoConfiguration": "permission manage_sso",
}

_VALUES = {
    "String": "x",
    "ID": "1",
    "Int": 1,
    "Boolean": True,
    "JSON": {},
    "DateTime": "2026-01-01T00:00:00Z",
    "Date": "2026-01-01",
    "Upload": "no file",
}


def least(kind: Any) -> Any:
    """The smallest value that an input type takes."""
    match kind:
        case GraphQLNonNull():
            return least(kind.of_type)
        case GraphQLList():
            return [least(kind.of_type)]
        case GraphQLEnumType():
            return next(iter(kind.values))
        case GraphQLScalarType():
            return _VALUES[kind.name]
        case GraphQLInputObjectType():
            return {name: least(field.type) for name, field in kind.fields.items() if is_required_input_field(field)}
    raise AssertionError(kind)


def mutations() -> dict[str, Any]:
    root = schema._schema.mutation_type
    assert root is not None
    return dict(root.fields)


def public(field: Any) -> bool:
    return bool(field.extensions["strawberry-definition"].metadata["public"])


def test_every_mutation_says_who_may_ask_for_it() -> None:
    assert {name for name, field in mutations().items() if public(field)} == PUBLIC
    assert {name for name, field in mutations().items() if not public(field)} == set(SIGNED_IN)


@pytest.mark.parametrize("name", sorted(SIGNED_IN))
@pytest.mark.parametrize(
    ("viewer", "message"),
    [
        (Viewer(), "Sign in to do this."),
        (Viewer(1, is_administrator=True, scopes=frozenset({"read"})), "This access token may only read."),
    ],
)
async def test_neither_a_visitor_nor_a_reading_token_changes_anything(
    service: Service, world: World, name: str, viewer: Viewer, message: str
) -> None:
    await world.person()
    field = mutations()[name]
    asked = f"{name}(input: $input) {{ errors {{ __typename message }} }}"
    query = f"mutation($input: {field.args['input'].type}) {{ {asked} }}"

    denied = await service.ask(query, {"input": least(field.args["input"].type)}, viewer=viewer)

    assert denied[name]["errors"] == [{"__typename": "PermissionDenied", "message": message}]
    assert service.statements == []
