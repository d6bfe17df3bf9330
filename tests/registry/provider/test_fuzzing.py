"""Whatever is sent, the provider neither fails nor sends anybody where the client is not."""

from collections.abc import Sequence
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stardag_registry.adapters.http import AllowedHosts
from tests.registry.provider.scene import ADDRESS, Scene
from tests.registry.signing_in import CLIENT_ID, DEVICE_GRANT, REDIRECT_URI, SCOPE, Person

NAMES = [
    "response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method",
    "prompt", "max_age", "resource", "response_mode", "request", "login_hint", "grant_type", "code", "code_verifier",
    "refresh_token", "device_code", "token", "token_type_hint", "client_secret", "user_code", "decision", "form_token",
    "name", "password", "next",
]  # fmt: skip
VALUES = [
    "code", "token", CLIENT_ID, REDIRECT_URI, SCOPE, "openid", "S256", "plain", "A" * 43, "none", "login", "consent",
    "0", "-1", ADDRESS, "query", "authorization_code", "refresh_token", DEVICE_GRANT, "allow", "/account",
    "https://evil.example/callback", "http://127.0.0.1:1@evil.example/callback", '"', "\\", "\n", "\u00e9", "\0", "",
    "BCDF-BCDF", "x" * 3000,
]  # fmt: skip
PARAMETERS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES) | st.text(max_size=20)), max_size=12
).map(lambda pairs: [(name, value) for name, value in pairs if not any(0xD800 <= ord(one) < 0xE000 for one in value)])
GOOD = [
    ("response_type", "code"),
    ("client_id", CLIENT_ID),
    ("redirect_uri", REDIRECT_URI),
    ("scope", SCOPE),
    ("code_challenge", "A" * 43),
    ("code_challenge_method", "S256"),
]
QUICK = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check(scene: Scene, path: str, cookies: dict[str, str], posted: Sequence[tuple[str, str]] | None = None) -> None:
    scene.http.cookies.clear()
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
    if posted is None:
        answer = scene.http.get(path, headers=headers)
    else:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer = scene.http.post(path, content=urlencode(posted), headers=headers)
    assert answer.status_code < 500, answer.text
    location = answer.headers.get("location", "/")
    assert location.startswith(("/account", "/sign-in?", "/oauth/authorize?", f"{REDIRECT_URI}?", "/oauth/device")) or (
        location == "/" and answer.status_code not in (302, 303)
    )
    if location.startswith(REDIRECT_URI):
        assert "error=" in location
        assert "iss=http%3A%2F%2Flocalhost%3A8000" in location


@QUICK
@given(parameters=PARAMETERS, is_good=st.booleans(), is_signed_in=st.booleans())
def test_authorization_requests(
    scene: Scene, parameters: list[tuple[str, str]], is_good: bool, is_signed_in: bool
) -> None:
    cookies = scene.owner().cookies if is_signed_in else Person(scene.http).cookies
    query = urlencode([*GOOD, *parameters] if is_good else parameters)
    check(scene, f"/oauth/authorize?{query}", cookies)
    check(scene, f"/oauth/authorize?{query}", cookies, posted=parameters)
    check(scene, "/oauth/authorize", cookies, posted=parameters)


@QUICK
@given(
    parameters=PARAMETERS,
    path=st.sampled_from(["/oauth/token", "/oauth/revoke", "/oauth/device", "/sign-in", "/sign-out", "/account"]),
    grant=st.sampled_from(["authorization_code", "refresh_token", DEVICE_GRANT, "password", ""]),
)
def test_forms(scene: Scene, parameters: list[tuple[str, str]], path: str, grant: str) -> None:
    check(scene, path, {}, posted=[("grant_type", grant), ("client_id", CLIENT_ID), *parameters])
    check(scene, f"{path}?{urlencode(parameters)}", {}, posted=parameters)


@pytest.mark.parametrize(
    ("url", "is_ours"),
    [
        ("https://registry.example", True),
        ("https://Registry.example:443/", True),
        ("http://localhost:8000", True),
        ("http://127.0.0.1:8000/", True),
        ("http://[::1]:8000", True),
        ("http://registry.example", False),
        ("https://registry.example/x", False),
        ("https://registry.example?x", False),
        ("https://registry.example.evil", False),
        ("https://localhost:8000", False),
        ("http://localhost:8001", False),
        ("http://localhost:8000/x", False),
        ("registry.example", False),
        ("", False),
    ],
)
def test_the_addresses_of_a_registry(url: str, is_ours: bool) -> None:
    hosts = AllowedHosts("localhost", 8000, "https://registry.example")
    assert hosts.name(url) is is_ours
    assert hosts.allow("registry.example")
    assert hosts.allow("REGISTRY.example:443")
    assert not hosts.allow("registry.example:8000")
    assert not hosts.allow("evil.example")
