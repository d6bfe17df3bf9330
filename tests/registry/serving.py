"""The registry's `serve` as a program: one JSON object of its options, and exit codes in place of exceptions."""

import json
import sys
from collections.abc import Sequence

from stardag.domain.errors import StardagError
from stardag_registry.program import serve


def main(words: Sequence[str]) -> int:
    """Serve until a signal comes."""
    (options,) = words
    try:
        return serve(**json.loads(options))
    except StardagError as error:
        sys.stderr.write(f"{error.code}: {error.message}\n{error.fix}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
