"""Everything that people do on the screens of the system before this one, and what it costs in SQL statements.

The screens and what is done on each stand in the order of a visit. A person's token costs one statement more.
"""

from tests.screens.people import TEXT, Screens

# Who is here


async def test_the_header_of_every_page(screens: Screens) -> None:
    header = """{
      viewer { displayName roles { nodes { name } } userMetadata }
      siteSettings { siteTitle siteLogoEnabled siteLogoData siteFaviconData ssoLoginUrl }
      flags { totalCount }
    }"""
    student, visitor = await screens.person("student"), screens.visitor

    seen = await visitor.asks(header, costs=3)
    assert seen == {
        "viewer": None,
        "siteSettings": {
            "siteTitle": "Genji",
            "siteLogoEnabled": False,
            "siteLogoData": None,
            "siteFaviconData": None,
            "ssoLoginUrl": None,
        },
        "flags": {"totalCount": 0},
    }
    seen = await student.asks(header, costs=5)
    assert (seen["viewer"]["displayName"], seen["viewer"]["roles"]["nodes"]) == ("Student", [{"name": "student"}])

    await student.does(
        """mutation($id: ID!) { flagAnnotation(input: {annotationId: $id, reason: "Rude."}) {
          errors { code field message }
        } }""",
        costs=8,
        id=str(screens.note.id),
    )
    assert (await (await screens.person("admin")).asks(header, costs=5))["flags"] == {"totalCount": 1}


async def test_an_account(screens: Screens) -> None:
    visitor = screens.visitor
    made = await visitor.does(
        """mutation { register(input: {
          username: "sei", email: "sei@example.org", password: "Makura-no-soshi1", firstName: "Sei"
        }) { user { id username } isAdministrator errors { code field message } } }""",
        costs=7,
    )
    # Nobody has registered here before.
    assert (made["user"]["username"], made["isAdministrator"]) == ("sei", True)
    session = await visitor.does(
        """mutation { signIn(input: {login: "sei", password: "Makura-no-soshi1"}) {
          viewer { username } token errors { code field message }
        } }""",
        costs=6,
    )
    assert session["viewer"] == {"username": "sei"}
    sei = screens.holder_of(session["token"])

    told = await sei.does(
        """mutation($id: ID!) { updateUser(input: {id: $id, userMetadata: {tutorialSeen: true}}) {
          user { userMetadata } errors { code field message }
        } }""",
        costs=6,
        id=made["user"]["id"],
    )
    assert told["user"]["userMetadata"] == {"tutorialSeen": True}
    await sei.does(
        """mutation { changePassword(input: {
          currentPassword: "Makura-no-soshi1", newPassword: "Haru-wa-akebono2"
        }) { errors { code field message } } }""",
        costs=5,
    )
    await sei.does("mutation { signOut(input: {}) { errors { code field message } } }", costs=2)
    assert (await screens.site.holder_of(session["token"])).is_anonymous


# Texts


