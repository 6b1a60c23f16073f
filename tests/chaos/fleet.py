"""Replicas of the service behind the balancer."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.chaos import balancer
from tests.chaos.balancer import Balancer
from tests.chaos.load import Errands
from tests.chaos.replica import Replica
from tests.chaos.store import Store


@dataclass(frozen=True)
class Fleet:
    balancer: Balancer
    impatient_balancer: Balancer
    """It gives up a silent replica after 6 seconds, not 300; otherwise as it is deployed too."""
    replicas: Sequence[Replica]
    store: Store
    """Of all replicas."""
    errands: Errands


@contextmanager
def running(folder: Path, replicas: int = 3) -> Iterator[Fleet]:
    """Replicas that serve ``wave``, ready."""
    store = Store(folder)
    with ExitStack() as stack:
        started = []
        for number in range(replicas):
            replica = Replica(store.path, folder / f"replica-{number}.log")
            stack.callback(replica.kill)
            started.append(replica)
        for replica in started:
            replica.until_ready()
        addresses = [replica.address for replica in started]
        yield Fleet(
            stack.enter_context(balancer.running(folder / "deployed", addresses)),
            stack.enter_context(balancer.running(folder / "impatient", addresses, "6s")),
            started,
            store,
            Errands(store.networks),
        )
