"""Annotations in the W3C's own form, in and out without loss.

Web Annotation Data Model, W3C Recommendation, 23 February 2017.

    check       what is wrong with an annotation, a body or a target, and where
    reading     what of a valid annotation goes into which column
    writing     the annotation again, with IRIs of this site
    html        bodies in HTML, of which only what can do no harm is kept
    terms       the words and forms that they share

Nothing here speaks to the database.
"""
