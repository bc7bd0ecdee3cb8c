"""The tables as PostgreSQL holds them: what the customer's schema document says, what is added to it, nothing else."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

import asyncpg
import pytest
from asyncpg.exceptions import CheckViolationError, IntegrityConstraintViolationError, UniqueViolationError
from sqlalchemy.engine import URL

from genji_graphql import models
from genji_graphql.models import Base
from genji_graphql.vocabulary import (
    AccessLevel,
    AnnotationStatus,
    Recipient,
    SharedObject,
    TextDirection,
    Visibility,
)
from tests.catalogue import Catalogue
from tests.conftest import connect, execute
from tests.omissions import omit
from tests.world import World

DOCUMENT = Path(__file__).parents[3] / "shared" / "spec" / "genji-database-schema.md"

# What the document doesn't ask for. Whoever adds to the tables adds it here as well.

ADDED_COLUMNS = {
    "document_collections": ["position bigint", "deleted_at timestamp with time zone"],
    "documents": ["position bigint", "source_id text", "deleted_at timestamp with time zone"],
    "document_elements": [
        "position bigint",
        "source_id text",
        "modified_by_id integer",
        "revision integer",
        "deleted_at timestamp with time zone",
    ],
    "annotations": [
        "parent_id integer",
        "classroom_gone boolean",
        "other jsonb",
        "modified_by_id integer",
        "version integer",
        "is_orphan boolean",
        "deleted_at timestamp with time zone",
    ],
    "groups": ["join_token text"],
    "site_settings": ["collection_metadata_schema jsonb"],
}

# A list's order rests on columns that are never NULL; a name, a parent or a status that is missing has no meaning.
ADDED_NOT_NULL = {
    "users": "username is_active",
    "user_passwords": "user_id created_at updated_at",
    "roles": "name",
    "permissions": "name",
    "groups": "name created_at join_token",
    "object_sharing": "object_id object_type shared_with_id shared_with_type access_level created_at",
    "document_collections": "title visibility text_direction created modified position",
    "documents": "document_collection_id title created modified position",
    "document_elements": "document_id created modified position revision",
    "annotations": "created modified status classroom_gone version is_orphan",
    "site_settings": "site_logo_enabled updated_at collection_metadata_schema",
    "group_members": "joined_at",
}

ADDITIONS = r"""
annotations.classroom_gone DEFAULT false
annotations.created DEFAULT now()
annotations.modified DEFAULT now()
annotations.status DEFAULT 'active'
document_collections.text_direction DEFAULT 'ltr'
document_collections.visibility DEFAULT 'private'
groups.join_token DEFAULT (gen_random_uuid())
site_settings.collection_metadata_schema DEFAULT '[]'::jsonb

annotations CHECK (((parent_id IS NULL) OR ((COALESCE(motivation, '')) = ANY \
((ARRAY['replying', 'tagging', 'upvoting', 'flagging'])))))
annotations CHECK (((status) = ANY ((ARRAY['active', 'private', 'hidden', 'deleted']))))
document_collections CHECK (((text_direction) = ANY ((ARRAY['ltr', 'rtl', 'vertical-rl']))))
document_collections CHECK (((visibility) = ANY ((ARRAY['public', 'shared', 'private']))))
object_sharing CHECK (((access_level) = ANY ((ARRAY['view', 'edit', 'manage']))))
object_sharing CHECK (((object_type) = ANY ((ARRAY['collection', 'document']))))
object_sharing CHECK (((shared_with_type) = ANY ((ARRAY['user', 'group']))))

annotations FOREIGN KEY (parent_id) REFERENCES annotations(id) ON DELETE CASCADE
documents UNIQUE (document_collection_id, source_id)
document_elements UNIQUE (document_id, source_id)
groups UNIQUE (join_token)
object_sharing UNIQUE (object_type, object_id, shared_with_type, shared_with_id)

INDEX idx_annotations_classroom_order ON annotations USING btree (classroom_id, created, id)
INDEX idx_annotations_collection_order ON annotations USING btree (document_collection_id, created, id)
INDEX idx_annotations_creator_order ON annotations USING btree (creator_id, created, id)
INDEX idx_annotations_document_order ON annotations USING btree (document_id, created, id)
INDEX idx_annotations_element_order ON annotations USING btree (document_element_id, created, id)
INDEX idx_annotations_order ON annotations USING btree (created, id)
INDEX idx_annotations_parent_order ON annotations USING btree (parent_id, motivation, created, id)
INDEX idx_document_collections_order ON document_collections USING btree (position, id)
INDEX idx_document_elements_order ON document_elements USING btree (document_id, position, id)
INDEX idx_documents_order ON documents USING btree (document_collection_id, position, id)
INDEX idx_annotations_deleted ON annotations USING btree (deleted_at, id) WHERE (deleted_at IS NOT NULL)
INDEX idx_document_collections_deleted ON document_collections USING btree (deleted_at, id) \
WHERE (deleted_at IS NOT NULL)
INDEX idx_document_elements_deleted ON document_elements USING btree (deleted_at, id) WHERE (deleted_at IS NOT NULL)
INDEX idx_documents_deleted ON documents USING btree (deleted_at, id) WHERE (deleted_at IS NOT NULL)
INDEX idx_group_members_user_id ON group_members USING btree (user_id)
INDEX idx_groups_created_by ON groups USING btree (created_by_id)
INDEX idx_object_sharing_created_by ON object_sharing USING btree (created_by_id)
INDEX idx_role_permissions_permission_id ON role_permissions USING btree (permission_id)
INDEX idx_user_roles_role_id ON user_roles USING btree (role_id)
UNIQUE INDEX idx_site_settings_one_row ON site_settings USING btree ((true))

UNIQUE INDEX idx_groups_name_folded ON groups USING btree (folded((name)))

