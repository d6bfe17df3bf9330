"""The authorization endpoint: what it asks the person, what it tells the client, and to whom it tells nothing."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.registry.provider.scene import ADDRESS, OWNER, Scene
from tests.registry.signing_in import CLIENT_ID, REDIRECT_URI, SCOPE, answer_in, claims_in, forms_in

VERIFIERS_HASH = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_whole_way_from_a_browser_to_tokens(scene: Scene) -> None:
    command_line, person = scene.command_line(), scene.person()
    consent = person.sign_in("Owner", scene.password, command_line.authorization())
    assert "stardag on the command line" in consent.text
    assert OWNER in consent.text
    answer = answer_in(person.submit(consent, {"decision": "allow"}))
    assert answer.keys() == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == (command_line.state, ADDRESS)
    response = command_line.redeem(answer["code"])
    assert response.status_code == 200
    assert "no-store" in response.headers["cache-control"]
    tokens = response.json()
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token"}
    assert (tokens["token_type"], tokens["expires_in"], tokens["scope"]) == ("Bearer", 600, SCOPE)

    keys = KeySet.import_key_set(scene.http.get("/oauth/jwks").json())
    access_token = jwt.decode(tokens["access_token"], keys, ["ES256"])
    id_token = jwt.decode(tokens["id_token"], keys, ["ES256"])
    now = int(scene.clock().timestamp())
    subject = access_token.claims["sub"]
    assert access_token.header["typ"] == "at+jwt"
    assert {name: value for name, value in access_token.claims.items() if name != "jti"} == {
        "iss": ADDRESS,
        "aud": ADDRESS,
        "sub": subject,
        "client_id": CLIENT_ID,
        "scope": SCOPE,
        "iat": now,
        "exp": now + 600,
    }
    assert id_token.header["typ"] == "JWT"
    assert {name: value for name, value in id_token.claims.items() if name != "at_hash"} == {
        "iss": ADDRESS,
        "aud": CLIENT_ID,
        "sub": subject,
        "nonce": command_line.nonce,
        "auth_time": now,
        "iat": now,
        "exp": now + 600,
        "email": OWNER,
        "email_verified": True,
        "preferred_username": "owner",
        "name": "owner",
    }
    assert len(id_token.claims["at_hash"]) == 22


def test_discovery_says_what_there_is(scene: Scene) -> None:
    document = scene.http.get("/.well-known/openid-configuration").json()
    assert document == scene.http.get("/.well-known/oauth-authorization-server").json()
    assert document["issuer"] == ADDRESS
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    for name, url in document.items():
        if name.endswith("_endpoint") or name == "jwks_uri":
            assert scene.http.get(url.removeprefix(ADDRESS)).status_code != 404, name


def test_a_person_may_refuse(scene: Scene) -> None:
    command_line, person = scene.command_line(), scene.owner()
    consent = person.get(command_line.authorization())
    answer = answer_in(person.submit(consent, {"decision": "deny"}))
    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", command_line.state, ADDRESS)
    assert "code" not in answer


def test_a_form_that_decides_nothing_refuses(scene: Scene) -> None:
    command_line, person = scene.command_line(), scene.owner()
    answer = answer_in(person.submit(person.get(command_line.authorization())))
    assert answer["error"] == "access_denied"


@pytest.mark.parametrize("prompt", [None, "consent", "anything"])
def test_nothing_is_allowed_without_asking(scene: Scene, prompt: str | None) -> None:
    page = scene.owner().get(scene.command_line().authorization(prompt=prompt))
    assert page.status_code == 200
    assert forms_in(page)[0].buttons == [("decision", "allow"), ("decision", "deny")]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": VERIFIERS_HASH + "A"}, "invalid_request"),
        ({"code_challenge": VERIFIERS_HASH[:-1] + "="}, "invalid_request"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": '"\\\u2028'}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"resource": "http://localhost:8001"}, "invalid_target"),
        ({"resource": "https://localhost:8000"}, "invalid_target"),
        ({"resource": "http://localhost:8000/other"}, "invalid_target"),
        ({"resource": "http://localhost:8000@evil.example"}, "invalid_target"),
        ({"resource": "http://localhost:8000#x"}, "invalid_target"),
        ({"resource": "urn:stardag"}, "invalid_target"),
        ({"request": "eyJ"}, "request_not_supported"),
        ({"request_uri": "https://evil.example/"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"nonce": "n" * 256}, "invalid_request"),
        ({"nonce": "n" * 3000}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "\u0661"}, "invalid_request"),
    ],
)
def test_a_wrong_request_is_told_to_the_client_without_asking_anybody(
    scene: Scene, changed: dict[str, str | None], error: str
) -> None:
    command_line = scene.command_line()
    answer = answer_in(scene.person().get(command_line.authorization(**changed)))
    assert (answer["error"], answer["state"], answer["iss"]) == (error, command_line.state, ADDRESS)
    assert "code" not in answer


@pytest.mark.parametrize("name", ["scope", "state", "nonce", "code_challenge", "code_challenge_method", "prompt"])
def test_a_parameter_that_comes_twice_is_told_to_the_client(scene: Scene, name: str) -> None:
    path = scene.command_line().authorization() + f"&{name}=twice"
    answer = answer_in(scene.person().get(path))
    assert (answer["error"], answer["iss"]) == ("invalid_request", ADDRESS)


@pytest.mark.parametrize(
    "resources", [[ADDRESS], [ADDRESS + "/"], ["http://127.0.0.1:8000"], ["HTTP://LocalHost:8000", "http://[::1]:8000"]]
)
def test_a_token_may_be_asked_for_by_any_address_of_the_registry(scene: Scene, resources: list[str]) -> None:
    path = scene.command_line().authorization() + "&" + urlencode([("resource", one) for one in resources])
    assert scene.owner().get(path).status_code == 200


WRONG_REDIRECT_URIS = [
    None,
    "",
    "https://evil.example/callback",
    "http://evil.example/callback",
    "http://127.0.0.1/callback",
    "http://127.0.0.1:0/callback",
    "http://127.0.0.1:65536/callback",
    "http://127.0.0.1:080/callback",
    "http://127.0.0.1:49152/callback/",
    "http://127.0.0.1:49152/callback?x=1",
    "http://127.0.0.1:49152/callback#x",
    "http://127.0.0.1:49152/callback\n",
    "http://127.0.0.1:49152/callback%0a",
    "http://127.0.0.1:49152/Callback",
    "http://127.0.0.1:49152/",
    "http://127.0.0.1:49152@evil.example/callback",
    "http://127.0.0.1:49152.evil.example/callback",
    "http://user@127.0.0.1:49152/callback",
    "http://127.0.0.1:\u0664\u0669\u0661\u0665\u0662/callback",
    "http://127.0.0.2:49152/callback",
    "http://localhost:49152/callback",
    "http://[::1]:49152/callback",
    "https://127.0.0.1:49152/callback",
    "//127.0.0.1:49152/callback",
    "javascript:alert(1)//127.0.0.1:1/callback",
    'http://127.0.0.1:49152/"<script>',
]


@pytest.mark.parametrize("redirect_uri", WRONG_REDIRECT_URIS)
@pytest.mark.parametrize("wrong", [{}, {"response_type": "token"}, {"scope": "none"}, {"prompt": "none"}])
def test_nobody_is_sent_to_an_address_that_is_not_the_clients(
    scene: Scene, redirect_uri: str | None, wrong: dict[str, str]
) -> None:
    page = scene.person().get(scene.command_line().authorization(redirect_uri=redirect_uri, **wrong))
    assert page.status_code == 400
    assert "location" not in page.headers
    assert "<script" not in page.text
    assert "evil" not in page.text


@pytest.mark.parametrize("changed", [{"client_id": None}, {"client_id": "another"}, {"client_id": "stardag-cli\u0000"}])
@pytest.mark.parametrize("wrong", [{}, {"response_type": "token"}, {"prompt": "none"}])
def test_nobody_is_sent_to_a_client_that_is_not_known(
    scene: Scene, changed: dict[str, str | None], wrong: dict[str, str]
) -> None:
    page = scene.person().get(scene.command_line().authorization(**changed, **wrong))
    assert page.status_code == 400
    assert "location" not in page.headers


@pytest.mark.parametrize(
    "more", ["redirect_uri=https://evil.example/", "redirect_uri=http://127.0.0.1:1/callback", "client_id=another"]
)
def test_two_addresses_or_clients_are_none(scene: Scene, more: str) -> None:
    path = scene.command_line().authorization()
    for both in (f"{path}&{more}", path.replace("?", f"?{more}&")):
        page = scene.person().get(both)
        assert "evil" not in page.headers.get("location", "")
        assert "code=" not in page.headers.get("location", "")
        assert page.status_code in (303, 400)
        assert not forms_in(page)


@pytest.mark.parametrize("state", ["", "a b&c=d#e", "\u2603 \u202e", "x" * 2000, "%0d%0aSet-Cookie: a=b", '"><script>'])
def test_the_state_comes_back_as_it_was(scene: Scene, state: str) -> None:
    command_line = scene.command_line(state=state)
    person = scene.owner()
    consent = person.get(command_line.authorization())
    assert "<script" not in consent.text
    response = person.submit(consent, {"decision": "allow"})
    assert answer_in(response).get("state", "") == state
    assert response.headers["location"].startswith(f"{REDIRECT_URI}?")


def test_scopes_that_are_not_known_are_passed_over(scene: Scene) -> None:
    command_line = scene.command_line()
    tokens = command_line.redeem(scene.code(command_line, scope="email everything openid")).json()
    assert tokens["scope"] == "openid email"
    assert "refresh_token" not in tokens
    claims = claims_in(tokens["id_token"])
    assert "email" in claims
    assert "preferred_username" not in claims


class TestPrompts:
    def test_none_never_shows_a_page(self, scene: Scene) -> None:
        path = scene.command_line().authorization(prompt="none")
        assert answer_in(scene.person().get(path))["error"] == "login_required"
        assert answer_in(scene.owner().get(path))["error"] == "consent_required"

    @pytest.mark.parametrize("prompt", ["login", "login consent", "select_account"])
    def test_login_asks_who_it_is_although_somebody_is_signed_in(self, scene: Scene, prompt: str) -> None:
        command_line, person = scene.command_line(), scene.owner()
        signed_in_at = scene.clock()
        scene.clock.move(timedelta(hours=1))
        page = person.get(command_line.authorization(prompt=prompt))
        assert forms_in(page)[0].action == "/sign-in"
        consent = person.submit(page, {"name": OWNER, "password": scene.password})
        code = answer_in(person.submit(consent, {"decision": "allow"}))["code"]
        claims = claims_in(command_line.redeem(code).json()["id_token"])
        assert claims["auth_time"] == int(signed_in_at.timestamp()) + 3600

    @pytest.mark.parametrize(("max_age", "asks"), [("0", True), ("3599", True), ("3600", False), ("999999999", False)])
    def test_a_sign_in_may_be_too_long_ago(self, scene: Scene, max_age: str, asks: bool) -> None:
        person = scene.owner()
        scene.clock.move(timedelta(hours=1))
        page = person.get(scene.command_line().authorization(max_age=max_age))
        assert (forms_in(page)[0].action == "/sign-in") is asks
        if asks:
            scene.clock.move(timedelta(seconds=5))
            page = person.submit(page, {"name": OWNER, "password": scene.password})
        assert forms_in(page)[0].buttons

    def test_a_hint_is_filled_in(self, scene: Scene) -> None:
        page = scene.person().get(scene.command_line().authorization(login_hint='owner@localhost"><b>'))
        assert forms_in(page)[0].fields["name"] == 'owner@localhost"><b>'
        assert "<b>" not in page.text


class TestCodes:
    @pytest.mark.parametrize(
        ("changed", "error"),
        [
            ({"code_verifier": "A" * 43}, "invalid_grant"),
            ({"code_verifier": ""}, "invalid_request"),
            ({"code_verifier": "short"}, "invalid_request"),
            ({"code_verifier": "\u00e4" * 43}, "invalid_request"),
            ({"redirect_uri": "http://127.0.0.1:49153/callback"}, "invalid_grant"),
            ({"redirect_uri": ""}, "invalid_grant"),
            ({"client_id": "another"}, "invalid_client"),
            ({"client_id": ""}, "invalid_client"),
            ({"code": "x" * 43}, "invalid_grant"),
            ({"code": ""}, "invalid_request"),
            ({"resource": "https://evil.example"}, "invalid_target"),
            ({"grant_type": "password"}, "unsupported_grant_type"),
            ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
            ({"grant_type": '"\\\n'}, "unsupported_grant_type"),
        ],
    )
    def test_a_code_is_worth_nothing_without_all_that_belongs_to_it(
        self, scene: Scene, changed: dict[str, str], error: str
    ) -> None:
        command_line = scene.command_line()
        code = scene.code(command_line)
        response = command_line.redeem(code, **changed)
        assert (response.status_code, response.json()["error"]) == (400, error)
        assert "no-store" in response.headers["cache-control"]
        assert code not in response.text
        assert command_line.redeem(code).status_code == 200

    def test_the_challenge_is_no_verifier(self, scene: Scene) -> None:
        command_line = scene.command_line()
        code = scene.code(command_line)
        assert command_line.redeem(code, code_verifier=command_line.challenge).json()["error"] == "invalid_grant"

    def test_a_code_that_comes_again_takes_back_what_it_gave(self, scene: Scene) -> None:
        command_line = scene.command_line()
        code = scene.code(command_line)
        tokens = command_line.redeem(code).json()
        assert command_line.redeem(code).json()["error"] == "invalid_grant"
        assert command_line.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"

    def test_it_does_so_days_later_and_without_the_verifier(self, scene: Scene) -> None:
        command_line = scene.command_line()
        code = scene.code(command_line)
        tokens = command_line.redeem(code).json()
        scene.clock.move(timedelta(hours=20))
        scene.code(scene.command_line())
        assert command_line.redeem(code, code_verifier="A" * 43).json()["error"] == "invalid_grant"
        assert command_line.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"

    def test_a_code_ends_soon(self, scene: Scene) -> None:
        command_line = scene.command_line()
        code = scene.code(command_line)
        scene.clock.move(timedelta(minutes=2))
        assert command_line.redeem(code).json()["error"] == "invalid_grant"

    def test_a_code_of_one_client_is_not_redeemed_by_the_verifier_of_another(self, scene: Scene) -> None:
        stolen = scene.code(scene.command_line())
        assert scene.command_line().redeem(stolen).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"grant_type": "refresh_token"}', "application/json"),
        (b"grant_type=refresh_token", "text/plain"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"a=%ff", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % number for number in range(60)), "application/x-www-form-urlencoded"),
        (
            b"grant_type=refresh_token&grant_type=refresh_token&client_id=stardag-cli",
            "application/x-www-form-urlencoded",
        ),
        (b"", "application/x-www-form-urlencoded"),
    ],
)
@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/device_authorization"])
def test_what_cannot_be_read_is_an_error_of_the_protocol(scene: Scene, path: str, content: bytes, kind: str) -> None:
    response = scene.http.post(path, content=content, headers={"Content-Type": kind})
    assert response.status_code == 400
    assert response.json()["error"] in {"invalid_request", "invalid_client", "unsupported_grant_type"}
    assert "no-store" in response.headers["cache-control"]


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/device_authorization", "/sign-out"])
def test_what_takes_forms_takes_nothing_else(scene: Scene, path: str) -> None:
    assert scene.http.get(path).status_code == 405


class TestUserinfo:
    def ask(self, scene: Scene, token: str) -> httpx.Response:
        return scene.http.get("/oauth/userinfo", headers={"Authorization": f"Bearer {token}"})

    def test_it_tells_what_the_scopes_allow(self, scene: Scene) -> None:
        tokens = scene.tokens()
        claims: dict[str, Any] = self.ask(scene, tokens["access_token"]).json()
        assert claims.pop("sub") == claims_in(tokens["access_token"])["sub"]
        assert claims == {
            "email": OWNER,
            "email_verified": True,
            "preferred_username": "owner",
            "name": "owner",
        }

    def test_other_tokens_are_refused(self, scene: Scene) -> None:
        tokens = scene.tokens()
        head, body, signature = tokens["access_token"].split(".")
        tampered = f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
        for wrong in (tokens["id_token"], tokens["refresh_token"], tampered, f"{head}.{body}.", "x", "a.b.c"):
            response = self.ask(scene, wrong)
            assert (response.status_code, response.json()) == (401, {"error": "invalid_token"})
            assert 'error="invalid_token"' in response.headers["www-authenticate"]
        assert scene.http.get("/oauth/userinfo").status_code == 401

    def test_a_token_ends(self, scene: Scene) -> None:
        token = scene.tokens()["access_token"]
        scene.clock.move(timedelta(minutes=10))
        assert self.ask(scene, token).status_code == 401


def test_a_client_may_post_what_it_asks_for(scene: Scene) -> None:
    command_line, person = scene.command_line(), scene.owner()
    query = urlsplit(command_line.authorization()).query
    consent = person.post("/oauth/authorize", dict(parse_qsl(query)))
    answer = answer_in(person.submit(consent, {"decision": "allow"}))
    assert command_line.redeem(answer["code"]).status_code == 200


def test_the_consent_page_belongs_to_one_request(scene: Scene) -> None:
    """Its form cannot be turned into one that allows something else."""
    person = scene.owner()
    form = forms_in(person.get(scene.command_line().authorization()))[0]
    other = scene.command_line().authorization()
    page = person.post(other, form.fields | {"decision": "allow"})
    assert page.status_code == 403
    assert "location" not in page.headers
    assert urlsplit(forms_in(page)[0].action).query == urlsplit(other).query
