"""Questions to the database: a viewer, keys and a page in, rows out, many parents at once."""
