"""People as the registry knows them: who they are to their issuer, what they are called here, what they may claim."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from stardag.domain.names import NAME_MAX_LENGTH, is_id, is_name
from stardag.domain.organizations import PERSONAL_PREFIX, Role
from stardag_registry.domain.organizations import Organization

EMAIL_MAX_LENGTH = 254
"""In characters (RFC 5321, section 4.5.3.1.3, less its brackets)."""

SUBJECT_MAX_LENGTH = 255
"""In characters (OpenID Connect Core 1.0, section 2)."""

USERNAME_MAX_LENGTH = NAME_MAX_LENGTH - len(PERSONAL_PREFIX)
"""The workspace `personal-<username>` has to have a name as well."""

INVITATION_LIFETIME = timedelta(days=14)

MAX_INVITATIONS = 1000
"""Of one organization, that nobody has accepted yet."""

_EMAIL = re.compile(r"[!-?A-~]{1,64}@[!-?A-~]{1,255}")  # visible ASCII with one "@"
_NO_NAME = "user"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who has signed in. Issuer and subject identify; everything else may change.

    `email` counts for ownership only where the issuer has verified it. Accepting an invitation also takes its link, so
    that there the address need not be.
    """

    id: str
    issuer: str
    subject: str
    username: str
    email: str | None
    email_verified: bool


@dataclass(frozen=True, slots=True)
class Membership:
    """What a user is in an organization."""

    organization: Organization
    role: Role


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in an organization, as the others see them."""

    user: User
    role: Role
    since: datetime


@dataclass(frozen=True, slots=True)
class Invitation:
    """A person who may become a member: whoever holds the link and signs in with that address. The link's secret is
    kept only as its fingerprint, which is not here."""

    id: str
    organization_id: str
    email: str
    role: Role
    made_at: datetime
    expires_at: datetime
    maker: str


@dataclass(frozen=True, slots=True)
class Claims:
    """What an ID token says of a user, of sensible form: what is not counts as not said."""

    issuer: str
    subject: str
    preferred_username: str | None = None
    email: str | None = None
    email_verified: bool = False


def claims_of(issuer: str, subject: str, said: Mapping[str, object]) -> Claims:
    """The claims among all that a token says of this subject."""
    name, email = said.get("preferred_username"), checked_email(said.get("email"))
    return Claims(
        issuer,
        subject,
        preferred_username=name if isinstance(name, str) else None,
        email=email,
        email_verified=email is not None and said.get("email_verified") is True,
    )


def checked_email(value: object) -> str | None:
    """The address, in lower case, if it is one; None for anything else."""
    if not isinstance(value, str) or len(value) > EMAIL_MAX_LENGTH or not _EMAIL.fullmatch(value):
        return None
    return value.lower()


def usernames_for(claims: Claims) -> Iterator[str]:
    """The names that the user may have here, the best first: `preferred_username`, else the local part of the address,
    made a slug; then the same, numbered."""
    local_part = (claims.email or "").partition("@")[0]
    name = _slug_of(claims.preferred_username or "") or _slug_of(local_part) or _NO_NAME
    yield name
    for number in count(2):
        suffix = f"-{number}"
        yield f"{name[: USERNAME_MAX_LENGTH - len(suffix)].rstrip('-')}{suffix}"


def _slug_of(text: str) -> str | None:
    plain = unicodedata.normalize("NFKD", text[:1000]).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:USERNAME_MAX_LENGTH].strip("-")
    return slug if slug and is_name(slug) and not is_id(slug) else None