async def test_the_collections(screens: Screens) -> None:
    teacher = await screens.person("teacher")
    made = await teacher.does(
        """mutation { createCollection(input: {
          title: "Heike", visibility: PRIVATE, language: "ja", textDirection: VERTICAL_RL
          collectionMetadata: {author: "unknown"}
        }) { collection { id } collectionEdge { cursor } errors { code field message } } }""",
        costs=5,
    )
    heike = made["collection"]["id"]

    listed = """query($where: DocumentCollectionWhere) { collections(where: $where, first: 10) {
      totalCount pageInfo { hasNextPage endCursor }
      nodes {
        title language visibility collectionMetadata owner { displayName }
        stats { documents elements scholarlyNotes comments }
        viewerCan { edit delete share }
      }
    } }"""
    seen = (await teacher.asks(listed, costs=7))["collections"]
    assert [(one["title"], one["language"]) for one in seen["nodes"]] == [("Genji", "en"), ("Heike", "ja")]
    assert seen["nodes"][0]["stats"] == {"documents": 2, "elements": 3, "scholarlyNotes": 0, "comments": 1}
    for where, titles in (
        ({"title": {"eq": "Heike"}}, ["Heike"]),
        ({"visibility": {"eq": "PUBLIC"}}, ["Genji"]),
        ({"language": {"in": ["ja", "en"]}}, ["Genji", "Heike"]),
        ({"createdBy": {"eq": str(screens.people["teacher"].id)}}, ["Heike"]),
    ):
        seen = (await teacher.asks(listed, costs=7, where=where))["collections"]
        assert [one["title"] for one in seen["nodes"]] == titles
    assert (await screens.visitor.asks(listed, costs=7))["collections"]["totalCount"] == 1

    changed = await teacher.does(
        """mutation($id: ID!) { updateCollection(input: {
          id: $id, title: "The Tale of the Heike", visibility: PUBLIC, collectionMetadata: {author: "several"}
        }) { collection { title visibility collectionMetadata } errors { code field message } } }""",
        costs=9,
        id=heike,
    )
    assert changed["collection"]["collectionMetadata"] == {"author": "several"}
    ordered = await teacher.does(
        """mutation($ids: [ID!]!) { reorderCollections(input: {ids: $ids}) {
          collections { title } errors { code field message }
        } }""",
        costs=8,
        ids=[heike, str(screens.collection.id)],
    )
    assert [one["title"] for one in ordered["collections"]] == ["The Tale of the Heike", "Genji"]

    await teacher.does(
        "mutation($id: ID!) { deleteCollection(input: {id: $id}) { deletedId errors { code field message } } }",
        costs=5,
        id=heike,
    )
    seen = await teacher.asks("{ collections { nodes { title } } deletions { id kind title } }", costs=2)
    assert seen["collections"]["nodes"] == [{"title": "Genji"}]
    assert seen["deletions"] == [{"id": heike, "kind": "COLLECTION", "title": "The Tale of the Heike"}]
    back = await teacher.does(
        """mutation($id: ID!) { restoreCollection(input: {id: $id}) {
          collection { title } errors { code field message }
        } }""",
        costs=6,
        id=heike,
    )
    assert back["collection"] == {"title": "The Tale of the Heike"}


async def test_a_collection(screens: Screens) -> None:
    teacher, collection = await screens.person("teacher"), str(screens.collection.id)
    made = await teacher.does(
        """mutation($id: ID!) { createDocument(input: {collectionId: $id, title: "Hahakigi"}) {
          document { id } documentEdge { cursor } errors { code field message }
        } }""",
        costs=7,
        id=collection,
    )
    changed = await teacher.does(
        """mutation($id: ID!, $before: ID) { updateDocument(input: {
          id: $id, title: "The Broom Tree", description: "Chapter 2", beforeId: $before
        }) { document { title description } errors { code field message } } }""",
        costs=10,
        id=made["document"]["id"],
        before=str(screens.document.id),
    )
    assert changed["document"] == {"title": "The Broom Tree", "description": "Chapter 2"}

    page = """query($id: ID!) { collection(id: $id) {
      title visibility textDirection language collectionMetadata hierarchy owner { displayName } created modified
      documents(first: 50) {
        totalCount nodes { id title description created stats { elements comments scholarlyNotes } }
      }
      viewerCan { edit delete share }
    } }"""
    seen = (await teacher.asks(page, costs=7, id=collection))["collection"]
    assert [one["title"] for one in seen["documents"]["nodes"]] == ["The Broom Tree", "Kiritsubo", "桐壺"]
    assert seen["documents"]["nodes"][1]["stats"] == {"elements": 2, "comments": 1, "scholarlyNotes": 0}
    assert seen["viewerCan"] == {"edit": True, "delete": True, "share": True}

    shared = await teacher.does(
        """mutation($id: ID!) { shareObject(input: {objectId: $id, username: "scholar", accessLevel: EDIT}) {
          share { id sharedWith { ... on User { username } } } errors { code field message }
        } }""",
        costs=9,
        id=(await teacher.asks("query($id: ID!) { collection(id: $id) { id } }", costs=1, id=collection))["collection"][
            "id"
        ],
    )
    assert shared["share"]["sharedWith"] == {"username": "scholar"}
    await teacher.does(
        "mutation($id: ID!) { revokeShare(input: {id: $id}) { errors { code field message } } }",
        costs=8,
        id=shared["share"]["id"],
    )

    ids = [made["document"]["id"], str(screens.translation.id)]
    gone = await teacher.does(
        """mutation($ids: [ID!]!) { deleteDocuments(input: {ids: $ids}) {
          deletedIds errors { code field message }
        } }""",
        costs=5,
        ids=ids,
    )
    assert len(gone["deletedIds"]) == 2
    seen = (await teacher.asks(page, costs=7, id=collection))["collection"]
    assert [one["title"] for one in seen["documents"]["nodes"]] == ["Kiritsubo"]
    back = await teacher.does(
        """mutation($ids: [ID!]!) { restoreDocuments(input: {ids: $ids}) {
          documents { title } errors { code field message }
        } }""",
        costs=6,
        ids=ids,
    )
    assert [one["title"] for one in back["documents"]] == ["The Broom Tree", "桐壺"]


