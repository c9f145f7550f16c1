# SPDX-License-Identifier: MIT
"""figures_tables: the tables of scripts/figures as Markdown, and the data of its picture.

All is computed from two summaries: of scripts/compare and of scripts/compare-programs.  A ratio is
sydra's median over a peer's.  The best peer is the one with the least median, of all that were
measured.
"""

import math
import re
import statistics

SMALL = {
    "pairs": "an allocation and its free at once",
    "burst-order": "bursts, freed in order",
    "burst-reverse": "bursts, freed in reverse",
    "burst-random": "bursts, freed at random",
    "replace": "random replacement",
    "producer-consumer": "one thread allocates, another frees",
    "mixed": "mixed workload",
    "churn": "churn",
    "drift": "drifting sizes",
    "short-threads": "threads that end soon",
}
PICTURE_TITLE = "Time with sydra-alloc, relative to each other allocator"
DOT_WIDTH = 0.016    # the width of a dot in the picture, where that of the axis is 1
DOT_HEIGHT = 0.10    # its height, where the distance of two allocators is 1


# ---- Figures of a summary ----

def ratio(summary, figure, peer):
    """sydra's median over that peer's."""
    medians = dict(zip(summary["allocators"], figure["median"]))
    return medians["sydra"] / medians[peer]


def with_figure(summary, name):
    """The rows that have the figure."""
    return [row for row in summary["rows"] if name in row]


def ratios(summary, name, peer):
    """The ratios of all rows to that peer; to the best of each row if it is None."""
    return [ratio(summary, row[name], peer or row[name]["best"]) for row in with_figure(summary, name)]


def blocks_of(row):
    """A row's number of blocks, if it is one of those that are varied."""
    return f"{int(row['blocks']):,}" if row["blocks"] != "-" else "-"


def label(row):
    """A row's name in a sentence."""
    words = [row["row"]]
    if row.get("blocks", "-") != "-":
        words.append(f"of {blocks_of(row)} blocks")
    if "threads" in row:
        words.append(f"with {row['threads']} thread{'' if row['threads'] == 1 else 's'}")
    return " ".join(words)


def shown(value):
    """A figure with about three digits, or all that are before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


# ---- Markdown ----

def table(header, rows, words=1):
    """A table whose first columns, so many, are words.  The others are figures."""
    cells = [header, *rows]
    widths = [max(3, *(len(row[column]) for row in cells)) for column in range(len(header))]

    def line(row):
        padded = [cell.ljust(width) if column < words else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths))]
        return "| " + " | ".join(padded) + " |\n"

    rule = ["-" * width if column < words else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return line(header) + line(rule) + "".join(map(line, rows))


def folded(text, width=99):
    """The text in lines of at most that width."""
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\n".join([*lines, line]) + "\n"


def told(run):
    """When and how something was measured, and whether others disturbed it."""
    commit = f"commit {run['commit'].rstrip('+')}" if run["commit"] else "a build whose commit is not known"
    changed = " with changes" if (run["commit"] or "").endswith("+") else ""
    return (f"`scripts/{run['command']}`, {run['date']}, {commit}{changed}. Medians of {run['rounds']} interleaved rounds, "
            f"after one that warms up. {' '.join(run['disturbance'].split())}")


def machines(*runs):
    """On what it was measured."""
    return " ".join(dict.fromkeys(f"Machine: {run['machine']}; {run['compiler']}." for run in runs))


def versions(*runs):
    """Which libraries the others are."""
    known = {name: version for run in runs for name, version in run["allocators"].items()}
    return f"The others: {', '.join(f'{name} ({version})' for name, version in known.items())}."


def over_each(summaries):
    """sydra over each allocator and over the best; each of the summaries has two columns, time and memory."""
    columns = [(summary, name) for summary in summaries for name in ("time", "memory")]
    peers = [name for summary in summaries for name in summary["allocators"] if name != "sydra"]
    rows = []
    for peer in [*dict.fromkeys(peers), None]:
        cells = [f"{statistics.geometric_mean(ratios(summary, name, peer)):.2f}" if peer is None or peer in summary["allocators"] else ""
                 for summary, name in columns]
        rows.append([peer or "the best of them in each row", *cells])
    counts = []
    for summary, name in columns:
        over = ratios(summary, name, None)
        counts.append(f"{sum(value > 1 for value in over)} of {len(over)}")
    return [*rows, ["rows above the best", *counts]]


def by_row(summary, name, unit):
    """All rows of one figure: medians, the ratio to the best peer, and its spread."""
    small = "threads" in summary["rows"][0]
    header = ["scenario", "blocks", "threads"] if small else ["row"]
    rows = []
    for row in with_figure(summary, name):
        figure = row[name]
        least = min(figure["median"])
        cells = [f"**{shown(value)}**" if value == least else shown(value) for value in figure["median"]]
        head = [row["row"], blocks_of(row), str(row["threads"])] if small else [row["row"]]
        spread = "{:.2f} to {:.2f}".format(*figure["ratios"])
        rows.append([*head, *cells, f"{ratio(summary, figure, figure['best']):.2f}", figure["best"], spread])
    return f"{unit}:\n\n" + table([*header, *summary["allocators"], "ratio", "to", "its rounds"], rows, 1)


def worst(summary, name, count=3):
    """The rows with the largest ratios to the best peer, in words."""
    rows = sorted(with_figure(summary, name), key=lambda row: -ratio(summary, row[name], row[name]["best"]))[:count]
    return "; ".join(f"{label(row)} {ratio(summary, row[name], row[name]['best']):.2f} x {row[name]['best']}" for row in rows)


def latencies(summary):
    """The percentiles of one call in the mixed workload."""
    names = dict.fromkeys(name for row in summary["rows"] for name in row if " p99" in name)
    rows = []
    for row in summary["rows"]:
        for name in (name for name in names if name in row):
            figure = row[name]
            least = min(figure["median"])
            cells = [f"**{shown(value)}**" if value == least else shown(value) for value in figure["median"]]
            rows.append([name, str(row["threads"]), *cells, f"{ratio(summary, figure, figure['best']):.2f}", figure["best"],
                         "{:.2f} to {:.2f}".format(*figure["ratios"])])
    if not rows:
        return ""
    return "\nLatency of one call in the mixed workload, ns:\n\n" + table(["call", "threads", *summary["allocators"], "ratio", "to", "its rounds"], rows)


def changes(summary):
    """How far resident memory moved under churn."""
    rows = [[row["row"], blocks_of(row), str(row["threads"]), *(f"{value:.1f}" for value in row["change"]["median"])]
            for row in with_figure(summary, "change")]
    if not rows:
        return ""
    return "\nLargest change of resident memory after the first tenth of the time, %:\n\n" + table(
        ["scenario", "blocks", "threads", *summary["allocators"]], rows)


# ---- The parts of the documents ----

EXPLAINED = ("A ratio is sydra's median over that of the best of the others in its row; \"its rounds\" are the least and the largest ratio of a "
             "single round to the same one. Less is better; the least figure of a row is bold.")
WHAT = "Sydra's figure over that of each, in the geometric mean of all rows:\n\n"


def one_comparison(summary, what):
    """The tables of one of the two comparisons."""
    run = summary["run"]
    text = folded(f"{told(run)} {machines(run)} {versions(run)} {EXPLAINED}") + "\n" + WHAT
    text += table(["over", "time", "peak memory"], over_each([summary]))
    text += "\n" + folded(f"Farthest above the best in time: {worst(summary, 'time')}. In peak memory: {worst(summary, 'memory')}.")
    return text + "\n" + by_row(summary, "time", what[0]) + "\n" + by_row(summary, "memory", what[1])


def range_of(values):
    """The geometric mean of the ratios, and the least and the largest."""
    if not values:
        return ""
    mean = f"{statistics.geometric_mean(values):.2f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.2f} to {max(values):.2f})"


def group_of(row):
    """The scenario of a row of small blocks; the kernel or program of another, without its number of threads."""
    return row["row"].split()[0] if "threads" in row else re.sub(r"-\d+$", "", row["row"])


def groups(summary):
    """sydra over the best of each row, by scenario, kernel or program: time and memory."""
    rows = []
    for name in dict.fromkeys(map(group_of, summary["rows"])):
        mine = {**summary, "rows": [row for row in summary["rows"] if group_of(row) == name]}
        what = f"{SMALL[name]} (`{name}`)" if name in SMALL else name.replace("_", " ")
        rows.append([what, str(len(mine["rows"])), range_of(ratios(mine, "time", None)), range_of(ratios(mine, "memory", None))])
    return rows


def readme(small, programs):
    """The README's part."""
    runs = small["run"], programs["run"]
    text = folded(f"{machines(*runs)} {versions(*runs)}") + "\n"
    text += folded(f"Small blocks: {told(runs[0])}") + "\n"
    text += folded(f"Programs and kernels: {told(runs[1])}") + "\n"
    text += WHAT
    text += table(["over", "small blocks: time", "peak memory", "programs: time", "peak memory"], over_each([small, programs]))
    text += "\nThe same over the best of them in each row: the mean, and the least and the largest ratio:\n\n"
    text += table(["what", "rows", "time", "peak memory"], [*groups(small), *groups(programs)])
    return text


