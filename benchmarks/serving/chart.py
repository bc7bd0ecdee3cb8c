"""Charts as SVG: small, and on a light ground of their own, so that they can be read on a dark page as well."""

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, isfinite, log10

from benchmarks.serving.measuring import Case, Results
from benchmarks.serving.report import NAMES

_COLOURS = {
    "plans": "#3b5bdb",
    "general": "#91a7ff",
    "postgraphile": "#f08c00",
    "json_agg": "#868e96",
    "concat": "#adb5bd",
}
_LINES = ("#3b5bdb", "#0ca678", "#f08c00", "#ae3ec9")
_INK, _FAINT = "#212529", "#dee2e6"

_WIDTH = 880
_PANEL = 410
_BAR = 18


def rates(results: Results, clients: int) -> str | None:
    """Requests a second of each contestant, a panel for each workload; each panel has a scale of its own."""
    cases = [case for case in dict.fromkeys(case for case, _ in results.figures) if case.clients == clients]
    cases = [case for case in cases if not case.member]
    if not cases:
        return None
    contestants = list(dict.fromkeys(name for _, name in results.figures))
    height = 34 + _BAR * len(contestants)
    drawn = [
        _text(20, 30, f"Requests a second of visitors, {cases[0].told_clients}, one server process", size=16, bold=True)
    ]
    for place, case in enumerate(cases):
        left, top = 20 + place % 2 * (_PANEL + 20), 50 + place // 2 * height
        drawn += _panel(left, top, case, {name: results.figures[case, name].median("rate") for name in contestants})
    return _svg(60 + (len(cases) + 1) // 2 * height, drawn)


def _panel(left: int, top: int, case: Case, rated: Mapping[str, float | None]) -> list[str]:
    names, longest = 140, _PANEL - 140 - 60
    most = max((rate for rate in rated.values() if rate), default=1.0)
    drawn = [_text(left, top + 14, case.workload.title.strip("`"), size=13, bold=True)]
    for place, (name, rate) in enumerate(rated.items()):
        y = top + 22 + place * _BAR
        width = longest * (rate or 0) / most
        told = "void" if rate is None else f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
        drawn += [
            _text(left + names - 8, y + 12, NAMES[name], anchor="end"),
            f'<rect x="{left + names}" y="{y}" width="{max(width, 1):.1f}" height="{_BAR - 4}" rx="2" '
            f'fill="{_COLOURS[name]}"/>',
            _text(left + names + width + 6, y + 12, told, bold=name == "plans"),
        ]
    return drawn


def growth(sizes: Sequence[int], lines: Mapping[str, Sequence[float]]) -> str:
    """Milliseconds, as the number of annotations grows from each size to the next."""
    left, right, top, bottom = 60, 600, 60, 340
    most = 1.15 * max(value for values in lines.values() for value in values)
    x = [left + (right - left) * place / max(1, len(sizes) - 1) for place in range(len(sizes))]

    def y(value: float) -> float:
        return bottom - (bottom - top) * value / most

    drawn = [_text(20, 30, "Milliseconds (p50, one client) as the annotations grow", size=16, bold=True)]
    step = _step(most)
    for value in (step * place for place in range(int(most / step) + 1)):
        drawn += [
            f'<line x1="{left}" x2="{right}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="{_FAINT}"/>',
            _text(left - 8, y(value) + 4, f"{value:g}", anchor="end"),
        ]
    drawn += [_text(x[place], bottom + 20, f"{size:,}", anchor="middle") for place, size in enumerate(sizes)]
    for values, colour in zip(lines.values(), _LINES, strict=False):
        points = " ".join(f"{x[place]:.1f},{y(value):.1f}" for place, value in enumerate(values))
        drawn.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        drawn += [f'<circle cx="{x[p]:.1f}" cy="{y(v):.1f}" r="3.5" fill="{colour}"/>' for p, v in enumerate(values)]
    for place, ((name, values), colour) in enumerate(zip(lines.items(), _LINES, strict=False)):
        drawn += [
            f'<rect x="{right + 24}" y="{top + place * 24 - 10}" width="12" height="12" rx="2" fill="{colour}"/>',
            _text(right + 42, top + place * 24, f"{name}: {values[-1]:.1f}"),
        ]
    return _svg(380, drawn)


def delays(title: str, lines: Mapping[str, Sequence[tuple[float, float]]], late: float) -> str:
    """Milliseconds by a rate, both in powers of ten, what never came at the top; and where they are too many."""
    left, right, top, bottom = 60, 640, 60, 340
    points = [point for line in lines.values() for point in line]
    first, last = (log10(bound(rate for rate, _ in points)) for bound in (min, max))
    least, most = 0, max(4, ceil(log10(max(delay for _, delay in points if isfinite(delay)))))

    def x(rate: float) -> float:
        return left + (right - left) * (log10(rate) - first) / max(last - first, 0.1)

    def y(delay: float) -> float:
        return bottom - (bottom - top) * (log10(min(max(delay, 1), 10**most)) - least) / (most - least)

    drawn = [_text(20, 30, title, size=16, bold=True)]
    for power in range(least, most + 1):
        drawn += [
            f'<line x1="{left}" x2="{right}" y1="{y(10**power):.1f}" y2="{y(10**power):.1f}" stroke="{_FAINT}"/>',
            _text(left - 8, y(10**power) + 4, f"{10**power:,}", anchor="end"),
        ]
    drawn += [
        f'<line x1="{left}" x2="{right}" y1="{y(late):.1f}" y2="{y(late):.1f}" stroke="{_INK}" '
        'stroke-dasharray="4 3"/>',
        _text(right + 8, y(late) + 4, f"{late:g} ms"),
    ]
    drawn += [
        _text(x(rate), bottom + 20, f"{rate:.0f}", anchor="middle") for rate in {round(rate) for rate, _ in points}
    ]
    for place, ((name, line), colour) in enumerate(zip(lines.items(), _LINES, strict=False)):
        joined = " ".join(f"{x(rate):.1f},{y(delay):.1f}" for rate, delay in line)
        drawn.append(f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>')
        drawn += [f'<circle cx="{x(r):.1f}" cy="{y(d):.1f}" r="3.5" fill="{colour}"/>' for r, d in line]
        drawn += [
            f'<rect x="{right + 84}" y="{top + place * 24 - 10}" width="12" height="12" rx="2" fill="{colour}"/>',
            _text(right + 102, top + place * 24, name),
        ]
    return _svg(380, drawn)


def _step(most: float) -> float:
    """A round number that is reached at most five times."""
    power = 10.0 ** floor(log10(most / 5))
    return next(power * factor for factor in (1, 2, 5, 10) if most / (power * factor) <= 5)


def _text(x: float, y: float, told: str, *, size: int = 11, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"{weight}>{escape(told)}</text>'


def _svg(height: float, drawn: Sequence[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" '
            f'font-family="system-ui, sans-serif" fill="{_INK}">',
            f'<rect x="0.5" y="0.5" width="{_WIDTH - 1}" height="{height - 1:.0f}" rx="8" fill="#ffffff" '
            f'stroke="{_FAINT}"/>',
            *drawn,
            "</svg>\n",
        ]
    )
