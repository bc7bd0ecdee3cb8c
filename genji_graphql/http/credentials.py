"""What a request proves who it comes from with: a session's cookie, or a token in the Authorization header.

A browser sends the cookie with whatever any page makes it send. So a request that could change something is believed
by its cookie only where our own pages sent it:

- Its `Origin` header is our own address or one of GENJI_CORS_ORIGINS. Browsers send it with each POST, and no page can
  write it. Another origin is refused, whatever else the request holds.
- Without an `Origin` (an old browser, a proxy that takes it out, a program that keeps cookies), the browser says
  `Sec-Fetch-Site: same-origin`, or there is a header that no form can send: `GraphQL-Require-Preflight` or
  `X-Requested-With`. A page of another origin would have to ask for leave to send them, and doesn't get it.

A WebSocket is opened with a GET, but what then comes through it may change something: it is held to the same. A content
type of `application/json` alone is not enough: what counts as one has been widened before. A token in the
Authorization header needs none of this, because only a program that knows the token can send it.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.identity.viewer import Doorkeeper
from genji_graphql.settings import Settings

UNSENDABLE_BY_FORMS = ("GraphQL-Require-Preflight", "X-Requested-With")


@dataclass(frozen=True, slots=True)
class Credential:
    """A token as a request brought it."""

    token: str = field(repr=False)
    is_cookie: bool


class Credentials:
    """Reads tokens from requests, and puts a session's into a cookie."""

    def __init__(self, settings: Settings) -> None:
        self.secure = settings.is_secure
        # The prefix makes browsers refuse it from another host of the domain, or without TLS.
        self.cookie = "__Host-genji" if self.secure else "genji"
        self.origins = {settings.base_url, *settings.cors_origins}

    async def viewer(self, credential: Credential | None, doorkeeper: Doorkeeper) -> Viewer:
        """Who is asking. A browser whose session has ended is nobody; a program is told that its token has: 401."""
        if credential is None:
            return ANONYMOUS
        viewer = await doorkeeper.viewer(credential.token)
        if viewer.is_anonymous and not credential.is_cookie:
            raise HTTPException(
                401,
                "The token of the Authorization header isn't valid, or not any more.",
                {"WWW-Authenticate": 'Bearer error="invalid_token"'},
            )
        return viewer

    def of(self, request: HTTPConnection) -> Credential | None:
        """The token of a request, if it has one. A cookie that another site made a browser send is refused: 403."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            return Credential(token.strip(), is_cookie=False)
        # Any other scheme is somebody else's, such as a proxy's that asks for a password of its own.
        cookie = request.cookies.get(self.cookie)
        if not cookie:
            return None
        if request.scope.get("method") not in ("GET", "HEAD") and not self.is_from_our_pages(request):
            raise HTTPException(
                403,
                "This request came with a cookie from a page of another site. Send it from "
                f"{' or '.join(sorted(self.origins))} (GENJI_BASE_URL and GENJI_CORS_ORIGINS say so), or without an "
                f"Origin header but with a header such as {UNSENDABLE_BY_FORMS[0]}: 1.",
            )
        return Credential(cookie, is_cookie=True)

    def is_from_our_pages(self, request: HTTPConnection) -> bool:
        """Did a page that we trust send this? Only such a one has its cookie believed, and is given one."""
        origin = request.headers.get("origin")
        if origin is not None:
            # Not the request's own scheme where we know better: a proxy may speak plain HTTP to us, and then a page
            # that somebody slipped in by plain HTTP would pass for ours.
            scheme = "https" if self.secure else request.url.scheme.replace("ws", "http")
            return origin in self.origins or origin == f"{scheme}://{request.headers.get('host')}"
        site = request.headers.get("sec-fetch-site")
        if site is not None:
            return site == "same-origin"
        return any(name in request.headers for name in UNSENDABLE_BY_FORMS)

    def keep(self, response: Response, token: str, expires_at: datetime) -> None:
        """Have the browser keep a session."""
        response.set_cookie(
            self.cookie,
            token,
            max_age=max(0, int((expires_at - datetime.now(UTC)).total_seconds())),
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="lax",
        )

    def forget(self, response: Response) -> None:
        """Have the browser forget its session."""
        response.delete_cookie(self.cookie, path="/", secure=self.secure, httponly=True, samesite="lax")


def with_cors(app: ASGIApp, settings: Settings) -> ASGIApp:
    """Lets the pages of the listed origins ask, and nobody else's; an origin that isn't listed is never echoed."""
    return _Cors(
        app,
        allow_origins=settings.cors_origins,
        allow_credentials=True,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "Last-Event-ID", *UNSENDABLE_BY_FORMS],
        expose_headers=["Retry-After", "Genji-Cursor"],
        max_age=600,
    )


class _Cors(CORSMiddleware):
    """Starlette's, which looks through all headers of each request and its answer. Most come without an Origin."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if b"origin" in dict(scope["headers"]):
            await super().__call__(scope, receive, send)
        else:
            # For caches the endpoint says itself that another Origin may have been given another answer.
            await self.app(scope, receive, send)