async def test_a_file_that_is_brought_into_a_collection(screens: Screens) -> None:
    teacher = await screens.person("teacher")
    sent = await teacher.sends(
        """mutation($input: ImportDocumentInput!) { importDocument(input: $input) {
          job { id status } errors { code field message }
        } }""",
        costs=7,
        name="utsusemi.md",
        content=b"# Utsusemi\n\nThe shell of the cicada.\n",
        collectionId=str(screens.collection.id),
    )
    assert sent["job"]["status"] == "QUEUED"
    assert await screens.service.app.state.importer.run_next()

    state = """query($id: ID!) { importJob(id: $id) {
      status progress { elements fraction } outcome { newDocuments added } error { message }
    } }"""
    assert (await teacher.asks(state, costs=1, id=sent["job"]["id"]))["importJob"] == {
        "status": "SUCCEEDED",
        "progress": {"elements": 1, "fraction": 1.0},
        "outcome": {"newDocuments": 1, "added": 1},
        "error": None,
    }
    waiting = await teacher.sends(
        """mutation($input: ImportDocumentInput!) { importDocument(input: $input) {
          job { id status } errors { code field message }
        } }""",
        costs=7,
        name="yugao.md",
        content="# Yūgao\n\nThe evening faces.\n".encode(),
        collectionId=str(screens.collection.id),
    )
    called_off = await teacher.does(
        """mutation($id: ID!) { cancelImport(input: {id: $id}) {
          job { status } errors { code field message }
        } }""",
        costs=7,
        id=waiting["job"]["id"],
    )
    assert called_off["job"] == {"status": "CANCELLED"}


# Reading


READING = """query Reading($id: ID!, $classroom: ID, $after: String) {
  document(id: $id) {
    title
    collection { id title textDirection language }
    elements(first: 50, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes {
        id text content hierarchy annotationCounts { motivation count } viewerCan { edit annotate }
        annotations(first: 50, where: {inClassroom: $classroom}) {
          nodes {
            id motivation body target created
            creator { id displayName }
            upvoteCount viewerHasUpvoted tags
            viewerCan { edit delete reply moderate }
            replies(first: 20) { nodes { id body created creator { displayName } } }
          }
        }
      }
    }
  }
}"""


async def test_the_reading_view_is_one_question(screens: Screens) -> None:
    student, document = await screens.person("student"), str(screens.document.id)
    seen = (await student.asks(READING, costs=10, id=document, classroom=str(screens.classroom.id)))["document"]
    first, second = seen["elements"]["nodes"]
    assert (first["text"], second["text"]) == (TEXT, "The other ladies were not pleased.")
    (note,) = first["annotations"]["nodes"]
    assert (note["creator"]["displayName"], note["motivation"]) == ("Student", "commenting")
    assert first["annotationCounts"] == [{"motivation": "commenting", "count": 1}]


