"""What goes over the wire about people, workspaces, keys and history. Fields may be added, none renamed."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from stardag.domain.names import NAME_MAX_LENGTH, NAME_PATTERN
from stardag.domain.organizations import Role
from stardag_registry.adapters.http.messages import Cursor, DisplayName, Id, RootName, UriPrefix
from stardag_registry.app.paging import Page
from stardag_registry.domain.access_tokens import MAX_LIFETIME, AccessToken, AccessTokenSecret
from stardag_registry.domain.api_keys import ApiKey, ApiKeySecret, Purpose
from stardag_registry.domain.audit import AuditEntry, CredentialKind
from stardag_registry.domain.organizations import DESCRIPTION_MAX_LENGTH, DISPLAY_NAME_MAX_LENGTH
from stardag_registry.domain.target_roots import TargetRootRevision
from stardag_registry.domain.users import EMAIL_MAX_LENGTH, Invitation, Member

T = TypeVar("T")
Item = TypeVar("Item")

_WRITTEN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}")


def _check_written(value: object) -> object:
    if not isinstance(value, str) or not _WRITTEN.match(value):  # numbers, which the library takes too, are none
        raise PydanticCustomError("moment", "it is a moment with its zone, such as 2026-11-23T12:00:00Z")
    return value


def _check_moment(value: datetime) -> datetime:
    if not 1970 <= value.year < 9999:  # within which any zone can be made UTC
        raise PydanticCustomError("moment", "it is between the years 1970 and 9998")
    return value.astimezone(UTC)  # as it is told afterwards


Moment = Annotated[AwareDatetime, BeforeValidator(_check_written), AfterValidator(_check_moment)]
"""A moment with its zone (RFC 3339)."""

NewSlug = Annotated[
    str,
    Field(
        description="A name of lower-case letters and digits, with single hyphens or underscores between them.",
        json_schema_extra={"pattern": f"^{NAME_PATTERN}$", "maxLength": NAME_MAX_LENGTH, "examples": ["production"]},
    ),
]
NewDisplayName = Annotated[
    str, Field(description="A name for people.", json_schema_extra={"maxLength": DISPLAY_NAME_MAX_LENGTH})
]
NewDescription = Annotated[
    str, Field(description="For people.", json_schema_extra={"maxLength": DESCRIPTION_MAX_LENGTH})
]


class Body(BaseModel):
    """What every body has in common: it says what is known here, and nothing else."""

    model_config = ConfigDict(extra="forbid", strict=True)


def items_of(page: Page[T], message: Callable[[T], Item]) -> dict[str, Any]:
    """The fields of the message about a page."""
    return {"items": [message(item) for item in page.items], "next_cursor": page.next_cursor}


class NewOrganization(Body):
    """An organization to make."""

    slug: NewSlug
    name: Annotated[NewDisplayName | None, Field(description="For people; the slug where it is left out.")] = None


class NewWorkspace(Body):
    """A workspace to make."""

    slug: NewSlug
    name: Annotated[NewDisplayName | None, Field(description="For people; the slug where it is left out.")] = None
    description: NewDescription = ""


class ChangedWorkspace(Body):
    """What a workspace shall be from now on; what is left out stays."""

    slug: NewSlug | None = None
    name: NewDisplayName | None = None
    description: NewDescription | None = None
    archived: Annotated[bool | None, Field(description="True archives it, false brings it back.")] = None


class MemberItem(BaseModel):
    """A member of an organization."""

    id: Id
    username: str
    email: Annotated[str | None, Field(max_length=EMAIL_MAX_LENGTH)]
    role: Role
    since: datetime

    @classmethod
    def of(cls, member: Member) -> "MemberItem":
        """The message about a member."""
        user = member.user
        return cls(id=user.id, username=user.username, email=user.email, role=member.role, since=member.since)


class MemberPage(BaseModel):
    """Members, by username."""

    items: list[MemberItem]
    next_cursor: Cursor


class ChangedRole(Body):
    """What a member shall be from now on."""

    role: Role


class NewInvitationBody(Body):
    """Whom to invite."""

    email: Annotated[str, Field(max_length=1000, description="The address that the person signs in with.")]
    role: Role = "member"


class InvitationItem(BaseModel):
    """An invitation that nobody has accepted yet."""

    id: Id
    email: str
    role: Role
    made_at: datetime
    expires_at: datetime
    maker: Annotated[str, Field(description="What whoever made it was called.")]

    @classmethod
    def of(cls, invitation: Invitation) -> "InvitationItem":
        """The message about an invitation."""
        return cls(**cls.fields_of(invitation))

    @staticmethod
    def fields_of(invitation: Invitation) -> dict[str, Any]:
        """What every message about an invitation says."""
        return {
            "id": invitation.id,
            "email": invitation.email,
            "role": invitation.role,
            "made_at": invitation.made_at,
            "expires_at": invitation.expires_at,
            "maker": invitation.maker,
        }


class MadeInvitation(InvitationItem):
    """An invitation that has just been made. Its link is shown this once."""

    link: Annotated[str, Field(description="To be given to the person. No mail is sent.", repr=False)]


class InvitationPage(BaseModel):
    """Invitations, by address."""

    items: list[InvitationItem]
    next_cursor: Cursor


class AcceptedInvitation(Body):
    """The secret at the end of an invitation's link."""

    token: Annotated[str, Field(min_length=1, max_length=200, repr=False)]


