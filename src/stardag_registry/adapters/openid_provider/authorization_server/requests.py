"""What comes to Authlib, and what goes from it, apart from any web framework."""

# pyright's own description of Authlib is of another version and leaves much out. The tests look at the real one.
# pyright: basic, reportArgumentType=false, reportAssignmentType=false, reportOptionalMemberAccess=false
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false, reportReturnType=false

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from authlib.oauth2 import OAuth2Request
from authlib.oauth2.rfc6749 import OAuth2Payload

from stardag_registry.adapters.openid_provider.parameters import Parameters


@dataclass
class Answer:
    """What Authlib wants to answer, before it is an answer of Starlette's."""

    status: int
    body: Any
    headers: list[tuple[str, str]]

    @property
    def location(self) -> str | None:
        """Where the browser is sent."""
        return dict(self.headers).get("Location")

    @location.setter
    def location(self, value: str) -> None:
        self.headers = [(name, value if name == "Location" else other) for name, other in self.headers]


class Refused(Exception):
    """An authorization request that nobody is asked about. The message is a reason for people.

    `answer` sends the browser back to the client; without one, nobody knows where the client is.
    """

    def __init__(self, reason: str, answer: Answer | None = None) -> None:
        super().__init__(reason)
        self.answer = answer


@dataclass(frozen=True)
class Asked:
    """An authorization request in order: `grant` is Authlib's."""

    request: "ProviderRequest"
    grant: Any
    redirect_uri: str
    prompts: frozenset[str]
    max_age: timedelta | None


class ProviderRequest(OAuth2Request):
    """Parameters as Authlib takes them. Values that come more than once are refused, `resource` aside."""

    def __init__(self, method: str, parameters: Parameters, address: str = "") -> None:
        # Authlib refuses plain http beyond loopback; which addresses a registry has is for whoever runs it to say.
        super().__init__(method, "https://registry.invalid/")
        self.payload = Payload(parameters)
        self.address = address

    @property
    def form(self) -> dict[str, str]:
        """The parameters, as the grants look at them."""
        return self.payload.data

    @property
    def args(self) -> dict[str, str]:
        """The same."""
        return self.payload.data


class Payload(OAuth2Payload):
    """Parameters with all their values."""

    def __init__(self, parameters: Parameters) -> None:
        self._lists: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in parameters:
            if value:  # without a value is like not there (RFC 6749, section 3.1)
                self._lists[name].append(value)

    @property
    def data(self) -> dict[str, str]:
        return {name: values[0] for name, values in self._lists.items()}

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return self._lists
