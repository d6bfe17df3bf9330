"""Organizations, their workspaces and the roles in them (guide, "Conceptual Model")."""

from typing import Literal, NamedTuple

Role = Literal["owner", "admin", "member"]
"""What a member of an organization is to it, most rights first (readings, section 7)."""


class Organization(NamedTuple):
    """An organization as a registry tells of it; `role` is what the credential is in it, None for an API key."""

    id: str
    slug: str
    name: str
    role: Role | None = None


class Workspace(NamedTuple):
    """A workspace of an organization, as a registry tells of it."""

    id: str
    slug: str
    name: str
    organization_id: str
