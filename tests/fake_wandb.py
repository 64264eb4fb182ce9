"""A server on this machine that answers W&B as far as a run needs, until it is told to fall silent."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

VIEWER = {"id": "v", "entity": "somebody", "username": "somebody", "flags": "{}", "teams": {"edges": []}}
SEQUENCE = {"id": "s", "latestArtifact": None}
# Answers to questions about artifacts that are always the same.
ARTIFACTS = {
    "Viewer": {"viewer": VIEWER},
    "CreateArtifact": {"createArtifact": {"artifact": {"id": "a", "state": "PENDING", "artifactSequence": SEQUENCE}}},
    "CommitArtifact": {"commitArtifact": {"artifact": {"id": "a", "digest": "d"}}},
}


class Server(ThreadingHTTPServer):
    """Counts what it is sent, and answers nothing any more after `breaks_after` updates of a run."""

    daemon_threads = True

    def __init__(self, breaks_after: float) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.breaks_after = breaks_after
        self.updates = 0
        self.files: dict[str, bytes] = {}  # what was uploaded, by its path
        self.stopped = threading.Event()

    @property
    def url(self) -> str:
        """Where W&B finds it."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""

    def answer(self) -> None:
        """Read a request and answer it."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.updates += "file_stream" in self.path
        if self.server.updates >= self.server.breaks_after:
            self.server.stopped.wait()
            self.close_connection = True
            return
        if self.command == "PUT":
            self.server.files[self.path] = body
        content = json.dumps(self.data(json.loads(body)) if self.path == "/graphql" else {}).encode()
        self.send_response(404 if "otel" in self.path else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = answer

    def data(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return what W&B's schema has for the questions that a run asks."""
        given = asked.get("variables") or {}
        if "ArtifactType(" in asked["query"]:
            return {"data": {"project": {"artifact": None}}}
        if asked.get("operationName") in ARTIFACTS:
            return {"data": ARTIFACTS[asked["operationName"]]}
        if asked.get("operationName") == "UpsertBucket":
            project = {"id": "p", "name": given["project"], "entity": {"id": "e", "name": "somebody"}}
            bucket = {"id": "b", "name": given["name"], "displayName": "run", "config": "{}", "project": project}
            return {"data": {"upsertBucket": {"bucket": bucket | {"historyLineCount": 0}, "inserted": True}}}
        if asked.get("operationName") == "CreateArtifactManifest":
            return {"data": {"createArtifactManifest": {"artifactManifest": {"id": "m", "file": self.place_of("m")}}}}
        if asked.get("operationName") == "CreateArtifactFiles":
            names = [file["name"] for file in given["input"]["artifactFiles"]]
            edges = [{"node": self.place_of(name)} for name in names]
            return {"data": {"createArtifactFiles": {"files": {"edges": edges}}}}
        if asked.get("operationName") == "CreateRunFiles":
            files = [{"name": name, "uploadUrl": f"{self.server.url}/{name}"} for name in given["files"]]
            return {"data": {"createRunFiles": {"runID": "b", "uploadHeaders": [], "files": files}}}
        return {"data": {}}

    def place_of(self, name: str) -> dict[str, Any]:
        """Return where a file of an artifact is to be uploaded."""
        file: dict[str, Any] = {"id": "f", "name": name, "displayName": name, "storagePath": name}
        file |= {"artifact": {"id": "a"}, "uploadHeaders": [], "uploadMultipartUrls": None}
        return file | {"uploadUrl": f"{self.server.url}/artifact/{name}"}


@contextmanager
def fake_wandb(breaks_after: float = float("inf")) -> Iterator[Server]:
    """Serve while the context lasts."""
    server = Server(breaks_after)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.stopped.set()
        server.shutdown()
        server.server_close()