async def test_comments_on_the_reading_view(screens: Screens) -> None:
    student, mate = await screens.person("student"), await screens.person("mate")
    made = await student.does(
        """mutation($element: ID!, $classroom: ID!) { createAnnotation(input: {
          elementId: $element, classroomId: $classroom, text: "Which reign, indeed?"
          selector: {start: 0, end: 14, exact: "In which reign"}
        }) { annotation { id modified } annotationEdge { cursor } errors { code field message } } }""",
        costs=5,
        element=str(screens.elements[0].id),
        classroom=str(screens.classroom.id),
    )
    note = made["annotation"]["id"]
    reply = await mate.does(
        """mutation($id: ID!) { replyToAnnotation(input: {annotationId: $id, text: "Daigo's, they say."}) {
          reply { id } errors { code field message }
        } }""",
        costs=7,
        id=note,
    )
    votes = """mutation($id: ID!) { upvoteAnnotation(input: {annotationId: $id}) {
      annotation { upvoteCount viewerHasUpvoted } errors { code field message }
    } }"""
    assert (await mate.does(votes, costs=10, id=note))["annotation"] == {"upvoteCount": 1, "viewerHasUpvoted": True}
    fewer = votes.replace("upvoteAnnotation", "removeUpvote")
    assert (await mate.does(fewer, costs=6, id=note))["annotation"] == {"upvoteCount": 0, "viewerHasUpvoted": False}
    tags = """mutation($id: ID!) { tagAnnotation(input: {annotationId: $id, tag: "reign"}) {
      annotation { tags } errors { code field message }
    } }"""
    assert (await mate.does(tags, costs=10, id=note))["annotation"] == {"tags": ["reign"]}
    untag = tags.replace("tagAnnotation", "untagAnnotation")
    assert (await mate.does(untag, costs=5, id=note))["annotation"] == {"tags": []}
    await mate.does(
        """mutation($id: ID!) { flagAnnotation(input: {annotationId: $id, reason: "Off topic."}) {
          flag { id } errors { code field message }
        } }""",
        costs=8,
        id=note,
    )

    changed = await student.does(
        """mutation($id: ID!, $modified: DateTime) { updateAnnotation(input: {
          id: $id, text: "Whose reign?", expectedModified: $modified
        }) { annotation { body version } errors { code field message } } }""",
        costs=5,
        id=note,
        modified=made["annotation"]["modified"],
    )
    assert (changed["annotation"]["body"]["value"], changed["annotation"]["version"]) == ("Whose reign?", 2)
    history = """query($id: ID!) {
      annotation(id: $id) { history { nodes { version body modified modifiedBy { displayName } } } }
      annotationDifference(id: $id, from: 1, to: 2) { pointer before after }
    }"""
    seen = await student.asks(history, costs=5, id=note)
    assert seen["annotationDifference"] == [
        {"pointer": "/body/value", "before": "Which reign, indeed?", "after": "Whose reign?"}
    ]
    await student.does(
        """mutation($id: ID!) { revertAnnotation(input: {id: $id, version: 1}) { errors { code field message } } }""",
        costs=8,
        id=note,
    )
    thread = "query($id: ID!, $reply: ID!) { annotation(id: $id) { status } reply: annotation(id: $reply) { id } }"
    ids = {"id": note, "reply": reply["reply"]["id"]}
    await student.does(
        "mutation($id: ID!) { deleteAnnotation(input: {id: $id}) { errors { code field message } } }", costs=5, id=note
    )
    assert await mate.asks(thread, costs=1, **ids) == {"annotation": None, "reply": None}
    await student.does(
        "mutation($id: ID!) { restoreAnnotation(input: {id: $id}) { errors { code field message } } }", costs=6, id=note
    )
    assert await mate.asks(thread, costs=1, **ids) == {
        "annotation": {"status": "ACTIVE"},
        "reply": {"id": ids["reply"]},
    }


async def test_scholarly_notes_and_references_on_the_reading_view(screens: Screens) -> None:
    scholar, place = await screens.person("scholar"), str(screens.elements[0].id)
    await scholar.does(
        """mutation($id: ID!) { createAnnotation(input: {
          elementId: $id, motivation: "scholarly", selector: {exact: "many ladies"}
          body: {type: "TextualBody", format: "text/html", value: "<i>nyōgo</i> and <i>kōi</i>"}
        }) { annotation { id } errors { code field message } } }""",
        costs=4,
        id=place,
    )
    await scholar.does(
        """mutation($id: ID!) { createExternalReference(input: {
          elementId: $id, url: "https://example.org/genji", title: "The Tale of Genji", description: "A translation"
        }) { annotation { id } errors { code field message } } }""",
        costs=4,
        id=place,
    )
    kinds = """query($id: ID!) { element(id: $id) {
      scholarly: annotations(where: {motivation: {eq: "scholarly"}}) { nodes { body } }
      references: annotations(where: {motivation: {eq: "external_reference"}}) { nodes { body } }
    } }"""
    seen = (await screens.visitor.asks(kinds, costs=1, id=place))["element"]
    assert seen["scholarly"]["nodes"][0]["body"]["value"] == "<i>nyōgo</i> and <i>kōi</i>"
    assert '"url": "https://example.org/genji"' in seen["references"]["nodes"][0]["body"]["value"]