class NewApiKey(Body):
    """An API key to make."""

    name: NewDisplayName
    purpose: Annotated[Purpose, Field(description="`administer` includes `build`.")] = "build"
    expires_at: Annotated[Moment | None, Field(strict=False, description="None for a key that never expires.")] = None


class ApiKeyItem(BaseModel):
    """An API key, without its secret."""

    id: Id
    name: DisplayName
    purpose: Purpose
    maker: Annotated[str, Field(description="What whoever made it was called.")]
    created_at: datetime
    last_used_at: Annotated[datetime | None, Field(description="Known to a minute or so; null for never.")]
    expires_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, api_key: ApiKey) -> "ApiKeyItem":
        """The message about a key."""
        return cls(**cls.fields_of(api_key))

    @staticmethod
    def fields_of(api_key: ApiKey) -> dict[str, Any]:
        """What every message about a key says."""
        return {
            "id": api_key.id,
            "name": api_key.name,
            "purpose": api_key.purpose,
            "maker": api_key.maker,
            "created_at": api_key.created_at,
            "last_used_at": api_key.last_used_at,
            "expires_at": api_key.expires_at,
            "revoked_at": api_key.revoked_at,
        }


class MadeApiKey(ApiKeyItem):
    """An API key that has just been made. The key itself is shown this once."""

    key: Annotated[str, Field(repr=False)]

    @classmethod
    def of_made(cls, api_key: ApiKey, secret: ApiKeySecret) -> "MadeApiKey":
        """The message about a new key."""
        return cls(**cls.fields_of(api_key), key=secret.text)


class ApiKeyPage(BaseModel):
    """API keys, by the time that they were made."""

    items: list[ApiKeyItem]
    next_cursor: Cursor


class NewAccessToken(Body):
    """An access token to make."""

    lifetime_seconds: Annotated[
        int,
        Field(
            description="How long it counts.",
            json_schema_extra={"minimum": 1, "maximum": int(MAX_LIFETIME.total_seconds())},
        ),
    ]


class MadeAccessToken(BaseModel):
    """An access token that has just been made. The token itself is shown this once."""

    id: Id
    access_token: Annotated[str, Field(repr=False)]
    expires_at: datetime
    lifetime_seconds: int

    @classmethod
    def of_made(cls, access_token: AccessToken, secret: AccessTokenSecret) -> "MadeAccessToken":
        """The message about a new token."""
        return cls(
            id=access_token.id,
            access_token=secret.text,
            expires_at=access_token.expires_at,
            lifetime_seconds=int((access_token.expires_at - access_token.made_at).total_seconds()),
        )


class TargetRootRevisionItem(BaseModel):
    """One entry of the history of a workspace's target roots."""

    name: RootName
    old: Annotated[UriPrefix | None, Field(description="Null for a root that was added.")]
    new: Annotated[UriPrefix | None, Field(description="Null for a root that was removed.")]
    at: datetime
    by: Annotated[str, Field(description="What whoever did it was called.")]
    builds: Annotated[int, Field(description="How many builds had used the old one.")]

    @classmethod
    def of(cls, revision: TargetRootRevision) -> "TargetRootRevisionItem":
        """The message about an entry."""
        return cls(
            name=revision.name,
            old=revision.old,
            new=revision.new,
            at=revision.at,
            by=revision.by,
            builds=revision.builds,
        )


class TargetRootRevisionPage(BaseModel):
    """Entries of the history, by time."""

    items: list[TargetRootRevisionItem]
    next_cursor: Cursor


class AuditItem(BaseModel):
    """One change: who, when, with what credential, from where, what."""

    at: datetime
    action: Annotated[str, Field(examples=["target-root.changed"])]
    subject: Annotated[str, Field(description="The id or name of what was changed.")]
    details: Annotated[dict[str, Any], Field(description="The old and the new, where there are such.")]
    credential: CredentialKind
    actor: Annotated[str, Field(description="What they were called.")]
    workspace_id: Id | None
    user_id: Id | None
    api_key_id: Id | None
    address: Annotated[str, Field(description="The network address that it came from.")]

    @classmethod
    def of(cls, entry: AuditEntry) -> "AuditItem":
        """The message about an entry."""
        return cls(
            at=entry.at,
            action=entry.action,
            subject=entry.subject,
            details=json.loads(entry.details),
            credential=entry.credential,
            actor=entry.actor,
            workspace_id=entry.workspace_id,
            user_id=entry.user_id,
            api_key_id=entry.api_key_id,
            address=entry.address,
        )


class AuditPage(BaseModel):
    """Entries of the audit, by time."""

    items: Sequence[AuditItem]
    next_cursor: Cursor
