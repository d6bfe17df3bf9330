"""Where things are: the provider's addresses, and which of its own pages somebody may be sent on to."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

AUTHORIZE = "/oauth/authorize"
TOKEN = "/oauth/token"  # noqa: S105 (a path)
REVOKE = "/oauth/revoke"
USERINFO = "/oauth/userinfo"
KEYS = "/oauth/jwks"
DEVICE_AUTHORIZATION = "/oauth/device_authorization"
DEVICE = "/oauth/device"
SIGN_IN = "/sign-in"
SIGN_OUT = "/sign-out"
ACCOUNT = "/account"
INVITATION = "/invitation"

_ONWARD = re.compile(
    rf"(?:{AUTHORIZE}|{DEVICE}|{ACCOUNT}|{INVITATION})(?:\?[!-\[\]-~]*)?", re.ASCII
)  # no blank, no backslash


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses below the registry's public one."""

    public_url: str

    @property
    def origin(self) -> str:
        """Scheme, host and port, as browsers name where a form comes from."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def is_encrypted(self) -> bool:
        """Whether people reach the registry by https."""
        return self.public_url.startswith("https:")

    @property
    def port(self) -> int | None:
        """The port in the public address, where it names one."""
        return urlsplit(self.public_url).port

    def to(self, path: str) -> str:
        """A path as a browser needs it, when the public address has a path of its own."""
        return urlsplit(self.public_url).path + path

    def absolute(self, path: str) -> str:
        """The whole address."""
        return self.public_url + path


def onward(path: str | None) -> str:
    """Where to go after signing in: `path` if it is one of the provider's pages, else one's account; nowhere else."""
    return path if path and _ONWARD.fullmatch(path) else ACCOUNT
