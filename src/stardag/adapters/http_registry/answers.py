"""What a registry may answer: the messages of its API, held against the domain's rules before anything uses them.

Unknown fields are let through, so that a registry can be newer than its clients; everything else that breaks the
contract is refused. Text that is only shown has its control, bidi and other invisible characters escaped.
"""

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from stardag.app.registry_ports import KeyIdentity, MadeAccessToken
from stardag.domain.credentials import Secret
from stardag.domain.errors import InvalidValue
from stardag.domain.names import is_id, is_name
from stardag.domain.organizations import Organization, Role, Workspace
from stardag.domain.registry_url import normal_url
from stardag.domain.sign_in import LIFETIME_MAX, ExchangedToken, SignInSettings, User
from stardag.domain.target_roots import TargetRoot, check_uri_prefix

LABEL_MAX_LENGTH = 255
"""Of a display name, in characters."""

TEXT_MAX_LENGTH = 8000
"""Of a description or an error, in characters."""

CURSOR_MAX_LENGTH = 2048

ACCESS_TOKEN_MAX_SECONDS = 12 * 3600


def printable(text: str, limit: int) -> str:
    """At most `limit` characters of `text`, with everything that does not print (control, bidi, line breaks, …)
    escaped, so that it can neither steer a terminal nor pass for something else."""
    shown = text if len(text) <= limit else text[:limit] + "…"
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in shown
    )


def _check_id(value: str) -> str:
    if not is_id(value):
        raise ValueError("it is no id")
    return value.lower()


def _check_slug(value: str) -> str:
    if is_id(value) or not is_name(value):
        raise ValueError("it is no slug")
    return value


def _check_name(value: str) -> str:
    if not is_name(value):
        raise ValueError("it is no name")
    return value


def _check_prefix(value: str) -> str:
    try:
        return check_uri_prefix(value)
    except InvalidValue:
        raise ValueError("it is no URI prefix") from None


def _check_url(value: str) -> str:
    try:
        normal_url(value)
    except InvalidValue:
        raise ValueError("it is no http or https URL that could be an issuer's") from None
    return value  # an issuer is called exactly what it calls itself, trailing slash and all


def _check_token(value: str) -> str:
    if not Secret(value).is_well_formed_token:
        raise ValueError("it cannot be a token")
    return value


def _check_token_type(value: str) -> str:
    if value.lower() != "bearer":
        raise ValueError("it is not Bearer")
    return value


def _show_label(value: str) -> str:
    return printable(value, LABEL_MAX_LENGTH)


def _show_text(value: str) -> str:
    return "\n".join(printable(line.replace("\t", "    "), TEXT_MAX_LENGTH) for line in value.split("\n"))


Id = Annotated[str, AfterValidator(_check_id)]
Slug = Annotated[str, AfterValidator(_check_slug)]
Name = Annotated[str, AfterValidator(_check_name)]
UriPrefix = Annotated[str, AfterValidator(_check_prefix)]
IssuerUrl = Annotated[str, AfterValidator(_check_url)]
ClientId = Annotated[str, Field(max_length=LABEL_MAX_LENGTH, pattern=r"^[!-~]+$")]
Token = Annotated[str, AfterValidator(_check_token)]
TokenType = Annotated[str, AfterValidator(_check_token_type)]
Label = Annotated[str, Field(max_length=LABEL_MAX_LENGTH), AfterValidator(_show_label)]
Text = Annotated[str, Field(max_length=TEXT_MAX_LENGTH), AfterValidator(_show_text)]
"""Of several lines."""
Cursor = Annotated[str, Field(min_length=1, max_length=CURSOR_MAX_LENGTH)]


class Message(BaseModel):
    """What every message has in common."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)


class OrganizationMessage(Message):
    """An organization."""

    id: Id
    slug: Slug
    name: Label
    role: Role | None = None

    def to_domain(self) -> Organization:
        """The organization."""
        return Organization(self.id, self.slug, self.name, self.role)


class WorkspaceMessage(Message):
    """A workspace. What a registry of an earlier version leaves out is what every workspace was then."""

    id: Id
    slug: Slug
    name: Label
    organization_id: Id
    description: Text = ""
    personal: bool = False
    archived: bool = False

    def to_domain(self) -> Workspace:
        """The workspace."""
        return Workspace(
            self.id, self.slug, self.name, self.organization_id, self.description, self.personal, self.archived
        )


class TargetRootMessage(Message):
    """A target root."""

    name: Name
    uri_prefix: UriPrefix

    def to_domain(self) -> TargetRoot:
        """The target root."""
        return TargetRoot(self.name, self.uri_prefix)


Item = TypeVar("Item", bound=Message)


class Page(Message, Generic[Item]):
    """One page of a list; `next_cursor` is None on the last."""

    items: list[Item]
    next_cursor: Cursor | None = None


class IdAndSlug(Message):
    """An organization or a workspace that something belongs to."""

    id: Id
    slug: Slug


class UserMessage(Message):
    """Somebody who is signed in."""

    id: Id
    username: Name
    email: Label | None = None

    def to_domain(self) -> User:
        """The user."""
        return User(self.id, self.username, self.email)


class MeMessage(Message):
    """Whom the credential belongs to: a user, or the one workspace of an API key."""

    user: UserMessage | None = None
    organization: IdAndSlug | None = None
    workspace: IdAndSlug | None = None

    def to_domain(self) -> KeyIdentity | User | None:
        """The identity; None where the credential is something else."""
        if self.user is not None:
            return self.user.to_domain()
        if self.organization is None or self.workspace is None:
            return None
        return KeyIdentity(self.organization.id, self.organization.slug, self.workspace.id, self.workspace.slug)


class SignInSettingsMessage(Message):
    """Where users sign in."""

    issuer: IssuerUrl
    client_id: ClientId

    def to_domain(self) -> SignInSettings:
        """The settings."""
        return SignInSettings(self.issuer, self.client_id)


class ExchangeMessage(Message):
    """A token for an organization (RFC 6749, section 5.1); `expires_in` is in seconds."""

    access_token: Annotated[Token, Field(repr=False)]
    token_type: TokenType
    expires_in: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    organization: IdAndSlug

    def to_domain(self) -> ExchangedToken:
        """The token."""
        lifetime = min(self.expires_in, LIFETIME_MAX)
        return ExchangedToken(Secret(self.access_token), lifetime, self.organization.id, self.organization.slug)


class MadeAccessTokenMessage(Message):
    """An access token that has just been made."""

    id: Id
    access_token: Annotated[Token, Field(repr=False)]
    lifetime_seconds: Annotated[float, Field(gt=0, le=ACCESS_TOKEN_MAX_SECONDS)]

    def to_domain(self) -> MadeAccessToken:
        """The token."""
        return MadeAccessToken(self.id, Secret(self.access_token), self.lifetime_seconds)


class HealthMessage(Message):
    """What only a Stardag registry says of itself."""

    service: Literal["stardag-registry"]


def is_json(error: ValidationError) -> bool:
    """Whether what failed to validate was JSON at all."""
    return all(detail["type"] != "json_invalid" for detail in error.errors(include_input=False, include_url=False))


def breach_of(error: ValidationError) -> str:
    """The first thing in an answer that breaks the contract, as a phrase that repeats nothing of the answer."""
    detail = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = ".".join(str(step) for step in detail["loc"]) or "the whole"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{place}: {detail['msg'].removeprefix('Value error, ')}{more}"
