"""The figures as Markdown, which a terminal shows as well."""

import os
import platform
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks.serving.measuring import Case, Figures, Results
from benchmarks.serving.verdicts import Verdict, ratio

NAMES = {
    "plans": "Genji",
    "general": "Genji without plans",
    "postgraphile": "PostGraphile 5",
    "json_agg": "SQL by hand, json_agg",
    "concat": "SQL by hand, text",
}


def report(results: Results, verdicts: Sequence[Verdict], setting: str) -> str:
    contestants = list(dict.fromkeys(name for _, name in results.figures))
    cases = list(dict.fromkeys(case for case, _ in results.figures))
    parts = [setting, promises(verdicts)]
    for clients in sorted({case.clients for case in cases}):
        of_these = [case for case in cases if case.clients == clients]
        parts += [
            f"### {of_these[0].told_clients.capitalize()}",
            _figures("requests/s", results, of_these, contestants, lambda each: _number(each.median("rate"))),
            _figures("p50 / p99, ms", results, of_these, contestants, _latency),
            _figures("CPU a request, server + database, ms", results, of_these, contestants, _cpu),
            _ratios(results, of_these, [name for name in contestants if name != "plans"]),
        ]
    parts += [_memory(results), _lengths(results, cases, contestants), _rejections(results), _void(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def promises(verdicts: Iterable[Verdict]) -> str:
    rows = [
        [
            verdict.what,
            "void" if verdict.value is None else f"{verdict.value:.2f}{verdict.unit}",
            f"{verdict.floor:g}{verdict.unit}",
            f"{verdict.goal:g}{verdict.unit}",
            verdict.outcome,
        ]
        for verdict in verdicts
    ]
    return table(["", "measured", "floor", "goal", "reached"], rows) if rows else ""


def setting(annotations: int, postgresql: str) -> str:
    """What a figure depends on."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    processor = models[0].partition(":")[2].strip() if models else platform.machine()
    return (
        f"{os.cpu_count()} cores ({processor}), PostgreSQL {postgresql}, Python {platform.python_version()}; "
        f"{annotations:,} annotations. One process a server; medians of the rounds."
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose columns stand below each other in a terminal, too."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    padded = (
        [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        for line in (lines[0], rule, *lines[1:])
    )
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)


def _figures(
    what: str, results: Results, cases: Sequence[Case], contestants: Sequence[str], told: Callable[[Figures], str]
) -> str:
    rows = [
        [f"{case.workload.title}, {case.viewer}", *(told(results.figures[case, name]) for name in contestants)]
        for case in cases
    ]
    return table([what, *(NAMES[name] for name in contestants)], rows)


def _ratios(results: Results, cases: Sequence[Case], others: Sequence[str]) -> str:
    if not all((case, "plans") in results.figures for case in cases):
        return ""
    rows = [
        [
            f"{case.workload.title}, {case.viewer}",
            *(_times(ratio(results, case, name, "rate")) for name in others),
        ]
        for case in cases
    ]
    return table(["requests/s of Genji against", *(NAMES[name] for name in others)], rows)


def _latency(figures: Figures) -> str:
    p50, p99 = figures.median("p50"), figures.median("p99")
    return "void" if p50 is None or p99 is None else f"{1000 * p50:.1f} / {1000 * p99:.1f}"


def _cpu(figures: Figures) -> str:
    server, database = figures.median("server_cpu"), figures.median("database_cpu")
    return "void" if server is None or database is None else f"{1000 * server:.2f} + {1000 * database:.2f}"


def _memory(results: Results) -> str:
    rows = [[NAMES[name], f"{megabytes:.0f}"] for name, megabytes in results.memory.items()]
    return table(["peak memory of the server", "MB"], rows)


def _lengths(results: Results, cases: Sequence[Case], contestants: Sequence[str]) -> str:
    answers = dict.fromkeys((case.workload, case.member, case.viewer) for case in cases)
    rows = [
        [
            f"{workload.title}, {viewer}",
            *(f"{results.lengths[workload.name, member, name] / 1000:.1f}" for name in contestants),
        ]
        for workload, member, viewer in answers
    ]
    return table(["an answer, kB", *(NAMES[name] for name in contestants)], rows)


def _rejections(results: Results) -> str:
    if not results.rejections:
        return ""
    rows = [[name, f"{1000 * seconds:.1f}"] for name, seconds in results.rejections.items()]
    return table(["a document of 100 kB that is refused", "CPU, ms"], rows)


def _void(results: Results) -> str:
    return "\n".join(
        f"- {case.workload.title}, {case.viewer}, {case.told_clients}: {NAMES[name]} is void. {figures.void}"
        for (case, name), figures in results.figures.items()
        if figures.void
    )


def _number(value: float | None) -> str:
    if value is None:
        return "void"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _times(value: float | None) -> str:
    return "void" if value is None else f"{value:.2f}"
