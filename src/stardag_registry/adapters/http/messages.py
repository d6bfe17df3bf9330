"""What goes over the wire under `/api/v1`. The fields are fixed: others may be added, none renamed."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from stardag.domain.names import NAME_MAX_LENGTH, NAME_PATTERN
from stardag.domain.organizations import Role
from stardag.domain.target_roots import SUPPORTED_FORMS, URI_PREFIX_MAX_LENGTH, TargetRoot
from stardag_registry.app.listings import ListedOrganization
from stardag_registry.app.paging import Page
from stardag_registry.domain.api_keys import Purpose
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.permissions import ApiKeyCaller, MemberCaller, UserCaller
from stardag_registry.domain.users import EMAIL_MAX_LENGTH

Id = Annotated[
    str,
    Field(
        description="A UUID.",
        json_schema_extra={"format": "uuid", "examples": ["6f1c2a52-9f0e-4f5e-8a3d-0c5f3a8d2b11"]},
    ),
]
Slug = Annotated[str, Field(description="A name of lower-case letters and digits.", examples=["default"])]
DisplayName = Annotated[str, Field(description="A name for people.", examples=["Default"])]
Cursor = Annotated[str | None, Field(description="Gives the following page; null on the last one.")]

# The rules are checked by the domain, which says what is wrong in words; here they are only told to readers of the API.
RootName = Annotated[
    str,
    Field(
        description="A name of lower-case letters and digits, with single hyphens or underscores between them.",
        json_schema_extra={"pattern": f"^{NAME_PATTERN}$", "maxLength": NAME_MAX_LENGTH, "examples": ["default"]},
    ),
]
UriPrefix = Annotated[
    str,
    Field(
        description=f"{SUPPORTED_FORMS[0].upper()}{SUPPORTED_FORMS[1:]}, or a URI of another scheme.",
        json_schema_extra={"maxLength": URI_PREFIX_MAX_LENGTH, "examples": ["s3://company-bucket/stardag/prod/"]},
    ),
]


class OrganizationSummary(BaseModel):
    """An organization, in short."""

    id: Id
    slug: Slug
    name: DisplayName

    @classmethod
    def of(cls, organization: Organization) -> "OrganizationSummary":
        """The message about an organization."""
        return cls(id=organization.id, slug=organization.slug, name=organization.name)


class WorkspaceSummary(BaseModel):
    """A workspace, in short."""

    id: Id
    slug: Slug
    name: DisplayName


class ApiKeySummary(BaseModel):
    """An API key, without its secret."""

    id: Id
    name: DisplayName
    purpose: Annotated[Purpose, Field(description="`administer` includes `build`.")]


class UserSummary(BaseModel):
    """Somebody who has signed in."""

    id: Id
    username: Annotated[str, Field(description="Unique in the registry.", examples=["alice"])]
    email: Annotated[
        str | None, Field(description="As the issuer gives it; null where it gives none.", max_length=EMAIL_MAX_LENGTH)
    ]


class Me(BaseModel):
    """Who the credential is."""

    kind: Literal["api_key", "user"]
    user: Annotated[UserSummary | None, Field(description="Null for an API key.")]
    organization: Annotated[
        OrganizationSummary | None, Field(description="Null for a user, unless the token is an organization's.")
    ]
    workspace: Annotated[WorkspaceSummary | None, Field(description="Null for a user.")]
    api_key: Annotated[ApiKeySummary | None, Field(description="Null for a user.")]

    @classmethod
    def of(cls, caller: ApiKeyCaller | MemberCaller | UserCaller) -> "Me":
        """The message about a caller."""
        if isinstance(caller, ApiKeyCaller):
            workspace, api_key = caller.workspace, caller.api_key
            return cls(
                kind="api_key",
                user=None,
                organization=OrganizationSummary.of(caller.organization),
                workspace=WorkspaceSummary(id=workspace.id, slug=workspace.slug, name=workspace.name),
                api_key=ApiKeySummary(id=api_key.id, name=api_key.name, purpose=api_key.purpose),
            )
        user = caller.user
        return cls(
            kind="user",
            user=UserSummary(id=user.id, username=user.username, email=user.email),
            organization=OrganizationSummary.of(caller.membership.organization)
            if isinstance(caller, MemberCaller)
            else None,
            workspace=None,
            api_key=None,
        )


class SignInConfiguration(BaseModel):
    """Where this registry's users sign in (OpenID Connect Discovery 1.0)."""

    issuer: Annotated[str, Field(description="The issuer's URL, exactly as the issuer says it.")]
    client_id: Annotated[str, Field(description="The public client that command lines sign in with.")]


