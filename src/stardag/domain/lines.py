"""Text that people are shown: which line breaks in it are the program's own.

A path, a name or a description may hold line breaks, with which it could pass for a line of the program's, such as
"error: …". Text is therefore one line, whatever it holds, unless the program puts it together from `lines`.
"""

import re


class Lines(str):
    """Text of several lines, each of which is safe to show."""

    __slots__ = ()


def lines(*parts: str) -> Lines:
    """These parts below each other: each is one line, unless it is `Lines` itself."""
    return Lines("\n".join(part if isinstance(part, Lines) else single_line(part) for part in parts))


def shown(text: str) -> str:
    """The text as it is shown: with the line breaks of `Lines`, and no others."""
    return text if isinstance(text, Lines) else single_line(text)


def single_line(text: str) -> str:
    """The text with every control, escape and bidirectional character made visible, line breaks and tabs among them.

    A byte of a name that is no text, which Python hands over as half of a surrogate pair, is shown as `\\xe9`.
    """
    if "\\udc" in text:  # as `repr` writes it
        text = re.sub(r"\\udc([89a-f][0-9a-f])", r"\\x\1", text)
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
