"""Several processes that serve at one address, and whoever watches over them.

They are forked: what was imported and prepared before is shared by all, and one that takes another's place is there at
once. Whoever forks them has no threads and no event loop; each worker makes its own.
"""

import gc
import os
import signal
import socket
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from select import select
from types import FrameType
from typing import Any, NoReturn

from genji_graphql.errors import GenjiError

STARTUP_FAILURE = 3
"""What uvicorn exits with when its application doesn't start. It wouldn't the next time either."""
_YOUNG = 5.0
"""Seconds within which a worker shouldn't end."""
_PAUSE = 1.0
"""Seconds before one that ended young is replaced, lest nothing else be done; each time in a row twice as long,"""
_LONGEST_PAUSE = 30.0
"""and this at most."""
_ENDING = (signal.SIGTERM, signal.SIGINT)


Place = Sequence[socket.socket]
"""Where a worker listens. If it dies, what comes in the meantime waits there for the one that takes its place."""


class Workers:
    def __init__(
        self, places: Sequence[Place], serve: Callable[[Place], None], grace: float, say: Callable[[str], None]
    ) -> None:
        """`serve` serves there until it is told to end by SIGTERM, for which it has so many seconds."""
        self._places = places
        self._serve = serve
        self._grace = grace
        self._say = say
        self._running: dict[int, tuple[int, float]] = {}
        """By process: the number of its place, and when it began."""
        self._vacant: dict[int, float] = {}
        """Numbers of places, and when somebody takes them."""
        self._ended_young: Counter[int] = Counter()
        """How often in a row somebody has, by the number of their place."""
        self._signals = _Signals()

    def run(self) -> None:
        """A worker at each place. Returns after SIGTERM when all have ended; after SIGINT, raises KeyboardInterrupt."""
        # The collector of garbage marks what it looks at, and each worker would get a copy of its own.
        gc.collect()
        gc.freeze()
        self._vacant = dict.fromkeys(range(len(self._places)), 0.0)
        with self._signals:
            failure = self._watch()
            self._end()
        if failure is not None:
            raise failure
        if signal.SIGINT in self._signals.taken:
            raise KeyboardInterrupt

    def _watch(self) -> GenjiError | None:
        """Until they are to end, for the reason that it returns if nobody asked for it."""
        while True:
            self._fill()
            self._signals.wait(min(self._vacant.values(), default=None))
            if self._signals.taken:
                return None
            for process, place, status in self._ended():
                code = os.waitstatus_to_exitcode(status)
                if code == STARTUP_FAILURE:
                    return GenjiError("A worker couldn't start, so all of them were ended.")
                how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
                pause = self._pause(process)
                when = f" in {pause:.0f} s" if pause else ""
                self._say(f"The worker with process number {process} {how}; another takes its place{when}.")
                self._vacant[place] = time.monotonic() + pause

    def _pause(self, process: int) -> float:
        place, began = self._running.pop(process)
        if time.monotonic() - began > _YOUNG:
            del self._ended_young[place]
            return 0.0
        self._ended_young[place] += 1
        return min(_LONGEST_PAUSE, _PAUSE * 2.0 ** (self._ended_young[place] - 1))

    def _fill(self) -> None:
        now = time.monotonic()
        for place in [place for place, when in self._vacant.items() if when <= now]:
            del self._vacant[place]
            # A signal that comes in between must find either the one or the other.
            signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
            process = os.fork()
            if process == 0:
                self._work(place)
            self._running[process] = place, now
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)

    def _work(self, place: int) -> NoReturn:
        """In a process of its own, which must not go on with what its parent was doing."""
        code: Any = 1
        try:
            self._signals.restore()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
            mine = self._places[place]
            self._close(lambda listener: listener not in mine)
            self._serve(mine)
            code = 0
        except SystemExit as end:
            code = end.code or 0
        except KeyboardInterrupt:
            code = 0
        except BaseException:  # noqa: BLE001 - it ends here, whatever it is
            traceback.print_exc()
        finally:
            with suppress(OSError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code if isinstance(code, int) else 1)

    def _ended(self) -> list[tuple[int, int, int]]:
        """Processes that have ended, the numbers of their places, and how they did."""
        ended = []
        for process, (place, _) in self._running.items():
            found, status = os.waitpid(process, os.WNOHANG)
            if found:
                ended.append((process, place, status))
        return ended

    def _end(self) -> None:
        """Nobody new is let in, and who is in is given time."""
        self._close(lambda _: True)
        # SIGTERM in any case: a terminal sends its Ctrl-C to the workers as well, and at a second one they hurry.
        self._tell(signal.SIGTERM)
        deadline = time.monotonic() + self._grace
        told = len(self._signals.taken)
        while self._running:
            self._signals.wait(deadline)
            for process, _, _ in self._ended():
                del self._running[process]
            if time.monotonic() >= deadline:
                self._say("Some workers took too long to end, and were killed.")
                self._tell(signal.SIGKILL)
                deadline += self._grace
            elif len(self._signals.taken) > told:
                told = len(self._signals.taken)
                self._tell(self._signals.taken[-1])

    def _close(self, which: Callable[[socket.socket], bool]) -> None:
        for place in self._places:
            for listener in place:
                if which(listener):
                    listener.close()

    def _tell(self, number: int) -> None:
        for process in self._running:
            os.kill(process, number)


class _Signals:
    """What a process is told, in such a way that none is missed while it is looking elsewhere."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        """Those that ask it to end."""
        self._before: dict[int, Any] = {}
        self._here, self._there = socket.socketpair()
        for end in (self._here, self._there):
            end.setblocking(False)

    def wait(self, until: float | None) -> None:
        """Returns when something was told, or a child has ended, or at that time."""
        select([self._here], [], [], None if until is None else max(0.0, until - time.monotonic()))
        with suppress(BlockingIOError):
            self._here.recv(4096)

    def __enter__(self) -> None:
        signal.set_wakeup_fd(self._there.fileno(), warn_on_full_buffer=False)
        for number in (*_ENDING, signal.SIGCHLD):
            self._before[number] = signal.signal(number, self._take)

    def __exit__(self, *_: object) -> None:
        self.restore()

    def restore(self) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._here.close()
        self._there.close()

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if number in _ENDING:
            self.taken.append(number)