function close_classroom()
function find_parent()
function keep_place()
function move_notes_of_document()
function move_notes_of_element()
function place_collection()
function place_document()
function place_element()
TRIGGER place BEFORE INSERT ON document_collections FOR EACH ROW WHEN ((new.position IS NULL)) \
EXECUTE FUNCTION place_collection()
TRIGGER place BEFORE INSERT ON document_elements FOR EACH ROW WHEN ((new.position IS NULL)) \
EXECUTE FUNCTION place_element()
TRIGGER place BEFORE INSERT ON documents FOR EACH ROW WHEN ((new.position IS NULL)) \
EXECUTE FUNCTION place_document()
TRIGGER close_classroom BEFORE DELETE ON groups FOR EACH ROW EXECUTE FUNCTION close_classroom()
TRIGGER find_parent BEFORE INSERT ON annotations FOR EACH ROW WHEN (((new.parent_id IS NULL) \
AND ((new.motivation) = ANY ((ARRAY['replying', 'tagging', 'upvoting', 'flagging']))))) \
EXECUTE FUNCTION find_parent()
TRIGGER keep_place BEFORE INSERT OR UPDATE OF document_element_id, document_id, document_collection_id ON annotations \
FOR EACH ROW WHEN (((new.document_element_id IS NOT NULL) OR (new.document_id IS NOT NULL))) \
EXECUTE FUNCTION keep_place()
TRIGGER move_notes AFTER UPDATE OF document_collection_id ON documents FOR EACH ROW \
WHEN ((old.document_collection_id <> new.document_collection_id)) EXECUTE FUNCTION move_notes_of_document()
TRIGGER move_notes AFTER UPDATE OF document_id ON document_elements FOR EACH ROW \
WHEN ((old.document_id <> new.document_id)) EXECUTE FUNCTION move_notes_of_element()

function end_shares_of()
function end_shares_with()
TRIGGER end_shares AFTER DELETE ON document_collections FOR EACH ROW EXECUTE FUNCTION end_shares_of('collection')
TRIGGER end_shares AFTER DELETE ON documents FOR EACH ROW EXECUTE FUNCTION end_shares_of('document')
TRIGGER end_shares AFTER DELETE ON groups FOR EACH ROW EXECUTE FUNCTION end_shares_with('group')
TRIGGER end_shares AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION end_shares_with('user')
UNIQUE INDEX idx_users_email_folded ON users USING btree (folded((email)))
UNIQUE INDEX idx_users_username_folded ON users USING btree (folded((username)))
function folded(text)

table access_tokens
INDEX idx_access_tokens_user_id ON access_tokens USING btree (user_id)
access_tokens FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
access_tokens PRIMARY KEY (id)
access_tokens UNIQUE (token_hash)
access_tokens.created_at DEFAULT now()
access_tokens.created_at NOT NULL
access_tokens.created_at timestamp with time zone
access_tokens.expires_at timestamp with time zone
access_tokens.id AUTO
access_tokens.id NOT NULL
access_tokens.id integer
access_tokens.last_used_at timestamp with time zone
access_tokens.name NOT NULL
access_tokens.name character varying(100)
access_tokens.scopes NOT NULL
access_tokens.scopes text[]
access_tokens.token_hash NOT NULL
access_tokens.token_hash bytea
access_tokens.user_id NOT NULL
access_tokens.user_id integer

table password_resets
INDEX idx_password_resets_user_id ON password_resets USING btree (user_id)
password_resets FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
password_resets PRIMARY KEY (id)
password_resets UNIQUE (token_hash)
password_resets.created_at DEFAULT now()
password_resets.created_at NOT NULL
password_resets.created_at timestamp with time zone
password_resets.expires_at NOT NULL
password_resets.expires_at timestamp with time zone
password_resets.id AUTO
password_resets.id NOT NULL
password_resets.id integer
password_resets.token_hash NOT NULL
password_resets.token_hash bytea
password_resets.used_at timestamp with time zone
password_resets.user_id NOT NULL
password_resets.user_id integer

table sessions
INDEX idx_sessions_user_id ON sessions USING btree (user_id)
sessions FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
sessions PRIMARY KEY (id)
sessions UNIQUE (token_hash)
sessions.created_at DEFAULT now()
sessions.created_at NOT NULL
sessions.created_at timestamp with time zone
sessions.expires_at NOT NULL
sessions.expires_at timestamp with time zone
sessions.id AUTO
sessions.id NOT NULL
sessions.id integer
sessions.token_hash NOT NULL
sessions.token_hash bytea
sessions.user_id NOT NULL
sessions.user_id integer

table sso_configuration
INDEX idx_sso_configuration_updated_by ON sso_configuration USING btree (updated_by_id)
sso_configuration CHECK ((id = 1))
sso_configuration CHECK ((protocol_version = ANY (ARRAY[2, 3])))
sso_configuration FOREIGN KEY (updated_by_id) REFERENCES users(id) ON DELETE RESTRICT
sso_configuration PRIMARY KEY (id)
sso_configuration.attribute_mapping DEFAULT '{}'::jsonb
sso_configuration.attribute_mapping NOT NULL
sso_configuration.attribute_mapping jsonb
sso_configuration.email_domain character varying(255)
sso_configuration.enabled DEFAULT false
sso_configuration.enabled NOT NULL
sso_configuration.enabled boolean
sso_configuration.id DEFAULT 1
sso_configuration.id NOT NULL
sso_configuration.id integer
sso_configuration.protocol_version DEFAULT '3'::smallint
sso_configuration.protocol_version NOT NULL
sso_configuration.protocol_version smallint
sso_configuration.server_url NOT NULL
sso_configuration.server_url text
sso_configuration.updated_at DEFAULT now()
sso_configuration.updated_at NOT NULL
sso_configuration.updated_at timestamp with time zone
sso_configuration.updated_by_id NOT NULL
sso_configuration.updated_by_id integer

table sso_identities
sso_identities FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
sso_identities PRIMARY KEY (id)
sso_identities UNIQUE (subject)
sso_identities UNIQUE (user_id)
sso_identities.created_at DEFAULT now()
sso_identities.created_at NOT NULL
sso_identities.created_at timestamp with time zone
sso_identities.id AUTO
sso_identities.id NOT NULL
sso_identities.id integer
sso_identities.subject NOT NULL
sso_identities.subject text
sso_identities.user_id NOT NULL
sso_identities.user_id integer

annotations.is_orphan DEFAULT false
annotations.version DEFAULT 1
document_elements.revision DEFAULT 1
INDEX idx_annotations_orphans ON annotations USING btree (created, id) WHERE is_orphan
INDEX idx_annotations_modified_by_id ON annotations USING btree (modified_by_id)
INDEX idx_document_elements_modified_by_id ON document_elements USING btree (modified_by_id)
TRIGGER keep_revision BEFORE UPDATE ON document_elements FOR EACH ROW WHEN ((old.content IS DISTINCT FROM \
new.content)) EXECUTE FUNCTION keep_revision()
TRIGGER keep_version BEFORE UPDATE ON annotations FOR EACH ROW WHEN ((((((((old.motivation) IS DISTINCT FROM \
(new.motivation)) OR (old.body IS DISTINCT FROM new.body)) OR (old.target IS DISTINCT FROM new.target)) OR \
(old.other IS DISTINCT FROM new.other)) OR ((old.status) IS DISTINCT FROM (new.status))) OR (old.document_element_id \
IS DISTINCT FROM new.document_element_id))) EXECUTE FUNCTION keep_version()
UNIQUE INDEX idx_annotations_one_upvote ON annotations USING btree (parent_id, creator_id) WHERE (((motivation) = \
'upvoting') AND ((status) <> 'deleted'))
annotations FOREIGN KEY (modified_by_id) REFERENCES users(id) ON DELETE RESTRICT
document_elements FOREIGN KEY (modified_by_id) REFERENCES users(id) ON DELETE RESTRICT
function keep_revision()
function keep_version()

