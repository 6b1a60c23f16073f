"""The deployed nginx configuration: what reaches a replica, what returns, what is asked again."""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from threading import Event

import httpx
import pytest

from service.http.problem_details import MEDIA_TYPE
from service.settings import Settings
from tests.chaos import balancer
from tests.chaos.balancer import Balancer
from tests.chaos.fleet import Fleet
from tests.chaos.replica import free_port
from tests.support import upstream
from tests.support.nginx import needs_nginx
from tests.support.upstream import Answer, Upstream

pytestmark = needs_nginx

Behind = Callable[..., Balancer]

BODY = bytes(range(256)) * (5 << 12)
"""5 MiB: more than the balancer keeps in memory."""


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def behind(opened: ExitStack, tmp_path: Path) -> Behind:
    """Starts the balancer in front of these servers."""

    def start(*servers: AbstractContextManager[Upstream], **options: str) -> Balancer:
        addresses = [opened.enter_context(server).address for server in servers]
        return opened.enter_context(balancer.running(tmp_path, addresses, **options))

    return start


def test_every_header_reaches_the_replica(opened: ExitStack, behind: Behind) -> None:
    replica = opened.enter_context(upstream.running())
    sent = {
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate": "vendor=1",
        "x-request-id": "picture-7",
        "prefer": "wait=2",
        "if-none-match": 'W/"1"',
        "host": "pictures.example:8080",
    }
    in_front = behind(nullcontext(replica))
    httpx.post(f"{in_front.url}/stylize/wave?format=png", headers=sent)

    (received,) = replica.received
    assert received.path == "/stylize/wave?format=png"
    assert {name: received.headers[name] for name in sent} == sent
    assert received.headers["x-forwarded-for"] == "127.0.0.1"
    (logged,) = in_front.logged(1)
    assert (logged.request_id, logged.traceparent) == ("picture-7", sent["traceparent"])


@pytest.mark.parametrize("sent", [{}, {"x-request-id": "two words"}, {"x-request-id": "x" * 129}])
def test_a_request_without_a_usable_id_gets_one_that_log_and_replica_share(
    opened: ExitStack, behind: Behind, sent: dict[str, str]
) -> None:
    replica = opened.enter_context(upstream.running())
    in_front = behind(nullcontext(replica))
    httpx.post(in_front.url, headers=sent)

    (received,), (logged,) = replica.received, in_front.logged(1)
    assert re.fullmatch("[0-9a-f]{32}", received.headers["x-request-id"])
    assert logged.request_id == received.headers["x-request-id"]


def test_an_upload_of_unknown_length_arrives_whole(opened: ExitStack, behind: Behind) -> None:
    replica = opened.enter_context(upstream.running())
    httpx.post(behind(nullcontext(replica)).url, content=(BODY[n::5] for n in range(5)))
    (received,) = replica.received
    assert received.body == b"".join(BODY[n::5] for n in range(5))


def test_429_is_an_answer_and_passes(behind: Behind) -> None:
    full = Answer(429, {"Content-Type": MEDIA_TYPE, "Retry-After": "7"}, b'{"status":429}')
    in_front = behind(upstream.running(lambda _: full), upstream.running(lambda _: full))
    answer = httpx.post(in_front.url)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.json() == {"status": 429}
    assert in_front.logged(1)[0].retries == 0


@pytest.mark.parametrize("given", [Answer(503), None], ids=["503", "connection closed"])
def test_what_one_replica_cannot_do_is_sent_whole_to_another(
    opened: ExitStack, behind: Behind, given: Answer | None
) -> None:
    failing = opened.enter_context(upstream.running(lambda _: given))
    working = opened.enter_context(upstream.running(lambda _: Answer(body=b"done")))
    in_front = behind(nullcontext(failing), nullcontext(working))
    answers = [httpx.post(in_front.url, content=BODY) for _ in range(3)]

    assert [answer.content for answer in answers] == [b"done"] * 3
    assert failing.received
    assert [received.body for received in working.received] == [BODY] * 3


