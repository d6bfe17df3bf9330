"""Secrets, kept out of every `repr`, and the one rule for when an API key may go where (readings, section 5)."""

API_KEY_MAX_LENGTH = 1024

TOKEN_MAX_LENGTH = 16 * 1024
"""Of access and refresh tokens, which hold all that some issuers know of a user."""

_QUOTES = ("'", '"')
_KINDS = ("stardag_admin", "stardag_build", "stardag_access")


class Secret:
    """A value that shows itself only when asked to; printing, formatting and comparing reveal nothing."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the header it is made for."""
        return self._value

    @property
    def masked(self) -> str:
        """Enough to recognise the secret by, and no more: its kind, where its prefix names one."""
        kind = self._value.rpartition("_")[0]
        return f"{kind}_****" if kind in _KINDS else "****"

    @property
    def is_well_formed(self) -> bool:
        """Whether it can be an API key: visible ASCII of a sensible length, fit for a header, with no quotes around it.

        Quotes come with a key from a file that no shell reads, as for `docker run --env-file`.
        """
        return self._is_visible(API_KEY_MAX_LENGTH) and not (self._value[0] in _QUOTES or self._value[-1] in _QUOTES)

    @property
    def is_well_formed_token(self) -> bool:
        """Whether it can be an access or refresh token: the same, and longer."""
        return self._is_visible(TOKEN_MAX_LENGTH)

    def _is_visible(self, max_length: int) -> bool:
        return 0 < len(self._value) <= max_length and all("!" <= character <= "~" for character in self._value)

    @property
    def fingerprint(self) -> str:
        """A name for the secret that tells nothing about it; for random secrets only (32 hexadecimal digits)."""
        import hashlib  # most commands have no secret to name

        return hashlib.sha256(b"stardag fingerprint\0" + self._value.encode()).hexdigest()[:32]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __repr__(self) -> str:
        return "Secret(****)"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not to be stored by accident; reveal() it where it has to be")
