"""Organizations, their workspaces and the roles in them (guide, "Conceptual Model")."""

from typing import Literal, NamedTuple

PERSONAL_PREFIX = "personal-"
"""What the slugs of personal workspaces begin with, and no others' (guide, "Workspaces")."""

Role = Literal["owner", "admin", "member"]
"""What a member of an organization is to it, most rights first (readings, section 7)."""


def is_personal_slug(slug: str) -> bool:
    """Whether a workspace with this slug is one member's own."""
    return slug.startswith(PERSONAL_PREFIX)


class Organization(NamedTuple):
    """An organization as a registry tells of it; `role` is what the credential is in it, None for an API key."""

    id: str
    slug: str
    name: str
    role: Role | None = None


class Workspace(NamedTuple):
    """A workspace of an organization, as a registry tells of it. A personal one is one member's own; one that is
    archived is only read any more."""

    id: str
    slug: str
    name: str
    organization_id: str
    description: str = ""
    is_personal: bool = False
    is_archived: bool = False

    def is_meant_by(self, reference: str) -> bool:
        """Whether this is the workspace's slug or its id."""
        return reference in (self.id, self.slug)
