"""What a registry says where it does not do what it is asked (RFC 9457), and the errors that its words stand for."""

from pydantic import ValidationError

from stardag.adapters.http_registry.answers import Message
from stardag.domain.errors import StardagError
from stardag.domain.refusals import AlreadyExists, BuildEnded, LastOwner, TooMany, WorkspaceArchived

_WORDS = {
    "expires_at": "the end (--expires-in)",
    "started_after": "the time (--since)",
    "uri_prefix": "the URI prefix",
    "email": "the e-mail address",
}
"""What fields are called on the command line, where that is not the same."""


class FieldMessage(Message):
    """One thing that is wrong with a request: where, such as `body.slug`, and what."""

    field: str
    problem: str


class ProblemMessage(Message):
    """An error. `code` is the registry's own word for it, and tells a registry's errors from others'."""

    code: str | None = None
    title: str | None = None
    detail: str | None = None
    errors: list[FieldMessage] | None = None


def problem_of(body: bytes) -> ProblemMessage:
    """The problem in an error's body; an empty one where the body holds none."""
    try:
        return ProblemMessage.model_validate_json(body)
    except ValidationError:
        return ProblemMessage()


def told_by_field(problem: ProblemMessage) -> str:
    """What is wrong, field by field, in words of the command line; nothing where no field is named."""
    told = [
        f"{_WORDS.get(name, f'the {name}')}: {each.problem.strip().rstrip('.')}"
        for each in problem.errors or ()
        for name in (each.field.rpartition(".")[2] or "request",)
    ]
    return "; ".join(told)


def conflict_of(code: str, reason: str, registry_url: str, kind: str, value: str) -> StardagError | None:
    """The error that a code stands for; None for one that is not known. `kind` and `value` are what it is about."""
    match code:
        case "already-exists":
            return AlreadyExists(registry_url, kind, value)
        case "too-many":
            return TooMany(registry_url, reason, kind)
        case "last-owner":
            return LastOwner(registry_url)
        case "archived":
            return WorkspaceArchived(registry_url)
        case "build-ended":
            return BuildEnded(registry_url, value)
        case _:
            return None
