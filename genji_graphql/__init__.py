"""Genji: a GraphQL server for reading and annotating texts together."""

from importlib.metadata import version

__version__ = version("genji-graphql")
