-- Visibility for PostGraphile's role, as row level security: as fast as one can write it, and with the same answers for
-- what is measured.
--
-- Whatever is the same for all rows of a statement stands in a subquery, which PostgreSQL runs once a statement. So a
-- row costs a few comparisons, and never a walk from the annotation to its element, document and collection.
--
-- What the server's own rules know beyond these, and these leave out, all to PostGraphile's advantage:
-- * An annotation is believed what it says of its document and collection, instead of being followed to where it stands.
-- * A response is seen by its own row, not with all that it answers, up to the note that began the thread.
-- * Moderators see what is hidden, and flags; administrators see everything; notes may stand nowhere.
-- * People are seen by those who have something to do with them. Here everybody sees everybody, and their addresses.
-- * What a viewer may do to an annotation is more than who owns it, and which classroom it is for: moderators may
--   delete, and nobody replies in a classroom that is over.

CREATE SCHEMA viewer;

CREATE FUNCTION viewer.id() RETURNS int LANGUAGE sql STABLE AS $$
    SELECT nullif(current_setting('genji.user_id', true), '')::int
$$;

CREATE FUNCTION viewer.groups() RETURNS int[] LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(current_setting('genji.group_ids', true), ''), '{}')::int[]
$$;

-- The role need not be allowed to read who shares what with whom.
CREATE FUNCTION viewer.shared(kind text) RETURNS int[] LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT ARRAY(
        SELECT object_id FROM app.object_sharing WHERE object_type = kind AND (
            shared_with_type = 'user' AND shared_with_id = viewer.id()
            OR shared_with_type = 'group' AND shared_with_id = ANY (viewer.groups())
        )
    )
$$;

-- The documents that the viewer sees though they may not see their collection.
CREATE FUNCTION viewer.documents() RETURNS int[] LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT ARRAY(SELECT id FROM app.documents WHERE owner_id = viewer.id()) || ARRAY(
        SELECT documents.id FROM app.documents
        JOIN app.document_collections ON document_collections.id = documents.document_collection_id
        WHERE documents.id = ANY (viewer.shared('document')) AND document_collections.visibility <> 'private'
    )
$$;

ALTER TABLE app.document_collections ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON app.document_collections FOR SELECT TO :reader USING (
    visibility = 'public'
    OR coalesce(owner_id, created_by_id) = (SELECT viewer.id())
    OR visibility <> 'private' AND id = ANY ((SELECT viewer.shared('collection'))::int[])
);

ALTER TABLE app.documents ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON app.documents FOR SELECT TO :reader USING (
    document_collection_id = ANY (ARRAY(SELECT id FROM app.document_collections))
    OR id = ANY ((SELECT viewer.documents())::int[])
);

ALTER TABLE app.document_elements ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON app.document_elements FOR SELECT TO :reader USING (
    EXISTS (SELECT FROM app.documents WHERE documents.id = document_elements.document_id)
);

ALTER TABLE app.annotations ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON app.annotations FOR SELECT TO :reader USING (
    (
        classroom_id IS NULL AND NOT classroom_gone
        OR classroom_id = ANY ((SELECT viewer.groups())::int[])
        OR coalesce(owner_id, creator_id) = (SELECT viewer.id())
    )
    AND (
        status = 'active' AND motivation IS DISTINCT FROM 'flagging'
        OR coalesce(owner_id, creator_id) = (SELECT viewer.id())
    )
    AND (
        document_collection_id = ANY (ARRAY(SELECT id FROM app.document_collections))
        OR document_id = ANY ((SELECT viewer.documents())::int[])
    )
);

GRANT USAGE ON SCHEMA app, viewer TO :reader;
GRANT SELECT ON app.document_collections, app.documents, app.document_elements, app.annotations, app.users TO :reader;

-- Computed columns. PostgreSQL puts those that are no more than an expression into the statement, if they hold no
-- subquery of their own.

CREATE FUNCTION app.users_display_name(person app.users) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(btrim(concat_ws(' ', person.first_name, person.last_name)), ''), person.username)
$$;

CREATE FUNCTION app.document_elements_text(element app.document_elements) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT element.content ->> 'text'
$$;

CREATE FUNCTION app.annotations_viewer_can_edit(note app.annotations) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(coalesce(note.owner_id, note.creator_id) = viewer.id(), false)
$$;

CREATE FUNCTION app.annotations_viewer_can_delete(note app.annotations) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(coalesce(note.owner_id, note.creator_id) = viewer.id(), false)
$$;

CREATE FUNCTION app.annotations_viewer_can_reply(note app.annotations) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT viewer.id() IS NOT NULL
        AND (note.classroom_id IS NULL OR note.classroom_id = ANY (viewer.groups()))
$$;
