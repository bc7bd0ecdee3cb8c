"""What a database's schema `app` holds, said in plain lines that can be compared."""

from collections import Counter
from dataclasses import dataclass

import asyncpg

# Each row tells one fact, mostly as PostgreSQL prints the object, less what only makes it hard to read: the name of
# the schema, the quotes around words that are PostgreSQL's own, casts of texts. Alembic's own table is left out, and so
# are the NOT NULLs that newer versions list among the constraints as well.
FACTS = r"""
WITH relations AS (
    SELECT oid, relname, relkind FROM pg_class
    WHERE relnamespace = 'app'::regnamespace AND relname NOT LIKE 'alembic\_version%'
), columns AS (
    SELECT r.relname AS named, a.attname, a.attnotnull, a.attidentity, a.attgenerated, a.attcollation, a.attnum,
        format_type(a.atttypid, a.atttypmod) AS type, t.typcollation,
        pg_get_expr(d.adbin, d.adrelid) AS value,
        pg_get_serial_sequence(format('app.%I', r.relname), a.attname) AS serial
    FROM relations r
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
    WHERE r.relkind = 'r'
), facts AS (
    SELECT format('table %s', relname) AS fact FROM relations WHERE relkind = 'r'
    UNION ALL
    SELECT concat_ws(' ', named || '.' || attname, type, CASE WHEN attcollation <> typcollation THEN 'COLLATE' END)
    FROM columns
    UNION ALL
    SELECT format('%s.%s NOT NULL', named, attname) FROM columns WHERE attnotnull
    UNION ALL
    SELECT concat_ws(' ', named || '.' || attname, CASE
        WHEN attidentity <> '' THEN 'IDENTITY'
        WHEN attgenerated <> '' THEN 'GENERATED ' || value
        WHEN value = format('nextval(%L::regclass)', serial) THEN 'AUTO'
        ELSE 'DEFAULT ' || value END)
    FROM columns WHERE value IS NOT NULL OR attidentity <> ''
    UNION ALL
    SELECT format('%s %s', r.relname, pg_get_constraintdef(k.oid))
    FROM pg_constraint k JOIN relations r ON r.oid = k.conrelid WHERE k.contype NOT IN ('n', 't')
    UNION ALL
    SELECT concat_ws(' ', substring(pg_get_indexdef(i.indexrelid) FROM '^CREATE (.*)'),
        CASE WHEN NOT i.indisvalid THEN 'INVALID' END)
    FROM pg_index i JOIN relations r ON r.oid = i.indrelid
    WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
    UNION ALL
    SELECT concat_ws(' ', substring(pg_get_triggerdef(g.oid) FROM '^CREATE (.*)'),
        CASE WHEN g.tgenabled <> 'O' THEN 'DISABLED' END)
    FROM pg_trigger g JOIN relations r ON r.oid = g.tgrelid WHERE NOT g.tgisinternal
    UNION ALL
    SELECT format('function %s', oid::regprocedure) FROM pg_proc WHERE pronamespace = 'app'::regnamespace
    UNION ALL
    SELECT format('sequence %s', relname) FROM relations s WHERE relkind = 'S' AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.objid = s.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))
    UNION ALL
    SELECT format('relation %s', relname) FROM relations WHERE relkind NOT IN ('r', 'S', 'i')
    UNION ALL
    SELECT format('type %s', typname) FROM pg_type
    WHERE typnamespace = 'app'::regnamespace AND typtype NOT IN ('c', 'b')
    UNION ALL
    SELECT format('extension %s', extname) FROM pg_extension WHERE extname <> 'plpgsql'
    UNION ALL
    SELECT format('policy %s ON %s', polname, r.relname) FROM pg_policy p JOIN relations r ON r.oid = p.polrelid
)
SELECT regexp_replace(fact, '\mapp\.|"|::(character varying|text)(\[\])?', '', 'g') AS fact FROM facts
"""

COLUMNS = """
SELECT r.relname AS named, array_agg(a.attname ORDER BY a.attnum) AS columns
FROM pg_class r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE r.relnamespace = 'app'::regnamespace AND r.relkind = 'r' AND r.relname <> 'alembic_version'
GROUP BY 1
"""


@dataclass(frozen=True)
class Catalogue:
    facts: Counter[str]
    columns: dict[str, list[str]]
    """The names of each table's columns in their order."""

    @classmethod
    async def read(cls, connection: asyncpg.Connection) -> "Catalogue":
        facts = await connection.fetch(FACTS)
        columns = await connection.fetch(COLUMNS)
        return cls(Counter(row["fact"] for row in facts), {row["named"]: list(row["columns"]) for row in columns})
