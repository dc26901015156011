"""Writes the tables and pictures of docs/performance.md from the raw results of `cargo bench --bench aggregate`."""

import json
import math
import sys
from pathlib import Path

NAMES = {
    "count_star": "DataFusion, count(*): rows, no privacy",
    "count_distinct": "DataFusion, count(distinct): no privacy",
    "one_grouping": "Marsad, one grouping",
    "five_groupings": "Marsad, five groupings",
    "norm_clip": "Marsad, one grouping, norm clip",
}
# Okabe and Ito's colours, told apart by those who see few of them; dashes tell them apart in print.
STROKES = {
    "count_star": ("#000000", ""),
    "count_distinct": ("#d55e00", "2 3"),
    "one_grouping": ("#0072b2", ""),
    "five_groupings": ("#009e73", "7 3"),
    "norm_clip": ("#cc79a7", "1 2"),
}
BEGIN, END = "<!-- from benches/results: begin -->", "<!-- end -->"


def rows_text(rows):
    return f"{rows // 1_000_000} M" if rows >= 1_000_000 else f"{rows:,}"


def table(head, lines):
    text = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(text + ["| " + " | ".join(line) + " |" for line in lines])


def ticks(low, high):
    return [10.0**e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def picture(results, key, title, unit):
    """One line for each contender over rows, both axes logarithmic."""
    width, height, left, right, top, bottom = 775, 400, 85, 300, 40, 50
    xs = [one["rows"] for one in results]
    ys = [one[key][name] for one in results for name in NAMES]
    y_ticks = ticks(min(ys), max(ys))
    x_low, x_high = math.log10(min(xs)), math.log10(max(xs)) or 1
    y_low, y_high = math.log10(y_ticks[0]), math.log10(y_ticks[-1])

    def x(rows):
        return left + (math.log10(rows) - x_low) / max(x_high - x_low, 1e-9) * (width - left - right)

    def y(value):
        return height - bottom - (math.log10(value) - y_low) / (y_high - y_low) * (height - top - bottom)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" font-family="sans-serif" font-size="13">',
        f"<title>{title}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="{left}" y="22" font-size="15" font-weight="bold">{title}</text>',
    ]
    for value in y_ticks:
        parts.append(f'<line x1="{left}" x2="{width - right}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#dddddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g} {unit}</text>')
    for rows in xs:
        parts.append(f'<text x="{x(rows):.1f}" y="{height - bottom + 20}" text-anchor="middle">{rows_text(rows)}</text>')
    parts.append(f'<text x="{(left + width - right) / 2}" y="{height - 10}" text-anchor="middle">rows</text>')
    for name in NAMES:
        colour, dash = STROKES[name]
        points = " ".join(f"{x(one['rows']):.1f},{y(one[key][name]):.1f}" for one in results)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>')
        for one in results:
            parts.append(f'<circle cx="{x(one["rows"]):.1f}" cy="{y(one[key][name]):.1f}" r="3" fill="{colour}"/>')
    # Names in the order of the last points, none over another.
    last, place = results[-1][key], top
    for name in sorted(NAMES, key=lambda name: -last[name]):
        place = max(place + 18, y(last[name]) + 4)
        parts.append(f'<text x="{width - right + 12}" y="{place:.1f}" fill="{STROKES[name][0]}">{NAMES[name]}</text>')
    return "\n".join(parts + ["</svg>", ""])


def document(results):
    machine = results[-1]["machine"]
    ratios = [
        ("over_count_star", "one grouping over DataFusion's `count(*)`", "≤ 1"),
        ("count_distinct_over", "DataFusion's `count(distinct person)` over one grouping", "≥ 15"),
        ("five_groupings_over_one", "five groupings over one", "≤ 1.5"),
        ("norm_clip_over", "norm clip over home cells", "≤ 1.3"),
    ]
    head = ["", "aim"] + [f"{rows_text(one['rows'])} rows" for one in results]
    lines = [[what, aim] + [f"{one[key]:.2f}" for one in results] for key, what, aim in ratios]
    taken = [[f"{NAMES[name]}", ""] + [f"{one['seconds'][name]:.3f} s, {one['peak_mib'][name]} MiB" for one in results] for name in NAMES]
    return "\n".join([
        f"{machine['cores']} cores of {machine['cpu']}, {machine['rust']}, {machine['engine']}:",
        "",
        table(head, lines),
        "",
        table(["best time and peak memory", ""] + head[2:], taken),
        "",
        "![Time against rows](performance-time.svg) ![Memory against rows](performance-memory.svg)",
    ])


def main(source, docs):
    results = [json.loads(line) for line in Path(source).read_text(encoding="utf-8").splitlines()]
    results.sort(key=lambda one: one["rows"])
    page = docs / "performance.md"
    text = page.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n{document(results)}\n{END}{after}", encoding="utf-8")
    (docs / "performance-time.svg").write_text(picture(results, "seconds", "Seconds from files to all exact tables", "s"), encoding="utf-8")
    (docs / "performance-memory.svg").write_text(picture(results, "peak_mib", "Most memory ever held", "MiB"), encoding="utf-8")


main(sys.argv[1], Path(sys.argv[2]))
