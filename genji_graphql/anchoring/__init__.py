"""Where in a text a note stands: what was selected, checked, and carried to the text's next revision.

It knows texts and offsets alone: no database and no GraphQL.
"""
