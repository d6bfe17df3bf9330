"""Where a credential comes from that is sent to a registry. Commands that ask no registry never import this module."""

from typing import NamedTuple


class CredentialSource(NamedTuple):
    """Which credential is sent to a registry, for the error where the registry rejects it. Holds nothing secret.

    `description` is a phrase such as "the API key from STARDAG_API_KEY"; `fix` says what to do about this one.
    """

    description: str
    fix: str


def api_key_source(variable: str) -> CredentialSource:
    """An API key, which stands in an environment variable."""
    return CredentialSource(
        f"the API key from {variable}",
        f"Set {variable} to a valid API key of the workspace, or unset it to use your sign-in.",
    )
