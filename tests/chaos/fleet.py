"""Replicas of the service behind the balancer."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.chaos import balancer
from tests.chaos.balancer import Balancer
from tests.chaos.load import Errand, large_errand, small_errands
from tests.chaos.replica import Replica
from tests.conftest import ROOT


@dataclass(frozen=True)
class Fleet:
    balancer: Balancer
    replicas: Sequence[Replica]
    errands: Sequence[Errand]
    """Of small pictures."""
    large: Errand


@contextmanager
def running(folder: Path, replicas: int = 3) -> Iterator[Fleet]:
    """Replicas that serve ``wave``, ready.

    A silent replica is given up after 6 seconds in place of 300; all else is as it is deployed.
    """
    store = folder / "model_store"
    store.mkdir()
    (store / "wave").symlink_to(ROOT / "model_store" / "wave")
    with ExitStack() as stack:
        started = []
        for number in range(replicas):
            replica = Replica(store, folder / f"replica-{number}.log")
            stack.callback(replica.kill)
            started.append(replica)
        for replica in started:
            replica.until_ready()
        addresses = [replica.address for replica in started]
        in_front = stack.enter_context(balancer.running(folder, addresses, read_timeout="6s"))
        undisturbed = f"http://{addresses[0]}"
        yield Fleet(in_front, started, small_errands(undisturbed), large_errand(undisturbed))
