"""Plans: queries whose answers PostgreSQL writes as text, one statement for each level of their tree.

What a field stands for, an edge, a column, something computed, is read from the schema's own metadata; the statements
are those that the loaders ask. A plan that can't be made leaves its query to Strawberry.
"""
