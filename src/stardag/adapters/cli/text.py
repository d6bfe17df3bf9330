"""Text for people: made safe to print, and laid out as plain tables. Knows no rich, so that a short answer is quick."""

from collections.abc import Sequence

_LINE_BREAKS = "\n\t"


def printable(text: str) -> str:
    """The text with every control, escape and bidirectional character made visible.

    Whatever comes from a file, a variable or a server passes here before it reaches a terminal, which it could
    otherwise steer.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in _LINE_BREAKS else _escaped(character) for character in text
    )


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns under titles, as wide as they have to be; values on one line each."""
    cells = [[printable(cell).replace("\n", " ") for cell in row] for row in (titles, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(titles))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def counted(number: int, noun: str) -> str:
    """A number and its noun, in the plural where that is right."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def once_more(**options: str | None) -> str:
    """Options of a command as they have to be typed again in the next one, each after a blank; those that were not
    given are left out."""
    return "".join(f" --{name} {value}" for name, value in options.items() if value is not None)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
