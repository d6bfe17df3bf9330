"""What goes over the wire under `/api/v1`. The fields are fixed: others may be added, none renamed."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from stardag.domain.names import NAME_MAX_LENGTH, NAME_PATTERN
from stardag.domain.organizations import Role
from stardag.domain.target_roots import SUPPORTED_FORMS, URI_PREFIX_MAX_LENGTH, TargetRoot
from stardag_registry.app.paging import Page
from stardag_registry.domain.api_keys import Purpose
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.permissions import Caller

Id = Annotated[str, Field(description="A UUID.", examples=["6f1c2a52-9f0e-4f5e-8a3d-0c5f3a8d2b11"])]
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


class Me(BaseModel):
    """Who the credential is."""

    kind: Literal["api_key"]
    user: None = Field(default=None, description="Always null for an API key.")
    organization: OrganizationSummary
    workspace: WorkspaceSummary
    api_key: ApiKeySummary

    @classmethod
    def of(cls, caller: Caller) -> "Me":
        """The message about a caller."""
        organization, workspace, api_key = caller.organization, caller.workspace, caller.api_key
        return cls(
            kind="api_key",
            organization=OrganizationSummary(id=organization.id, slug=organization.slug, name=organization.name),
            workspace=WorkspaceSummary(id=workspace.id, slug=workspace.slug, name=workspace.name),
            api_key=ApiKeySummary(id=api_key.id, name=api_key.name, purpose=api_key.purpose),
        )


class OrganizationItem(OrganizationSummary):
    """An organization and what the caller is in it."""

    role: Annotated[Role | None, Field(description="Null for an API key, which is no member.")]


class WorkspaceItem(WorkspaceSummary):
    """A workspace of an organization."""

    organization_id: Id


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
    def of(cls, page: Page[Organization]) -> "OrganizationPage":
        """The message about what an API key may see, which has a role nowhere."""
        items = [OrganizationItem(id=item.id, slug=item.slug, name=item.name, role=None) for item in page.items]
        return cls(items=items, next_cursor=page.next_cursor)


class WorkspacePage(BaseModel):
    """Workspaces, by slug."""

    items: list[WorkspaceItem]
    next_cursor: Cursor

    @classmethod
    def of(cls, page: Page[Workspace]) -> "WorkspacePage":
        """The message about some workspaces."""
        items = [
            WorkspaceItem(id=item.id, slug=item.slug, name=item.name, organization_id=item.organization_id)
            for item in page.items
        ]
        return cls(items=items, next_cursor=page.next_cursor)


class TargetRootPage(BaseModel):
    """Target roots, by name."""

    items: list[TargetRootItem]
    next_cursor: Cursor

    @classmethod
    def of(cls, page: Page[TargetRoot]) -> "TargetRootPage":
        """The message about some roots."""
        return cls(items=[TargetRootItem.of(root) for root in page.items], next_cursor=page.next_cursor)


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
