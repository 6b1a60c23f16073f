"""No name in a URL leads out of the models that are served."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Server
from tests.support.wire import wire

SECRET = "the contents of a file outside the store"


@pytest.fixture(scope="module")
def server(upscaler_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serves tmp/store; beside it are another model and a secret, which links there lead to."""
    folder = tmp_path_factory.mktemp("paths")
    store = Path(shutil.copytree(upscaler_store, folder / "store"))
    (store / "upscale_x4_pixel").rename(folder / "elsewhere")
    (folder / "secret").write_text(SECRET)
    (store / "notes").symlink_to(folder / "secret")
    running = Server("--model-store", str(store))
    running.until_ready()
    (store / "later").symlink_to(folder / "elsewhere")
    yield running
    running.stop()


def ask(server: Server, method: str, target: str) -> tuple[int, bytes]:
    with wire(server) as client:
        fields = "Host: x\r\nContent-Length: 0\r\nContent-Type: image/png\r\nConnection: close"
        client.send(f"{method} {target} HTTP/1.1\r\n{fields}\r\n\r\n".encode("latin-1"))
        assert client.closed_within(60)
    return int(client.received.split(b" ", 2)[1]), client.received


@pytest.mark.parametrize(
    "name",
    [
        "../../../../etc/passwd",
        "..%2f..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "%252e%252e%252fsecret",
        "..%5c..%5csecret",
        "..%c0%af..%c0%afsecret",
        "....//secret",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "file:///etc/passwd",
        "../secret",
        "..%2fsecret",
        "../elsewhere",
        "..%2felsewhere",
        "..",
        ".",
        "%2e",
        "%00",
        "upscale_x4_feature%00",
        "upscale_x4_feature%00.jpg",
        "upscale_x4_feature%2f1%2fmodel.onnx",
        "upscale_x4_feature/1/model.onnx",
        "upscale_x4_feature/card.json",
        "upscale_x4_feature/..%2f..%2fsecret",
        "upscale_x4_feature/../../secret",
        "notes",
        "later",
        "UPSCALE_X4_FEATURE",
        "upscale_x4_feature%20",
        "%ff%fe",
        "x" * 10_000,
    ],
)
@pytest.mark.parametrize(
    "template", ["GET /models/{}", "GET /models/{}/preview", "POST /stylize/{}"]
)
def test_a_name_that_is_no_model_is_404(server: Server, template: str, name: str) -> None:
    method, target = template.format(name).split(" ", 1)
    status, answer = ask(server, method, target)
    assert status in (404, 405)
    assert SECRET.encode() not in answer
    assert b"root:" not in answer
    assert b"Tiny" not in answer.partition(b"\r\n\r\n")[2]  # a model's title, on its card


@pytest.mark.parametrize("name", ["a%00b", "..%2fsecret", "%0d%0aSet-Cookie:x=1", "<script>"])
def test_a_name_comes_back_in_the_refusal_only_as_text_in_json(server: Server, name: str) -> None:
    status, answer = ask(server, "POST", f"/stylize/{name}")
    assert status == 404
    header, _, _ = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in header
    assert b"nosniff" in header
    assert b"set-cookie" not in header.lower()


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1/etc/passwd", "/../etc/passwd", "//etc/passwd", "/docs/../../secret", "*"],
)
def test_a_path_that_is_no_route_leads_nowhere(server: Server, target: str) -> None:
    status, answer = ask(server, "GET", target)
    assert status in (400, 404)
    assert b"root:" not in answer
