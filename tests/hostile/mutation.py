"""Random changes to seeds, in a process of its own: python -m tests.hostile.mutation TARGET SECONDS

Prints one JSON object: how many answers there were of each status.
"""

import json
import random
import sys
import time
from collections import Counter
from itertools import count

from tests.hostile.targets import TARGETS


def mutated(seed: bytes, seeds: list[bytes], chance: random.Random) -> bytes:
    """With one to eight changes: bytes overwritten, doubled, left out, or taken from elsewhere."""
    changed = bytearray(seed)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(changed) + 1)
        length = min(int(chance.expovariate(1 / 8)) + 1, 4096)
        match chance.randrange(6):
            case 0:
                changed[at : at + 1] = chance.randbytes(1)
            case 1:
                changed[at : at + 4] = chance.choice((b"\xff", b"\0", b"\x7f")) * 4
            case 2:
                del changed[at : at + length]
            case 3:
                changed[at:at] = changed[at : at + length] * chance.choice((1, 1, 50))
            case 4:
                changed[at : at + length] = chance.randbytes(length)
            case 5:
                other = chance.choice(seeds)
                start = chance.randrange(len(other) + 1)
                changed[at : at + length] = other[start : start + length]
    return bytes(changed)


def main(name: str, seconds: float) -> None:
    target = TARGETS[name]
    seeds = [seed for seed in target.seeds() if seed]
    statuses: Counter[int] = Counter()
    slowest, end = 0.0, time.monotonic() + seconds
    for number in count():
        data = mutated(seeds[number % len(seeds)], seeds, random.Random(number))
        started = time.monotonic()
        if started > end:
            break
        try:
            statuses[target.attempt(data)] += 1
        except Exception as error:
            raise SystemExit(f"{name}, mutation {number}: {error!r}, of {data.hex()}") from error
        slowest = max(slowest, time.monotonic() - started)
    print(json.dumps({"statuses": statuses, "slowest": slowest}))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
