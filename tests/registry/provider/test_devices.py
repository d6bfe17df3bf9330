"""The device flow: what the device is told while it waits, and what the person sees before anything is allowed."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.registry.provider.scene import ADDRESS, OWNER, Scene
from tests.registry.signing_in import Person, claims_in, forms_in


def begin(scene: Scene) -> dict[str, Any]:
    response = scene.command_line().begin_device()
    assert response.status_code == 200
    assert "no-store" in response.headers["cache-control"]
    device: dict[str, Any] = response.json()
    return device


def type_code(person: Person, code: str) -> httpx.Response:
    return person.submit(person.get("/oauth/device"), {"user_code": code})


def test_the_whole_way_from_a_code_to_tokens(scene: Scene) -> None:
    command_line, device = scene.command_line(), begin(scene)
    assert device.keys() == {
        "device_code", "user_code", "verification_uri", "verification_uri_complete", "expires_in", "interval",
    }  # fmt: skip
    assert device["verification_uri"] == f"{ADDRESS}/oauth/device"
    person = scene.person()
    page = person.sign_in(OWNER, scene.password, "/oauth/device")
    scene.clock.move(timedelta(minutes=3))
    consent = person.submit(page, {"user_code": device["user_code"].lower().replace("-", " ")})
    for shown in (device["user_code"], OWNER, "3 minutes ago", "127.0.0.1"):
        assert shown in consent.text
    assert person.submit(consent, {"decision": "allow"}).status_code == 200
    response = command_line.poll(device["device_code"])
    assert response.status_code == 200
    tokens = response.json()
    assert "nonce" not in claims_in(tokens["id_token"])
    assert claims_in(tokens["id_token"])["email"] == OWNER
    assert command_line.refresh(tokens["refresh_token"]).status_code == 200


def test_a_device_is_told_to_wait_and_to_slow_down(scene: Scene) -> None:
    command_line, device = scene.command_line(), begin(scene)

    def polled_after(seconds: float) -> str:
        scene.clock.move(timedelta(seconds=seconds))
        response = command_line.poll(device["device_code"])
        assert response.status_code == 400
        error: str = response.json()["error"]
        return error

    assert device["interval"] == 5
    assert polled_after(0) == "authorization_pending"
    assert polled_after(5) == "authorization_pending"
    assert polled_after(1) == "slow_down"
    assert polled_after(5) == "slow_down"
    assert polled_after(15) == "authorization_pending"


def test_a_device_that_asks_too_often_gets_its_tokens_all_the_same(scene: Scene) -> None:
    command_line, device, person = scene.command_line(), begin(scene), scene.owner()
    command_line.poll(device["device_code"])
    person.submit(type_code(person, device["user_code"]), {"decision": "allow"})
    assert command_line.poll(device["device_code"]).status_code == 200


def test_a_device_that_is_refused_is_told(scene: Scene) -> None:
    command_line, device, person = scene.command_line(), begin(scene), scene.owner()
    person.submit(type_code(person, device["user_code"]), {"decision": "deny"})
    for _ in range(2):
        assert command_line.poll(device["device_code"]).json()["error"] == "access_denied"


def test_codes_end(scene: Scene) -> None:
    command_line, device, person = scene.command_line(), begin(scene), scene.owner()
    consent = type_code(person, device["user_code"])
    scene.clock.move(timedelta(seconds=device["expires_in"]))
    assert command_line.poll(device["device_code"]).json()["error"] == "expired_token"
    assert person.submit(consent, {"decision": "allow"}).status_code == 409
    assert type_code(person, device["user_code"]).status_code == 422
    assert command_line.poll(device["device_code"]).json()["error"] == "expired_token"


def test_a_device_code_is_used_once_and_its_copy_takes_back_what_it_gave(scene: Scene) -> None:
    command_line, device, person = scene.command_line(), begin(scene), scene.owner()
    person.submit(type_code(person, device["user_code"]), {"decision": "allow"})
    tokens = command_line.poll(device["device_code"]).json()
    assert command_line.poll(device["device_code"]).json()["error"] == "invalid_grant"
    assert command_line.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_decision_is_taken_once(scene: Scene) -> None:
    command_line, device, person = scene.command_line(), begin(scene), scene.owner()
    first, second = type_code(person, device["user_code"]), type_code(person, device["user_code"])
    assert person.submit(first, {"decision": "deny"}).status_code == 200
    assert person.submit(second, {"decision": "allow"}).status_code == 409
    assert type_code(person, device["user_code"]).status_code == 422
    assert command_line.poll(device["device_code"]).json()["error"] == "access_denied"


def test_a_link_with_a_code_allows_nothing_by_itself(scene: Scene) -> None:
    """Somebody else's code, pushed as a link: what is shown says what would be allowed, and it takes two forms."""
    command_line, device, person = scene.command_line(), begin(scene), scene.owner()
    page = person.get(device["verification_uri_complete"].removeprefix(ADDRESS))
    assert not forms_in(page)[0].buttons
    assert forms_in(page)[0].fields["user_code"] == device["user_code"]
    consent = person.submit(page)
    assert "only if you started this yourself" in consent.text
    assert command_line.poll(device["device_code"]).json()["error"] == "authorization_pending"


