"""Somebody signs in with the real program, at the real pages of a real registry."""

import base64
import json
import re
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import httpx

from tests.end_to_end.machine import TIMEOUT_SECONDS, Machine, Ran, check_promises
from tests.processes import Running
from tests.registry.running import RunningRegistry
from tests.registry.signing_in import Person

CONFIGURATION = """
[registry.local]
url = "{url}"

[profile.local]
registry = "local"
organization = "default"
workspace = "default"

[default]
profile = "local"
"""


@contextmanager
def login(machine: Machine, *words: str, **variables: str) -> Generator["Login"]:
    """`stardag auth login` under way."""
    with machine.running("auth", "login", *words, **variables) as process:
        yield Login(process)


class Login:
    """The program, waiting for a person."""

    def __init__(self, process: Running) -> None:
        self._process = process

    def page(self) -> str:
        """The page that it asks to open, read from what it says."""
        found = self._process.reads(r"(https?://\S+/oauth/\S+)\n", self._process.err, TIMEOUT_SECONDS)
        assert found, self._process.err.read_text()
        return found[1]

    def ended(self, exits: int = 0) -> Ran:
        """What it said in all."""
        ended = self._process.ended(TIMEOUT_SECONDS)
        ran = Ran(("auth", "login"), ended.code, ended.out.decode(), ended.err.decode())
        check_promises(ran, {})
        assert ran.code == exits, ran.said
        return ran


class Account(NamedTuple):
    """What somebody signs in with."""

    name: str
    password: str


def allow(
    registry: RunningRegistry, page: str, decision: str = "allow", account: Account | None = None
) -> httpx.Response:
    """Sign in, as the owner unless it is somebody else, at a page of the registry and decide; what it answers at the
    end."""
    name, password = account or ("owner", registry.owner_password)
    with httpx.Client(base_url=page.partition("/oauth/")[0], trust_env=False) as http:
        person = Person(http)
        shown = person.sign_in(name, password, page.removeprefix(str(http.base_url).rstrip("/")))
        if "/oauth/device" in page:
            shown = person.submit(shown)
        return person.submit(shown, {"decision": decision})


def sign_in(
    machine: Machine, registry: RunningRegistry, *words: str, account: Account | None = None, **variables: str
) -> Ran:
    """The whole of it: program, pages, and the browser's way back to the program."""
    with login(machine, "--no-browser", *words, **variables) as program:
        answer = allow(registry, program.page(), account=account)
        back = httpx.get(answer.headers["location"], trust_env=False)
        assert back.status_code == 200
        return program.ended()


def journal(registry: RunningRegistry) -> Counter[str]:
    """What the provider says of refresh tokens in its log: how often it granted, repeated and refused."""
    lines = [line.partition("stardag_registry.provider: ")[2] for line in registry.said().splitlines()]
    return Counter(line.partition(":")[0] for line in lines if line)


def expire(machine: Machine) -> None:
    """Let every cached access token be stale."""
    for path in machine.directory.glob("access-token-cache/*.json"):
        document = json.loads(path.read_text())
        path.write_text(json.dumps(document | {"expires_at": 0}))


def secrets_of(directory: Path) -> list[str]:
    """Every secret that is kept below a stardag directory."""
    files = [*directory.glob("credentials/*.json"), *directory.glob("access-token-cache/*.json")]
    found = [re.findall(r'"(?:refresh|access)_token": ?"([^"]+)"', path.read_text()) for path in files]
    return [secret for several in found for secret in several]


def disguises_of(secret: str) -> list[str]:
    """A secret as it is, URL-encoded, and in base64 however it is aligned."""
    encoded = [base64.b64encode(b"x" * pad + secret.encode()).decode()[4:-4] for pad in range(3)]
    return [secret, quote(secret, safe=""), *encoded, *(each.translate(str.maketrans("+/", "-_")) for each in encoded)]


def is_revealed(secret: str, text: str) -> bool:
    """Whether a text holds a secret in any disguise."""
    return any(disguise in text for disguise in disguises_of(secret))


def accept_at_the_page(link: str, password: str) -> str:
    """Open an invitation's link in a browser, as somebody who has no account yet: make one, and join with it; the page
    that then says how to go on."""
    parts = urlsplit(link)
    with httpx.Client(base_url=f"{parts.scheme}://{parts.netloc}", trust_env=False) as http:
        person = Person(http)
        joined = person.submit(person.get(f"{parts.path}?{parts.query}"), {"password": password})
    assert joined.status_code == 200, joined.text
    return joined.text
