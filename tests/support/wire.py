"""A client that says exactly what it is told to, and as slowly."""

import json
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.server import Server


class Wire:
    """One connection to a server, in bytes."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.received = b""

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def closed_within(self, seconds: float) -> bool:
        """Whether the server ends the connection in this time; keeps what comes before."""
        while select.select([self.connection], [], [], seconds)[0]:
            try:
                data = self.connection.recv(1 << 16)
            except ConnectionError:
                return True
            if not data:
                return True
            self.received += data
        return False

    def trickle(self, data: bytes, pause: float = 0.1) -> None:
        """Sends byte after byte until the server has had enough or all are sent."""
        for byte in data:
            try:
                self.send(bytes([byte]))
            except ConnectionError:
                return
            if self.closed_within(pause):
                return
        raise AssertionError(f"the server took all of it and answered {self.received!r}")

    def answer(self) -> tuple[int, dict[str, str], Any]:
        """Status, headers and document of the one answer that came before the end."""
        assert self.closed_within(60), self.received
        head, _, body = self.received.partition(b"\r\n\r\n")
        line, *fields = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (f.split(": ", 1) for f in fields)}
        document = json.loads(body) if "json" in headers["content-type"] else body
        return int(line.split()[1]), headers, document


@contextmanager
def wire(server: Server, receive_buffer: int | None = None) -> Iterator[Wire]:
    with socket.socket() as connection:
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(60)
        connection.connect(("127.0.0.1", server.port))
        yield Wire(connection)


def head(path: str, *fields: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *fields, "", ""]).encode()