TokenText = Annotated[str, Field(min_length=1, max_length=16 * 1024)]


class Introduction(BaseModel):
    """Who has just signed in."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id_token: Annotated[TokenText, Field(description="The ID token that came with the access token.", repr=False)]


class ExchangeRequest(BaseModel):
    """What an organization's token is asked for with."""

    model_config = ConfigDict(extra="forbid", strict=True)

    organization: Annotated[str, Field(min_length=1, max_length=200, description="The organization's slug or id.")]
    id_token: Annotated[
        TokenText | None,
        Field(description="The ID token that came with the access token; needed at the first sign-in.", repr=False),
    ] = None


class ExchangedToken(BaseModel):
    """An access token for one organization (RFC 6749, section 5.1)."""

    access_token: Annotated[str, Field(repr=False)]
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 (no secret)
    expires_in: Annotated[int, Field(description="In seconds.")]
    organization: OrganizationSummary


class OrganizationItem(OrganizationSummary):
    """An organization and what the caller is in it."""

    role: Annotated[Role | None, Field(description="Null for an API key, which is no member.")]

    @classmethod
    def of_listed(cls, organization: Organization, role: Role | None) -> "OrganizationItem":
        """The message about an organization and what the caller is in it."""
        return cls(id=organization.id, slug=organization.slug, name=organization.name, role=role)


class WorkspaceItem(WorkspaceSummary):
    """A workspace of an organization."""

    organization_id: Id
    description: str
    personal: Annotated[bool, Field(description="Whether it is one member's own.")]
    archived: Annotated[bool, Field(description="Whether it is only read any more.")]

    @classmethod
    def of_workspace(cls, workspace: Workspace) -> "WorkspaceItem":
        """The message about a workspace."""
        return cls(
            id=workspace.id,
            slug=workspace.slug,
            name=workspace.name,
            organization_id=workspace.organization_id,
            description=workspace.description,
            personal=workspace.owner_id is not None,
            archived=workspace.archived_at is not None,
        )


class TargetRootItem(BaseModel):
    """A target root."""

    name: RootName
    uri_prefix: UriPrefix

    @classmethod
    def of(cls, root: TargetRoot) -> "TargetRootItem":
        """The message about a root."""
        return cls(name=root.name, uri_prefix=root.uri_prefix)


class OrganizationPage(BaseModel):
    """Organizations, by slug."""

    items: list[OrganizationItem]
    next_cursor: Cursor

    @classmethod
    def of(cls, page: Page[ListedOrganization]) -> "OrganizationPage":
        """The message about some organizations."""
        items = [OrganizationItem.of_listed(item.organization, item.role) for item in page.items]
        return cls(items=items, next_cursor=page.next_cursor)


class WorkspacePage(BaseModel):
    """Workspaces, by slug."""

    items: list[WorkspaceItem]
    next_cursor: Cursor

    @classmethod
    def of(cls, page: Page[Workspace]) -> "WorkspacePage":
        """The message about some workspaces."""
        return cls(items=[WorkspaceItem.of_workspace(item) for item in page.items], next_cursor=page.next_cursor)


class TargetRootPage(BaseModel):
    """Target roots, by name."""

    items: list[TargetRootItem]
    next_cursor: Cursor

    @classmethod
    def of(cls, page: Page[TargetRoot]) -> "TargetRootPage":
        """The message about some roots."""
        return cls(items=[TargetRootItem.of(root) for root in page.items], next_cursor=page.next_cursor)


class TargetRootDetail(TargetRootItem):
    """A target root, and what hangs on it."""

    builds: Annotated[int, Field(description="How many builds were validated with it as it is now.")]


class NewTargetRoot(BaseModel):
    """A target root to add."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: RootName
    uri_prefix: UriPrefix


class ChangedTargetRoot(BaseModel):
    """What a target root shall be from now on."""

    model_config = ConfigDict(extra="forbid", strict=True)

    uri_prefix: UriPrefix


class Health(BaseModel):
    """That the server and its database answer."""

    status: Literal["ok"]
    service: Literal["stardag-registry"]
    version: str
