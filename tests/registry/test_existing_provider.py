"""An OpenID provider that is there already, of our own making and under our own clock: what counts of its tokens."""

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Generator, Mapping
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry

from stardag_registry.adapters.existing_provider import ExistingIssuerTokens
from stardag_registry.app.identity_provider import ExistingIdentityProvider
from stardag_registry.domain.errors import IssuerUnavailable, Unauthenticated
from tests.registry.http.test_forged_tokens import encoded
from tests.registry.in_process import ADDRESS, SettableClock

CLIENT = "stardag"
KEY = RSAKey.generate_key(2048, {"kid": "one"})
OTHERS_KEY = RSAKey.generate_key(2048, {"kid": "one"})


class Issuer:
    """Answers with `documents`, by path; `asked` holds the paths, and with `hangs` on nothing is answered."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.opaque: dict[str, Mapping[str, object]] = {}
        self.subjects: dict[str, str] = {}
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
                issuer.asked.append(self.path)
                status, document = issuer.answer(self.path, dict(parse_qsl(body)), self.headers.get("Authorization"))
                answer = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_POST = do_GET  # noqa: N815 (the library's name)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.keys = [KEY]
        self.discovery: dict[str, object] = {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "introspection_endpoint": f"{self.url}/introspect",
        }
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, path: str, form: Mapping[str, str], authorization: str | None) -> tuple[int, object]:
        match path:
            case "/.well-known/openid-configuration":
                return 200, self.discovery
            case "/jwks":
                return 200, {"keys": [key.as_dict(private=False) | {"use": "sig"} for key in self.keys]}
            case "/introspect":
                return 200, self.opaque.get(form.get("token", ""), {"active": False})
            case _:
                subject = self.subjects.get((authorization or "").removeprefix("Bearer "))
                return (401, {}) if subject is None else (200, {"sub": subject})


class Scene:
    """The issuer, and a registry that uses it."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.clock = SettableClock()
        self.tokens = self.with_audience(None)

    def with_audience(self, audience: str | None) -> ExistingIssuerTokens:
        return ExistingIssuerTokens(ExistingIdentityProvider(self.issuer.url, CLIENT, audience), ADDRESS, self.clock)

    def access_token(self, header: Mapping[str, Any] = {}, key: RSAKey = KEY, **claims: Any) -> str:
        return self.signed({"typ": "at+jwt", **header}, {"aud": ADDRESS, "sub": "alice", **claims}, key)

    def id_token(self, header: Mapping[str, Any] = {}, key: RSAKey = KEY, **claims: Any) -> str:
        said = {"aud": CLIENT, "sub": "alice", "nonce": "n", "preferred_username": "alice", **claims}
        return self.signed({"typ": "JWT", **header}, said, key)

    def signed(self, header: Mapping[str, Any], claims: Mapping[str, Any], key: RSAKey) -> str:
        now = int(self.clock().timestamp())
        whole = {"iss": self.issuer.url, "iat": now, "exp": now + 300, **claims}
        shown = {"alg": "RS256", "kid": "one", **header}
        left = {name: value for name, value in shown.items() if value is not None}
        return jwt.encode(left, {name: value for name, value in whole.items() if value is not None}, key)


@pytest.fixture
def scene() -> Generator[Scene]:
    issuer = Issuer()
    yield Scene(issuer)
    issuer.server.shutdown()
    issuer.server.server_close()


def hs256(scene: Scene) -> str:
    claims = scene.access_token().split(".")[1]
    message = f"{encoded(json.dumps({'alg': 'HS256', 'typ': 'at+jwt', 'kid': 'one'}).encode())}.{claims}"
    return f"{message}.{encoded(hmac.digest(KEY.as_pem(private=False), message.encode(), 'sha256'))}"


def _critical(scene: Scene) -> str:
    header = encoded(json.dumps({"alg": "RS256", "kid": "one", "typ": "at+jwt", "crit": ["x"], "x": 1}).encode())
    message = f"{header}.{scene.access_token().split('.')[1]}"
    algorithm = JWSRegistry(algorithms=["RS256"]).get_alg("RS256")
    return f"{message}.{encoded(algorithm.sign(message.encode(), KEY))}"


def _opaque(scene: Scene, said: Mapping[str, object]) -> str:
    scene.issuer.opaque["token"] = said
    return "token"


