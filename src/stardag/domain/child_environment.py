"""What a process hands down to the processes that it starts, as variables, so that they work at the very same place:
written by `environment_of`, and read again by resolution.

Target roots, an access token and a build belong to the place that they were handed down for, which `STARDAG_INHERITED`
names. A process that chooses another place gets none of them there (readings, section 3).
"""

import json
from collections.abc import Mapping

from stardag.domain.credentials import Secret
from stardag.domain.environment import INHERITED, VALUE_MAX_LENGTH, Environment, InheritedPlace
from stardag.domain.layers import DEFAULT, Layer, Notice, Origin, Overridden, Setting
from stardag.domain.profile import ActiveProfile
from stardag.domain.registry_url import is_plain_beyond_loopback
from stardag.domain.remembered import WorkspaceIdentity

_URL = "STARDAG_REGISTRY_URL"
_ORGANIZATION = "STARDAG_ORGANIZATION_ID"
_WORKSPACE = "STARDAG_WORKSPACE_ID"
_ROOTS = "STARDAG_TARGET_ROOTS"
_BUILD = "STARDAG_BUILD_ID"
_ALLOW_HTTP = "STARDAG_ALLOW_HTTP"
_TOKEN = "STARDAG_ACCESS_TOKEN"  # noqa: S105  # the name of a variable

_OTHER_SPELLINGS = ("STARDAG_PROFILE", "STARDAG_ORGANIZATION", "STARDAG_ORGANIZAION_ID", "STARDAG_WORKSPACE")

REPLACED: frozenset[str] = frozenset(
    (_URL, _ALLOW_HTTP, _ORGANIZATION, _WORKSPACE, _ROOTS, _BUILD, _TOKEN, INHERITED, *_OTHER_SPELLINGS)
)
"""The variables that say where, in every spelling, and what belongs there. `STARDAG_TARGET_ROOTS__<NAME>` is none of
them: a person sets it, and it counts at every place."""


def environment_of(profile: ActiveProfile, identity: WorkspaceIdentity | None, build_id: str | None) -> dict[str, str]:
    """The variables that lead to the profile's place, without anything secret in them.

    They are meant to be laid over an environment: those that must not count there are empty, which is unset (readings,
    section 3). An access token that belongs to the profile stays as it is in that environment. A local profile has no
    place that could be named; only its target roots are. They are left out where they do not fit into a variable:
    see `roots_left_out`.
    """
    variables: dict[str, str] = dict.fromkeys(sorted(REPLACED), "")
    if profile.access_token.value is not None:
        del variables[_TOKEN]
    if not profile.is_local:
        variables[_URL] = profile.registry_url.value
        variables[_ALLOW_HTTP] = "1" if _may_use_plain_http(profile) else ""
        variables[_ORGANIZATION] = (identity.organization_id if identity else profile.organization.value) or ""
        variables[_WORKSPACE] = (identity.workspace_id if identity else profile.workspace.value) or ""
        variables[_BUILD] = build_id or ""
    if profile.offline.value:
        variables["STARDAG_OFFLINE"] = "1"
    variables |= {
        setting.origin.variable: setting.value
        for setting in profile.target_roots.values()
        if setting.origin.variable is not None and setting.origin.variable.startswith(f"{_ROOTS}__")
    }
    roots = _roots_of_place(profile) if _fit(profile, identity) else {}
    all_roots = {**roots, **_roots_from(profile, _ROOTS)}
    variables[_ROOTS] = _json(all_roots) if all_roots else ""
    variables[INHERITED] = _json(_inherited_place(profile, identity, roots))
    return variables


def child_environment(
    inherited: Mapping[str, str], variables: Mapping[str, str], access_token: Secret | None
) -> dict[str, str]:
    """The whole environment of a child: the `variables` of `environment_of` in the place of those that were inherited,
    and a token that belongs there."""
    environment = {name: value for name, value in inherited.items() if name not in REPLACED}
    environment.update((name, value) for name, value in variables.items() if value)
    if access_token is not None:
        environment[_TOKEN] = access_token.reveal()
    return environment


def roots_left_out(profile: ActiveProfile) -> Notice | None:
    """That the target roots do not fit into a variable, where they do not."""
    if _fit(profile, profile.identity):
        return None
    return Notice(
        "roots-left-out",
        f"The {len(profile.target_roots)} target roots do not fit into {_ROOTS}, which takes {VALUE_MAX_LENGTH} "
        "characters: what is started takes them from the cache, or asks the registry.",
    )


def inherited_roots(profile: ActiveProfile, environment: Environment) -> dict[str, Setting[str]]:
    """The target roots that were handed down for the profile's own place; none at any other."""
    place = environment.inherited
    if place is None or not _is_place(profile, place):
        return {}
    origin = Origin(Layer.ENVIRONMENT, variable=INHERITED)
    return {name: Setting(prefix, origin) for name, prefix in place.target_roots.items()}


def own_roots(environment: Environment) -> Mapping[str, Setting[str]]:
    """The target roots that a person sets in `STARDAG_TARGET_ROOTS`, without those that were handed down in it."""
    if environment.inherited is None:
        return environment.target_roots
    handed_down = environment.inherited.target_roots
    return {
        name: setting for name, setting in environment.target_roots.items() if handed_down.get(name) != setting.value
    }


