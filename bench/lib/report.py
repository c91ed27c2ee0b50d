# SPDX-License-Identifier: BSD-2-Clause
"""The table of results, as text, JSON and picture."""
import json
import math

KINDS = {"l": "latency", "b": "bandwidth", "s": "size"}
BAR_WIDTH, LABEL_WIDTH, LINE = 360, 170, 15


def ratio(kind, linux, ours):
    """Below 1: Banos is better."""
    if not linux or not ours:
        return None
    return linux / ours if kind == "b" else ours / linux


def result(row, kind, time, smp, linux, ours, why=None):
    r = {"row": row, "kind": KINDS[kind], "time": time, "smp": smp, "linux": linux, "ours": ours,
         "ratio": None if why else ratio(kind, linux, ours)}
    if r["ratio"] is None:
        del r["ratio"]
        r["why"] = why or "one of them has no value"
    return r


def amount(kind, v):
    if v is None:
        return "-"
    if kind == "bandwidth":
        return f"{v / 1e6:,.0f} MB/s" if v >= 1e5 else f"{v:.2f}"
    if kind == "size":
        return f"{v / 1e6:,.1f} MB"
    return f"{v / 1e6:,.2f} ms" if v >= 1e6 else f"{v:,.0f} ns"


def geometric_mean(results):
    r = [x["ratio"] for x in results if x.get("ratio")]
    return math.exp(sum(map(math.log, r)) / len(r)) if r else None


def groups(results):
    keys = []
    for r in results:
        if (r["time"], r["smp"]) not in keys:
            keys.append((r["time"], r["smp"]))
    return [(k, [r for r in results if (r["time"], r["smp"]) == k]) for k in keys]


def text(results):
    lines = []
    for (time, smp), rows in groups(results):
        lines += [f"{time} time, {smp} processor{'s' if smp > 1 else ''}",
                  f"  {'row':24}{'Linux':>16}{'Banos':>16}{'ratio':>8}"]
        for r in rows:
            last = f"{r['ratio']:8.2f}" if "ratio" in r else "  " + r["why"]
            lines.append(f"  {r['row']:24}{amount(r['kind'], r['linux']):>16}"
                         f"{amount(r['kind'], r['ours']):>16}{last}")
        mean = geometric_mean(rows)
        if mean:
            lines.append(f"  {'geometric mean':24}{'':32}{mean:8.2f}")
        lines.append("")
    lines.append("ratio: our time or size over Linux's, Linux's bandwidth over ours; below 1 is "
                 "better than Linux")
    return "\n".join(lines) + "\n"


def to_json(results):
    return json.dumps({"rows": results}, indent=1) + "\n"


def svg(results):
    """The rows in virtual time on one processor, as bars of the ratio on a logarithmic scale."""
    rows = [r for r in results if r["time"] == "virtual" and r["smp"] == 1 and "ratio" in r]
    rows.sort(key=lambda r: r["ratio"])
    height = LINE * len(rows) + 60
    low, high = math.log(0.02), math.log(3)

    def x(v):
        v = min(max(math.log(v), low), high)
        return LABEL_WIDTH + (v - low) / (high - low) * BAR_WIDTH

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LABEL_WIDTH + BAR_WIDTH + 60}" '
           f'height="{height}" font-family="sans-serif" font-size="11">',
           '<rect width="100%" height="100%" fill="white"/>',
           '<text x="10" y="18" font-size="13">Banos beside Linux: time of Banos over time of '
           'Linux (left of 1 is faster)</text>']
    for i, r in enumerate(rows):
        y = 32 + i * LINE
        colour = "#2a7" if r["ratio"] <= 1 else "#c54"
        a, b = sorted((x(r["ratio"]), x(1)))
        out += [f'<text x="{LABEL_WIDTH - 6}" y="{y + 10}" text-anchor="end">{r["row"]}</text>',
                f'<rect x="{a:.1f}" y="{y + 2}" width="{max(b - a, 1):.1f}" height="{LINE - 4}" '
                f'fill="{colour}"/>',
                f'<text x="{LABEL_WIDTH + BAR_WIDTH + 8}" y="{y + 10}">{r["ratio"]:.2f}</text>']
    for v in (0.05, 0.1, 0.2, 0.5, 1, 2):
        out.append(f'<line x1="{x(v):.1f}" x2="{x(v):.1f}" y1="28" y2="{height - 24}" '
                   f'stroke="{"#000" if v == 1 else "#bbb"}" stroke-width="0.6"/>'
                   f'<text x="{x(v):.1f}" y="{height - 10}" text-anchor="middle">{v}</text>')
    out.append("</svg>")
    return "\n".join(out) + "\n"
