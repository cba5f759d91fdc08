"""A small Conveyor API: what it was asked for, and answers that a test gives."""

from __future__ import annotations

import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class ApiStub:
    """Answers each request with what ``answers`` has for its line, such as ``GET /logs``.

    An answer is a status and a document, or a queue whose texts are sent as an event stream until it
    gives ``None``.
    """

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any] | queue.Queue[str | None]] = {}
        self.asked: list[tuple[str, Any]] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                line = f"{self.command} {self.path}"
                stub.asked.append((line, body))
                answer = stub.answers.get(line)
                if isinstance(answer, queue.Queue):
                    self.stream(answer)
                    return
                status, document = answer or (404, "Cannot " + line)
                kind = "text/plain" if isinstance(document, str) else "application/json"
                text = document if isinstance(document, str) else json.dumps(document)
                self.send_response(status)
                if status != 204:
                    self.send_header("content-type", kind)
                    self.send_header("content-length", str(len(text)))
                self.end_headers()
                if status != 204:
                    self.wfile.write(text.encode())

            def stream(self, texts: queue.Queue[str | None]) -> None:
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.end_headers()
                while (text := texts.get()) is not None:
                    self.wfile.write(text.encode())
                    self.wfile.flush()

            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
