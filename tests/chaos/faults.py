"""What goes wrong in production, done to a fleet under load; and what its clients saw of it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass

from tests.chaos.balancer import Balancer
from tests.chaos.fleet import Fleet
from tests.chaos.load import PATH, Load, Tally, under_load
from tests.chaos.replica import Replica
from tests.chaos.waiting import until

CLIENTS = 4
_A_LONG_QUEUE = 24
"""Large pictures, for all replicas together."""
_LITTLE_MEMORY = 64 << 20
"""Bytes, enough for small pictures and not for large ones."""


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
    unlogged: bool = False
    """Whether the balancer cannot log all the while."""


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
            group.create_task(attack.load.send(attack.fleet.errands.large))
        enough = _A_LONG_QUEUE // 4
        await asyncio.to_thread(until, lambda: replica.metric("perceptual_queue_images") >= enough)
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
    body = attack.fleet.errands.small[-1].body
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


async def replaced(attack: Attack) -> None:
    """Answers are the old network's or the new one's, as they say themselves."""
    store = attack.fleet.store
    store.replace()
    for replica in attack.fleet.replicas:
        replica.reload()
        await asyncio.to_thread(until, lambda r=replica: r.version() == store.version)
        await attack.go_on()


async def replaced_by_bad_files(attack: Attack) -> None:
    """Each of them is refused by every replica, and the network that was there goes on."""
    store = attack.fleet.store
    refusals = r'perceptual_model_reloads_total\{model="wave",outcome="refused"\}'
    for put in (store.replace_by_truncated, store.replace_by_damaged):
        put()
        for replica in attack.fleet.replicas:
            before = replica.metric(refusals)
            replica.reload()
            await asyncio.to_thread(until, lambda r=replica, n=before: r.metric(refusals) > n)
            assert replica.version() == store.version
            await attack.go_on()
        store.withdraw()


async def started_with_a_corrupt_model(attack: Attack) -> None:
    replica, store = attack.fleet.replicas[0], attack.fleet.store
    await asyncio.to_thread(replica.terminate)
    store.replace_by_damaged()
    try:
        await asyncio.to_thread(replica.fail_to_start, store.path)
    finally:
        store.withdraw()
    await attack.go_on()
    await asyncio.to_thread(replica.start_again)
    await attack.until_it_serves(replica)


async def disk_full(attack: Attack) -> None:
    """Nobody can write. An upload that the balancer has no room for is refused, for a later try."""
    with ExitStack() as stack:
        for party in (attack.balancer, *attack.fleet.replicas):
            stack.enter_context(party.unable_to_write())
        await attack.go_on()
        answer = await attack.load.attempt(attack.fleet.errands.large)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1"), answer.text
        await attack.go_on()
    await attack.load.send(attack.fleet.errands.large)


async def out_of_memory(attack: Attack) -> None:
    replica = attack.fleet.replicas[0]
    refusals = r'perceptual_refusals_total\{model="wave",reason="out_of_memory"\}'
    # A replica keeps the memory that it once had, and so would not be short of any a second time.
    await asyncio.to_thread(replica.terminate)
    await asyncio.to_thread(replica.start_again)
    await attack.until_it_serves(replica)
    before = replica.metric(refusals)
    with replica.short_of_memory(_LITTLE_MEMORY):
        while replica.metric(refusals) == before:
            async with asyncio.TaskGroup() as group:
                for _ in attack.fleet.replicas:
                    group.create_task(attack.load.send(attack.fleet.errands.large))
        await attack.go_on()
    await attack.until_it_serves(replica)


FAULTS = {
    "kill -9 of a replica": Fault(killed),
    "SIGTERM of every replica in turn": Fault(restarted_one_by_one),
    "SIGTERM of a replica, its queue longer than its drain": Fault(terminated_with_a_long_queue),
    "SIGSTOP of a replica": Fault(frozen, impatient=True),
    "a replica out of memory": Fault(out_of_memory),
    "a replica started with a corrupt model": Fault(started_with_a_corrupt_model),
    "model replaced": Fault(replaced),
    "model replaced by corrupt files": Fault(replaced_by_bad_files),
    "disks full": Fault(disk_full, unlogged=True),
    "clients that vanish": Fault(clients_vanish),
}


async def attacked(fleet: Fleet, fault: Fault, pace: int, rounds: int = 1) -> Report:
    """Do it so many times, under load before, meanwhile and after."""
    balancer = fleet.impatient_balancer if fault.impatient else fleet.balancer
    known = len(balancer.requests())
    async with under_load(balancer.url, fleet.errands.small, CLIENTS) as load:
        attack = Attack(fleet, balancer, load, pace)
        await attack.go_on()
        for _ in range(rounds):
            await fault.do(attack)
            await attack.go_on()
    if not fault.unlogged:  # a request is logged just after its answer was sent
        until(lambda: _proxied(balancer, known) >= load.tally.requests)
    return Report(load.tally, _retried(balancer, known))


def _proxied(balancer: Balancer, known: int) -> int:
    return sum(request.status != 499 for request in balancer.requests()[known:])


def _retried(balancer: Balancer, known: int = 0) -> int:
    return sum(request.retries for request in balancer.requests()[known:])
