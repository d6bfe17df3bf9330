"""What stands in the files that signing in leaves: read with suspicion, written with exactly the guide's keys.

No error repeats anything that stands in a file, nor does one that led to it: whatever quotes its input is caught and
forgotten before another is raised. Touches no file.
"""

import math
from typing import cast
from urllib.parse import urlsplit

from stardag.adapters.durable_files import decode_json, encode_json
from stardag.adapters.state_files.documents import CorruptDocument
from stardag.domain.credentials import TOKEN_MAX_LENGTH, Secret
from stardag.domain.errors import InvalidValue
from stardag.domain.registry_url import URL_MAX_LENGTH, is_plain_beyond_loopback, normal_url
from stardag.domain.sign_in import AccessToken, SignIn, Silence, User

_CLIENT_ID_MAX_LENGTH = 512
_REASON_MAX_LENGTH = 1000


def read_sign_in(content: bytes, directory: str, registry: str) -> SignIn:
    """What `credentials/<registry>.json` in a stardag directory says.

    Raises:
        CorruptDocument: it breaks the format, or names a place where no secret may go.
    """
    members = _members(content)
    registry_url = _registry_url(_text(members, "registry_url"))
    return SignIn(
        directory,
        registry,
        registry_url,
        _endpoint(_text(members, "token_endpoint"), registry_url),
        _client_id(_text(members, "client_id")),
        _token(members, "refresh_token"),
    )


def write_sign_in(sign_in: SignIn) -> bytes:
    """The guide's three keys and `registry_url` (readings, section 5)."""
    return encode_json(
        {
            "refresh_token": sign_in.refresh_token.reveal(),
            "token_endpoint": sign_in.token_endpoint,
            "client_id": sign_in.client_id,
            "registry_url": sign_in.registry_url,
        }
    )


def read_access_token(content: bytes) -> AccessToken:
    """What `access-token-cache/<registry>__<organization slug>.json` says.

    Raises:
        CorruptDocument: it breaks the format.
    """
    members = _members(content)
    return AccessToken(_token(members, "access_token"), _seconds(members, "expires_at"))


def write_access_token(token: AccessToken) -> bytes:
    """The guide's two keys."""
    return encode_json({"access_token": token.token.reveal(), "expires_at": token.expires_at})


def read_silence(content: bytes, token_endpoint: str) -> Silence | None:
    """What was noted of the issuer that has this token endpoint; None where it was noted of another.

    Raises:
        CorruptDocument: it breaks the format.
    """
    members = _members(content)
    reason = _text(members, "reason")
    if len(reason) > _REASON_MAX_LENGTH or not reason.isprintable():
        raise CorruptDocument("'reason' is too long, or cannot be shown")
    silence = Silence(_seconds(members, "at"), reason)
    return silence if _text(members, "token_endpoint") == token_endpoint else None


def write_silence(silence: Silence, token_endpoint: str) -> bytes:
    """The same, as `read_silence` reads it."""
    reason = "".join(character if character.isprintable() else " " for character in silence.reason)
    return encode_json({"token_endpoint": token_endpoint, "at": silence.at, "reason": reason[:_REASON_MAX_LENGTH]})


def read_account(content: bytes, sign_in: SignIn) -> User | None:
    """Whose a sign-in is; None where that was noted of another one.

    Raises:
        CorruptDocument: it breaks the format.
    """
    members = _members(content)
    if (_text(members, "directory"), _text(members, "registry_url")) != (sign_in.directory, sign_in.registry_url):
        return None
    email = None if members.get("email") is None else _text(members, "email")
    user = User(_text(members, "id"), _text(members, "username"), email)
    if not all(text.isprintable() for text in user if text is not None):
        raise CorruptDocument("it holds control characters")
    return user


def write_account(sign_in: SignIn, account: User) -> bytes:
    """The same, as `read_account` reads it."""
    return encode_json({"directory": sign_in.directory, "registry_url": sign_in.registry_url, **account._asdict()})


def _members(content: bytes) -> dict[str, object]:
    value, problem = _decoded(content)
    if problem is not None:
        raise CorruptDocument(problem)
    if not isinstance(value, dict):
        raise CorruptDocument("an object is missing")
    return cast("dict[str, object]", value)


def _decoded(content: bytes) -> tuple[object, str | None]:
    """The JSON value, and why there is none."""
    try:
        return decode_json(content), None
    except ValueError as error:
        return None, str(error)


def _text(members: dict[str, object], key: str) -> str:
    value = members.get(key)
    if not isinstance(value, str):
        raise CorruptDocument(f"{key!r} is {'no text' if key in members else 'missing'}")
    return value


def _token(members: dict[str, object], key: str) -> Secret:
    token = Secret(_text(members, key))
    if not token.is_well_formed_token:
        raise CorruptDocument(f"{key!r} is no token: visible ASCII, {TOKEN_MAX_LENGTH} characters at most")
    return token


def _seconds(members: dict[str, object], key: str) -> float:
    """Seconds since the epoch."""
    value = members.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CorruptDocument(f"{key!r} is {'no number' if key in members else 'missing'}")
    try:
        seconds = float(value)
    except OverflowError:
        seconds = math.inf
    if not (math.isfinite(seconds) and seconds >= 0):
        raise CorruptDocument(f"{key!r} is no time")
    return seconds


def _client_id(value: str) -> str:
    if not (0 < len(value) <= _CLIENT_ID_MAX_LENGTH and value.isascii() and value.isprintable()):
        raise CorruptDocument("'client_id' is not a valid client ID")
    return value


def _registry_url(value: str) -> str:
    url = _normal_url(value)
    if url is None:
        raise CorruptDocument("'registry_url' is no address of a registry")
    return url


def _endpoint(value: str, registry_url: str) -> str:
    """A token endpoint, just as the issuer writes it: a path and a query mean what the issuer says they mean.

    It may be reached by plain http beyond loopback only where the registry is: the user's own file allows that.
    """
    if not _is_endpoint(value):
        raise CorruptDocument("'token_endpoint' is no address")
    if is_plain_beyond_loopback(value) and not is_plain_beyond_loopback(registry_url):
        raise CorruptDocument("'token_endpoint' is plain http, where the refresh token could be read on its way")
    return value


def _is_endpoint(value: str) -> bool:
    if len(value) > URL_MAX_LENGTH or not value.isascii() or not value.isprintable() or {" ", "\\", "#"} & set(value):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return _normal_url(f"{parts.scheme}://{parts.netloc}") is not None


def _normal_url(value: str) -> str | None:
    try:
        return normal_url(value)
    except InvalidValue:
        return None
