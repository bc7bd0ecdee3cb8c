"""What is asked for: for each workload a document for us, one for PostGraphile, and the numbers for a statement.

PostGraphile's has an alias for each field that it calls otherwise, so that the answers look alike. Ids are numbers
there, which cost it less than ours; votes and tags are read through relations, which cost it a third of what computed
columns would.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.serving.data import COLLECTION, CREATOR, DOCUMENT
from genji_graphql.reads.ids import global_id


@dataclass(frozen=True)
class Workload:
    name: str
    title: str
    ours: str
    postgraphile: str
    thing: tuple[str, str, int] | None = None
    """What the question is about, where it is about one thing: its variable, its type and its number."""

    @property
    def our_variables(self) -> Mapping[str, Any]:
        return {} if self.thing is None else {self.thing[0]: global_id(*self.thing[1:])}

    @property
    def numbers(self) -> Mapping[str, int]:
        return {} if self.thing is None else {self.thing[0]: self.thing[2]}


_DOCUMENT = ("id", "Document", DOCUMENT)

READING_VIEW = Workload(
    "reading-view",
    "reading view",
    """
    query ReadingView($id: ID!) {
      document(id: $id) {
        id title
        elements(first: 100) {
          nodes {
            id text
            annotations(first: 20) { nodes { id motivation body created creator { id displayName } } }
          }
        }
      }
    }
    """,
    """
    query ReadingView($id: Int!) {
      document: documentByRowId(rowId: $id) {
        id: rowId title
        elements: documentElementsByDocumentId(first: 100, orderBy: [POSITION_ASC, ROW_ID_ASC]) {
          nodes {
            id: rowId text
            annotations: annotationsByDocumentElementId(
              first: 20, condition: { parentId: null }, orderBy: [CREATED_ASC, ROW_ID_ASC]
            ) { nodes { id: rowId motivation body created creator: userByCreatorId { id: rowId displayName } } }
          }
        }
      }
    }
    """,
    _DOCUMENT,
)

READING = Workload(
    "reading",
    "`Reading`",
    """
    query Reading($id: ID!, $classroom: ID, $after: String) {
      document(id: $id) {
        title
        collection { id title textDirection language }
        elements(first: 50, after: $after) {
          pageInfo { hasNextPage endCursor }
          nodes {
            id text content hierarchy
            annotations(first: 50, where: { classroom: { eq: $classroom } }) {
              nodes {
                id motivation body target created
                creator { id displayName }
                upvoteCount viewerHasUpvoted tags
                viewerCan { edit delete reply }
                replies(first: 20) { nodes { id body created creator { displayName } } }
              }
            }
          }
        }
      }
    }
    """,
    """
    query Reading($id: Int!, $after: Cursor, $viewer: Int) {
      document: documentByRowId(rowId: $id) {
        title
        collection: documentCollectionByDocumentCollectionId { id: rowId title textDirection language }
        elements: documentElementsByDocumentId(first: 50, after: $after, orderBy: [POSITION_ASC, ROW_ID_ASC]) {
          pageInfo { hasNextPage endCursor }
          nodes {
            id: rowId text content hierarchy
            annotations: annotationsByDocumentElementId(
              first: 50, condition: { parentId: null }, orderBy: [CREATED_ASC, ROW_ID_ASC]
            ) {
              nodes {
                id: rowId motivation body target created
                creator: userByCreatorId { id: rowId displayName }
                upvoteCount: annotationsByParentId(condition: { motivation: "upvoting" }) { totalCount }
                viewerHasUpvoted: annotationsByParentId(
                  first: 1, condition: { motivation: "upvoting", creatorId: $viewer }
                ) { nodes { rowId } }
                tags: annotationsByParentId(condition: { motivation: "tagging" }) { nodes { body } }
                edit: viewerCanEdit delete: viewerCanDelete reply: viewerCanReply
                replies: annotationsByParentId(
                  first: 20, condition: { motivation: "replying" }, orderBy: [CREATED_ASC, ROW_ID_ASC]
                ) { nodes { id: rowId body created creator: userByCreatorId { displayName } } }
              }
            }
          }
        }
      }
    }
    """,
    _DOCUMENT,
)

DEEP_TREE = Workload(
    "deep-tree",
    "deep tree",
    """
    query DeepTree($id: ID!) {
      collection(id: $id) {
        id title
        documents(first: 20) {
          nodes {
            id title
            elements(first: 20) {
              nodes { id text annotations(first: 5) { nodes { id motivation body created } } }
            }
          }
        }
      }
    }
    """,
    """
    query DeepTree($id: Int!) {
      collection: documentCollectionByRowId(rowId: $id) {
        id: rowId title
        documents: documentsByDocumentCollectionId(first: 20, orderBy: [POSITION_ASC, ROW_ID_ASC]) {
          nodes {
            id: rowId title
            elements: documentElementsByDocumentId(first: 20, orderBy: [POSITION_ASC, ROW_ID_ASC]) {
              nodes {
                id: rowId text
                annotations: annotationsByDocumentElementId(
                  first: 5, condition: { parentId: null }, orderBy: [CREATED_ASC, ROW_ID_ASC]
                ) { nodes { id: rowId motivation body created } }
              }
            }
          }
        }
      }
    }
    """,
    ("id", "DocumentCollection", COLLECTION),
)

POINT = Workload(
    "point",
    "point query",
    "query Point($id: ID!) { document(id: $id) { id title description created } }",
    """
    query Point($id: Int!) { document: documentByRowId(rowId: $id) { id: rowId title description created } }
    """,
    _DOCUMENT,
)

FLAT_LIST = Workload(
    "flat-list",
    "flat list of 1,000",
    "query FlatList { annotations(first: 1000) { nodes { id motivation status body target created modified } } }",
    """
    query FlatList {
      annotations: allAnnotations(first: 1000, condition: { parentId: null }, orderBy: [CREATED_ASC, ROW_ID_ASC]) {
        nodes { id: rowId motivation status body target created modified }
      }
    }
    """,
)

FILTERED = Workload(
    "filtered",
    "list with filter and count",
    """
    query Filtered($creator: ID!) {
      annotations(
        first: 50
        where: { creator: { eq: $creator }, motivation: { eq: "commenting" } }
        orderBy: [{ field: CREATED, direction: DESC }]
      ) {
        totalCount
        nodes { id body created document { id title } }
      }
    }
    """,
    """
    query Filtered($creator: Int!) {
      annotations: allAnnotations(
        first: 50, condition: { creatorId: $creator, motivation: "commenting" }, orderBy: [CREATED_DESC, ROW_ID_DESC]
      ) {
        totalCount
        nodes { id: rowId body created document: documentByDocumentId { id: rowId title } }
      }
    }
    """,
    ("creator", "User", CREATOR),
)

COLLECTIONS = Workload(
    "collections",
    "collections screen",
    """
    query Collections {
      collections(first: 50) {
        totalCount
        nodes {
          id title visibility language textDirection collectionMetadata
          createdBy { id displayName }
          documents { totalCount }
        }
      }
    }
    """,
    """
    query Collections {
      collections: allDocumentCollections(first: 50, orderBy: [POSITION_ASC, ROW_ID_ASC]) {
        totalCount
        nodes {
          id: rowId title visibility language textDirection collectionMetadata
          createdBy: userByCreatedById { id: rowId displayName }
          documents: documentsByDocumentCollectionId { totalCount }
        }
      }
    }
    """,
)

WORKLOADS = {
    workload.name: workload for workload in (READING_VIEW, READING, DEEP_TREE, POINT, FLAT_LIST, FILTERED, COLLECTIONS)
}
