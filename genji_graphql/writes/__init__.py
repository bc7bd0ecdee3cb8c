"""Changes: a session, the viewer and plain values in, a row or an error out. The caller commits."""
