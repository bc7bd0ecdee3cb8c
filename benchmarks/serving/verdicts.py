"""What is promised: the ratio that is owed, and the one that we are after."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.serving.measuring import Case, Results
from benchmarks.serving.workloads import DEEP_TREE, FLAT_LIST, POINT, READING, READING_VIEW, Workload


@dataclass(frozen=True)
class Verdict:
    """One promise and what came of it. `value` is None where it can't be told, because a figure is void."""

    what: str
    value: float | None
    floor: float
    goal: float
    unit: str = "×"
    less_is_better: bool = False

    @property
    def holds(self) -> bool:
        return self._reaches(self.floor)

    @property
    def outcome(self) -> str:
        if self.value is None:
            return "void"
        if self._reaches(self.goal):
            return "goal"
        return "floor" if self.holds else "MISSED"

    def _reaches(self, bound: float) -> bool:
        if self.value is None:
            return False
        return self.value <= bound if self.less_is_better else self.value >= bound


@dataclass(frozen=True)
class _Promise:
    workloads: tuple[Workload, ...]
    against: str
    floor: float
    goal: float
    clients: int = 16
    number: str = "rate"


_PROMISES = (
    _Promise((READING_VIEW, DEEP_TREE), "postgraphile", 4.5, 7),
    _Promise((FLAT_LIST, READING), "postgraphile", 4, 7),
    _Promise((POINT,), "postgraphile", 1.6, 2.5),
    _Promise((READING_VIEW, DEEP_TREE, FLAT_LIST), "json_agg", 1, 1.5),
    _Promise((READING_VIEW, DEEP_TREE, FLAT_LIST, READING, POINT), "concat", 0.7, 1),
    _Promise((READING_VIEW, DEEP_TREE, FLAT_LIST), "postgraphile", 2.5, 4, clients=1, number="p50"),
    _Promise((READING_VIEW,), "general", 10, 30),
)


def verdicts(results: Results) -> list[Verdict]:
    """On all that was measured, for each kind of viewer."""
    return [*_ratios(results), *_of_the_process(results)]


def ratio(results: Results, case: Case, against: str, number: str) -> float | None:
    """How many times faster plans are than somebody else; None where either's figure is void."""
    ours = results.figures[case, "plans"].median(number)
    theirs = results.figures[case, against].median(number)
    if not ours or not theirs:
        return None
    return ours / theirs if number == "rate" else theirs / ours


def _ratios(results: Results) -> Iterator[Verdict]:
    for promise in _PROMISES:
        for workload in promise.workloads:
            for member in (False, True):
                case = Case(workload, member, promise.clients)
                if not {(case, "plans"), (case, promise.against)} <= results.figures.keys():
                    continue
                asked = "p50" if promise.number == "p50" else "requests/s"
                what = f"{workload.title}, {case.viewer}: {asked} against {promise.against}, {case.told_clients}"
                yield Verdict(what, ratio(results, case, promise.against, promise.number), promise.floor, promise.goal)


def _of_the_process(results: Results) -> Iterator[Verdict]:
    if "plans" in results.memory:
        yield Verdict("peak memory of the server", results.memory["plans"], 150, 100, " MB", less_is_better=True)
    if results.rejections:
        dearest = 1000 * max(results.rejections.values())
        yield Verdict("CPU for the worst refused document", dearest, 50, 10, " ms", less_is_better=True)
