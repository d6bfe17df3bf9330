"""Which proxy leads to which origin, and what errors call it."""

import pytest

from stardag.adapters.bounded_http.proxies import ProxyChoice, proxy_for

PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine that runs the tests has set."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize(
    ("variables", "url", "expected"),
    [
        ({}, "https://r.example", None),
        ({"HTTPS_PROXY": PROXY}, "https://r.example", ProxyChoice(PROXY, "HTTPS_PROXY")),
        ({"HTTPS_PROXY": PROXY}, "http://r.example", None),
        ({"HTTP_PROXY": "other:1", "ALL_PROXY": PROXY}, "https://r.example", ProxyChoice(PROXY, "ALL_PROXY")),
        ({"https_proxy": "proxy.example:3128"}, "https://r.example", ProxyChoice(PROXY, "https_proxy")),
        ({"HTTPS_PROXY": f" {PROXY} "}, "https://r.example", ProxyChoice(PROXY, "HTTPS_PROXY")),
        ({"HTTPS_PROXY": " ", "ALL_PROXY": PROXY}, "https://r.example", ProxyChoice(PROXY, "ALL_PROXY")),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "other:1"}, "https://r.example", ProxyChoice(PROXY, "https_proxy")),
    ],
)
def test_the_proxy_of_the_scheme_counts_before_the_one_for_all(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, expected: ProxyChoice | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url) == expected


EXEMPT = [
    ("*", "https://r.example"),
    ("r.example", "https://r.example"),
    ("r.example.", "https://r.example"),
    ("r.example", "https://r.example."),
    (".example", "https://r.example"),
    ("*.example", "https://r.example"),
    ("EXAMPLE", "https://deep.r.example:8443"),
    ("other r.example", "https://r.example"),
    ("r.example:443", "https://r.example"),
    ("r.example:8443", "https://r.example:8443"),
    ("127.0.0.1:*", "https://127.0.0.1:1234"),
    ("10.0.0.0/8", "https://10.1.2.3"),
    ("10.0.0.7/8", "https://10.1.2.3"),
    ("10.0.0.0/8:8443", "https://10.1.2.3:8443"),
    ("[::1]", "https://[::1]:8000"),
    ("::1", "https://[::1]"),
    ("0:0:0:0:0:0:0:1", "https://[::1]"),
    ("[::1]:8000", "https://[::1]:8000"),
    ("fd00::/8", "https://[fd12::1]"),
    ("[fd00::]/8", "https://[fd12::1]"),
]
NOT_EXEMPT = [
    ("r.example", "https://other.example"),
    ("r.example", "https://xr.example"),
    ("r.example:8443", "https://r.example"),
    ("10.0.0.0/8", "https://11.1.2.3"),
    ("10.0.0.0/8", "https://10.example"),
    ("fd00::/8", "https://10.0.0.1"),
    ("[::1]:8000", "https://[::1]"),
    (", ,.,[,[:,:,/,//8,300.0.0.0/8,1:2:3,*:1,[]:*", "https://r.example"),
]


@pytest.mark.parametrize(
    ("no_proxy", "url", "is_exempt"), [(*e, True) for e in EXEMPT] + [(*e, False) for e in NOT_EXEMPT]
)
def test_no_proxy_exempts_names_addresses_and_networks(
    monkeypatch: pytest.MonkeyPatch, no_proxy: str, url: str, is_exempt: bool
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert (proxy_for(url) is None) is is_exempt


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://proxy.example:3128", "http://proxy.example:3128"),
        ("http://user:secret@proxy.example:3128/secret", "http://proxy.example:3128"),
        ("http://user:sec@ret@proxy.example", "http://proxy.example"),
        ("http://user:sec://ret@proxy.example", "http://…"),
        ("http://user:sec/ret@proxy.example", "http://…"),
        ("http://proxy.example:3128?auth=user:sec@ret", "http://…"),
        ("http://proxy.example:3128?auth=user:secret", "http://proxy.example:3128"),
        ("http://user:secret", "http://…"),
        ("http://user:secret%40proxy.example:3128", "http://…"),
        ("http://user:secret@[::1]:3128", "http://[::1]:3128"),
        ("http://secret@[::1", "http://…"),
    ],
)
def test_errors_show_no_user_and_no_password(url: str, shown: str) -> None:
    assert ProxyChoice(url, "ALL_PROXY").shown == f"{shown} (ALL_PROXY)"
    assert ProxyChoice(url, "").shown == shown
