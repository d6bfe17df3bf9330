"""What the `STARDAG_*` environment variables say, each value with the variable that says it (readings, section 3)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from stardag.domain.credentials import Secret
from stardag.domain.layers import Notice, Setting

DEFAULT_TIMEOUT = 10.0
"""Seconds that one whole exchange with a server may take."""

VALUE_MAX_LENGTH = 64 * 1024
"""Characters in one variable."""

UNKNOWN_VARIABLE = "unknown-variable"
"""The code of the notice on a `STARDAG_*` variable that is not known."""

NO_ROOTS: Mapping[str, Setting[str]] = MappingProxyType({})

INHERITED = "STARDAG_INHERITED"
"""The variable in which a process tells those that it starts which place they were started for."""


class InheritedPlace(NamedTuple):
    """The place that a parent process was at, and the target roots that belong to that place alone.

    Where all of `registry_url`, `organization` and `workspace` are None, the place is this machine: a local profile.
    Organization and workspace are ids, where those were known; the slugs are what they were called then.
    `target_roots` are name to URI prefix, without those that a person sets by variable, which count anywhere.
    """

    registry_url: str | None
    organization: str | None
    workspace: str | None
    target_roots: Mapping[str, str]
    organization_slug: str | None = None
    workspace_slug: str | None = None


class Environment(NamedTuple):
    """The variables, parsed and checked; None where a variable is unset or empty.

    `target_roots` holds the names as `STARDAG_TARGET_ROOTS` spells them; `target_root_variables` those of
    `STARDAG_TARGET_ROOTS__<NAME>`, in lower case with hyphens as underscores, which match a root of either spelling.
    `access_token` and `build_id` are handed down by `stardag exec`, and belong to the place `inherited`, or else to the
    one that the same variables name: see `stardag.domain.child_environment`.
    """

    profile: Setting[str] | None = None
    registry_url: Setting[str] | None = None
    api_key: Setting[Secret] | None = None
    access_token: Setting[Secret] | None = None
    organization: Setting[str] | None = None
    workspace: Setting[str] | None = None
    target_roots: Mapping[str, Setting[str]] = NO_ROOTS
    target_root_variables: Mapping[str, Setting[str]] = NO_ROOTS
    allow_http: Setting[bool] | None = None
    timeout: float = DEFAULT_TIMEOUT
    offline: Setting[bool] | None = None
    build_id: Setting[str] | None = None
    inherited: InheritedPlace | None = None
    notices: tuple[Notice, ...] = ()

    @property
    def names_all(self) -> bool:
        """Whether the variables name registry, credential and workspace, which is all that is needed (readings,
        section 3)."""
        return None not in (self.registry_url, self.api_key, self.workspace)