def test_the_decision_cannot_be_sent_without_the_page_that_asks(scene: Scene) -> None:
    command_line, mine, theirs, person = scene.command_line(), begin(scene), begin(scene), scene.owner()
    first = forms_in(person.get("/oauth/device"))[0].fields
    consent = forms_in(type_code(person, mine["user_code"]))[0].fields
    for fields in (first, consent):
        answer = person.post("/oauth/device", fields | {"user_code": theirs["user_code"], "decision": "allow"})
        assert answer.status_code == 403
    assert command_line.poll(theirs["device_code"]).json()["error"] == "authorization_pending"


def test_codes_cannot_be_guessed_at_leisure(scene: Scene) -> None:
    device, person = begin(scene), scene.owner()
    answers = [type_code(person, f"BCDF-{letters}") for letters in ("BBBB", "CCCC") * 12]
    assert [answer.status_code for answer in answers] == [422] * 20 + [429] * 4
    assert 0 < int(answers[-1].headers["retry-after"]) <= 900
    assert type_code(person, device["user_code"]).status_code == 429
    scene.clock.move(timedelta(minutes=14))
    assert type_code(person, device["user_code"]).status_code == 429
    scene.clock.move(timedelta(minutes=1))
    fresh = begin(scene)
    assert type_code(person, fresh["user_code"]).status_code == 200


@pytest.mark.parametrize("typed", ["", "x", "AEIO-UAEI", "BCDF-BCDFB", "<script>", "1234-5678", "Ä" * 20])
def test_what_is_no_code_is_said_to_be_none(scene: Scene, typed: str) -> None:
    page = type_code(scene.owner(), typed)
    assert page.status_code == 422
    assert "<script>" not in page.text


def test_devices_that_begin_without_end_are_stopped(scene: Scene) -> None:
    answers = [scene.command_line().begin_device() for _ in range(205)]
    assert [answer.status_code for answer in answers] == [200] * 200 + [429] * 5
    assert int(answers[-1].headers["retry-after"]) > 0
    assert answers[-1].json()["error"] == "slow_down"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"client_id": "another"}, "invalid_client"),
        ({"client_id": ""}, "invalid_client"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "email"}, "invalid_scope"),
        ({"resource": "https://evil.example"}, "invalid_target"),
    ],
)
def test_a_wrong_request_gets_no_codes(scene: Scene, changed: dict[str, str], error: str) -> None:
    response = scene.command_line().begin_device(**changed)
    assert (response.status_code, response.json()["error"]) == (400, error)


@pytest.mark.parametrize("code", ["unknown", "A" * 43, ""])
def test_a_device_code_that_is_not_known_is_no_grant(scene: Scene, code: str) -> None:
    assert scene.command_line().poll(code).json()["error"] in {"invalid_grant", "invalid_request"}
