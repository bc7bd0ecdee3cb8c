"""Documents that the site trusts: a front end's own, named by their hash instead of being sent.

GraphQL over HTTP, appendix A (persisted documents): a `documentId` is `sha256:` and the hash in hexadecimal digits.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from graphql import GraphQLError, GraphQLSchema, parse, validate

from genji_graphql.errors import Invalid

PREFIX = "sha256:"


def trusted_documents(manifest: Path | None, schema: GraphQLSchema) -> Mapping[str, str]:
    """The texts of a manifest by their ids. Raises Invalid where one isn't what it says, or isn't of this schema.

    The manifest is a JSON object of texts by their hashes, as the tools for persisted documents write it.
    """
    if manifest is None:
        return {}
    documents = _read(manifest)
    for named, text in documents.items():
        if hashlib.sha256(text.encode()).hexdigest() != named:
            raise Invalid(f"{manifest}: the document {named} has another hash.")
        try:
            errors = validate(schema, parse(text))
        except GraphQLError as error:
            errors = [error]
        if errors:
            raise Invalid(f"{manifest}: the document {named} can't be answered. {errors[0].message}")
    return {f"{PREFIX}{named}": text for named, text in documents.items()}


def _read(manifest: Path) -> dict[str, str]:
    try:
        given = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Invalid(f"The manifest of trusted documents can't be read. {error}") from None
    if not isinstance(given, dict) or not all(isinstance(text, str) for text in given.values()):
        raise Invalid(f"{manifest} must be a JSON object of documents by their hashes.")
    return {name.removeprefix(PREFIX).lower(): text for name, text in given.items()}
