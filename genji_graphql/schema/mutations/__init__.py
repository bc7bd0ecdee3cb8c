"""What can be changed: one noun a file, put together here."""

import strawberry

from genji_graphql.schema.mutations.access_tokens import AccessTokenMutations
from genji_graphql.schema.mutations.accounts import AccountMutations
from genji_graphql.schema.mutations.annotations import AnnotationMutations
from genji_graphql.schema.mutations.collections import CollectionMutations
from genji_graphql.schema.mutations.documents import DocumentMutations
from genji_graphql.schema.mutations.elements import ElementMutations
from genji_graphql.schema.mutations.groups import GroupMutations
from genji_graphql.schema.mutations.imports import ImportMutations
from genji_graphql.schema.mutations.people import PeopleMutations
from genji_graphql.schema.mutations.responses import ResponseMutations
from genji_graphql.schema.mutations.shares import ShareMutations
from genji_graphql.schema.mutations.site_settings import SiteSettingsMutations
from genji_graphql.schema.mutations.sso import SsoMutations


@strawberry.type(
    description="What can be changed. Each change takes one `input`, and tells in `errors` why it was not made."
)
class Mutation(
    AccessTokenMutations,
    AccountMutations,
    AnnotationMutations,
    CollectionMutations,
    DocumentMutations,
    ElementMutations,
    GroupMutations,
    ImportMutations,
    PeopleMutations,
    ResponseMutations,
    ShareMutations,
    SiteSettingsMutations,
    SsoMutations,
): ...
