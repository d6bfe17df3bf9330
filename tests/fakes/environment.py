"""The port `EnvironmentVariables` in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stardag.domain.credentials import Secret
from stardag.domain.environment import DEFAULT_TIMEOUT, Environment, InheritedPlace
from stardag.domain.errors import InvalidVariable
from stardag.domain.layers import Layer, Notice, Origin, Setting
from stardag.domain.names import is_name


@dataclass
class FakeEnvironment:
    """An environment that says what its fields say; None is unset. Tests change it as they go."""

    profile: str | None = None
    registry_url: str | None = None
    api_key: str | None = None
    access_token: str | None = None
    organization: str | None = None
    workspace: str | None = None
    target_roots: Mapping[str, str] = field(default_factory=dict[str, str])
    timeout: float = DEFAULT_TIMEOUT
    offline: bool | None = None
    allow_http: bool | None = None
    build_id: str | None = None
    inherited: InheritedPlace | None = None
    notices: tuple[Notice, ...] = ()

    def read(self) -> Environment:
        if self.profile is not None and not is_name(self.profile):
            raise InvalidVariable("STARDAG_PROFILE", f"{self.profile!r} is no name.")
        return Environment(
            profile=_setting("STARDAG_PROFILE", self.profile),
            registry_url=_setting("STARDAG_REGISTRY_URL", self.registry_url),
            api_key=_secret("STARDAG_API_KEY", self.api_key),
            access_token=_secret("STARDAG_ACCESS_TOKEN", self.access_token),
            organization=_setting("STARDAG_ORGANIZATION_ID", self.organization),
            workspace=_setting("STARDAG_WORKSPACE_ID", self.workspace),
            target_roots={
                name: Setting(prefix, _origin("STARDAG_TARGET_ROOTS")) for name, prefix in self.target_roots.items()
            },
            timeout=self.timeout,
            offline=None if self.offline is None else Setting(self.offline, _origin("STARDAG_OFFLINE")),
            allow_http=None if self.allow_http is None else Setting(self.allow_http, _origin("STARDAG_ALLOW_HTTP")),
            build_id=_setting("STARDAG_BUILD_ID", self.build_id),
            inherited=self.inherited,
            notices=self.notices,
        )


def _setting(variable: str, value: str | None) -> Setting[str] | None:
    return None if value is None else Setting(value, _origin(variable))


def _secret(variable: str, value: str | None) -> Setting[Secret] | None:
    return None if value is None else Setting(Secret(value), _origin(variable))


def _origin(variable: str) -> Origin:
    return Origin(Layer.ENVIRONMENT, variable=variable)
