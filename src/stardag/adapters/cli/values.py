"""The active profile as a list of values with their origins: what `config show` and `config explain` answer."""

from collections.abc import Iterator
from typing import NamedTuple

from stardag.adapters.cli.answers import Json
from stardag.domain.credentials import Secret
from stardag.domain.layers import Origin, Overridden, Setting
from stardag.domain.profile import ActiveProfile

_NOTHING: Setting[Secret | None] = Setting(None)


class ShownValue(NamedTuple):
    """One value of the active profile, with nothing secret in it."""

    key: str
    setting: Setting[str | None]

    @property
    def data(self) -> Json:
        """For programs."""
        return {
            "key": self.key,
            "value": self.setting.value,
            "origin": origin_data(self.setting.origin),
            "overridden": [
                {"value": lost.value, "origin": origin_data(lost.origin), "reason": lost.reason}
                for lost in self.setting.overridden
            ],
        }


def shown_values(profile: ActiveProfile) -> list[ShownValue]:
    """Every value of the active profile, in the order in which people ask for them."""
    return [ShownValue(key, setting) for key, setting in _settings(profile)]


def _settings(profile: ActiveProfile) -> Iterator[tuple[str, Setting[str | None]]]:
    yield "profile", profile.profile
    yield "registry", profile.registry
    yield "registry_url", profile.registry_url
    yield "organization", profile.organization
    yield "workspace", profile.workspace
    yield "api_key", _masked(profile.api_key)
    if profile.access_token != _NOTHING:
        yield "access_token", _masked(profile.access_token)
    for name, setting in profile.target_roots.items():
        yield f"target_roots.{name}", setting


def _masked(setting: Setting[Secret | None]) -> Setting[str | None]:
    overridden = tuple(
        Overridden(lost.value.masked if lost.value else None, lost.origin, lost.reason) for lost in setting.overridden
    )
    return Setting(setting.value.masked if setting.value else None, setting.origin, overridden)


def origin_data(origin: Origin) -> Json:
    """An origin, for programs; `text` is what people read."""
    return {
        "layer": origin.layer.value,
        "path": origin.path,
        "line": origin.line,
        "variable": origin.variable,
        "option": origin.option,
        "text": str(origin),
    }
