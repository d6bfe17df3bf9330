"""The rules for names of S3 buckets (Amazon S3 User Guide, "General purpose bucket naming rules" and "Directory bucket
naming rules")."""

_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def problem_of_bucket(name: str) -> str | None:
    """Why S3 allows no bucket of this name, as a phrase to follow a colon; None where it does."""
    if not 3 <= len(name) <= 63:
        return "a bucket's name has 3 to 63 characters"
    if not _CHARACTERS.issuperset(name):
        return "a bucket's name holds lower-case letters, digits, '.' and '-' only"
    if not (name[0].isalnum() and name[-1].isalnum()):
        return "a bucket's name begins and ends with a letter or a digit"
    if ".." in name:
        return "a bucket's name has no two dots in a row"
    if _is_address(name):
        return "a bucket's name is not an IP address"
    if _is_directory_bucket(name):
        return None
    for affix in (*filter(name.startswith, _RESERVED_PREFIXES), *filter(name.endswith, _RESERVED_SUFFIXES)):
        where = "begins" if affix in _RESERVED_PREFIXES else "ends"
        return f"no bucket's name {where} with '{affix}', which S3 reserves"
    return None


def _is_address(name: str) -> bool:
    parts = name.split(".")
    return len(parts) == 4 and all(part.isdigit() for part in parts)


def _is_directory_bucket(name: str) -> bool:
    """Whether it is `<name>--<zone id>--x-s3`, such as `cache--usw2-az1--x-s3`."""
    base, _, zone = name.removesuffix("--x-s3").rpartition("--")
    region, _, number = zone.rpartition("-az")
    return name.endswith("--x-s3") and "." not in name and bool(base) and region.isalnum() and number.isdigit()
