"""The pages' frame: templates that escape everything, one style sheet, and a policy that allows nothing else."""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from stardag_registry.adapters.openid_provider.links import Links

STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 36rem; margin: 3rem auto; padding: 0 1rem }
body { color: #1a1a1a; background: #fff }
h1 { font-size: 1.4rem }
h2 { font-size: 1.1rem; margin-top: 2rem }
label { display: block; margin: 1rem 0 .25rem; font-weight: 600 }
label.choice { font-weight: 400 }
input:not([type=checkbox]) { box-sizing: border-box; width: 100%; padding: .5rem; font: inherit }
input:not([type=checkbox]) { color: inherit; background: transparent; border: 1px solid #767676; border-radius: 4px }
input.code { font: 1.5rem ui-monospace, monospace; text-transform: uppercase; letter-spacing: .1em }
button { margin: 1.25rem .5rem 0 0; padding: .5rem 1.25rem; font: inherit; border-radius: 4px; cursor: pointer }
button { color: inherit; background: transparent; border: 1px solid #767676 }
button.main { color: #fff; background: #1a5fb4; border-color: #1a5fb4 }
code { font: 14px/1.5 ui-monospace, monospace; overflow-wrap: anywhere }
pre { padding: .5rem .75rem; border: 1px solid #767676; border-radius: 4px; overflow-x: auto }
footer { margin-top: 2.5rem }
strong.code { font: 1.5rem ui-monospace, monospace; letter-spacing: .1em }
.notice { padding: .5rem .75rem; border-left: 4px solid #b00020 }
.done { padding: .5rem .75rem; border-left: 4px solid #1a7f37 }
.quiet { font-size: .9rem }
:focus-visible { outline: 3px solid #62a0ea; outline-offset: 2px }
@media (prefers-color-scheme: dark) {
  body { color: #e6e6e6; background: #161616 } a { color: #8ab4f8 }
  .notice { border-color: #ff6b81 } .done { border-color: #57ab5a }
}
"""

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'; "
    # Chromium holds redirects that follow a form to this as well, and the answer goes to the client's listener.
    "form-action 'self' http://127.0.0.1:*"
)

_HEADERS = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}

# With "no-referrer" browsers would send "Origin: null" with our own forms.
_HEADERS_WITH_FORMS = _HEADERS | {"Referrer-Policy": "same-origin"}

_WITHOUT_FORMS = frozenset({"done", "invited", "joined", "refusal"})


class Pages:
    """Makes pages from templates."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def page(self, template: str, status: int = 200, **values: object) -> HTMLResponse:
        """The page that a template and values give."""
        everywhere = {"style": STYLE, "registry": self._links.public_url, "to": self._links.to}
        text = self._templates.get_template(f"{template}.html").render(everywhere | values)
        return HTMLResponse(text, status, _HEADERS if template in _WITHOUT_FORMS else _HEADERS_WITH_FORMS)

    def refusal(self, status: int, title: str, reason: str, retry_after: int | None = None) -> HTMLResponse:
        """A page that says why something was not done."""
        response = self.page("refusal", status, title=title, reason=reason)
        if retry_after is not None:
            response.headers["Retry-After"] = str(retry_after)
        return response