def parts(small, programs):
    """Returns {part: its Markdown}."""
    units = "Time, ns for an allocation and its free", "Peak memory without the benchmark's own tables, KiB"
    return {
        "small-blocks": one_comparison(small, units) + latencies(small) + changes(small),
        "programs": one_comparison(programs, ("Time, ms", "Peak resident memory, KiB")),
        "measured": readme(small, programs),
    }


# ---- The picture's data ----

def swarm(values, width):
    """Returns (value, offset) of each, so that dots of that width lie beside each other and not upon each other."""
    placed = []
    for value in sorted(values):
        near = [offset for other, offset in placed if math.log2(value / other) < width]
        step = 0
        while any(abs(step - offset) < 1 for offset in near):
            step = -step if step > 0 else 1 - step
        placed.append((value, step))
    return [(value, step * DOT_HEIGHT) for value, step in placed]


def panel(number, title, summary):
    """The data of one half of the picture, for gnuplot."""
    peers = summary["allocators"][1:]
    over = {peer: ratios(summary, "time", peer) for peer in peers}
    over["best of them"] = ratios(summary, "time", None)
    every = [value for values in over.values() for value in values]
    low, high = min(-1, math.floor(math.log2(min(every)))), max(2, math.ceil(math.log2(max(every))))
    lines = [f"title{number} = \"{title}\"", f"low{number} = {low}", f"high{number} = {high}", f"peers{number} = {len(over)}", f"$rows{number} << END"]
    for place, values in enumerate(over.values()):
        lines += [f"{place} {value:.4f} {offset:.3f}" for value, offset in swarm(values, DOT_WIDTH * (high - low))]
    lines += ["END", f"$means{number} << END"]
    lines += [f"{place} {statistics.geometric_mean(values):.4f} \"{peer}\"" for place, (peer, values) in enumerate(over.items())]
    return "\n".join([*lines, "END"]) + "\n"


def picture_data(small, programs):
    """What scripts/figures.gnuplot draws."""
    return (f"title = \"{PICTURE_TITLE}\"\n"
            + panel(1, f"Small blocks: {len(with_figure(small, 'time'))} rows", small)
            + panel(2, f"Programs and kernels: {len(with_figure(programs, 'time'))} rows", programs))
