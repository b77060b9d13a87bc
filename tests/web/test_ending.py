"""A facade that ends serves all whom it has let in, and refuses the rest: nobody's connection is reset."""

import os
import signal
import socket

from tests.testlib.facade_process import served
from tests.testlib.processes import RedisServer, until

REQUEST = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def answer(sock: socket.socket) -> bytes:
    data = b""
    with sock:
        while piece := sock.recv(4096):
            data += piece
    return data


def test_who_was_let_in_before_the_end_is_served(redis: RedisServer) -> None:
    with served(redis.url) as server:
        worker = server.worker_pid
        os.kill(worker, signal.SIGSTOP)  # as when it is busy: the system lets callers in for it
        callers = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(20)]
        for caller in callers:
            caller.sendall(REQUEST)
        server.process.terminate()
        os.kill(worker, signal.SIGTERM)
        os.kill(worker, signal.SIGCONT)
        assert [answer(caller)[:12] for caller in callers] == [b"HTTP/1.1 200"] * 20
        until(lambda: server.process.poll() == 0, what="it has ended in order")