table annotation_versions
INDEX idx_annotation_versions_modified_by_id ON annotation_versions USING btree (modified_by_id)
annotation_versions FOREIGN KEY (annotation_id) REFERENCES annotations(id) ON DELETE CASCADE
annotation_versions FOREIGN KEY (modified_by_id) REFERENCES users(id) ON DELETE RESTRICT
annotation_versions CHECK (((status) = ANY ((ARRAY['active', 'private', 'hidden', 'deleted']))))
annotation_versions PRIMARY KEY (id)
annotation_versions UNIQUE (annotation_id, version)
annotation_versions.annotation_id NOT NULL
annotation_versions.annotation_id integer
annotation_versions.body jsonb
annotation_versions.document_element_id integer
annotation_versions.id AUTO
annotation_versions.id NOT NULL
annotation_versions.id integer
annotation_versions.modified NOT NULL
annotation_versions.modified timestamp with time zone
annotation_versions.modified_by_id integer
annotation_versions.motivation character varying(100)
annotation_versions.other jsonb
annotation_versions.status NOT NULL
annotation_versions.status character varying(50)
annotation_versions.target jsonb
annotation_versions.version NOT NULL
annotation_versions.version integer

table element_revisions
INDEX idx_element_revisions_modified_by_id ON element_revisions USING btree (modified_by_id)
element_revisions FOREIGN KEY (element_id) REFERENCES document_elements(id) ON DELETE CASCADE
element_revisions FOREIGN KEY (modified_by_id) REFERENCES users(id) ON DELETE RESTRICT
element_revisions PRIMARY KEY (id)
element_revisions UNIQUE (element_id, revision)
element_revisions.content jsonb
element_revisions.element_id NOT NULL
element_revisions.element_id integer
element_revisions.id AUTO
element_revisions.id NOT NULL
element_revisions.id integer
element_revisions.modified NOT NULL
element_revisions.modified timestamp with time zone
element_revisions.modified_by_id integer
element_revisions.revision NOT NULL
element_revisions.revision integer

table idempotency_keys
INDEX idx_idempotency_keys_created_at ON idempotency_keys USING btree (created_at)
idempotency_keys FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
idempotency_keys PRIMARY KEY (id)
idempotency_keys UNIQUE (user_id, key)
idempotency_keys.created_at DEFAULT now()
idempotency_keys.created_at NOT NULL
idempotency_keys.created_at timestamp with time zone
idempotency_keys.created_ids DEFAULT '{}'::integer[]
idempotency_keys.created_ids NOT NULL
idempotency_keys.created_ids integer[]
idempotency_keys.id AUTO
idempotency_keys.id NOT NULL
idempotency_keys.id integer
idempotency_keys.input_hash NOT NULL
idempotency_keys.input_hash bytea
idempotency_keys.key NOT NULL
idempotency_keys.key character varying(255)
idempotency_keys.user_id NOT NULL
idempotency_keys.user_id integer

table import_jobs
INDEX idx_import_jobs_created_by_id ON import_jobs USING btree (created_by_id)
INDEX idx_import_jobs_document_collection_id ON import_jobs USING btree (document_collection_id)
INDEX idx_import_jobs_finished ON import_jobs USING btree (finished) WHERE (finished IS NOT NULL)
INDEX idx_import_jobs_waiting ON import_jobs USING btree (id) WHERE ((status) = ANY ((ARRAY['queued', 'running'])))
import_jobs CHECK (((format) = ANY ((ARRAY['tei', 'plain_text', 'word']))))
import_jobs CHECK (((status) = ANY ((ARRAY['queued', 'running', 'succeeded', 'failed', 'cancelled']))))
import_jobs FOREIGN KEY (created_by_id) REFERENCES users(id) ON DELETE CASCADE
import_jobs FOREIGN KEY (document_collection_id) REFERENCES document_collections(id) ON DELETE SET NULL
import_jobs PRIMARY KEY (id)
import_jobs.attempts DEFAULT 0
import_jobs.attempts NOT NULL
import_jobs.attempts integer
import_jobs.bytes_read DEFAULT '0'::bigint
import_jobs.bytes_read NOT NULL
import_jobs.bytes_read bigint
import_jobs.created DEFAULT now()
import_jobs.created NOT NULL
import_jobs.created timestamp with time zone
import_jobs.created_by_id NOT NULL
import_jobs.created_by_id integer
import_jobs.document_collection_id integer
import_jobs.elements_read DEFAULT 0
import_jobs.elements_read NOT NULL
import_jobs.elements_read integer
import_jobs.error_code character varying(50)
import_jobs.error_message text
import_jobs.file_name NOT NULL
import_jobs.file_name character varying(255)
import_jobs.finished timestamp with time zone
import_jobs.format NOT NULL
import_jobs.format character varying(20)
import_jobs.id AUTO
import_jobs.id NOT NULL
import_jobs.id integer
import_jobs.outcome jsonb
import_jobs.scopes text[]
import_jobs.size NOT NULL
import_jobs.size bigint
import_jobs.started timestamp with time zone
import_jobs.status DEFAULT 'queued'
import_jobs.status NOT NULL
import_jobs.status character varying(20)

table import_parts
import_parts FOREIGN KEY (job_id) REFERENCES import_jobs(id) ON DELETE CASCADE
import_parts PRIMARY KEY (id)
import_parts UNIQUE (job_id, place)
import_parts.data NOT NULL
import_parts.data bytea
import_parts.id AUTO
import_parts.id NOT NULL
import_parts.id integer
import_parts.job_id NOT NULL
import_parts.job_id integer
import_parts.place NOT NULL
import_parts.place integer

