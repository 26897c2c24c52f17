"""Results of comparisons: as JSON, as Markdown whose first table is the verdict, and as a chart."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from bench import chart, measuring
from bench.peers.servers import versions
from bench.product import ROOT

FOLDER = ROOT / "bench/results"
#: Above this load average before a measurement, other work has disturbed it. Afterwards, its own load is as much.
QUIET = 2.5


@dataclass(frozen=True, slots=True)
class Rate:
    """Medians of one case. `spread` is the range of its rates by their median.

    Attributes:
        kind: "ours", "limit" or "peer".
        rate: completed per CPU-second of the server.
        database_us: PostgreSQL's CPU time of each.
        extra: other figures, each with the name of its column.
    """

    kind: str
    rate: float
    spread: float
    database_us: float
    per_second: float
    p50_ms: float
    p99_ms: float
    extra: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bar:
    """The least ratio of one rate to the best of others."""

    ours: str
    others: tuple[str, ...]
    least: float
    words: str


@dataclass(frozen=True, slots=True)
class Result:
    title: str
    unit: str
    seconds: float
    rounds: int
    load_average: tuple[float, float]
    rates: dict[str, Rate]
    bars: Sequence[Bar]

    def ratio(self, bar: Bar) -> float:
        return round(self.rates[bar.ours].rate / max(self.rates[name].rate for name in bar.others), 3)


def load_average() -> float:
    return round(os.getloadavg()[0], 2)


def write(name: str, result: Result) -> None:
    """Write the three files of a result, and the index of all results."""
    FOLDER.mkdir(exist_ok=True)
    as_json = {
        **{key: value for key, value in asdict(result).items() if key != "bars"},
        "ratios": {
            bar.words: {"ratio": result.ratio(bar), "bar": bar.least, "reached": result.ratio(bar) >= bar.least}
            for bar in result.bars
        },
        "machine": measuring.machine().partition(", load average")[0],
        "versions": versions(),
        "commit": _git("rev-parse", "--short", "HEAD"),
        "changed": bool(_git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench/results")),
        "seed": "setseed(0.5)",
    }
    (FOLDER / f"{name}.json").write_text(json.dumps(as_json, indent=1) + "\n")
    (FOLDER / f"{name}.md").write_text(markdown(name, result))
    (FOLDER / f"{name}.svg").write_text(
        chart.bars(result.title, result.unit, [(title, rate.kind, rate.rate) for title, rate in result.rates.items()])
    )
    (FOLDER / "README.md").write_text(_index())


def worse(name: str, result: Result, part: float) -> list[str]:
    """Return the ratios that are worse than the committed ones by more than this part."""
    committed = json.loads((FOLDER / f"{name}.json").read_text())["ratios"]
    return [
        f"{name}: {bar.words}: {result.ratio(bar):.2f}, committed {committed[bar.words]['ratio']:.2f}"
        for bar in result.bars
        if bar.words in committed and result.ratio(bar) < (1 - part) * committed[bar.words]["ratio"]
    ]


def markdown(name: str, result: Result) -> str:
    """Return the page of a result: first whether the bars are reached, then what was measured."""
    verdicts = [_verdict(bar.words, result.ratio(bar), bar.least) for bar in result.bars]
    measured = [
        f"| {title} | {rate.kind} | {rate.rate:,.0f} | {rate.spread:.0%} | {rate.database_us:,.0f} "
        f"| {rate.per_second:,.0f} | {rate.p50_ms:.1f} | {rate.p99_ms:.1f} |"
        + "".join(f" {value:g} |" for value in rate.extra.values())
        for title, rate in result.rates.items()
    ]
    before, after = result.load_average
    more = next(iter(result.rates.values())).extra
    return "\n".join([
        f"# {result.title}", "",
        *_VERDICT_HEAD, *verdicts, "",
        f"![{result.title}]({name}.svg)", "",
        f"| | | {result.unit} | spread | PostgreSQL us | per s | p50 ms | p99 ms |"
        + "".join(f" {name} |" for name in more),
        f"|---|---|---|---|---|---|---|---|{'---|' * len(more)}",
        *measured, "",
        f"Medians of {result.rounds} rounds of {result.seconds:g} s, each of which measured every line once. Load "
        f"average {before} before and {after} after.{_noise(before)}", "",
        f"{measuring.machine().partition(', load average')[0]}. Versions and commit: `{name}.json`.", "",
    ])  # fmt: skip


_VERDICT_HEAD = ["| ratio | measured | bar | reached |", "|---|---|---|---|"]


def _verdict(words: str, ratio: float, least: float) -> str:
    return f"| {words} | **{ratio:.2f}** | ≥ {least:g} | {'yes' if ratio >= least else '**no**'} |"


def _noise(before: float) -> str:
    if before <= QUIET:
        return ""
    return " **Other work ran beside it**: what is compared was disturbed alike, but small differences mean nothing."


def _index() -> str:
    """Return the page of all results that there are."""
    lines = [
        "# Results", "",
        "Written by `bench/run.sh`; do not edit. Rates are completed calls per CPU-second of the server. The product "
        "has authentication, log lines, metrics and the change log switched on; the peers have nothing around a call"
        " ([method](../README.md#how-it-is-measured)).", "",
    ]  # fmt: skip
    for path in sorted(FOLDER.glob("*.json")):
        found = json.loads(path.read_text())
        if "ratios" not in found:
            continue
        noise = ", while other work ran beside it" if _noise(found["load_average"][0]) else ""
        commit = f"{found['commit']}{' and uncommitted changes' if found['changed'] else ''}"
        lines += [f"## [{found['title']}]({path.stem}.md)", "", *_VERDICT_HEAD]
        lines += [_verdict(words, one["ratio"], one["bar"]) for words, one in found["ratios"].items()]
        lines += ["", f"Measured at {commit}{noise}.", ""]
    return "\n".join(lines)


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()  # fmt: skip
