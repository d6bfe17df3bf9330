"""Clients that write as fast as they can, and remember what they were answered."""

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple, Self

import httpx

from stardag.domain.tasks import Json, task_id
from stardag_registry.domain.target_roots import MAX_TARGET_ROOTS

CLIENTS = 4
TASKS_AT_ONCE = 3
ROOTS_OF_A_BUILD = {"default": "/data/default/", "archive": "/data/archive/"}


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered with a 2xx, and the Idempotency-Keys of builds for which nothing came back."""

    roots: list[str] = field(default_factory=list[str])
    builds: dict[str, str] = field(default_factory=dict[str, str])
    """The builds' ids by their Idempotency-Keys."""
    tasks: list[tuple[str, Sequence[str]]] = field(default_factory=list[tuple[str, Sequence[str]]])
    """A build, and the ids of tasks that it recorded at once."""
    ended: list[str] = field(default_factory=list[str])
    lost_keys: list[str] = field(default_factory=list[str])
    repeated: set[str] = field(default_factory=set[str])
    """Builds that recorded their tasks again, since nothing came back the first time."""

    def __iadd__(self, other: "Answered") -> Self:
        self.roots.extend(other.roots)
        self.builds.update(other.builds)
        self.tasks.extend(other.tasks)
        self.ended.extend(other.ended)
        self.lost_keys.extend(other.lost_keys)
        self.repeated.update(other.repeated)
        return self

    @property
    def count(self) -> int:
        """How many changes."""
        return len(self.roots) + len(self.builds) + len(self.tasks) + len(self.ended)


class Reply(NamedTuple):
    """An answer, and whether the request had been sent before, and nothing had come back."""

    response: httpx.Response
    again: bool = False


Ask = Callable[[str, str, Any, Mapping[str, str]], Reply]
"""One request: method, path below the workspace, JSON, headers. Raises httpx.TransportError if nothing comes back."""


@dataclass(frozen=True, slots=True)
class Writer:
    """One client of one workspace. Every change that is answered is noted in `answered`, and releases `noted`."""

    ask: Ask
    answered: Answered
    noted: threading.Semaphore
    enough: threading.Event = field(default_factory=threading.Event)

    def write(self) -> None:
        """A root as long as there is room, a build, its tasks and its end, over and over, until it is enough or there
        is no answer."""
        try:
            for number in count():
                if self.enough.is_set():
                    return
                if len(self.answered.roots) < MAX_TARGET_ROOTS // (2 * CLIENTS):  # a workspace has no room for more
                    self._add_root()
                build = self.register(uuid.uuid4().hex)
                self._record_tasks(build, number)
                self._end(build)
        except httpx.TransportError:
            return

    def register(self, key: str) -> str:
        """The id of the build that this key stands for."""
        body = {"target_roots": ROOTS_OF_A_BUILD, "description": "under load"}
        try:
            answer, _ = self.ask("POST", "builds", body, {"Idempotency-Key": key})
        except httpx.TransportError:
            self.answered.lost_keys.append(key)
            raise
        assert answer.status_code in {200, 201}, answer.text
        build: str = answer.json()["id"]
        assert self.answered.builds.setdefault(key, build) == build, "a retry made a second build"
        self.noted.release()
        return build

    def _add_root(self) -> None:
        name = f"root-{uuid.uuid4().hex}"
        answer, again = self.ask("POST", "target-roots", {"name": name, "uri_prefix": f"/tmp/{name}/"}, {})
        assert answer.status_code == 201 or (again and answer.status_code == 409), answer.text
        self.answered.roots.append(name)
        self.noted.release()

    def _record_tasks(self, build: str, number: int) -> None:
        parameters: list[dict[str, Json]] = [
            {"build": build, "fold": fold, "number": number} for fold in range(TASKS_AT_ONCE)
        ]
        tasks = [{"name": "train", "parameters": each, "status": "completed"} for each in parameters]
        answer, again = self.ask("POST", f"builds/{build}/tasks", {"tasks": tasks}, {})
        assert answer.status_code == 200, answer.text
        ids = [task_id("train", each) for each in parameters]
        assert answer.json()["ids"] == ids
        if again:
            self.answered.repeated.add(build)
        self.answered.tasks.append((build, ids))
        self.noted.release()

    def _end(self, build: str) -> None:
        answer, _ = self.ask("PATCH", f"builds/{build}", {"status": "completed"}, {})
        assert answer.status_code == 200, answer.text
        self.answered.ended.append(build)
        self.noted.release()


def asking(client: httpx.Client, workspace_id: str) -> Ask:
    """Ask one server, and nobody else."""

    def ask(method: str, path: str, body: Any, headers: Mapping[str, str]) -> Reply:
        return Reply(client.request(method, f"/api/v1/workspaces/{workspace_id}/{path}", json=body, headers=headers))

    return ask


def asking_either(clients: Sequence[httpx.Client], workspace_id: str) -> Ask:
    """Ask one server after the other until one answers, the last that did first."""
    order = list(clients)

    def ask(method: str, path: str, body: Any, headers: Mapping[str, str]) -> Reply:
        url = f"/api/v1/workspaces/{workspace_id}/{path}"
        for tries in count():
            try:
                return Reply(order[0].request(method, url, json=body, headers=headers), tries > 0)
            except httpx.TransportError:
                order.append(order.pop(0))
        raise AssertionError

    return ask


def client_of(url: str, key: str) -> httpx.Client:
    """A client with a credential."""
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=20, trust_env=False)


def workspace_of(client: httpx.Client) -> str:
    """The id of the workspace that the client's key belongs to."""
    workspace: str = client.get("/api/v1/me").json()["workspace"]["id"]
    return workspace


class Load:
    """Clients that write, each to whichever server answers, for the length of a `with` block."""

    def __init__(self, urls: Sequence[str], key: str) -> None:
        self.answered = Answered()
        self._urls = urls
        self._key = key
        self._noted = threading.Semaphore(0)
        self._enough = threading.Event()
        self._parts = [Answered() for _ in range(CLIENTS)]
        self._done: list[bool] = []
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()
        for part in self._parts:
            self.answered += part
        assert len(self._done) == CLIENTS, "a client was answered something else than it had to be"

    def wait_for(self, changes: int) -> None:
        """Return once so many more changes have been answered."""
        for _ in range(changes):
            assert self._noted.acquire(timeout=60)

    def _write(self, number: int) -> None:
        with ExitStack() as stack:
            clients = [stack.enter_context(client_of(url, self._key)) for url in self._urls]
            if number % 2:
                clients.reverse()
            ask = asking_either(clients, workspace_of(clients[0]))
            Writer(ask, self._parts[number], self._noted, self._enough).write()
            self._done.append(True)
