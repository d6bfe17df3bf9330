"""Tokens that nobody should get in with: forged, misused, or made for something else."""

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry

from stardag_registry.adapters.signing import ALGORITHM
from stardag_registry.app.organization_tokens import ORGANIZATION_TOKEN_TYPE
from stardag_registry.domain.users import User
from tests.registry.conftest import Home
from tests.registry.in_process import ADDRESS, InProcess

OTHERS_KEY = ECKey.generate_key("P-256", {"kid": "others"})


@dataclass(frozen=True)
class Scene:
    """A member of the organization, somebody who is none, and all that it takes to make tokens."""

    registry: InProcess
    home: Home
    member: User
    stranger: User

    @property
    def key(self) -> ECKey:
        """The registry's own key, which only the registry has."""
        with self.registry.furnish.database.reading() as reading:
            newest = reading.signing_keys()[0]
        return ECKey.import_key(newest.private_key, {"kid": newest.id})

    @property
    def claims(self) -> dict[str, Any]:
        now = int(self.registry.furnish.clock().timestamp())
        return {
            "iss": ADDRESS,
            "aud": ADDRESS,
            "sub": self.member.id,
            "organization": self.home.organization.id,
            "iat": now,
            "exp": now + 600,
        }

    @property
    def header(self) -> dict[str, Any]:
        return {"alg": ALGORITHM, "typ": ORGANIZATION_TOKEN_TYPE, "kid": self.key.kid}

    def token(self, header: Mapping[str, Any] = {}, key: ECKey | None = None, **claims: Any) -> str:
        """A token that is right, but for what is changed; whatever is changed to None is left out."""
        return signed(without_none(self.header | dict(header)), without_none(self.claims | claims), key or self.key)

    def answer_to(self, token: str) -> tuple[int, bytes]:
        response = self.registry.client.get(self.home.target_roots, headers={"Authorization": f"Bearer {token}"})
        return response.status_code, response.content


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def signed(header: Mapping[str, Any], claims: Mapping[str, Any], key: ECKey) -> str:
    """A signature over any header, which a library would have opinions about."""
    return sealed(f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}", key)


def sealed(message: str, key: ECKey) -> str:
    algorithm = JWSRegistry(algorithms=[ALGORITHM]).get_alg(ALGORITHM)
    return f"{message}.{encoded(algorithm.sign(message.encode(), key))}"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(scene: Scene, algorithm: str) -> str:
    header = scene.header | {"alg": algorithm}
    return f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(scene.claims).encode())}."


def by_shared_secret(scene: Scene, secret: bytes) -> str:
    header = scene.header | {"alg": "HS256"}
    message = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(scene.claims).encode())}"
    return f"{message}.{encoded(hmac.digest(secret, message.encode(), 'sha256'))}"


def with_signature(scene: Scene, signature: bytes) -> str:
    return f"{scene.token().rpartition('.')[0]}.{encoded(signature)}"


def with_payload(scene: Scene, payload: bytes) -> str:
    return sealed(f"{scene.token().partition('.')[0]}.{encoded(payload)}", scene.key)


def altered(scene: Scene) -> str:
    header, _, signature = scene.token().split(".")
    return f"{header}.{encoded(json.dumps(scene.claims | {'sub': scene.stranger.id}).encode())}.{signature}"


def of_a_removed_member(scene: Scene) -> str:
    token = scene.token()
    scene.registry.furnish.remove(scene.home.organization, scene.member)
    return token


def of_a_retired_key(scene: Scene) -> str:
    old = scene.key
    scene.registry.furnish.clock.move(timedelta(seconds=1))
    scene.registry.signer.rotate()
    scene.registry.furnish.clock.move(timedelta(minutes=61))
    scene.registry.signer.rotate()
    scene.registry.furnish.clock.move(timedelta(minutes=1))
    return scene.token({"kid": old.kid}, old)


