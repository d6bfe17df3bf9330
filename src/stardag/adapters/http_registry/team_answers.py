"""What a registry may answer about people, API keys and the use of target roots."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from stardag.adapters.http_registry.answers import Id, Label, Message, Name, TargetRootMessage, Token
from stardag.app.registry_ports import RootUse
from stardag.domain.api_keys import ApiKey, MadeApiKey, Purpose
from stardag.domain.credentials import Secret
from stardag.domain.members import LINK_MAX_LENGTH, Invitation, MadeInvitation, Member
from stardag.domain.organizations import Role


class MemberMessage(Message):
    """A member of an organization."""

    id: Id
    username: Name
    email: Label | None = None
    role: Role
    since: AwareDatetime

    def to_domain(self) -> Member:
        """The member."""
        return Member(self.id, self.username, self.email, self.role, self.since)


class InvitationMessage(Message):
    """An invitation that nobody has accepted yet."""

    id: Id
    email: Label
    role: Role
    made_at: AwareDatetime
    expires_at: AwareDatetime
    maker: Label

    def to_domain(self) -> Invitation:
        """The invitation."""
        return Invitation(self.id, self.email, self.role, self.made_at, self.expires_at, self.maker)


class MadeInvitationMessage(InvitationMessage):
    """An invitation that has just been made."""

    link: Annotated[str, Field(max_length=LINK_MAX_LENGTH, pattern=r"^https?://[!-~]+$", repr=False)]

    def to_made(self) -> MadeInvitation:
        """The invitation and its link."""
        return MadeInvitation(self.to_domain(), Secret(self.link))


class ApiKeyMessage(Message):
    """An API key, without its secret."""

    id: Id
    name: Label
    purpose: Purpose
    maker: Label
    created_at: AwareDatetime
    last_used_at: AwareDatetime | None = None
    expires_at: AwareDatetime | None = None
    revoked_at: AwareDatetime | None = None

    def to_domain(self) -> ApiKey:
        """The key."""
        return ApiKey(
            self.id,
            self.name,
            self.purpose,
            self.maker,
            self.created_at,
            self.last_used_at,
            self.expires_at,
            self.revoked_at,
        )


class MadeApiKeyMessage(ApiKeyMessage):
    """An API key that has just been made."""

    key: Annotated[Token, Field(repr=False)]

    def to_made(self) -> MadeApiKey:
        """The key and its secret."""
        return MadeApiKey(self.to_domain(), Secret(self.key))


class RootUseMessage(TargetRootMessage):
    """A target root, and how many builds were validated with it."""

    builds: Annotated[int, Field(ge=0)]

    def to_use(self) -> RootUse:
        """The root and the number."""
        return RootUse(self.to_domain(), self.builds)
