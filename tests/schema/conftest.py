"""A crowd: two hundred of everything, tied together in every way there is."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.engine import URL

from tests.lasting import NO_ROLES, Lasting, lasting

MANY = 200

_CROWD = f"""
INSERT INTO app.users (username, first_name, email, user_metadata)
SELECT 'user' || lpad(n::text, 3, '0'), 'Person ' || n, 'user' || n || '@example.org', jsonb_build_object('number', n)
FROM generate_series(1, {MANY}) n;

INSERT INTO app.groups (name, created_by_id, start_date, end_date, join_token)
SELECT 'Group ' || lpad(n::text, 3, '0'), n, '2026-01-01', '2026-06-30', 'token' || n FROM generate_series(1, {MANY}) n;

INSERT INTO app.group_members (group_id, user_id)
SELECT n, (n + step) % {MANY} + 1 FROM generate_series(1, {MANY}) n, generate_series(0, 2) step;

INSERT INTO app.roles (name) SELECT 'role' || lpad(n::text, 3, '0') FROM generate_series(1, {MANY}) n;

INSERT INTO app.permissions (name) SELECT 'permission' || lpad(n::text, 3, '0') FROM generate_series(1, {MANY}) n;

INSERT INTO app.user_roles (user_id, role_id)
SELECT n, (n + step) % {MANY} + 1 FROM generate_series(1, {MANY}) n, generate_series(0, 1) step;

INSERT INTO app.role_permissions (role_id, permission_id)
SELECT n, (n + step) % {MANY} + 1 FROM generate_series(1, {MANY}) n, generate_series(0, 1) step;

INSERT INTO app.site_settings (site_title, updated_by_id, collection_metadata_schema)
VALUES ('Genji', 1, '[{{"key": "author", "label": "Author", "required": true, "type": "text"}}]');

INSERT INTO app.sso_configuration (enabled, server_url, updated_by_id) VALUES (true, 'https://cas.example.org/', 1);

INSERT INTO app.access_tokens (user_id, name, token_hash, scopes) VALUES (1, 'Backup', 'hash', '{{read}}');

INSERT INTO app.document_collections (title, visibility, position, owner_id, created_by_id, modified_by_id, hierarchy)
SELECT 'Collection ' || n, 'public', n, n, n % {MANY} + 1, (n + 1) % {MANY} + 1, '{{"levels": ["chapter"]}}'
FROM generate_series(1, {MANY}) n;

INSERT INTO app.documents (document_collection_id, owner_id, title, position)
SELECT n, n, 'Document ' || n, n FROM generate_series(1, {MANY}) n;

INSERT INTO app.document_elements (document_id, content, position)
SELECT n, jsonb_build_object('text', 'Line ' || place), place
FROM generate_series(1, {MANY}) n, generate_series(1, 2) place;

-- Each said something else before.
INSERT INTO app.element_revisions (element_id, revision, content, modified, modified_by_id)
SELECT n, 1, jsonb_build_object('text', 'Line'), now(), (n - 1) % {MANY} + 1 FROM generate_series(1, 2 * {MANY}) n;

-- Of each document: a note for all (1 to {MANY}) and one for a classroom, on its first element.
INSERT INTO app.annotations (document_collection_id, document_id, document_element_id, creator_id, owner_id,
    classroom_id, motivation, created, body, target)
SELECT n, n, 2 * n - 1, n, n % {MANY} + 1, CASE step WHEN 1 THEN n END, 'commenting',
    timestamptz '2026-01-01Z' + (n + {MANY} * step) * interval '1 minute',
    '[{{"type": "TextualBody", "value": "A note.", "language": "en"}},
      {{"id": "https://example.org/picture", "type": "Image"}},
      {{"source": "document:1", "purpose": "linking"}},
      {{"type": "Choice", "items": [{{"value": "One"}}, {{"value": "Two"}}]}},
      {{"strange": true}}]',
    jsonb_build_array(
        jsonb_build_object('source', 'document_element:' || 2 * n, 'selector', '[
            {{"type": "TextQuoteSelector", "exact": "Line",
              "refinedBy": {{"type": "TextPositionSelector", "start": 0, "end": 4}}}},
            {{"type": "DataPositionSelector", "start": 0, "end": 4}},
            {{"type": "FragmentSelector", "value": "xywh=0,0,1,1"}},
            {{"type": "CssSelector", "value": "p"}},
            {{"type": "XPathSelector", "value": "/p"}},
            {{"type": "SvgSelector", "value": "<svg/>"}},
            {{"type": "RangeSelector", "startSelector": {{"type": "CssSelector", "value": "p"}},
              "endSelector": {{"type": "CssSelector", "value": "q"}}}},
            {{"type": "OwnSelector"}}]'::jsonb),
        jsonb_build_object('source', 'document:' || n), jsonb_build_object('source', 'collection:' || n),
        jsonb_build_object('source', 'annotation:' || n),
        'document_element:' || 2 * n, 'document:' || n, 'collection:' || n, 'annotation:' || n)
FROM generate_series(0, 1) step, generate_series(1, {MANY}) n;

-- And what answers the note for all.
INSERT INTO app.annotations (parent_id, creator_id, motivation, created, body, target)
SELECT n, (n + step) % {MANY} + 1, motivation, timestamptz '2026-02-01Z' + n * interval '1 minute',
    jsonb_build_object('value', motivation || step), jsonb_build_object('source', 'annotation:' || n)
FROM generate_series(1, {MANY}) n, generate_series(0, 1) step,
    unnest('{{replying,tagging,upvoting}}'::text[]) motivation;

-- Somebody has changed each note since, complained of the first three, and the texts of these are not what they were.
UPDATE app.annotations SET type = 'Annotation', motivation = 'questioning' WHERE motivation = 'commenting';
UPDATE app.annotations SET motivation = 'commenting', modified_by_id = creator_id WHERE motivation = 'questioning';
UPDATE app.annotations SET is_orphan = true WHERE id <= 3;
INSERT INTO app.annotations (parent_id, creator_id, motivation, created, body, target)
SELECT n, n, 'flagging', timestamptz '2026-02-02Z', '{{"value": "Rude."}}',
    jsonb_build_object('source', 'annotation:' || n) FROM generate_series(1, 3) n;

-- Of each collection something was imported, which failed, and was imported after all.
INSERT INTO app.import_jobs (document_collection_id, created_by_id, file_name, format, size, status, outcome,
    error_code, error_message)
SELECT n, n, n || '.txt', 'plain_text', 100, 'succeeded',
    '{{"new_documents": 1, "known_documents": 0, "added": 1, "changed": 0, "removed": 0, "unchanged": 0}}',
    'INVALID', 'It is no text.'
FROM generate_series(1, {MANY}) n;

INSERT INTO app.object_sharing (object_id, object_type, shared_with_id, shared_with_type, access_level, created_by_id)
SELECT n, object_type, n, shared_with_type, 'view', n
FROM generate_series(1, {MANY}) n, unnest('{{collection,document}}'::text[]) object_type,
    unnest('{{user,group}}'::text[]) shared_with_type;
"""


@pytest.fixture(scope="session")
async def crowd(server: URL, template: str) -> AsyncIterator[Lasting]:
    """Nobody may change it: many tests read it."""
    async with lasting(server, template, max_page_size=MANY) as crowd:
        await crowd.sql(f"{NO_ROLES};\n{_CROWD}")
        yield crowd
