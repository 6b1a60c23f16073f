"""Coverage-guided fuzzing, in a process of its own.

python -m tests.hostile.coverage TARGET REPORT ...: what follows is libFuzzer's, such as a folder of
seeds and -max_total_time=60. Coverage is that of the Python code, Pillow's parsers included; C code
is only run. REPORT is a file that gets a JSON object: how many answers there were of each status.
"""

import json
import sys
import time
from collections import Counter
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["service", "PIL", "python_multipart", "starlette"]):
    from tests.hostile.targets import TARGETS


def main() -> None:
    target = TARGETS[sys.argv.pop(1)]
    report = Path(sys.argv.pop(1))
    reported = time.monotonic()
    statuses: Counter[int] = Counter()
    slowest = 0.0

    def one_input(data: bytes) -> None:
        nonlocal slowest, reported
        started = time.monotonic()
        statuses[target.attempt(data)] += 1
        ended = time.monotonic()
        slowest = max(slowest, ended - started)
        if ended > reported + 1:  # libFuzzer ends the process without a word to Python
            report.write_text(json.dumps({"statuses": statuses, "slowest": slowest}))
            reported = ended

    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