async def test_the_text_on_the_reading_view(screens: Screens) -> None:
    teacher, first = await screens.person("teacher"), str(screens.elements[0].id)
    made = await teacher.does(
        """mutation($id: ID!, $after: ID!) { createElements(input: {
          documentId: $id, afterId: $after, elements: [{text: "A new paragraph."}]
        }) { elements { id } elementEdges { cursor } errors { code field message } } }""",
        costs=8,
        id=str(screens.document.id),
        after=first,
    )
    element = made["elements"][0]["id"]
    changed = await teacher.does(
        """mutation($id: ID!) { updateElement(input: {id: $id, text: "Another paragraph."}) {
          element { text revisions { nodes { revision text } } } errors { code field message }
        } }""",
        costs=9,
        id=element,
    )
    assert changed["element"]["revisions"]["nodes"] == [{"revision": 1, "text": "A new paragraph."}]
    await teacher.does(
        """mutation($id: ID!, $before: ID!) { moveElement(input: {id: $id, beforeId: $before}) {
          errors { code field message }
        } }""",
        costs=9,
        id=element,
        before=first,
    )
    seen = await teacher.asks(READING, costs=10, id=str(screens.document.id))
    assert [one["text"] for one in seen["document"]["elements"]["nodes"]][:2] == ["Another paragraph.", TEXT]

    parts = await teacher.does(
        """mutation($id: ID!) { splitElement(input: {id: $id, at: [8]}) {
          elements { id text } errors { code field message }
        } }""",
        costs=11,
        id=element,
    )
    assert [one["text"] for one in parts["elements"]] == ["Another ", "paragraph."]
    whole = await teacher.does(
        """mutation($ids: [ID!]!) { mergeElements(input: {ids: $ids, separator: ""}) {
          element { id text } mergedIds errors { code field message }
        } }""",
        costs=11,
        ids=[one["id"] for one in parts["elements"]],
    )
    assert whole["element"] == {"id": element, "text": "Another paragraph."}
    await teacher.does(
        "mutation($id: ID!) { deleteElement(input: {id: $id}) { deletedId errors { code field message } } }",
        costs=8,
        id=element,
    )
    seen = await teacher.asks(READING, costs=10, id=str(screens.document.id))
    assert [one["text"] for one in seen["document"]["elements"]["nodes"]][:1] == [TEXT]
    back = await teacher.does(
        """mutation($id: ID!) { restoreElement(input: {id: $id}) {
          element { text } errors { code field message }
        } }""",
        costs=9,
        id=element,
    )
    assert back["element"] == {"text": "Another paragraph."}


async def test_two_texts_side_by_side(screens: Screens) -> None:
    comparison = """query($one: ID!, $other: ID!) {
      one: document(id: $one) { ...text }
      other: document(id: $other) { ...text }
    }
    fragment text on Document {
      title
      elements(first: 50) { nodes { text annotations(first: 50) { nodes { body creator { displayName } } } } }
    }"""
    ids = {"one": str(screens.document.id), "other": str(screens.translation.id)}
    seen = await screens.visitor.asks(comparison, costs=4, **ids)
    assert (seen["one"]["title"], seen["other"]["title"]) == ("Kiritsubo", "桐壺")
    assert [one["text"] for one in seen["other"]["elements"]["nodes"]] == ["いづれの御時にか"]


