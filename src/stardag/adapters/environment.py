"""The `STARDAG_*` environment variables, parsed (readings, section 3). Reads a mapping; never writes one."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar, cast

from stardag.domain.credentials import Secret
from stardag.domain.environment import (
    DEFAULT_TIMEOUT,
    INHERITED,
    UNKNOWN_VARIABLE,
    VALUE_MAX_LENGTH,
    Environment,
    InheritedPlace,
)
from stardag.domain.errors import ConfigurationError, ConflictingVariables, InvalidVariable
from stardag.domain.layers import Layer, Notice, NoticeLog, Origin, Setting
from stardag.domain.names import check_name, check_reference, is_id, is_text
from stardag.domain.registry_url import normal_url
from stardag.domain.suggestions import nearest

Parsed = TypeVar("Parsed")

TIMEOUT_MAXIMUM = 3600.0

_ROOTS = "STARDAG_TARGET_ROOTS"
_ROOT_PREFIX = "STARDAG_TARGET_ROOTS__"
_MISSPELT_ORGANIZATION = "STARDAG_ORGANIZAION_ID"
_SPELLINGS: dict[str, tuple[str, ...]] = {
    "profile": ("STARDAG_PROFILE",),
    "registry_url": ("STARDAG_REGISTRY_URL",),
    "api_key": ("STARDAG_API_KEY", "STARDAG_REGISTRY_API_KEY"),
    "access_token": ("STARDAG_ACCESS_TOKEN",),
    "organization": ("STARDAG_ORGANIZATION_ID", "STARDAG_ORGANIZATION", _MISSPELT_ORGANIZATION),
    "workspace": ("STARDAG_WORKSPACE_ID", "STARDAG_WORKSPACE"),
    "allow_http": ("STARDAG_ALLOW_HTTP",),
    "timeout": ("STARDAG_TIMEOUT",),
    "offline": ("STARDAG_OFFLINE",),
    "build_id": ("STARDAG_BUILD_ID",),
}
_OTHERS = (_ROOTS, "STARDAG_HOME", INHERITED)
_KNOWN = frozenset((*(name for names in _SPELLINGS.values() for name in names), *_OTHERS))
_PLACE_KEYS = ("registry_url", "organization", "workspace", "organization_slug", "workspace_slug")
_YES = frozenset(("1", "true", "yes", "on"))
_NO = frozenset(("0", "false", "no", "off"))


_QUOTES = ("'", '"')
_URL_ENDINGS = ("_URL", "_URI", "_HOST", "_SERVER", "_ENDPOINT", "_REGISTRY")

_ADDRESS = r"\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:]*"
_TRANSPORT = "(?:TCP|UDP|SCTP)"
_SERVICE_LINKS = (
    (rf"STARDAG\w*_(?:SERVICE_HOST|PORT_\d+_{_TRANSPORT}_ADDR)", _ADDRESS),
    (rf"STARDAG\w*_PORT_\d+_{_TRANSPORT}_PORT", r"\d{1,5}"),
    (rf"STARDAG\w*_PORT_\d+_{_TRANSPORT}_PROTO", "tcp|udp|sctp"),
    (rf"STARDAG\w*_PORT(?:_\d+_{_TRANSPORT})?", r"(?:tcp|udp|sctp)://[^/\s]+:\d{1,5}"),
)
"""Names and values of the variables that Kubernetes makes for a service (kubernetes.io, "Accessing the Service")."""


class EnvironmentVariables:
    """The environment of this process, or any mapping that stands for one. Blanks and line ends around a value do not
    count, and an empty variable is an unset one."""

    def __init__(self, variables: Mapping[str, str], notice_log: NoticeLog | None = None) -> None:
        self._variables = variables
        self._notice_log = notice_log or NoticeLog()

    def read(self) -> Environment:
        """The variables, parsed; see the port."""
        found = {
            name: stripped
            for name, value in self._variables.items()
            if name.startswith("STARDAG_") and (stripped := value.strip())
        }
        notices = (*_notices(found), *_misspelt_prefixes(self._variables))
        self._notice_log.add(notices)
        for name, value in found.items():
            if len(value) > VALUE_MAX_LENGTH:
                raise InvalidVariable(name, f"it is longer than {VALUE_MAX_LENGTH} characters.")
            if not is_text(value) and (name in _KNOWN or name.startswith(_ROOT_PREFIX)):
                raise InvalidVariable(name, "it has bytes that are no text in the encoding of this locale.")
        timeout = _setting(found, "timeout", _timeout)
        inherited = _inherited_place(found.get(INHERITED))
        return Environment(
            profile=_setting(found, "profile", lambda value: check_name("profile", value)),
            registry_url=_setting(found, "registry_url", normal_url),
            api_key=_setting(found, "api_key", Secret),
            access_token=_setting(found, "access_token", Secret),
            organization=_setting(found, "organization", lambda value: check_reference("organization", value)),
            workspace=_setting(found, "workspace", lambda value: check_reference("workspace", value)),
            target_roots=_target_roots(found.get(_ROOTS), inherited),
            target_root_variables=_target_root_variables(found),
            allow_http=_setting(found, "allow_http", _switch),
            timeout=timeout.value if timeout else DEFAULT_TIMEOUT,
            offline=_setting(found, "offline", _switch),
            build_id=_setting(found, "build_id", _build_id),
            inherited=inherited,
            notices=notices,
        )


def _setting(found: Mapping[str, str], key: str, parse: Callable[[str], Parsed]) -> Setting[Parsed] | None:
    """The value of the one spelling that is set, parsed.

    Raises:
        ConflictingVariables: two spellings have different values.
        InvalidVariable: the value does not parse.
    """
    spelt = [name for name in _SPELLINGS[key] if name in found]
    if not spelt:
        return None
    first = spelt[0]
    for other in spelt[1:]:
        if found[other] != found[first]:
            raise ConflictingVariables(first, other)
    return Setting(_parsed(first, found[first], parse), Origin(Layer.ENVIRONMENT, variable=first))


def _parsed(variable: str, value: str, parse: Callable[[str], Parsed]) -> Parsed:
    try:
        return parse(value)
    except ConfigurationError as error:
        _refuse_quotes(variable, value)
        raise InvalidVariable(variable, error.message, error.fix) from None


def _refuse_quotes(variable: str, value: str) -> None:
    """Say of a value that cannot be used that quotes around it are the reason, where there are any.

    Raises:
        InvalidVariable: there are.
    """
    if len(value) > 1 and value[0] in _QUOTES and value[0] == value[-1]:
        raise InvalidVariable(
            variable,
            f"the quotes around {value[1:-1][:80]!r} are part of the value.",
            "Remove the quotes: what reads files for `docker run --env-file` and the like does not.",
        )


def _timeout(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0.0 < seconds <= TIMEOUT_MAXIMUM:
        raise ConfigurationError(
            f"{value[:80]!r} is no number of seconds above 0, {TIMEOUT_MAXIMUM:.0f} at most.",
            "For example: STARDAG_TIMEOUT=10",
        )
    return seconds


def _switch(value: str) -> bool:
    if value.lower() in _YES:
        return True
    if value.lower() in _NO:
        return False
    raise ConfigurationError(f"{value[:80]!r} is neither yes nor no.", "Use 1 or 0.")


def _build_id(value: str) -> str:
    if not is_id(value):
        raise ConfigurationError(
            f"{value[:80]!r} is no id of a build (a UUID).",
            "`stardag exec --build NAME` sets it; unset STARDAG_BUILD_ID to begin a build of its own.",
        )
    return value.lower()


def _target_roots(text: str | None, inherited: InheritedPlace | None) -> dict[str, Setting[str]]:
    """The roots of the JSON object in `STARDAG_TARGET_ROOTS`. Inherited ones are as a registry has them."""
    if text is None:
        return {}
    example = f"""For example: {_ROOTS}='{{"default": "s3://bucket/prefix/"}}'"""
    try:
        document: object = json.loads(text, object_pairs_hook=_without_duplicates)
    except ConfigurationError as error:
        raise InvalidVariable(_ROOTS, error.message, error.fix) from None
    except (ValueError, RecursionError):
        _refuse_quotes(_ROOTS, text)
        raise InvalidVariable(_ROOTS, "it is not JSON.", example) from None
    if not isinstance(document, dict):
        _refuse_quotes(_ROOTS, text)
        raise InvalidVariable(_ROOTS, "it is not a JSON object of names and URI prefixes.", example)
    roots: dict[str, Setting[str]] = {}
    for name, uri_prefix in document.items():  # pyright: ignore[reportUnknownVariableType]  # narrowed just below
        if not isinstance(name, str) or not isinstance(uri_prefix, str):
            raise InvalidVariable(_ROOTS, "it is not a JSON object of names and URI prefixes.", example)
        _parsed(_ROOTS, name, lambda value: check_name("target root", value))
        is_inherited = inherited is not None and inherited.target_roots.get(name) == uri_prefix
        roots[name] = (_root_setting if is_inherited else _new_root_setting)(_ROOTS, uri_prefix)
    return roots


def _inherited_place(text: str | None) -> InheritedPlace | None:
    """The place in `STARDAG_INHERITED`, as `stardag.domain.child_environment` writes it."""
    if text is None:
        return None
    fix = "`stardag exec` and `build.environment()` set it: hand it down as it is, or unset it."
    problem = InvalidVariable(INHERITED, "it is not what a process of Stardag hands down.", fix)
    try:
        document: object = json.loads(text, object_pairs_hook=_without_duplicates)
    except (ConfigurationError, ValueError, RecursionError):
        raise problem from None
    values = cast("dict[str, object]", document) if isinstance(document, dict) else {}
    place = {key: value for key, value in values.items() if value is not None and key != "target_roots"}
    roots = values.get("target_roots")
    if not isinstance(roots, dict) or not all(isinstance(value, str) for value in place.values()):
        raise problem
    checked: dict[str, str] = {}
    for name, uri_prefix in cast("dict[str, object]", roots).items():
        if not isinstance(uri_prefix, str):
            raise problem
        _parsed(INHERITED, name, lambda value: check_name("target root", value))
        checked[name] = _root_setting(INHERITED, uri_prefix).value
    url, organization, workspace, *slugs = (cast("str | None", place.get(key)) for key in _PLACE_KEYS)
    return InheritedPlace(url, organization, workspace, checked, *slugs)


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ConfigurationError("it names one target root twice.", "Name each target root once.")
    return document


def _target_root_variables(found: Mapping[str, str]) -> dict[str, Setting[str]]:
    """The roots of `STARDAG_TARGET_ROOTS__<NAME>`, by their names in lower case with hyphens as underscores."""
    roots: dict[str, Setting[str]] = {}
    for variable, value in found.items():
        if not variable.startswith(_ROOT_PREFIX):
            continue
        spelling = variable.removeprefix(_ROOT_PREFIX).lower().replace("-", "_")
        _parsed(variable, spelling, lambda name: check_name("target root", name))
        setting = _new_root_setting(variable, value)
        other = roots.get(spelling)
        if other is not None and other.value != value:
            raise ConflictingVariables(str(other.origin), variable)
        roots[spelling] = setting
    return roots


def _root_setting(variable: str, uri_prefix: str) -> Setting[str]:
    from stardag.domain.target_roots import check_uri_prefix  # few commands are run with overridden roots

    def check(value: str) -> str:
        # `stardag exec` also hands down directories whose names have bytes that are no text.
        check_uri_prefix(value if is_text(value) else value.encode(errors="replace").decode())
        return value

    return Setting(_parsed(variable, uri_prefix, check), Origin(Layer.ENVIRONMENT, variable=variable))


def _new_root_setting(variable: str, uri_prefix: str) -> Setting[str]:
    """The same for what a person sets, which has to work."""
    from stardag.domain.new_target_roots import check_new_uri_prefix

    return Setting(_parsed(variable, uri_prefix, check_new_uri_prefix), Origin(Layer.ENVIRONMENT, variable=variable))


def _notices(found: Mapping[str, str]) -> list[Notice]:
    notices: list[Notice] = []
    if _MISSPELT_ORGANIZATION in found:
        message = f"{_MISSPELT_ORGANIZATION} is a misspelling of STARDAG_ORGANIZATION_ID; it was used all the same."
        notices.append(Notice("misspelt-variable", message))
    if "STARDAG_ALLOW_HTTP" in found and "STARDAG_REGISTRY_URL" not in found:
        message = "STARDAG_ALLOW_HTTP counts only beside the STARDAG_REGISTRY_URL that it is for, and was not used."
        notices.append(Notice("ignored-variable", message))
    for name in sorted(found):
        if name in _KNOWN or name.startswith(_ROOT_PREFIX) or _is_service_link(name, found):
            continue
        near = _nearest(name, found)
        meant = f" Did you mean {near}?" if near else ""
        notices.append(Notice(UNKNOWN_VARIABLE, f"The environment variable {name[:80]!r} is not known.{meant}"))
    return notices


def _misspelt_prefixes(variables: Mapping[str, str]) -> Iterator[Notice]:
    """Variables that would be known but for the case, or what stands between the words."""
    for name in variables:
        if name[:7].upper() != "STARDAG" or name.startswith("STARDAG_") or not variables[name].strip():
            continue
        near = f"STARDAG_{name[7:].upper().replace('-', '_').lstrip('_')}"
        if near in _KNOWN or near.startswith(_ROOT_PREFIX):
            message = f"The environment variable {name[:80]!r} is not known. Did you mean {near}?"
            yield Notice(UNKNOWN_VARIABLE, message)


def _nearest(name: str, found: Mapping[str, str]) -> str | None:
    """The known variable that is probably meant: one that is not set already; an address can only be the registry's."""
    import re  # only a variable that is not known pays for it

    if name.endswith(_URL_ENDINGS):
        return "STARDAG_REGISTRY_URL"
    of_one_root = re.fullmatch(r"STARDAG_TARGET_ROOTS?_+(\w+)", name)
    if of_one_root:
        return f"{_ROOT_PREFIX}{of_one_root[1]}"
    return nearest(name, _KNOWN - found.keys())


def _is_service_link(name: str, found: Mapping[str, str]) -> bool:
    """Whether Kubernetes made this variable for a service named `stardag…`, as its name and its value say."""
    import re  # only a variable that is not known pays for it

    service, is_port, _ = name.partition("_SERVICE_PORT")
    if is_port:
        return found[name].isdigit() and _is_service_link(f"{service}_SERVICE_HOST", found)
    value = found.get(name, "")
    return any(re.fullmatch(names, name) and re.fullmatch(values, value) for names, values in _SERVICE_LINKS)