REFUSED: Mapping[str, Callable[[Scene], str]] = {
    "nothing": lambda scene: "",
    "no algorithm": lambda scene: encoded(b'{"alg":"none"}') + "." + scene.access_token().split(".")[1] + ".",
    "the public key as a shared secret": hs256,
    "another's key under the same name": lambda scene: scene.access_token(key=OTHERS_KEY),
    "a key that is not listed": lambda scene: scene.access_token({"kid": "two"}),
    "something critical": _critical,
    "the type of ID tokens of a logout": lambda scene: scene.access_token({"typ": "logout+jwt"}),
    "an ID token": lambda scene: scene.id_token(),
    "an ID token for the audience": lambda scene: scene.id_token(aud=[CLIENT, ADDRESS]),
    "with the hash of a token": lambda scene: scene.access_token(at_hash="x"),
    "of another kind": lambda scene: scene.access_token(typ="Refresh"),
    "for another use": lambda scene: scene.access_token(token_use="id"),
    "another issuer": lambda scene: scene.access_token(iss="https://evil.example"),
    "another audience": lambda scene: scene.access_token(aud="https://other.example"),
    "the client as audience, without the type": lambda scene: scene.access_token({"typ": "JWT"}, aud=CLIENT),
    "no audience": lambda scene: scene.access_token(aud=None),
    "expired": lambda scene: scene.access_token(exp=int(scene.clock().timestamp()) - 61),
    "no expiry": lambda scene: scene.access_token(exp=None),
    "not yet": lambda scene: scene.access_token(nbf=int(scene.clock().timestamp()) + 61),
    "a subject that is a list": lambda scene: scene.access_token(sub=["alice"]),
    "a subject that is too long": lambda scene: scene.access_token(sub="x" * 256),
    "too long": lambda scene: scene.access_token(more="x" * 20000),
    "opaque, and not known": lambda scene: "opaque",
    "opaque, for another": lambda scene: _opaque(scene, {"active": True, "sub": "alice", "aud": "other"}),
    "opaque, of another client": lambda scene: _opaque(scene, {"active": True, "sub": "alice", "client_id": "other"}),
    "opaque, and over": lambda scene: _opaque(scene, {"active": True, "sub": "alice", "client_id": CLIENT, "exp": 1}),
    "opaque, said as text": lambda scene: _opaque(scene, {"active": "true", "sub": "alice", "client_id": CLIENT}),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_an_access_token_that_does_not_count_is_refused(scene: Scene, kind: str) -> None:
    token = REFUSED[kind](scene)
    with pytest.raises(Unauthenticated):
        scene.tokens.subject_of(token)


@pytest.mark.parametrize("typ", ["at+jwt", "application/at+jwt", "JWT", None])
def test_an_access_token_names_its_subject(scene: Scene, typ: str | None) -> None:
    assert scene.tokens.subject_of(scene.access_token({"typ": typ})) == "alice"


def test_a_provider_that_knows_no_audience_but_the_client_can_be_used(scene: Scene) -> None:
    typed = scene.access_token(aud=[CLIENT])
    assert scene.tokens.subject_of(typed) == "alice"
    named = scene.with_audience(CLIENT)
    for token in (typed, scene.access_token({"typ": "JWT"}, aud=CLIENT)):
        assert named.subject_of(token) == "alice"


def test_an_id_token_without_its_usual_marks_is_no_access_token(scene: Scene) -> None:
    for typ in ("JWT", None):
        with pytest.raises(Unauthenticated):
            scene.tokens.subject_of(scene.id_token({"typ": typ}, nonce=None))


def test_the_audience_of_a_refused_token_is_logged(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Unauthenticated):
        scene.tokens.subject_of(scene.access_token(aud="https://other.example"))
    assert "'https://other.example'" in caplog.text
    assert "--oidc-audience" in caplog.text


def test_an_audience_that_is_named_is_the_only_one(scene: Scene) -> None:
    for token in (scene.access_token(), scene.access_token(aud=CLIENT)):
        with pytest.raises(Unauthenticated):
            scene.with_audience("api://stardag").subject_of(token)


def test_clocks_may_differ_by_a_minute(scene: Scene) -> None:
    now = int(scene.clock().timestamp())
    assert scene.tokens.subject_of(scene.access_token(exp=now - 59, nbf=now + 59)) == "alice"


def test_an_opaque_token_counts_through_introspection(scene: Scene) -> None:
    for said in ({"client_id": CLIENT}, {"aud": [ADDRESS]}, {"aud": [CLIENT]}):
        assert scene.tokens.subject_of(_opaque(scene, {"active": True, "sub": "alice", **said})) == "alice"


def test_a_token_without_a_subject_is_looked_up(scene: Scene) -> None:
    token = scene.access_token(sub=None)
    assert scene.tokens.subject_of(token) is None
    scene.issuer.subjects[token] = "alice"
    assert scene.tokens.look_up_subject(token) == "alice"
    with pytest.raises(Unauthenticated):
        scene.tokens.look_up_subject("another")


def test_an_id_token_identifies_by_subject_or_by_hash(scene: Scene) -> None:
    assert scene.tokens.claims_in(scene.id_token(), "any", "alice").preferred_username == "alice"
    token = scene.access_token(sub=None)
    half = encoded(hashlib.sha256(token.encode()).digest()[:16])
    assert scene.tokens.claims_in(scene.id_token(at_hash=half), token, None).subject == "alice"


@pytest.mark.parametrize(
    "changed",
    [{"sub": "bob"}, {"aud": "other"}, {"azp": "other"}, {"iss": "https://evil.example"}, {"exp": 1}, {"sub": None}],
)
def test_an_id_token_that_does_not_count_is_refused(scene: Scene, changed: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        scene.tokens.claims_in(scene.id_token(**changed), "any", "alice")


def test_an_id_token_with_another_tokens_hash_is_refused(scene: Scene) -> None:
    with pytest.raises(Unauthenticated):
        scene.tokens.claims_in(scene.id_token(at_hash="x" * 22), scene.access_token(sub=None), None)


def test_a_new_key_is_fetched_when_a_token_names_it(scene: Scene) -> None:
    scene.tokens.subject_of(scene.access_token())
    new = RSAKey.generate_key(2048, {"kid": "two"})
    scene.issuer.keys = [KEY, new]
    scene.clock.move(timedelta(seconds=31))
    assert scene.tokens.subject_of(scene.access_token({"kid": "two"}, new)) == "alice"


def test_forged_key_names_do_not_make_the_registry_ask_each_time(scene: Scene) -> None:
    for number in range(20):
        with pytest.raises(Unauthenticated):
            scene.tokens.subject_of(scene.access_token({"kid": f"forged-{number}"}))
    assert scene.issuer.asked.count("/jwks") <= 2


@pytest.mark.parametrize(
    "changed",
    [{"issuer": "https://evil.example"}, {"jwks_uri": None}, {"jwks_uri": "http://evil.example/jwks"}, {"jwks_uri": 1}],
)
def test_an_issuer_that_answers_nonsense_is_not_used(scene: Scene, changed: dict[str, object]) -> None:
    scene.issuer.discovery |= changed
    with pytest.raises(IssuerUnavailable):
        scene.tokens.subject_of(scene.access_token())


def test_an_issuer_that_does_not_answer_is_not_asked_again_at_once(scene: Scene) -> None:
    nowhere = ExistingIdentityProvider("http://127.0.0.1:9", CLIENT, None)
    tokens = ExistingIssuerTokens(nowhere, ADDRESS, scene.clock)
    for _ in range(2):
        with pytest.raises(IssuerUnavailable):
            tokens.check()


def test_what_an_issuer_said_counts_on_while_it_is_silent(scene: Scene) -> None:
    token = scene.access_token(exp=int(scene.clock().timestamp()) + 10000)
    assert scene.tokens.subject_of(token) == "alice"
    scene.issuer.discovery = {}
    scene.clock.move(timedelta(hours=2))
    assert scene.tokens.subject_of(token) == "alice"


@pytest.mark.parametrize(
    "variables",
    [
        {"NO_PROXY": "localhost,fd00::/8"},
        {"NO_PROXY": "[::1],127.0.0.1:*", "HTTPS_PROXY": "nonsense://"},
        {"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.0/8"},
        {"ALL_PROXY": "socks5://127.0.0.1:9", "NO_PROXY": "127.0.0.1"},
    ],
)
def test_only_a_proxy_that_leads_to_the_issuer_matters(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    scene.tokens.check()


def test_a_proxy_that_is_not_there_keeps_the_issuer_out_of_reach(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "127.0.0.1:9")
    with pytest.raises(IssuerUnavailable):
        scene.tokens.check()