async def test_links(screens: Screens) -> None:
    student = await screens.person("student")
    made = await student.does(
        """mutation($one: ID!, $other: ID!) { createLink(input: {
          text: "The same words", targets: [{elementId: $one, selector: {exact: "In which reign"}}, {elementId: $other}]
        }) { annotation { id } errors { code field message } } }""",
        costs=4,
        one=str(screens.elements[0].id),
        other=str(screens.elements[2].id),
    )
    link = made["annotation"]["id"]
    added = await student.does(
        """mutation($id: ID!, $element: ID!) { addLinkTarget(input: {id: $id, elementId: $element}) {
          targetId errors { code field message }
        } }""",
        costs=8,
        id=link,
        element=str(screens.elements[1].id),
    )
    page = """query($id: ID!) { annotation(id: $id) {
      body creator { displayName } viewerCan { edit delete }
      targets { ... on SpecificResource {
        databaseId passage selectors { ... on TextQuoteSelector { exact } }
        place { ... on DocumentElement { text document { title collection { title } } } }
      } }
    } }"""
    seen = (await student.asks(page, costs=5, id=link))["annotation"]
    assert [one["passage"] for one in seen["targets"]] == [0, 1, 2]
    assert [one["place"]["document"]["title"] for one in seen["targets"]] == ["Kiritsubo", "桐壺", "Kiritsubo"]
    assert seen["targets"][0]["selectors"][0] == {"exact": "In which reign"}
    assert seen["targets"][2]["databaseId"] == added["targetId"]

    await student.does(
        """mutation($id: ID!, $target: Int!) { removeLinkTarget(input: {id: $id, targetId: $target}) {
          errors { code field message }
        } }""",
        costs=5,
        id=link,
        target=added["targetId"],
    )
    listed = """{ annotations(where: {motivation: {eq: "linking"}}) { nodes { id targets { __typename } } } }"""
    (one,) = (await screens.visitor.asks(listed, costs=1))["annotations"]["nodes"]
    assert (one["id"], len(one["targets"])) == (link, 2)


# Classrooms


async def test_classrooms(screens: Screens) -> None:
    teacher, scholar = await screens.person("teacher"), await screens.person("scholar")
    made = await teacher.does(
        """mutation { createGroup(input: {name: "Heian seminar", description: "Mondays"}) {
          group { id joinToken members { nodes { username } } } errors { code field message }
        } }""",
        costs=5,
    )
    group = made["group"]
    assert group["members"]["nodes"] == [{"username": "teacher"}]
    page = "query($token: String!) { invitation(token: $token) { name description instructorName isOpen } }"
    told = await screens.visitor.asks(page, costs=1, token=group["joinToken"])
    assert told["invitation"] == {
        "name": "Heian seminar",
        "description": "Mondays",
        "instructorName": "Teacher",
        "isOpen": True,
    }
    await scholar.does(
        """mutation($token: String!) { joinGroup(input: {token: $token}) {
          group { name } errors { code field message }
        } }""",
        costs=4,
        token=group["joinToken"],
    )
    roster = "query($id: ID!) { group(id: $id) { members { totalCount nodes { displayName email } } } }"
    seen = (await teacher.asks(roster, costs=4, id=group["id"]))["group"]["members"]
    assert {"displayName": "Scholar", "email": "scholar@example.org"} in seen["nodes"]
    changed = await teacher.does(
        """mutation($id: ID!) { updateGroup(input: {id: $id, name: "Heian prose", endDate: "2100-01-01"}) {
          group { name endDate } errors { code field message }
        } }""",
        costs=5,
        id=group["id"],
    )
    assert changed["group"] == {"name": "Heian prose", "endDate": "2100-01-01"}
    removed = await teacher.does(
        """mutation($id: ID!, $users: [ID!]!) { removeGroupMembers(input: {id: $id, userIds: $users}) {
          group { members { totalCount } } errors { code field message }
        } }""",
        costs=8,
        id=group["id"],
        users=[str(screens.people["scholar"].id)],
    )
    assert removed["group"]["members"]["totalCount"] == 1
    mine = "{ groups { nodes { name viewerCan { manageMembers } } } }"
    seen = (await (await screens.person("student")).asks(mine, costs=1))["groups"]["nodes"]
    assert seen == [{"name": "Readers", "viewerCan": {"manageMembers": False}}]


# Administration