FORGED: Mapping[str, Callable[[Scene], str]] = {
    "no algorithm": lambda scene: unsigned(scene, "none"),
    "no algorithm, oddly written": lambda scene: unsigned(scene, "nOnE"),
    "no algorithm named": lambda scene: scene.token({"alg": None}),
    "the public key as a shared secret, PEM": lambda scene: by_shared_secret(scene, scene.key.as_pem(private=False)),
    "the public key as a shared secret, JWK": lambda scene: by_shared_secret(
        scene, json.dumps(scene.key.as_dict(private=False)).encode()
    ),
    "another's key under our name": lambda scene: scene.token(key=OTHERS_KEY),
    "another's key": lambda scene: scene.token({"kid": "others"}, OTHERS_KEY),
    "another's key in the header": lambda scene: scene.token({"jwk": OTHERS_KEY.as_dict(private=False)}, OTHERS_KEY),
    "another's key at an address": lambda scene: scene.token({"jku": "https://evil.example/jwks"}, OTHERS_KEY),
    "a certificate at an address": lambda scene: scene.token({"x5u": "https://evil.example/x5u"}),
    "no key named": lambda scene: scene.token({"kid": None}),
    "an empty key name": lambda scene: scene.token({"kid": ""}),
    "a number for a key name": lambda scene: scene.token({"kid": 1}),
    "a path for a key name": lambda scene: scene.token({"kid": "../../../dev/null"}),
    "SQL for a key name": lambda scene: scene.token({"kid": "' OR 1=1 --"}),
    "something critical": lambda scene: scene.token({"crit": ["exp"], "exp": 1}),
    "an unencoded payload": lambda scene: scene.token({"b64": False, "crit": ["b64"]}),
    "a compressed payload": lambda scene: scene.token({"zip": "DEF"}),
    "no type": lambda scene: scene.token({"typ": None}),
    "the type JWT": lambda scene: scene.token({"typ": "JWT"}),
    "the type of access tokens": lambda scene: scene.token({"typ": "at+jwt"}),
    "the type in capitals": lambda scene: scene.token({"typ": ORGANIZATION_TOKEN_TYPE.upper()}),
    "another issuer": lambda scene: scene.token(iss="https://evil.example"),
    "the issuer with a slash": lambda scene: scene.token(iss=f"{ADDRESS}/"),
    "no issuer": lambda scene: scene.token(iss=None),
    "another audience": lambda scene: scene.token(aud="https://evil.example"),
    "several audiences": lambda scene: scene.token(aud=[ADDRESS, "https://evil.example"]),
    "no audience": lambda scene: scene.token(aud=None),
    "expired": lambda scene: scene.token(exp=scene.claims["iat"] - 1),
    "expiring now": lambda scene: scene.token(exp=scene.claims["iat"]),
    "no expiry": lambda scene: scene.token(exp=None),
    "expiry as text": lambda scene: scene.token(exp=str(scene.claims["exp"])),
    "expiry as truth": lambda scene: scene.token(exp=True),
    "expiry without end": lambda scene: scene.token(exp=float("inf")),
    "no subject": lambda scene: scene.token(sub=None),
    "a number for a subject": lambda scene: scene.token(sub=1),
    "a subject who is no member": lambda scene: scene.token(sub=scene.stranger.id),
    "a subject who is nobody": lambda scene: scene.token(sub="00000000-0000-4000-8000-000000000000"),
    "no organization": lambda scene: scene.token(organization=None),
    "a list of organizations": lambda scene: scene.token(organization=[scene.home.organization.id]),
    "an organization's slug": lambda scene: scene.token(organization=scene.home.organization.slug),
    "an organization that is nobody's": lambda scene: scene.token(organization="00000000-0000-4000-8000-000000000000"),
    "altered after it was signed": altered,
    "a signature that is cut short": lambda scene: scene.token()[:-4],
    "no signature": lambda scene: with_signature(scene, b""),
    "a signature of zeros": lambda scene: with_signature(scene, bytes(64)),
    "a signature in another form": lambda scene: with_signature(scene, b"\x30\x06\x02\x01\x01\x02\x01\x01"),
    "a payload that is no JSON": lambda scene: with_payload(scene, b"hello"),
    "a payload that is a list": lambda scene: with_payload(scene, b"[]"),
    "a payload of many brackets": lambda scene: with_payload(scene, b"[" * 5000),
    "two parts": lambda scene: scene.token().rpartition(".")[0],
    "four parts": lambda scene: f"{scene.token()}.x",
    "an encrypted token": lambda scene: f"{encoded(json.dumps({'alg': 'dir', 'enc': 'A256GCM'}).encode())}..a.b.c",
    "too long": lambda scene: scene.token(more="x" * 20000),
    "the issuer's access token": lambda scene: scene.registry.access_token(scene.member),
    "the issuer's ID token": lambda scene: scene.registry.id_token(scene.member),
    "a member who was removed": of_a_removed_member,
    "a key that was retired": of_a_retired_key,
}