TRIGGER tell_of_changed AFTER UPDATE ON annotations REFERENCING OLD TABLE AS gone NEW TABLE AS written FOR EACH \
STATEMENT EXECUTE FUNCTION tell_of_annotations()
TRIGGER tell_of_gone AFTER DELETE ON annotations REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION \
tell_of_annotations()
TRIGGER tell_of_members AFTER INSERT OR DELETE ON group_members FOR EACH ROW EXECUTE FUNCTION tell_of_members()
TRIGGER tell_of_new AFTER INSERT ON annotations REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION \
tell_of_annotations()
TRIGGER tell_of_other_standing AFTER UPDATE OF created_by_id ON groups FOR EACH ROW WHEN ((old.created_by_id IS \
DISTINCT FROM new.created_by_id)) EXECUTE FUNCTION tell_of_standing()
TRIGGER tell_of_standing AFTER DELETE OR UPDATE OF expires_at ON sessions FOR EACH ROW EXECUTE FUNCTION \
tell_of_standing('user_id')
TRIGGER tell_of_standing AFTER DELETE OR UPDATE OF expires_at, scopes ON access_tokens FOR EACH ROW EXECUTE FUNCTION \
tell_of_standing('user_id')
TRIGGER tell_of_standing AFTER DELETE OR UPDATE OF is_active ON users FOR EACH ROW EXECUTE FUNCTION \
tell_of_standing('id')
TRIGGER tell_of_standing AFTER INSERT OR DELETE ON group_members FOR EACH ROW EXECUTE FUNCTION \
tell_of_standing('user_id')
TRIGGER tell_of_standing AFTER INSERT OR DELETE ON groups FOR EACH ROW EXECUTE FUNCTION \
tell_of_standing('created_by_id')
TRIGGER tell_of_standing AFTER INSERT OR DELETE ON role_permissions FOR EACH ROW EXECUTE FUNCTION tell_of_standing()
TRIGGER tell_of_standing AFTER INSERT OR DELETE ON user_roles FOR EACH ROW EXECUTE FUNCTION \
tell_of_standing('user_id')
TRIGGER tell_of_standing AFTER UPDATE OF name ON permissions FOR EACH ROW EXECUTE FUNCTION tell_of_standing()
TRIGGER tell_of_standing AFTER UPDATE OF name ON roles FOR EACH ROW EXECUTE FUNCTION tell_of_standing()
function tell_of_annotations()
function tell_of_members()
function tell_of_standing()
sequence event_seq

INDEX idx_annotation_events_order ON ONLY annotation_events USING btree (xid, seq)
relation annotation_events
relation idx_annotation_events_order

table membership_events
INDEX idx_membership_events_order ON membership_events USING btree (xid, seq)
membership_events.at DEFAULT clock_timestamp()
membership_events.at NOT NULL
membership_events.at timestamp with time zone
membership_events.group_id NOT NULL
membership_events.group_id integer
membership_events.kind NOT NULL
membership_events.kind character varying(20)
membership_events.seq DEFAULT nextval('event_seq'::regclass)
membership_events.seq NOT NULL
membership_events.seq bigint
membership_events.user_id NOT NULL
membership_events.user_id integer
membership_events.xid DEFAULT pg_current_xact_id()
membership_events.xid NOT NULL
membership_events.xid xid8

table standing_changes
INDEX idx_standing_changes_order ON standing_changes USING btree (xid, seq)
standing_changes.at DEFAULT clock_timestamp()
standing_changes.at NOT NULL
standing_changes.at timestamp with time zone
standing_changes.seq DEFAULT nextval('event_seq'::regclass)
standing_changes.seq NOT NULL
standing_changes.seq bigint
standing_changes.user_id integer
standing_changes.xid DEFAULT pg_current_xact_id()
standing_changes.xid NOT NULL
standing_changes.xid xid8

table event_floor
event_floor.seq NOT NULL
event_floor.seq bigint
event_floor.xid NOT NULL
event_floor.xid xid8
"""


def additions() -> Counter[str]:
    lines = [line for line in ADDITIONS.replace("\\\n", "").splitlines() if line]
    columns = [f"{table}.{column}" for table, columns in ADDED_COLUMNS.items() for column in columns]
    not_null = [f"{table}.{column} NOT NULL" for table, names in ADDED_NOT_NULL.items() for column in names.split()]
    return Counter(lines + columns + not_null)


# The document, read from its own tables

DEFAULTS = {"DEFAULT TRUE": "true", "DEFAULT FALSE": "false", "DEFAULT NOW": "now()", "AUTO UPDATE": "now()"}


@dataclass
class SchemaDocument:
    facts: Counter[str] = field(default_factory=Counter)
    """In the words of the catalogue."""
    columns: dict[str, list[str]] = field(default_factory=dict)
    marks: dict[str, set[str]] = field(default_factory=dict)
    """What stands beside each column: `{"users.email": {"UNIQUE", "INDEX"}}`."""
    references: set[str] = field(default_factory=set)
    """The columns that are foreign keys."""
    unique: set[str] = field(default_factory=set)
    """The columns of its list of unique constraints, which are marked in the tables as well."""

    @classmethod
    def parse(cls, text: str) -> "SchemaDocument":
        document = cls()
        chapters = titled(text, r"^## (.+)$")
        constraints = titled(chapters["Constraints"], r"^### (.+)$")
        for name, section in titled(chapters["Tables Reference"], r"^### \d+\. (\w+)$").items():
            document.read_table(name, section)
        for name, section in titled(chapters["Association Tables"], r"^### (\w+)$").items():
            document.read_table(name, section)
            (key,) = re.findall(r"^\*\*Composite Primary Key\*\*: \((.+)\)$", section, re.MULTILINE)
            document.read_primary_key(name, key)
        for table, column, target, action in rows(constraints["Foreign Keys"]):
            document.read_reference(table, column, target, action)
        document.unique.update(re.findall(r"^- `(\w+\.\w+)`", constraints["Unique Constraints"], re.MULTILINE))
        for name in re.findall(r"^CREATE SEQUENCE app\.(\w+);", chapters["Sequences"], re.MULTILINE):
            document.facts[f"sequence {name}"] += 1
        return document

    def read_table(self, table: str, section: str) -> None:
        self.facts[f"table {table}"] += 1
        self.columns[table] = []
        for column, kind, constraints, *_ in rows(section):
            self.columns[table].append(column)
            self.read_column(table, column, kind, {mark.strip() for mark in constraints.split(",")} - {""})
        for index, method, composite in re.findall(
            r"^- `(idx_\w+)`(?: \((GIN)\))?(?: - (?:Composite \((.+)\))?.*)?$", section, re.MULTILINE
        ):
            columns = composite or self.column_of(table, index)
            self.facts[f"INDEX {index} ON {table} USING {method.lower() or 'btree'} ({columns})"] += 1

    def read_column(self, table: str, column: str, kind: str, marks: set[str]) -> None:
        self.marks[f"{table}.{column}"] = marks
        self.facts[f"{table}.{column} {type_of(kind)}"] += 1
        for mark in sorted(marks):
            match mark:
                case "PK":
                    self.read_primary_key(table, column)
                case "UNIQUE":
                    self.facts[f"{table} UNIQUE ({column})"] += 1
                case "NOT NULL" | "AUTO":
                    self.facts[f"{table}.{column} {mark}"] += 1
                case _ if mark in DEFAULTS:
                    self.facts[f"{table}.{column} DEFAULT {DEFAULTS[mark]}"] += 1
                case _ if mark.startswith("FK → "):
                    # The document is silent on these; a membership ends with either of its sides.
                    self.read_reference(table, column, mark.removeprefix("FK → "), "CASCADE")
                case _:
                    assert mark in {"FK", "NULL", "NULLABLE", "INDEX"}, f"{mark} isn't known to this test"

    def read_primary_key(self, table: str, columns: str) -> None:
        self.facts[f"{table} PRIMARY KEY ({columns})"] += 1
        self.facts.update(f"{table}.{column} NOT NULL" for column in columns.split(", "))

    def read_reference(self, table: str, column: str, target: str, action: str) -> None:
        self.references.add(f"{table}.{column}")
        there, key = target.split(".")
        self.facts[f"{table} FOREIGN KEY ({column}) REFERENCES {there}({key}) ON DELETE {action}"] += 1

    def column_of(self, table: str, index: str) -> str:
        """The column that an index is named for: `owner_id` for `idx_documents_owner`."""
        name = index.removeprefix(f"idx_{table}_")
        return min(
            (column for column in self.columns[table] if column.removesuffix("_id").endswith(name.removesuffix("_id"))),
            key=len,
        )

    def marked(self, *marks: str) -> set[str]:
        return {column for column, found in self.marks.items() if found & set(marks)}


def titled(text: str, heading: str) -> dict[str, str]:
    """The sections of a text by their headings."""
    _, *parts = re.split(heading, text, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def rows(section: str) -> Iterator[list[str]]:
    """The rows of a section's table, without its head."""
    lines = re.findall(r"^\|(.+)\|$", section, re.MULTILINE)
    return ([cell.strip().strip("`") for cell in line.split("|")] for line in lines[2:])


