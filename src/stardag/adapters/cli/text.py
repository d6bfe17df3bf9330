"""Text for people, laid out as plain tables. Knows no rich, so that a short answer is quick."""

from collections.abc import Sequence

from stardag.domain.lines import Lines, lines, single_line


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Lines:
    """Columns under titles, as wide as they have to be; values on one line each."""
    cells = [[single_line(cell) for cell in row] for row in (titles, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(titles))]
    laid_out = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return lines(*(line.rstrip() for line in laid_out))


def section(title: str, text: str) -> Lines:
    """Text of somebody else's below a title, after an empty line: indented, so that no line of it passes for ours."""
    return lines("", title, *(f"  {line}" for line in text.split("\n")))


def counted(number: int, noun: str) -> str:
    """A number and its noun, in the plural where that is right."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def once_more(**options: str | None) -> str:
    """Options of a command as they have to be typed again in the next one, each after a blank; those that were not
    given are left out."""
    return "".join(f" --{name} {value}" for name, value in options.items() if value is not None)
