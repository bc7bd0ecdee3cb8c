"""Opaque random tokens: made here, handed out once, kept only as a hash."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Issued:
    """A session or an access token, the one time that its token is at hand."""

    id: int
    user_id: int
    token: str = field(repr=False)  # what is printed or logged doesn't hold it
    expires_at: datetime | None


def new_token() -> str:
    return secrets.token_urlsafe(32)


def hash_of(token: str) -> bytes:
    """What is kept of a token. Lone surrogates, which no token of ours has, are hashed like anything else."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
