"""What goes wrong in production, done to a fleet under load; and what its clients saw of it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.chaos.balancer import Balancer
from tests.chaos.fleet import Fleet
from tests.chaos.load import PATH, Load, Tally, under_load
from tests.chaos.replica import Replica
from tests.chaos.waiting import until

CLIENTS = 4
_A_LONG_QUEUE = 48
"""Large pictures, for all replicas together."""


@dataclass(frozen=True)
class Report:
    tally: Tally
    retried: int
    """Attempts beyond the first one of a request, as the balancer's log tells them."""


class Attack:
    """A fleet under load, to do something to; ``pace`` is how many answers lie between events."""

    def __init__(self, fleet: Fleet, balancer: Balancer, load: Load, pace: int) -> None:
        self.fleet = fleet
        self.balancer = balancer
        self.load = load
        self.pace = pace

    async def go_on(self) -> None:
        await self.load.answers(self.pace)

    async def until_it_serves(self, replica: Replica) -> None:
        """Until the balancer has found out that the replica is back."""
        known = len(self.balancer.requests())

        def answered() -> bool:
            return any(
                request.status == 200 and request.upstreams[-1] == replica.address
                for request in self.balancer.requests()[known:]
            )

        await asyncio.to_thread(until, answered)


@dataclass(frozen=True)
class Fault:
    do: Callable[[Attack], Awaitable[None]]
    impatient: bool = False
    """Whether the balancer's patience has to run out for it."""


async def killed(attack: Attack) -> None:
    replica = attack.fleet.replicas[0]
    replica.kill()
    await attack.go_on()
    await asyncio.to_thread(replica.start_again)
    await attack.until_it_serves(replica)


async def restarted_one_by_one(attack: Attack) -> None:
    for replica in attack.fleet.replicas:
        await asyncio.to_thread(replica.terminate)
        await attack.go_on()
        await asyncio.to_thread(replica.start_again)
        await attack.until_it_serves(replica)


async def terminated_with_a_long_queue(attack: Attack) -> None:
    """More waits for the replica than it has time for before it must be gone."""
    replica = attack.fleet.replicas[0]
    async with asyncio.TaskGroup() as group:
        for _ in range(_A_LONG_QUEUE):
            group.create_task(attack.load.send(attack.fleet.large))
        await asyncio.to_thread(until, lambda: replica.queued() >= _A_LONG_QUEUE // 4)
        await asyncio.to_thread(replica.terminate)
    await asyncio.to_thread(replica.start_again)
    await attack.until_it_serves(replica)


async def frozen(attack: Attack) -> None:
    replica = attack.fleet.replicas[0]
    replica.freeze()
    try:
        retried = _retried(attack.balancer)
        await asyncio.to_thread(until, lambda: _retried(attack.balancer) > retried)
        await attack.go_on()
    finally:
        replica.thaw()
    await attack.until_it_serves(replica)


async def clients_vanish(attack: Attack) -> None:
    """Half of them in the middle of their upload, the others before their answer."""
    body = attack.fleet.errands[-1].body
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    for number in range(attack.pace):
        _, client = await asyncio.open_connection("127.0.0.1", attack.balancer.port)
        client.write(head + body[: len(body) // (1 + number % 2)])
        await client.drain()
        client.transport.abort()
        await attack.load.answers(1)


FAULTS = {
    "kill -9 of a replica": Fault(killed),
    "SIGTERM of every replica in turn": Fault(restarted_one_by_one),
    "SIGTERM of a replica, its queue longer than its drain": Fault(terminated_with_a_long_queue),
    "SIGSTOP of a replica": Fault(frozen, impatient=True),
    "clients that vanish": Fault(clients_vanish),
}


async def attacked(fleet: Fleet, fault: Fault, pace: int, rounds: int = 1) -> Report:
    """Do it so many times, under load before, meanwhile and after."""
    balancer = fleet.impatient_balancer if fault.impatient else fleet.balancer
    known = len(balancer.requests())
    async with under_load(balancer.url, fleet.errands, CLIENTS) as load:
        attack = Attack(fleet, balancer, load, pace)
        await attack.go_on()
        for _ in range(rounds):
            await fault.do(attack)
            await attack.go_on()
    # A request is logged just after its answer was sent.
    until(lambda: _proxied(balancer, known) >= load.tally.requests)
    return Report(load.tally, _retried(balancer, known))


def _proxied(balancer: Balancer, known: int) -> int:
    return sum(request.status != 499 for request in balancer.requests()[known:])


def _retried(balancer: Balancer, known: int = 0) -> int:
    return sum(request.retries for request in balancer.requests()[known:])
