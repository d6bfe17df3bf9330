"""Parameters of a request, from its query or its form, before anything is made of them."""

from collections.abc import Sequence
from urllib.parse import parse_qsl

from starlette.requests import Request

MAX_PARAMETERS = 50

Parameters = Sequence[tuple[str, str]]

_FORM = "application/x-www-form-urlencoded"


class Unreadable(Exception):
    """The parameters cannot be read; the message says why, in plain ASCII."""


def in_query(request: Request) -> Parameters:
    """The parameters after the question mark. Raises Unreadable."""
    return _parsed(request.url.query)


async def in_form(request: Request) -> Parameters:
    """The parameters in the body, which has to be a form. Raises Unreadable."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        raise Unreadable(f"the body has to be {_FORM}")
    try:
        text = (await request.body()).decode("ascii")
    except UnicodeDecodeError:
        raise Unreadable("the body has to be URL-encoded") from None
    return _parsed(text)


def value_of(parameters: Parameters, name: str) -> str:
    """The one value of that name; empty where there is none, or more than one."""
    values = [value for key, value in parameters if key == name]
    return values[0] if len(values) == 1 else ""


def _parsed(text: str) -> Parameters:
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise Unreadable("there are too many parameters, or they are not URL-encoded UTF-8") from None
