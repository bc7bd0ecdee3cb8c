"""A note says where its element stands, whatever was written and wherever that moves.

Revision: e3b7d15f8a26
Revises: c6e2a9d41f73
Created: 2026-11-27 11:50:00.000000+00:00
"""

from alembic import op

revision = "e3b7d15f8a26"
down_revision = "c6e2a9d41f73"
branch_labels = None
depends_on = None

# Who may see a note is asked of its collection and its document, for each row of a list: to look them up by way of the
# element would cost more than all else.
PLACES = """
CREATE FUNCTION app.keep_place() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    its_document integer := NEW.document_id;
    its_collection integer;
BEGIN
    -- Each is locked as the foreign keys do it. To move one is to change a key, since it is UNIQUE with its source_id:
    -- a move waits for notes that are being written, and they for it. One after the other, because in a join the row
    -- of a document that isn't the element's any more would be lost, and the note's with it.
    IF NEW.document_element_id IS NOT NULL THEN
        SELECT document_id INTO its_document FROM app.document_elements
        WHERE id = NEW.document_element_id FOR KEY SHARE;
    END IF;
    SELECT document_collection_id INTO its_collection FROM app.documents WHERE id = its_document FOR KEY SHARE;
    -- What isn't there is left for the foreign keys to complain of. It may also be going: they set a column to NULL
    -- before all of what stood there is deleted, and are not to find the old number in it again.
    IF NOT FOUND OR TG_OP = 'UPDATE' AND NEW.document_collection_id IS NULL
       AND NOT EXISTS (SELECT FROM app.document_collections WHERE id = its_collection) THEN
        RETURN NEW;
    END IF;
    NEW.document_id := its_document;
    NEW.document_collection_id := its_collection;
    RETURN NEW;
END $$;

CREATE FUNCTION app.move_notes_of_element() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- To write the column is enough: keep_place knows what belongs there.
    UPDATE app.annotations SET document_id = document_id WHERE document_element_id = NEW.id;
    RETURN NULL;
END $$;

CREATE FUNCTION app.move_notes_of_document() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE app.annotations SET document_collection_id = document_collection_id WHERE document_id = NEW.id;
    RETURN NULL;
END $$;

CREATE TRIGGER keep_place
    BEFORE INSERT OR UPDATE OF document_element_id, document_id, document_collection_id ON app.annotations
    FOR EACH ROW WHEN (NEW.document_element_id IS NOT NULL OR NEW.document_id IS NOT NULL)
    EXECUTE FUNCTION app.keep_place();

CREATE TRIGGER move_notes AFTER UPDATE OF document_id ON app.document_elements
    FOR EACH ROW WHEN (OLD.document_id <> NEW.document_id) EXECUTE FUNCTION app.move_notes_of_element();

CREATE TRIGGER move_notes AFTER UPDATE OF document_collection_id ON app.documents
    FOR EACH ROW WHEN (OLD.document_collection_id <> NEW.document_collection_id)
    EXECUTE FUNCTION app.move_notes_of_document();
"""

# After the triggers, which do it, and whose locks keep writers away until the end.
SET_RIGHT = """
UPDATE app.annotations SET document_id = document_id WHERE id IN (
    SELECT note.id FROM app.annotations AS note
    LEFT JOIN app.document_elements AS element ON element.id = note.document_element_id
    JOIN app.documents AS document ON document.id = coalesce(element.document_id, note.document_id)
    WHERE (note.document_id, note.document_collection_id)
        IS DISTINCT FROM (document.id, document.document_collection_id)
)
"""


def upgrade() -> None:
    for statement in PLACES.strip().split(";\n\n"):
        op.execute(statement)
    op.execute(SET_RIGHT)


def downgrade() -> None:
    # What the columns say stays: it is true for now.
    op.execute("DROP TRIGGER move_notes ON app.documents")
    op.execute("DROP TRIGGER move_notes ON app.document_elements")
    op.execute("DROP TRIGGER keep_place ON app.annotations")
    for function in ("move_notes_of_document", "move_notes_of_element", "keep_place"):
        op.execute(f"DROP FUNCTION app.{function}()")
