"""How often somebody may try: counted by account and by network address, in this process."""

import ipaddress
import math
import time
import unicodedata

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from genji_graphql.errors import TooMany
from genji_graphql.settings import Settings


class Limits:
    """Counts attempts before they are made, so that many at once are no way around."""

    def __init__(self, settings: Settings) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._per_account = parse(settings.sign_ins_per_account)
        self._per_address = parse(settings.sign_ins_per_address)

    async def count(self, action: str, *, account: str | None = None, address: str | None = None) -> None:
        """Count one attempt at an action, or raise TooMany. Whether the account exists makes no difference."""
        if address is not None:
            await self._hit(self._per_address, action, "address", network(address))
        if account is not None:
            await self._hit(self._per_account, action, "account", _folded(account))
            await self._limiter.hit(self._per_account, action, "typed", _trimmed(account))

    async def forgive(self, action: str, account: str) -> None:
        """Forget the attempts on an account, since they ended well.

        Another account may share its count, and whoever owns the one could guess at the other without end. So nothing
        is forgotten unless all that is counted was typed like this.
        """
        keys = (action, "account", _folded(account)), (action, "typed", _trimmed(account))
        counted, typed = [(await self._limiter.get_window_stats(self._per_account, *key)).remaining for key in keys]
        if counted == typed:
            for key in keys:
                await self._limiter.clear(self._per_account, *key)

    async def _hit(self, rate: RateLimitItem, *key: str) -> None:
        if await self._limiter.hit(rate, *key):
            return
        opens = (await self._limiter.get_window_stats(rate, *key)).reset_time
        seconds = max(1, math.ceil(opens - time.time()))
        minutes = math.ceil(seconds / 60)
        raise TooMany(f"That was tried too often. Try again in {minutes} minute{'s' if minutes > 1 else ''}.", seconds)


def network(address: str) -> str:
    """What stands for one client: an IPv4 address, or the /64 that a single IPv6 host has to choose from."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip, 64), strict=False))


def _folded(account: str) -> str:
    """What spellings of one account have in common.

    Names that the database takes for one must have one count, or each spelling of an account would give further
    attempts on it. So more is left out here than there: accents too, which some letters get or lose with their case.
    That a few accounts then share a count does no more harm than two people at one address.
    """
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", _trimmed(account)).casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _trimmed(account: str) -> str:
    """Trimmed before it is cut to the length of the longest name, as the name that is looked up is."""
    return account.strip()[:255]