@pytest.fixture
def scene(registry_on_sqlite: InProcess, home_on_sqlite: Home) -> Scene:
    registry, home = registry_on_sqlite, home_on_sqlite
    member = registry.furnish.member(home.organization, "owner")
    stranger = registry.furnish.member(registry.furnish.organization("strangers"), "owner", "stranger")
    scene = Scene(registry, home, member, stranger)
    registry.tokens.make(member.id, home.organization.id)  # which makes the first key
    return scene


def test_the_token_that_the_others_are_made_from_is_good(scene: Scene) -> None:
    assert scene.answer_to(scene.token())[0] == 200
    assert scene.answer_to(scene.registry.tokens.make(scene.member.id, scene.home.organization.id))[0] == 200


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_token_is_refused_like_any_other(scene: Scene, kind: str) -> None:
    expected = scene.answer_to("hello")
    assert expected[0] == 401
    assert scene.answer_to(FORGED[kind](scene)) == expected


def test_there_are_more_than_forty_kinds() -> None:
    assert len(FORGED) >= 40


MISUSED: Mapping[str, Callable[[Scene], tuple[str, str | None]]] = {
    "an ID token to authorize": lambda s: (s.registry.id_token(s.member), s.registry.id_token(s.member)),
    "an organization's token to authorize": lambda s: (s.token(), s.registry.id_token(s.member)),
    "an API key to authorize": lambda s: (s.home.administering.text, s.registry.id_token(s.member)),
    "an access token to identify": lambda s: (s.registry.access_token(s.member), s.registry.access_token(s.member)),
    "an organization's token to identify": lambda s: (s.registry.access_token(s.member), s.token()),
    "somebody else's ID token": lambda s: (s.registry.access_token(s.stranger), s.registry.id_token(s.member)),
    "an ID token for another client": lambda s: (
        s.registry.access_token(s.member),
        s.registry.id_token(s.member, aud="other"),
    ),
    "an ID token of another issuer": lambda s: (
        s.registry.access_token(s.member),
        s.registry.id_token(s.member, iss="https://evil.example"),
    ),
    "an ID token that has expired": lambda s: (s.registry.access_token(s.member), s.registry.id_token(s.member, exp=1)),
    "an access token for another registry": lambda s: (
        s.registry.access_token(s.member, aud="https://evil.example"),
        None,
    ),
    "an access token that has expired": lambda s: (s.registry.access_token(s.member, exp=1), None),
    "an access token of nobody": lambda s: (s.registry.access_token(s.member, sub=None), None),
    "an access token of somebody unknown": lambda s: (s.registry.access_token(s.member, sub="unknown"), None),
}


@pytest.mark.parametrize("path", ["/auth/exchange", "/api/v1/auth/exchange"])
@pytest.mark.parametrize("kind", MISUSED)
def test_tokens_that_are_misused_are_not_exchanged(scene: Scene, kind: str, path: str) -> None:
    access_token, id_token = MISUSED[kind](scene)
    body = without_none({"organization": scene.home.organization.slug, "id_token": id_token})
    answer = scene.registry.ask("POST", path, access_token, json=body)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
