"""Free text that people and programs give: bounded, and without what a terminal or a database stumbles over."""

from stardag_registry.domain.errors import InvalidField


def check_text(field: str, value: str, max_length: int) -> str:
    """Return `value`, which may have several lines.

    Raises:
        InvalidField: it is too long, or holds control characters other than line breaks and tabs.
    """
    if len(value) > max_length:
        raise InvalidField(field, f"it is longer than {max_length} characters")
    if not all(character.isprintable() or character in "\n\t" for character in value):
        raise InvalidField(field, "it holds control characters")
    return value


def check_line(field: str, value: str, max_length: int) -> str:
    """Return `value`, which is one line.

    Raises:
        InvalidField: it is empty, too long, begins or ends with a blank, or holds control characters.
    """
    if not value or len(value) > max_length:
        raise InvalidField(field, f"it has 1 to {max_length} characters")
    if value != value.strip() or not value.isprintable():
        raise InvalidField(field, "it has no control characters, and no blank at either end")
    return value
