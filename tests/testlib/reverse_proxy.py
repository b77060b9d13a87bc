"""A small reverse proxy: shows a service below a path, which it cuts off and names to it."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@contextmanager
def reverse_proxy(service: str, prefix: str) -> Iterator[str]:
    """Where it listens, while it does."""

    class Handler(BaseHTTPRequestHandler):
        def forward(self) -> None:
            if not self.path.startswith(prefix + "/"):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name: value for name, value in self.headers.items() if name != "Host"}
            headers |= {"X-Forwarded-Prefix": prefix, "X-Forwarded-Host": self.headers["Host"]}
            with closing(http.client.HTTPConnection(urlsplit(service).netloc, timeout=30)) as line:
                line.request(self.command, self.path.removeprefix(prefix), body, headers)
                answer = line.getresponse()
                data = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "date", "server", "transfer-encoding"):
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = forward

        def log_message(self, format: str, *args: object) -> None:
            """No."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
