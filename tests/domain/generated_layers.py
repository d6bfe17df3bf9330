"""Layers of every kind, generated for property tests: files, variables, flags and caches that go together or not."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TypeVar

from hypothesis import strategies as st

from stardag.domain.configuration import Profile
from stardag.domain.credentials import Secret
from stardag.domain.profile import Selection
from stardag.domain.remembered import CachedRoots, WorkspaceIdentity
from tests.domain import resolution_table as table
from tests.domain.resolution_table import Case, FileCase

Option = TypeVar("Option")


def an_id(number: int) -> str:
    return str(uuid.UUID(int=number))


URLS = ["https://one.example", "https://two.example", table.CENTRAL_URL]
KEYS = ["sk_1", "sk_2"]
RED, BLUE = (an_id(1), "red"), (an_id(2), "blue")
WORKSPACES = [(RED, an_id(11), "prod"), (RED, an_id(12), "dev"), (BLUE, an_id(21), "prod")]
ROOT_NAMES = ["default", "data-1", "data_1"]

PREFIXES = ["/one", "/two", "s3://bucket/three/"]
ORGANIZATIONS = [*RED, *BLUE]
SLUGS_AND_IDS = ["prod", "dev", an_id(11), an_id(12), an_id(21)]

PLACES = [(url, workspace) for url in URLS for workspace in WORKSPACES]
ROOTS = [{"default": "/one"}, {"data-1": "/two"}, {}, {"data-1": "/one", "data_1": "/two"}, {"data_1": "/one"}]


def chosen(bits: int) -> list[tuple[int, str, tuple[str, str], str, str]]:
    """Some of the places, with their numbers; one number for the generator to draw is quicker than many."""
    numbered = enumerate(PLACES)
    return [(number, url, *workspace) for number, (url, workspace) in numbered if bits >> number & 1]


def identities(bits: int, owners: int) -> tuple[WorkspaceIdentity, ...]:
    """What is remembered: of some registries some workspaces, each key in one of them at most."""
    found: list[WorkspaceIdentity] = []
    for number, url, organization, workspace_id, workspace_slug in chosen(bits):
        own = frozenset(Secret(key).fingerprint for place, key in enumerate(KEYS) if (owners + place) % 4 == number % 3)
        found.append(WorkspaceIdentity(url, *organization, workspace_id, workspace_slug, own))
    return tuple(found)


def caches(bits: int) -> tuple[CachedRoots, ...]:
    return tuple(
        CachedRoots(url, organization[0], workspace_id, ROOTS[(bits + number) % len(ROOTS)])
        for number, url, organization, workspace_id, _ in chosen(bits)
    )


@dataclass
class Digits:
    """One large number, read as a sequence of choices: what is drawn is quick to draw, and 0 chooses nothing."""

    number: int

    def up_to(self, count: int) -> int:
        self.number, digit = divmod(self.number, count)
        return digit

    def one_of(self, options: Sequence[Option]) -> Option:
        return options[self.up_to(len(options))]

    def maybe(self, options: Sequence[Option], out_of: int = 3) -> Option | None:
        """One of the options, and nothing in one case out of so many."""
        return self.one_of(options) if self.up_to(out_of) and options else None


def a_file(digits: Digits) -> FileCase | None:
    kind = digits.up_to(4)
    if kind == 0:
        return None
    registries = {
        name: url
        for name, url in zip(["local", "mirror", "central"], digits.one_of(list(permutations(URLS))), strict=True)
        if digits.up_to(4)
    }
    if "central" not in registries:  # no two names for one address
        registries = {name: url for name, url in registries.items() if url != table.CENTRAL_URL}
    known = sorted({"central", *registries})
    profiles = {
        name: Profile(name, digits.one_of(known), digits.maybe(ORGANIZATIONS, 4), digits.maybe(SLUGS_AND_IDS, 4))
        for name in ("p1", "p2", "p3")
        if digits.up_to(5)
    }
    return FileCase(kind == 1, registries, profiles, digits.maybe(sorted(profiles)))


def some_roots(digits: Digits, names: Sequence[str]) -> dict[str, str]:
    return {name: digits.one_of(PREFIXES) for name in names if digits.up_to(4) == 1}


def a_case(number: int) -> Case:
    digits = Digits(number)
    file = a_file(digits)
    profiles = [*(file.profiles if file else ()), *(["missing"] if digits.up_to(20) == 1 else [])]
    registries = ["central", *(file.registries if file else ()), *(["missing"] if digits.up_to(20) == 1 else [])]
    flags = Selection(
        profile=digits.maybe(profiles, 2),
        registry=digits.maybe(registries, 2),
        organization=digits.maybe(ORGANIZATIONS, 2),
        workspace=digits.maybe(SLUGS_AND_IDS, 2),
    )
    options = {
        "profile": profiles,
        "url": [*URLS, "https://unnamed.example"],
        "organization": ORGANIZATIONS,
        "workspace": SLUGS_AND_IDS,
        "api_key": KEYS,
    }
    variables = {key: digits.maybe(values, 2) for key, values in options.items()}
    return Case(
        flags=flags,
        variables={key: value for key, value in variables.items() if value is not None},
        json_roots=some_roots(digits, ROOT_NAMES),
        root_variables=some_roots(digits, ["default", "data_1", "extra"]),
        file=file,
        identities=identities(digits.up_to(2**9), digits.up_to(4)),
        cached=caches(digits.up_to(2**9) | digits.up_to(2**9)),
    )


cases = st.binary(min_size=24, max_size=24).map(lambda drawn: a_case(int.from_bytes(drawn)))