def without_inherited_place(environment: Environment) -> Environment:
    """The environment without the variables that still name the place that was handed down."""
    place = environment.inherited
    if place is None:
        return environment

    def own(setting: Setting[str] | None, handed_down: str | None) -> Setting[str] | None:
        return None if setting is not None and setting.value == handed_down else setting

    return environment._replace(
        registry_url=own(environment.registry_url, place.registry_url),
        organization=own(environment.organization, place.organization),
        workspace=own(environment.workspace, place.workspace),
    )


def with_access_token(profile: ActiveProfile, environment: Environment) -> ActiveProfile:
    """The profile with the environment's access token, where it belongs there; else with a notice of why it does not.

    It belongs to the registry and organization that it was handed down for, or else that the same environment names,
    and gives way to an API key.
    """
    setting = environment.access_token
    if setting is None:
        return profile
    reason = _foreign(profile, _place_of(environment))
    if reason is None:
        return profile._replace(access_token=setting)
    unused = Overridden(setting.value, setting.origin, reason)
    profile = profile._replace(access_token=Setting(None, DEFAULT, (unused,)))
    return profile._replace(notices=(*profile.notices, Notice("access-token-not-used", profile.unused_token)))


def build_to_join(profile: ActiveProfile, environment: Environment) -> str | None:
    """The id of the build that the environment names, unless the profile is of another place than that environment."""
    if environment.build_id is None or profile.is_local:
        return None
    place = _place_of(environment)
    if place.registry_url is not None and place.registry_url != profile.registry_url.value:
        return None
    if place.organization is not None and not _is_organization(profile, place):
        return None
    if place.workspace is not None and not _is_workspace(profile, place):
        return None
    return environment.build_id.value


def _place_of(environment: Environment) -> InheritedPlace:
    """The place that a token and a build of the environment belong to."""
    if environment.inherited is not None:
        return environment.inherited
    url, organization, workspace = environment.registry_url, environment.organization, environment.workspace
    return InheritedPlace(
        None if url is None else url.value,
        None if organization is None else organization.value,
        None if workspace is None else workspace.value,
        {},
    )


def _may_use_plain_http(profile: ActiveProfile) -> bool:
    """Whether what is started may use plain http, since this process may: the environment says so, or the registry has
    been asked, as it is before anything is started unless somebody works offline."""
    if not is_plain_beyond_loopback(profile.registry_url.value):
        return False
    return profile.allows_http or not profile.offline.value


def _roots_of_place(profile: ActiveProfile) -> dict[str, str]:
    """The target roots that belong to the profile's place, those among them that a person overrides."""
    own = profile.overridden_roots
    roots = {name: setting.value for name, setting in profile.target_roots.items() if name not in own}
    return {**roots, **_roots_from(profile, None), **_roots_from(profile, INHERITED)}


def _roots_from(profile: ActiveProfile, variable: str | None) -> dict[str, str]:
    """What a variable, or none, says of target roots, overridden or not."""
    return {
        name: value
        for name, setting in profile.target_roots.items()
        for value, origin in ((setting.value, setting.origin), *((it.value, it.origin) for it in setting.overridden))
        if origin.variable == variable
    }


def _fit(profile: ActiveProfile, identity: WorkspaceIdentity | None) -> bool:
    """Whether the target roots fit into their variables, with the place that they belong to."""
    roots = _roots_of_place(profile)
    texts = (_json({**roots, **_roots_from(profile, _ROOTS)}), _json(_inherited_place(profile, identity, roots)))
    return max(map(len, texts)) <= VALUE_MAX_LENGTH


def _inherited_place(
    profile: ActiveProfile, identity: WorkspaceIdentity | None, roots: Mapping[str, str]
) -> dict[str, object]:
    """The place of a profile, by ids and slugs as far as those are known, and the target roots that belong to it."""
    if profile.is_local:
        return {"registry_url": None, "organization": None, "workspace": None, "target_roots": roots}
    place: dict[str, object] = {
        "registry_url": profile.registry_url.value,
        "organization": identity.organization_id if identity else profile.organization.value,
        "workspace": identity.workspace_id if identity else profile.workspace.value,
    }
    if identity is not None:
        place |= {"organization_slug": identity.organization_slug, "workspace_slug": identity.workspace_slug}
    return {**place, "target_roots": roots}


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, separators=(",", ":"))


def _foreign(profile: ActiveProfile, place: InheritedPlace) -> str | None:
    """Why an access token for this place is not for this profile, as a phrase; None where it is."""
    if place.registry_url is None or place.organization is None:
        return f"{_URL if place.registry_url is None else _ORGANIZATION} does not say what it is for"
    if place.registry_url != profile.registry_url.value:
        return f"it is for the registry {place.registry_url}"
    if not _is_organization(profile, place):
        return f"it is for the organization {place.organization!r}"
    if profile.api_key.value is not None:
        return f"{profile.api_key.origin} outranks it"
    return None


def _is_place(profile: ActiveProfile, place: InheritedPlace) -> bool:
    """Whether the profile is at this very place."""
    if place.registry_url is None:
        return profile.is_local
    return (
        place.registry_url == profile.registry_url.value
        and _is_organization(profile, place)
        and _is_workspace(profile, place)
    )


def _is_organization(profile: ActiveProfile, place: InheritedPlace) -> bool:
    known, named = profile.identity, profile.organization.value
    if named == place.organization or (named is not None and named == place.organization_slug):
        return True
    return known is not None and place.organization is not None and known.is_organization(place.organization)


def _is_workspace(profile: ActiveProfile, place: InheritedPlace) -> bool:
    known, named = profile.identity, profile.workspace.value
    if known is not None and place.workspace is not None:
        return known.is_workspace(place.workspace)
    return named == place.workspace or (named is not None and named == place.workspace_slug)