def test_the_last_503_passes_when_every_replica_answers_so(behind: Behind) -> None:
    draining = Answer(503, {"Content-Type": MEDIA_TYPE, "Retry-After": "3"}, b'{"status":503}')
    in_front = behind(upstream.running(lambda _: draining), upstream.running(lambda _: draining))
    answer = httpx.post(in_front.url)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")
    assert answer.json() == {"status": 503}


def test_replicas_that_all_failed_are_asked_all_the_same(behind: Behind) -> None:
    recovered = Event()

    def answer(_: object) -> Answer | None:
        return Answer() if recovered.is_set() else None

    in_front = behind(upstream.running(answer), upstream.running(answer))
    failed = [httpx.post(in_front.url).status_code for _ in range(9)]
    recovered.set()
    assert failed == [502] * 9
    assert httpx.post(in_front.url).status_code == 200


def test_without_a_replica_the_answer_is_502_and_when_to_try_again(
    tmp_path: Path, opened: ExitStack
) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    in_front = opened.enter_context(balancer.running(tmp_path, [nobody]))
    answer = httpx.post(in_front.url, headers={"X-Request-ID": "picture-7"})
    assert_problem(answer, 502)
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["x-request-id"] == "picture-7"


def test_a_replica_that_stays_silent_is_504(opened: ExitStack, behind: Behind) -> None:
    enough = Event()

    def silent(_: object) -> None:
        enough.wait()

    in_front = behind(upstream.running(silent), read_timeout="1s")
    opened.callback(enough.set)
    assert_problem(httpx.post(in_front.url), 504)


def test_an_upload_that_there_is_no_room_for_is_503_until_there_is(behind: Behind) -> None:
    in_front = behind(upstream.running())
    with in_front.unable_to_write():
        answer = httpx.post(in_front.url, content=BODY)
        assert_problem(answer, 503)
        assert answer.headers["retry-after"] == "1"
        assert httpx.post(in_front.url, content=BODY[:1000]).status_code == 200
    assert httpx.post(in_front.url, content=BODY).status_code == 200


def test_what_is_not_http_is_400(behind: Behind) -> None:
    in_front = behind(upstream.running())
    with socket.create_connection(("127.0.0.1", in_front.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        answer = client.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert f"Content-Type: {MEDIA_TYPE}".encode() in answer


@pytest.mark.parametrize(
    "path", ["/metrics", "//metrics", "/%6detrics", "/models/../metrics", "/metrics?x=1"]
)
def test_metrics_are_not_for_the_public(replicas: Fleet, path: str) -> None:
    with httpx.Client() as client:
        url = httpx.URL(replicas.balancer.url, raw_path=path.encode())
        assert_problem(client.send(httpx.Request("GET", url)), 404)


def test_a_body_over_the_limit_is_refused_in_the_service_s_own_words(replicas: Fleet) -> None:
    body = bytes(Settings().max_body_bytes + 1)
    headers = {"Content-Type": "image/png"}
    answers = [
        httpx.post(f"{url}/stylize/wave", content=body, headers=headers)
        for url in (replicas.balancer.url, f"http://{replicas.replicas[0].address}")
    ]
    assert_problem(answers[0], 413)
    assert answers[0].json() == answers[1].json()


def test_a_body_of_just_the_limit_reaches_the_service(replicas: Fleet) -> None:
    body = bytes(Settings().max_body_bytes)
    headers = {"Content-Type": "image/png"}
    url = f"{replicas.balancer.url}/stylize/wave"
    assert_problem(httpx.post(url, content=body, headers=headers), 415)  # zeros are no image


def test_readiness_is_that_of_a_replica(replicas: Fleet) -> None:
    assert httpx.get(f"{replicas.balancer.url}/readyz").json()["status"] == "ready"


def assert_problem(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.json().keys() == {"type", "title", "status", "detail", "error"}
    assert answer.json()["status"] == status
