"""The one normal form of a registry's address, its origin, and where plain http may go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stardag.domain.errors import InvalidValue
from stardag.domain.registry_url import (
    URL_MAX_LENGTH,
    addresses_above,
    is_plain_beyond_loopback,
    normal_url,
    origin_of,
    without_route,
)

SAME = [
    ("https://api.stardag.com", "https://api.stardag.com"),
    ("https://api.stardag.com/", "https://api.stardag.com"),
    ("HTTPS://API.Stardag.COM", "https://api.stardag.com"),
    ("https://api.stardag.com:443", "https://api.stardag.com"),
    ("https://api.stardag.com:0443/", "https://api.stardag.com"),
    ("https://api.stardag.com:", "https://api.stardag.com"),
    ("https://api.stardag.com:8443/", "https://api.stardag.com:8443"),
    ("http://localhost:80", "http://localhost"),
    ("http://localhost:443", "http://localhost:443"),
    ("http://localhost:3000/", "http://localhost:3000"),
    ("https://example.org/Stardag/API/", "https://example.org/Stardag/API"),
    ("https://example.org/stardag//", "https://example.org/stardag"),
    ("http://[::1]:8000/", "http://[::1]:8000"),
    ("http://[2001:DB8::1]", "http://[2001:db8::1]"),
    ("https://xn--strdag-cua.example", "https://xn--strdag-cua.example"),
]


@pytest.mark.parametrize(("written", "normal"), SAME)
def test_case_default_ports_and_trailing_slashes_make_no_difference(written: str, normal: str) -> None:
    assert normal_url(written) == normal


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("https://api.stardag.com", "http://api.stardag.com"),
        ("https://api.stardag.com", "https://api.stardag.com:8443"),
        ("https://api.stardag.com", "https://api.stardag.com.example"),
        ("https://api.stardag.com", "https://api.startdag.com"),
        ("https://example.org/a", "https://example.org/A"),
        ("https://example.org", "https://example.org/api"),
        ("http://localhost:8000", "http://127.0.0.1:8000"),
    ],
)
def test_another_scheme_host_port_or_path_is_another_registry(first: str, second: str) -> None:
    assert normal_url(first) != normal_url(second)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.stardag.com",
        "localhost:8000",
        "//api.stardag.com",
        "ftp://api.stardag.com",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https://:443",
        "https://api.stardag.com?x=1",
        "https://api.stardag.com?",
        "https://api.stardag.com#x",
        "https://api.stardag.com#",
        "https://api.stardag.com:65536",
        "https://api.stardag.com:-1",
        "https://api.stardag.com:port",
        "https://[::1",
        "https://[::1%25eth0]",
        "https://api.stardag.com/a/../b",
        "https://api.stardag.com/%2e%2e/b",
        "https://api.stardag.com\\@evil.example",
        "https://api.stardag.com/a b",
        " https://api.stardag.com",
        "https://api.stardag.com\n",
        "https://api.star\tdag.com",
        "https://api.stаrdag.com",  # noqa: RUF001  # the Cyrillic letter
        "https://api。stardag.com",
        "https://api.stardag.com\u202e",
        "https://a,b",
        "https://" + "a" * URL_MAX_LENGTH,
    ],
)
def test_what_could_mean_two_things_is_refused(url: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        normal_url(url)
    assert caught.value.message.isprintable()
    assert "https://api.stardag.com" in caught.value.fix


@pytest.mark.parametrize(
    "url",
    [
        "https://alice:hunter2@api.stardag.com",
        "https://api.stardag.com:hunter2@evil.example",
        "https://hunter2@api.stardag.com",
        "https://alice:hunter2 @api.stardag.com",
        "https://alice:hunter2ö@api.stardag.com",
        "https://alice:hunter2@api.stardag.com:port",
        "https://alice:hunter2@[::1",
        "https:/alice:hunter2@api.stardag.com",
        "alice:hunter2@api.stardag.com",
        "ftp://alice:hunter2@api.stardag.com",
        "https://alice:hunter2@api.stardag.com?x=@",
        "https://alice:p@hunter2@api.stardag.com",
        "https://alice:hunter2@api.stardag.com" + "/a" * URL_MAX_LENGTH,
    ],
)
def test_user_information_is_refused_and_never_repeated(url: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        normal_url(url)
    assert "hunter2" not in caught.value.message + caught.value.fix + repr(caught.value) + caught.value.value


urls = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["http", "https", "HTTP", "HttpS"]),
    st.sampled_from(["localhost", "Example.ORG", "127.0.0.1", "[::1]", "[2001:DB8::2]", "a-b.c_d", "x."]),
    st.sampled_from(["", ":", ":80", ":443", ":8000", ":00443", ":0"]),
    st.text(alphabet="/ab.;=~-+@:", max_size=8).map(lambda path: "/" + path if path else ""),
)


@given(urls)
def test_the_normal_form_is_its_own_normal_form(url: str) -> None:
    try:
        normal = normal_url(url)
    except InvalidValue:
        return
    assert normal_url(normal) == normal
    assert normal_url(normal + "/") == normal
    assert normal.startswith(origin_of(normal))
    assert not normal.endswith("/")


@given(st.text(max_size=40) | st.text(alphabet="htps:/@[].a0?#%\\ ", max_size=30))
def test_any_text_is_either_a_url_or_one_clear_error(text: str) -> None:
    try:
        normal = normal_url(text)
    except InvalidValue:
        return
    assert normal.startswith(("http://", "https://"))
    assert "@" not in normal.split("/")[2]


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.stardag.com", "https://api.stardag.com"),
        ("https://api.stardag.com/v1/x", "https://api.stardag.com"),
        ("https://api.stardag.com:8443/v1", "https://api.stardag.com:8443"),
        ("http://[::1]:8000/x", "http://[::1]:8000"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost",
        "http://localhost:8000/x",
        "http://127.0.0.1",
        "http://127.8.9.255:1",
        "http://[::1]:8000",
        "https://api.stardag.com",
        "https://10.0.0.1",
    ],
)
def test_https_and_loopback_cannot_be_read_on_the_way(url: str) -> None:
    assert not is_plain_beyond_loopback(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.stardag.com",
        "http://10.0.0.1",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "http://127.0.0.256",
        "http://127.0.0",
        "http://0.0.0.0",
        "http://[::2]",
        "http://[::ffff:10.0.0.1]",
        "http://notlocalhost",
        "http://127.example",
    ],
)
def test_plain_http_to_what_only_looks_like_loopback_could_be_read(url: str) -> None:
    assert is_plain_beyond_loopback(url)


def test_an_address_without_user_information_is_repeated_as_it_was_given() -> None:
    with pytest.raises(InvalidValue) as caught:
        normal_url("ftp://api.stardag.com")
    assert caught.value.value == "ftp://api.stardag.com"


@pytest.mark.parametrize(
    ("pasted", "address"),
    [
        ("https://r.example/docs", "https://r.example"),
        ("https://r.example/docs/", "https://r.example"),
        ("https://r.example/docs#/builds/list_builds", "https://r.example"),
        ("https://r.example/openapi.json", "https://r.example"),
        ("https://r.example/health", "https://r.example"),
        ("https://r.example/api/v1", "https://r.example"),
        ("https://r.example/api/v1/", "https://r.example"),
        ("https://r.example/api/v1/organizations?limit=1", "https://r.example"),
        (" https://r.example/stardag/api/v1 ", "https://r.example/stardag"),
        ("https://r.example/api", "https://r.example/api"),
        ("https://r.example/docs/stardag", "https://r.example/docs/stardag"),
        ("https://r.example/login", "https://r.example/login"),
        ("https://r.example/?next=/api/v1", "https://r.example/?next=/api/v1"),
        ("/docs", ""),
    ],
)
def test_what_only_leads_into_a_registry_is_no_part_of_its_address(pasted: str, address: str) -> None:
    assert without_route(pasted) == address


def test_the_addresses_above_one_end_with_its_origin() -> None:
    assert addresses_above("https://r.example:1/a/b") == ["https://r.example:1/a", "https://r.example:1"]
    assert addresses_above("https://r.example") == []


@pytest.mark.parametrize("url", ["https://r.example/invitation?token=s3cret", "https://r.example#s3cret"])
def test_what_may_be_a_secret_in_a_url_is_not_repeated(url: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        normal_url(url)
    assert "s3cret" not in caught.value.message + caught.value.fix
    assert "r.example" in caught.value.message
