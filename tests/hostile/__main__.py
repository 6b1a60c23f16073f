"""All hostile input, and tables of what came of it: python -m tests.hostile [--seconds 60]

Takes about a quarter of an hour. Exits with 1 if any answer was wrong, late or missing.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from tests.benchmarks.markdown import Report, progress
from tests.hostile import fuzzing
from tests.hostile.attack import OPTIONS, Attack
from tests.hostile.case import SILENCE
from tests.hostile.corpus import FAMILIES
from tests.hostile.description import conformance
from tests.hostile.targets import TARGETS
from tests.support.server import Server, serving


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--markdown", type=Path, help="file to append the tables to")
    parser.add_argument("--seconds", type=int, default=60, help="for each fuzzer (default 60)")
    parser.add_argument("--examples", type=int, default=100, help="of schemathesis, an operation")
    arguments = parser.parse_args()
    report = Report(arguments.markdown)
    # First: a process inherits the peak memory of its parent, which will have made the bombs, and
    # libFuzzer would take that for its own.
    wrongs = _fuzzers(report, arguments.seconds)
    with serving("--log-level", "error", *OPTIONS) as server:
        wrongs += _corpus(server, report) + _description(server, report, arguments.examples)
    for wrong in wrongs:
        print(wrong, file=sys.stderr)
    return 1 if wrongs else 0


def _corpus(server: Server, report: Report) -> list[str]:
    attack, rows, wrongs = Attack(server), [], []
    for family, cases in FAMILIES.items():
        started = time.monotonic()
        tally = attack.run(cases())
        progress(f"{family}: {tally.statuses.total()} in {time.monotonic() - started:.0f} s")
        memory = (f"{tally.peak_mib:.0f}", f"{tally.growth_mib:.0f}")
        rows.append([family, *_counts(tally.statuses, tally.slowest), *memory])
        wrongs += [f"{family}: {wrong}" for wrong in tally.wrongs]
    report.paragraph("To a running service, each followed by a good picture, which was answered:")
    report.table([*_HEADER, "peak MiB", "kept MiB"], rows)
    return wrongs


def _description(server: Server, report: Report, examples: int) -> list[str]:
    progress("schemathesis")
    done = conformance(server.url, examples)
    report.paragraph("To a running service, from its own OpenAPI description:")
    report.table(_HEADER, [["schemathesis", *_counts(done.statuses, done.slowest)]])
    return [done.failures] if done.failures else []


def _fuzzers(report: Report, seconds: int) -> list[str]:
    kinds = {"random changes": fuzzing.mutated}
    if fuzzing.COVERAGE_AVAILABLE:
        kinds["guided by coverage"] = fuzzing.covered
    else:
        progress("atheris is not installed: nothing is guided by coverage")
    rows, wrongs = [], []
    for target in TARGETS:
        for kind, fuzz in kinds.items():
            progress(f"{target}, {kind}, {seconds} s")
            done = fuzz(target, seconds)
            rows.append([f"{target}, {kind}", *_counts(done.statuses, done.slowest)])
            wrongs += [f"{target}, {kind}: {done.failure}"] if done.failure else []
    report.paragraph(f"To what reads them, without sockets, {seconds} seconds each:")
    report.table(_HEADER, rows)
    return wrongs


_HEADER = ("inputs", "tried", "refused", "answered", "5xx", "slowest, s")


def _counts(statuses: Counter[int], slowest: float) -> list[str]:
    refused = [
        f"{status or 'closed'}: {count:,}"
        for status, count in sorted(statuses.items())
        if status == SILENCE or 400 <= status < 500
    ]
    answered = sum(count for status, count in statuses.items() if 0 < status < 400)
    failed = sum(count for status, count in statuses.items() if status >= 500)
    tried = f"{statuses.total():,}"
    return [tried, ", ".join(refused), f"{answered:,}", f"{failed:,}", f"{slowest:.2f}"]


if __name__ == "__main__":
    sys.exit(main())
