"""What stands in the files that signing in leaves: whatever is written is read again, and nothing else gets through."""

import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stardag.adapters.state_files.documents import CorruptDocument
from stardag.adapters.state_files.sign_in_documents import (
    read_access_token,
    read_sign_in,
    read_silence,
    write_access_token,
    write_sign_in,
    write_silence,
)
from stardag.domain.credentials import TOKEN_MAX_LENGTH, Secret
from stardag.domain.sign_in import AccessToken, SignIn, Silence

VISIBLE = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
TOKENS = st.text(VISIBLE, min_size=1, max_size=200).map(Secret)
REGISTRY_URLS = st.sampled_from(["http://localhost:8000", "https://api.stardag.com", "https://x.example:8443/a/b"])
ENDPOINTS = st.sampled_from(
    ["http://localhost:8000/oauth/token", "https://issuer.example/token/?tenant=1", "http://[::1]:9/token", "https://x"]
)
CLIENT_IDS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=100)
SECONDS = st.floats(min_value=0, allow_nan=False, allow_infinity=False)
SIGN_IN = SignIn("/home", "local", "http://localhost:8000", "https://x", "stardag-cli", Secret("r"))
SIGN_INS = st.builds(SignIn, st.just("/home"), st.just("local"), REGISTRY_URLS, ENDPOINTS, CLIENT_IDS, TOKENS)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=10), values, max_size=4),
    max_leaves=10,
)
KEYS = ["refresh_token", "token_endpoint", "client_id", "registry_url", "access_token", "expires_at", "at", "reason"]


@given(SIGN_INS)
def test_a_sign_in_is_read_as_it_was_written(sign_in: SignIn) -> None:
    assert read_sign_in(write_sign_in(sign_in), "/home", "local") == sign_in


@given(st.builds(AccessToken, TOKENS, SECONDS))
def test_an_access_token_is_read_as_it_was_written(token: AccessToken) -> None:
    assert read_access_token(write_access_token(token)) == token


@given(st.builds(Silence, SECONDS, st.text(max_size=1500)))
def test_a_note_of_silence_is_read_by_whoever_asks_the_same_issuer(silence: Silence) -> None:
    content = write_silence(silence, "https://issuer.example/token")
    noted = read_silence(content, "https://issuer.example/token")
    assert noted is not None
    assert noted.at == silence.at
    assert noted.reason.isprintable()
    assert read_silence(content, "https://other.example/token") is None


@given(st.one_of(st.binary(max_size=300), JSON.map(lambda value: json.dumps(value).encode())))
def test_anything_at_all_is_refused_in_one_way(content: bytes) -> None:
    with pytest.raises(CorruptDocument):
        read_sign_in(content, "/home", "local")
    with pytest.raises(CorruptDocument):
        read_access_token(content)
    with pytest.raises(CorruptDocument):
        read_silence(content, "https://issuer.example/token")


@given(SIGN_INS, st.builds(AccessToken, TOKENS, SECONDS), st.sampled_from(KEYS), JSON)
@example(SIGN_IN, AccessToken(Secret("t"), 0.0), "client_id", "")
def test_whatever_one_key_says_what_is_read_is_sound_and_errors_repeat_nothing(
    sign_in: SignIn, token: AccessToken, key: str, value: object
) -> None:
    sound: dict[str, object] = json.loads(write_sign_in(sign_in)) | json.loads(write_access_token(token))
    content = json.dumps({**sound, key: value}).encode()
    error: CorruptDocument | None = None
    try:
        found = read_sign_in(content, "/home", "local")
        assert found.refresh_token.is_well_formed_token
        assert found.registry_url == sign_in.registry_url or key == "registry_url"
        cached = read_access_token(content)
        assert cached.token.is_well_formed_token
        assert math.isfinite(cached.expires_at)
        assert cached.expires_at >= 0
    except CorruptDocument as raised:
        error = raised
    if error is not None:
        assert error.__context__ is None
        assert str(error).startswith(f"{key!r} is ")
        assert len(str(error)) < 120


@given(SIGN_INS, st.data())
def test_of_a_torn_sign_in_nothing_is_read(sign_in: SignIn, data: st.DataObject) -> None:
    content = write_sign_in(sign_in).rstrip()
    with pytest.raises(CorruptDocument):
        read_sign_in(content[: data.draw(st.integers(0, len(content) - 1))], "/home", "local")


@pytest.mark.parametrize("length", [1, TOKEN_MAX_LENGTH, TOKEN_MAX_LENGTH + 1])
def test_tokens_have_a_sensible_length(length: int) -> None:
    assert Secret("x" * length).is_well_formed_token == (length <= TOKEN_MAX_LENGTH)