async def test_people_and_roles_for_administrators(screens: Screens) -> None:
    admin, mate = await screens.person("admin"), str(screens.people["mate"].id)
    page = """{
      users(first: 50) { totalCount nodes { username email isActive roles { nodes { name } } } }
      roles { id name permissions { nodes { name } } }
    }"""
    seen = await admin.asks(page, costs=6)
    assert seen["users"]["totalCount"] == 5
    (scholars,) = [role["id"] for role in seen["roles"] if role["name"] == "verified_scholar"]
    roles = """mutation($user: ID!, $role: ID!) { assignRole(input: {userId: $user, roleId: $role}) {
      user { roles { nodes { name } } } errors { code field message }
    } }"""
    told = await admin.does(roles, costs=9, user=mate, role=scholars)
    assert told["user"]["roles"]["nodes"] == [{"name": "student"}, {"name": "verified_scholar"}]
    told = await admin.does(roles.replace("assignRole", "revokeRole"), costs=11, user=mate, role=scholars)
    assert told["user"]["roles"]["nodes"] == [{"name": "student"}]
    change = """mutation($id: ID!) { updateUser(input: {id: $id, firstName: "Akiko"}) {
      user { displayName } errors { code field message }
    } }"""
    assert (await admin.does(change, costs=6, id=mate))["user"] == {"displayName": "Akiko"}
    gone = "mutation($id: ID!) { deactivateUser(input: {id: $id}) { user { isActive } errors { code field message } } }"
    assert (await admin.does(gone, costs=11, id=mate))["user"] == {"isActive": False}
    back = gone.replace("deactivateUser", "reactivateUser")
    assert (await admin.does(back, costs=5, id=mate))["user"] == {"isActive": True}


async def test_texts_and_flags_for_administrators(screens: Screens) -> None:
    admin, mate, note = await screens.person("admin"), await screens.person("mate"), str(screens.note.id)
    texts = """{ documents(first: 50) { totalCount nodes {
      title collection { title } stats { elements annotations comments scholarlyNotes }
    } } }"""
    seen = (await admin.asks(texts, costs=7))["documents"]
    assert [(one["title"], one["stats"]["comments"]) for one in seen["nodes"]] == [("Kiritsubo", 1), ("桐壺", 0)]

    flagging = """mutation($id: ID!) { flagAnnotation(input: {annotationId: $id, reason: "Rude."}) {
      flag { id } errors { code field message }
    } }"""
    await mate.does(flagging, costs=8, id=note)
    listed = """{ flags(first: 50) { totalCount nodes {
      id created creator { displayName } bodies { ... on TextualBody { value } }
      replyTo { body creator { displayName } document { title } }
    } } }"""
    (flag,) = (await admin.asks(listed, costs=6))["flags"]["nodes"]
    assert (flag["bodies"], flag["replyTo"]["creator"]) == ([{"value": "Rude."}], {"displayName": "Student"})
    await admin.does(
        "mutation($id: ID!) { dismissFlag(input: {flagId: $id}) { errors { code field message } } }",
        costs=5,
        id=flag["id"],
    )
    flag = (await mate.does(flagging, costs=8, id=note))["flag"]
    removed = await admin.does(
        """mutation($id: ID!) { removeFlaggedAnnotation(input: {flagId: $id}) {
          annotation { status } errors { code field message }
        } }""",
        costs=9,
        id=flag["id"],
    )
    assert removed["annotation"] == {"status": "DELETED"}
    assert (await admin.asks(listed, costs=2))["flags"]["totalCount"] == 0


async def test_the_site_for_administrators(screens: Screens) -> None:
    admin = await screens.person("admin")
    changed = await admin.does(
        """mutation { updateSiteSettings(input: {
          siteTitle: "Reading Genji"
          collectionMetadataSchema: [{key: "author", label: "Author", type: TEXT, required: true}]
        }) { siteSettings { siteTitle collectionMetadataSchema { key required } updatedBy { username } }
          errors { code field message } } }""",
        costs=3,
    )
    assert changed["siteSettings"]["collectionMetadataSchema"] == [{"key": "author", "required": True}]
    logo = """mutation($data: String) { uploadSiteLogo(input: {data: $data}) {
      siteSettings { siteLogoMimeType } errors { code field message }
    } }"""
    assert (await admin.does(logo, costs=2, data=None))["siteSettings"] == {"siteLogoMimeType": None}
    signing_in = await admin.does(
        """mutation { updateSsoConfiguration(input: {
          serverUrl: "https://cas.example.org/cas", enabled: true, protocolVersion: 3, emailDomain: "example.org"
        }) { ssoConfiguration { enabled serverUrl } errors { code field message } } }""",
        costs=2,
    )
    assert signing_in["ssoConfiguration"] == {"enabled": True, "serverUrl": "https://cas.example.org/cas/"}
    seen = await screens.visitor.asks("{ siteSettings { siteTitle ssoLoginUrl } }", costs=2)
    assert seen["siteSettings"]["siteTitle"] == "Reading Genji"
    assert seen["siteSettings"]["ssoLoginUrl"].startswith("https://cas.example.org/cas/login")
