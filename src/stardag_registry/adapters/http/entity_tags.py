"""Entity tags and the conditional requests that go by them (RFC 9110, sections 8.8.3 and 13.1.2)."""

import base64
import hashlib
import re
from collections.abc import Iterable

_ENTITY_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def entity_tag_of(*parts: str) -> str:
    """A strong entity tag, for what is another whenever one of the parts is."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8))
        digest.update(encoded)
    return f'"{base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")}"'


def is_matched(entity_tag: str, if_none_match: Iterable[str]) -> bool:
    """Whether the lines of an `If-None-Match` header match a strong tag, by weak comparison."""
    value = ",".join(if_none_match)
    if value.strip() == "*":
        return True
    return entity_tag in _ENTITY_TAG.findall(value)