def type_of(kind: str) -> str:
    """PostgreSQL's name of a type. A moment is kept with its time zone, which the document doesn't say."""
    kind = kind.replace("VARCHAR", "CHARACTER VARYING").replace("TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
    return kind.lower()


@pytest.fixture(scope="module")
def document() -> SchemaDocument:
    if not DOCUMENT.exists():
        omit("the customer's schema document")
    return SchemaDocument.parse(DOCUMENT.read_text())


@pytest.fixture(scope="module")
async def scratch(server: URL, template: str) -> AsyncIterator[asyncpg.Connection]:
    """A migrated database for tests that change its tables, and take that back."""
    name = f"{template}_scratch"
    await execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    connection = await connect(server.set(database=name))
    yield connection
    await connection.close()
    await execute(server, f'DROP DATABASE "{name}"')


@pytest.fixture
async def connection(database: URL) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(database)
    yield connection
    await connection.close()


def complaints(found: Catalogue, document: SchemaDocument) -> list[str]:
    """How a database differs from the document and what is added to it."""
    expected = document.facts + additions()
    order = {
        table: columns + [column.split()[0] for column in ADDED_COLUMNS.get(table, [])]
        for table, columns in document.columns.items()
    }
    return [
        *(f"missing: {fact}" for fact in (expected - found.facts).elements()),
        *(f"not listed: {fact}" for fact in (found.facts - expected).elements()),
        *(f"in another order: {table}" for table in order if found.columns.get(table) != order[table]),
    ]


def test_the_document_is_read_whole(document: SchemaDocument) -> None:
    kinds = Counter(re.split(r"[ (]", fact)[0] for fact in document.facts)
    assert len(document.columns) == kinds["table"] == 11 + 3
    assert kinds["sequence"] == 2
    assert kinds["INDEX"] == 26
    assert sum(fact.endswith(" jsonb") for fact in document.facts) == 7
    assert sum(" FOREIGN KEY " in fact for fact in document.facts) == 16 + 6
    marked = {column for column, marks in document.marks.items() if any(mark.startswith("FK") for mark in marks)}
    assert document.references == marked
    assert document.unique == document.marked("UNIQUE")


async def test_the_tables_are_the_documents(scratch: asyncpg.Connection, document: SchemaDocument) -> None:
    assert complaints(await Catalogue.read(scratch), document) == []


def test_what_is_added_takes_nothing_from_the_document(document: SchemaDocument) -> None:
    added = additions()
    assert not added & document.facts
    assert not added.keys() & {f"{column} NOT NULL" for column in document.marked("NULL", "NULLABLE")}


async def test_columns_are_indexed_where_the_document_wants_it(
    scratch: asyncpg.Connection, document: SchemaDocument
) -> None:
    indexed = await scratch.fetch(
        "SELECT DISTINCT indrelid::regclass::text AS named, attname FROM pg_index "
        "JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)"
    )
    found = {f"{row['named']}.{row['attname']}".removeprefix("app.") for row in indexed}
    wanted = document.marked("INDEX") | document.references
    assert len(wanted) == 6 + 22
    assert wanted <= found


@pytest.mark.parametrize(
    ("deviation", "complaint"),
    [
        ("DROP TABLE app.permissions CASCADE", "missing: table permissions"),
        ("CREATE TABLE app.stray (id integer)", "not listed: table stray"),
        ("CREATE VIEW app.stray AS SELECT 1 AS one", "not listed: relation stray"),
        ("CREATE TYPE app.stray AS ENUM ('a')", "not listed: type stray"),
        ("ALTER TABLE app.users ADD stray text", "not listed: users.stray text"),
        ("ALTER TABLE app.users DROP last_name", "missing: users.last_name character varying(255)"),
        ("ALTER TABLE app.users DROP first_name, ADD first_name varchar(255)", "in another order: users"),
        ("ALTER TABLE app.documents ALTER title TYPE text", "missing: documents.title character varying(255)"),
        (
            "ALTER TABLE app.documents ALTER created TYPE timestamp",
            "missing: documents.created timestamp with time zone",
        ),
        ("ALTER TABLE app.site_settings ALTER site_title DROP NOT NULL", "missing: site_settings.site_title NOT NULL"),
        ("ALTER TABLE app.annotations ALTER created DROP NOT NULL", "missing: annotations.created NOT NULL"),
        ("ALTER TABLE app.groups ALTER start_date SET NOT NULL", "not listed: groups.start_date NOT NULL"),
        ("ALTER TABLE app.users ALTER is_active DROP DEFAULT", "missing: users.is_active DEFAULT true"),
        ("ALTER TABLE app.users ALTER id DROP DEFAULT", "missing: users.id AUTO"),
        ("ALTER TABLE app.roles DROP CONSTRAINT uq_roles_name", "missing: roles UNIQUE (name)"),
        ("ALTER TABLE app.users ADD UNIQUE (first_name)", "not listed: users UNIQUE (first_name)"),
        (
            "ALTER TABLE app.group_members DROP CONSTRAINT pk_group_members",
            "missing: group_members PRIMARY KEY (group_id, user_id)",
        ),
        (
            "ALTER TABLE app.annotations DROP CONSTRAINT fk_annotations_document_id, ADD CONSTRAINT "
            "fk_annotations_document_id FOREIGN KEY (document_id) REFERENCES app.documents ON DELETE CASCADE",
            "missing: annotations FOREIGN KEY (document_id) REFERENCES documents(id) ON DELETE SET NULL",
        ),
        (
            "ALTER TABLE app.annotations ADD FOREIGN KEY (document_id) REFERENCES app.documents ON DELETE SET NULL",
            "not listed: annotations FOREIGN KEY (document_id) REFERENCES documents(id) ON DELETE SET NULL",
        ),
        (
            "ALTER TABLE app.object_sharing DROP CONSTRAINT ck_object_sharing_recipient",
            "missing: object_sharing CHECK (((shared_with_type) = ANY ((ARRAY['user', 'group']))))",
        ),
        (
            "DROP INDEX app.idx_annotations_body",
            "missing: INDEX idx_annotations_body ON annotations USING gin (body)",
        ),
        (
            "DROP INDEX app.idx_annotations_body; "
            "CREATE INDEX idx_annotations_body ON app.annotations USING gin (body jsonb_path_ops)",
            "missing: INDEX idx_annotations_body ON annotations USING gin (body)",
        ),
        (
            "DROP INDEX app.idx_object_sharing_object; "
            "CREATE INDEX idx_object_sharing_object ON app.object_sharing (object_type, object_id)",
            "missing: INDEX idx_object_sharing_object ON object_sharing USING btree (object_id, object_type)",
        ),
        (
            "CREATE INDEX stray ON app.users (last_name)",
            "not listed: INDEX stray ON users USING btree (last_name)",
        ),
        ("DROP SEQUENCE app.annotation_body_id_seq", "missing: sequence annotation_body_id_seq"),
        ("CREATE SEQUENCE app.stray", "not listed: sequence stray"),
        (
            "ALTER TABLE app.documents DISABLE TRIGGER place",
            "missing: TRIGGER place BEFORE INSERT ON documents FOR EACH ROW WHEN ((new.position IS NULL)) "
            "EXECUTE FUNCTION place_document()",
        ),
        ("CREATE FUNCTION app.stray() RETURNS int RETURN 1", "not listed: function stray()"),
        ("CREATE POLICY stray ON app.users", "not listed: policy stray ON users"),
    ],
)
async def test_a_deviation_is_told(
    scratch: asyncpg.Connection, document: SchemaDocument, deviation: str, complaint: str
) -> None:
    transaction = scratch.transaction()
    await transaction.start()
    try:
        await scratch.execute(deviation)
        assert complaint in complaints(await Catalogue.read(scratch), document)
    finally:
        await transaction.rollback()


# What the rules do: deleting


async def count(connection: asyncpg.Connection, table: str) -> int:
    found: int = await connection.fetchval(f"SELECT count(*) FROM app.{table}")
    return found


async def test_a_deleted_document_takes_its_elements_and_what_was_written_on_them(
    connection: asyncpg.Connection, world: World
) -> None:
    collection = await world.collection()
    gone, kept = await world.document(collection), await world.document(collection)
    elsewhere = await world.element(kept)
    note = await world.note(await world.element(gone))
    await world.response(await world.response(note))
    await world.note(elsewhere)
    names_it = await world.note(elsewhere, document_id=gone.id)
    about_whole = await world.note(gone)

    await connection.execute("DELETE FROM app.documents WHERE id = $1", gone.id)

    assert [row["id"] for row in await connection.fetch("SELECT id FROM app.document_elements")] == [elsewhere.id]
    left = await connection.fetch("SELECT id, document_id, document_element_id FROM app.annotations ORDER BY id")
    assert [tuple(row) for row in left[1:]] == [(names_it.id, kept.id, elsewhere.id), (about_whole.id, None, None)]
    assert len(left) == 3


async def test_a_deleted_collection_takes_its_texts_and_leaves_notes_about_the_whole(
    connection: asyncpg.Connection, world: World
) -> None:
    collection = await world.collection()
    await world.note(await world.element(await world.document(collection)))
    about_whole = await world.note(collection)

    await connection.execute("DELETE FROM app.document_collections")

    assert await count(connection, "documents") == await count(connection, "document_elements") == 0
    left = await connection.fetch("SELECT id, document_collection_id FROM app.annotations")
    assert [tuple(row) for row in left] == [(about_whole.id, None)]


async def test_a_deleted_annotation_takes_its_replies(connection: asyncpg.Connection, world: World) -> None:
    note = await world.note()
    reply = await world.response(note)
    await world.response(reply, "upvoting")

    await connection.execute("DELETE FROM app.annotations WHERE id = $1", reply.id)

    assert [row["id"] for row in await connection.fetch("SELECT id FROM app.annotations")] == [note.id]


WORK = {
    "document_collections.owner_id": "title = 'Mine'",
    "document_collections.created_by_id": "title = 'Mine'",
    "document_collections.modified_by_id": "title = 'Mine'",
    "documents.owner_id": "title = 'Mine', document_collection_id = {collection}",
    "annotations.creator_id": "motivation = 'commenting'",
    "annotations.owner_id": "motivation = 'commenting'",
    "groups.created_by_id": "name = 'Mine'",
    "object_sharing.created_by_id": "object_id = 1, object_type = 'document', shared_with_id = 1, "
    "shared_with_type = 'user', access_level = 'view'",
    "site_settings.updated_by_id": "site_title = 'Mine'",
}


def test_all_kinds_of_work_are_tried(document: SchemaDocument) -> None:
    rule = re.compile(r"(\w+) FOREIGN KEY \((\w+)\) REFERENCES users\(id\) ON DELETE RESTRICT")
    assert WORK.keys() == {f"{found[1]}.{found[2]}" for found in map(rule.fullmatch, document.facts) if found}


async def test_a_person_whose_work_is_here_is_not_deleted(connection: asyncpg.Connection, world: World) -> None:
    collection = await world.collection()
    for work, rest in WORK.items():
        table, column = work.split(".")
        person = await world.person()
        row = dict(part.split(" = ") for part in rest.format(collection=collection.id).split(", "))
        row[column] = str(person.id)
        await connection.execute(f"INSERT INTO app.{table} ({', '.join(row)}) VALUES ({', '.join(row.values())})")

        with pytest.raises(IntegrityConstraintViolationError, match=f"fk_{table}_{column}"):
            await connection.execute("DELETE FROM app.users WHERE id = $1", person.id)

        assert await connection.fetchval(f"SELECT {column} FROM app.{table} ORDER BY id DESC") == person.id
    assert await count(connection, "users") == len(WORK)


async def test_a_deleted_person_takes_a_password_and_memberships(connection: asyncpg.Connection, world: World) -> None:
    person = await world.person()
    group = await world.group(person)
    role, roles = await world.add(models.Role(name="gardener")), await count(connection, "roles")
    await world.add(models.UserPassword(user_id=person.id, hashed_password="hashed"))
    await world.run(models.user_roles.insert().values(user_id=person.id, role_id=role.id))

    await connection.execute("DELETE FROM app.users")

    for table in ("user_passwords", "user_roles", "group_members"):
        assert await count(connection, table) == 0
    assert await connection.fetchval("SELECT id FROM app.groups") == group.id
    assert await count(connection, "roles") == roles


async def test_a_deleted_role_is_taken_from_everybody(connection: asyncpg.Connection, world: World) -> None:
    person, role = await world.person(), await world.add(models.Role(name="gardener"))
    permission = await world.add(models.Permission(name="read"))
    permissions = await count(connection, "permissions")
    await world.run(models.user_roles.insert().values(user_id=person.id, role_id=role.id))
    await world.run(models.role_permissions.insert().values(role_id=role.id, permission_id=permission.id))

    await connection.execute("DELETE FROM app.roles")

    assert await count(connection, "user_roles") == await count(connection, "role_permissions") == 0
    assert (await count(connection, "users"), await count(connection, "permissions")) == (1, permissions)


async def test_a_deleted_group_leaves_its_annotations_and_its_members(
    connection: asyncpg.Connection, world: World
) -> None:
    person = await world.person()
    group = await world.group(person)
    note = await world.note(classroom_id=group.id)

    await connection.execute("DELETE FROM app.groups")

    left = await connection.fetch("SELECT id, classroom_id FROM app.annotations")
    assert [tuple(row) for row in left] == [(note.id, None)]
    assert await count(connection, "group_members") == 0
    assert await count(connection, "users") == 1


# What the rules do: order


async def titles(connection: asyncpg.Connection, table: str) -> list[str]:
    return [row["title"] for row in await connection.fetch(f"SELECT title FROM app.{table} ORDER BY position, id")]


async def test_a_new_collection_comes_last(connection: asyncpg.Connection) -> None:
    insert = "INSERT INTO app.document_collections (title) VALUES "
    await connection.execute(f"{insert} ('first'), ('second'), ('third')")
    await connection.execute("INSERT INTO app.document_collections (title, position) VALUES ('before all', -1)")
    await connection.execute("UPDATE app.document_collections SET position = 1000000000000 WHERE title = 'first'")
    await connection.execute(f"{insert} ('fourth')")

    assert await titles(connection, "document_collections") == ["before all", "second", "third", "first", "fourth"]


async def test_a_new_document_comes_last_in_its_own_collection(connection: asyncpg.Connection, world: World) -> None:
    book, other = await world.collection(), await world.collection()
    await world.document(other, position=10**15)
    await connection.execute(
        "INSERT INTO app.documents (document_collection_id, title) "
        "VALUES ($1, 'first'), ($2, 'elsewhere'), ($1, 'second'), ($1, 'third')",
        book.id,
        other.id,
    )
    places = await connection.fetch(
        "SELECT title, position FROM app.documents WHERE document_collection_id = $1 ORDER BY position", book.id
    )

    assert [row["title"] for row in places] == ["first", "second", "third"]
    assert places[0]["position"] < 10**6
    # Between any two there is room.
    assert all(after["position"] - before["position"] > 1 for before, after in pairwise(places))


async def test_elements_stand_by_their_element_order(connection: asyncpg.Connection, world: World) -> None:
    document = await world.document(await world.collection())
    for text, order in [("c", "2"), ("a", "-7"), ("b", "1.5"), ("d", "2e0"), ("e", "2.0001")]:
        await connection.execute(
            "INSERT INTO app.document_elements (document_id, content, hierarchy) VALUES ($1, $2, $3)",
            document.id,
            f'{{"text": "{text}"}}',
            f'{{"element_order": {order}}}',
        )

    assert await texts(connection, document.id) == "abcde"


UNUSABLE_ORDERS = [
    None,
    "null",
    "7",
    "[]",
    "{}",
    '{"chapter": 1}',
    '{"element_order": null}',
    '{"element_order": "1"}',
    '{"element_order": "next"}',
    '{"element_order": [1]}',
    '{"element_order": 1e9}',
    '{"element_order": -123456789012}',
    '{"element_order": 1e400}',
]


async def test_an_element_without_an_order_that_can_be_used_comes_last_in_its_document(
    connection: asyncpg.Connection, world: World
) -> None:
    collection = await world.collection()
    await world.element(await world.document(collection), "x", hierarchy={"element_order": 999_999_999})
    insert = """
        INSERT INTO app.document_elements (document_id, content, hierarchy)
        VALUES ($1, '{"text": "b"}', '{"element_order": 12}'), ($1, '{"text": "a"}', '{"element_order": 3}'),
            ($1, '{"text": "c"}', $2), ($1, '{"text": "d"}', $2)
        RETURNING position
    """
    for hierarchy in UNUSABLE_ORDERS:
        document = await world.document(collection)
        *_, last = await connection.fetch(insert, document.id, hierarchy)

        assert await texts(connection, document.id) == "abcd", hierarchy
        assert last["position"] == 14 * 65536, hierarchy


async def test_a_position_that_is_given_is_kept(world: World) -> None:
    collection = await world.collection(position=5)
    document = await world.document(collection, position=6)
    element = await world.element(document, position=7, hierarchy={"element_order": 1})

    assert [collection.position, document.position, element.position] == [5, 6, 7]


async def texts(connection: asyncpg.Connection, document: int) -> str:
    found: str = await connection.fetchval(
        "SELECT string_agg(content ->> 'text', '' ORDER BY position, id) FROM app.document_elements "
        "WHERE document_id = $1",
        document,
    )
    return found


# What the rules do: answers


RESPONSES = ["replying", "tagging", "upvoting", "flagging"]

KNOWN_TARGETS = [
    '[{"id": 1, "type": "Text", "source": "Annotation/9017"}]',
    '{"source": "Annotation/9017"}',
    '{"source": "annotation:9017"}',
    '{"source": "annotations/9017", "selector": null}',
    '"Annotation/9017"',
    '"annotation:9017"',
]

UNKNOWN_TARGETS = [
    None,
    "null",
    "9017",
    "[]",
    '"Annotation/"',
    '"Annotation/9017 "',
    '"Annotation/-9017"',
    '"Annotation/９０１７"',
    '"Annotation/9017/replies"',
    '"https://example.org/Annotation/9017"',
    '"document_element:9017"',
    '{"source": "DocumentElements/9017"}',
    '{"source": ["Annotation/9017"]}',
    '{"source": "Annotation/999"}',
    '{"source": "Annotation/0"}',
    '{"source": "Annotation/2147483648"}',
    '{"source": "Annotation/9999999999"}',
    '{"source": "Annotation/99999999999999999999999999"}',
]


async def test_a_response_finds_what_it_answers(connection: asyncpg.Connection, world: World) -> None:
    await world.note(id=9016)
    await world.note(id=9017)
    found = {
        (motivation, target): await parent(connection, motivation, target)
        for motivation in RESPONSES
        for target in KNOWN_TARGETS
    }
    assert found == dict.fromkeys(found, 9017)


async def test_a_response_to_nothing_known_has_no_parent(connection: asyncpg.Connection, world: World) -> None:
    await world.note(id=9017)
    found = {target: await parent(connection, "replying", target) for target in UNKNOWN_TARGETS}
    assert found == dict.fromkeys(UNKNOWN_TARGETS)


async def test_a_note_that_is_no_response_has_no_parent(connection: asyncpg.Connection, world: World) -> None:
    note = await world.note()
    target = f'{{"source": "Annotation/{note.id}"}}'
    assert await parent(connection, "linking", target) is None
    assert await parent(connection, None, target) is None


async def test_a_parent_that_is_given_is_kept(world: World) -> None:
    named, given = await world.note(), await world.note()
    assert (await world.response(named, parent_id=given.id)).parent_id == given.id


async def parent(connection: asyncpg.Connection, motivation: str | None, target: str | None) -> int | None:
    """The parent of a new annotation."""
    found: int | None = await connection.fetchval(
        "INSERT INTO app.annotations (motivation, target) VALUES ($1, $2) RETURNING parent_id", motivation, target
    )
    return found


# What the rules do: words, and what there is one of


VOCABULARIES: dict[str, type[StrEnum]] = {
    "document_collections.visibility": Visibility,
    "document_collections.text_direction": TextDirection,
    "annotations.status": AnnotationStatus,
    "object_sharing.object_type": SharedObject,
    "object_sharing.shared_with_type": Recipient,
    "object_sharing.access_level": AccessLevel,
}


async def test_a_column_of_words_takes_its_vocabulary_and_no_other_word(
    connection: asyncpg.Connection, world: World
) -> None:
    await world.share(await world.collection(), await world.person())
    await world.note()
    for name, vocabulary in VOCABULARIES.items():
        table, column = name.split(".")
        words = [word.value for word in vocabulary]
        for word in words:
            await connection.execute(f"UPDATE app.{table} SET {column} = $1", word)
        for stray in ("", "stray", words[0].upper(), f"{words[0]} "):
            with pytest.raises(CheckViolationError):
                await connection.execute(f"UPDATE app.{table} SET {column} = $1", stray)
        assert await connection.fetchval(f"SELECT {column} FROM app.{table}") == words[-1]


async def test_there_is_one_of_a_kind(connection: asyncpg.Connection, world: World) -> None:
    person, collection = await world.person("murasaki", email="m@example.org"), await world.collection()
    document = await world.document(collection, source_id="01.xml")
    await world.element(document, source_id="l1")
    await world.add(models.UserPassword(user_id=person.id, hashed_password="hashed"))
    await world.add(models.Role(name="gardener"))
    await world.add(models.Permission(name="read"))
    await world.group(person, name="One")

    for again in (
        "users (username) VALUES ('murasaki')",
        "users (username, email) VALUES ('other', 'm@example.org')",
        f"user_passwords (user_id, hashed_password) VALUES ({person.id}, 'other')",
        "roles (name) VALUES ('gardener')",
        "permissions (name) VALUES ('read')",
        "group_members (group_id, user_id) SELECT group_id, user_id FROM app.group_members",
        f"documents (document_collection_id, title, source_id) VALUES ({collection.id}, 'Again', '01.xml')",
        f"document_elements (document_id, source_id) VALUES ({document.id}, 'l1')",
    ):
        with pytest.raises(UniqueViolationError):
            await connection.execute(f"INSERT INTO app.{again}")

    # What isn't known is no duplicate.
    await connection.execute("INSERT INTO app.users (username) VALUES ('genji'), ('aoi')")
    await world.document(await world.collection(), source_id="01.xml")


# What the models add: the moment of the last change


async def test_a_change_is_dated(connection: asyncpg.Connection, world: World, document: SchemaDocument) -> None:
    person, collection = await world.person(), await world.collection()
    text = await world.document(collection)
    await world.element(text)
    await world.note()
    await world.add(models.UserPassword(user_id=person.id, hashed_password="hashed"))
    await world.add(models.SiteSettings(site_title="Genji", updated_by_id=person.id))
    await world.add(
        models.SsoConfiguration(server_url="https://cas.example.org/", attribute_mapping={}, updated_by_id=person.id)
    )
    dated = {
        f"{table.name}.{column.name}": table
        for table in Base.metadata.tables.values()
        for column in table.columns
        if column.onupdate is not None
    }
    assert dated.keys() == document.marked("AUTO UPDATE") | {"annotations.modified", "sso_configuration.updated_at"}

    for name, table in dated.items():
        moment = name.split(".")[1]
        await connection.execute(f"UPDATE app.{table.name} SET {moment} = '2001-01-01'")
        await world.run(table.update().values(id=table.c.id))
        assert await connection.fetchval(f"SELECT {moment} > '2001-01-02' FROM app.{table.name}"), name
