"""The page `/docs`, made from the OpenAPI document on the server: no script, and nothing from another host."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from http import HTTPStatus
from typing import Any

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
body { color: #1a1a1a; background: #fff }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #bbb }
code, pre { font: 14px/1.5 ui-monospace, monospace; overflow-wrap: anywhere }
pre { background: #f4f4f4; padding: .75rem; white-space: pre-wrap }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid #ddd }
.method { display: inline-block; min-width: 4.5rem; font-weight: bold }
@media (prefers-color-scheme: dark) {
  body { color: #e6e6e6; background: #161616 } a { color: #8ab4f8 } pre { background: #262626 }
}
"""

_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

PAGE_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of the page: its own style sheet and nothing else."""

Json = Mapping[str, Any]


def page_on(document: Json) -> str:
    """The page on an OpenAPI document."""
    info = document["info"]
    operations = "\n".join(
        _operation(method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    schemas = "\n".join(_schema(name, schema) for name, schema in sorted(document["components"]["schemas"].items()))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(info["title"])}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(info["title"])} {escape(info["version"])}</h1>
<p>{escape(info["description"])}</p>
<p>For programs: <a href="/openapi.json">openapi.json</a></p>
{operations}
<h2>Schemas</h2>
{schemas}
</body>
</html>
"""


def _operation(method: str, path: str, operation: Json) -> str:
    credential = " It needs an API key." if operation.get("security") else ""
    return f"""<section>
<h2>{escape(operation["summary"])}</h2>
<p><code><span class="method">{escape(method.upper())}</span> {escape(path)}</code></p>
<p>{escape(operation.get("description", ""))}{credential}</p>
{_parameters(operation.get("parameters", ()))}
{_request(operation.get("requestBody"))}
<h3>Answers</h3>
<table>
<tr><th>Status</th><th>Meaning</th><th>Body</th></tr>
{"".join(_answers(operation["responses"]))}
</table>
</section>"""


def _parameters(parameters: Any) -> str:
    if not parameters:
        return ""
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td>"
        f"<td>{_type_of(one['schema'])}{'' if one.get('required') else ', optional'}</td>"
        f"<td>{escape(one.get('description', ''))}</td></tr>\n"
        for one in parameters
    )
    return (
        f"<h3>Parameters</h3>\n<table>\n<tr><th>Name</th><th>In</th><th>Type</th><th>Meaning</th></tr>\n{rows}</table>"
    )


def _request(body: Json | None) -> str:
    return "" if body is None else f"<h3>Request</h3>\n<p>{_content(body['content'])}</p>"


def _answers(responses: Json) -> Iterator[str]:
    for status, response in sorted(responses.items()):
        meaning = response.get("description") or HTTPStatus(int(status)).phrase
        headers = "".join(
            f"<br><code>{escape(name)}</code>: {escape(header['description'])}"
            for name, header in response.get("headers", {}).items()
        )
        content = _content(response["content"]) if "content" in response else "none"
        yield f"<tr><td>{escape(status)}</td><td>{escape(meaning)}{headers}</td><td>{content}</td></tr>\n"


def _content(content: Json) -> str:
    return "<br>".join(f"<code>{escape(kind)}</code>: {_type_of(one['schema'])}" for kind, one in content.items())


def _type_of(schema: Json) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_type_of(one) for one in schema["anyOf"])
    if "items" in schema:
        return f"list of {_type_of(schema['items'])}"
    bounds = [f"{word} {schema[key]}" for key, word in _BOUNDS.items() if key in schema]
    return escape(", ".join([str(schema.get("type", "any")), *bounds]))


_BOUNDS = {"minimum": "at least", "maximum": "at most", "maxLength": "characters at most", "default": "by default"}


def _schema(name: str, schema: Json) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code></td>"
        f"<td>{_type_of(one)}{'' if field in schema.get('required', ()) else ', optional'}</td>"
        f"<td>{escape(one.get('description', ''))}{_choices(one)}</td></tr>\n"
        for field, one in schema.get("properties", {}).items()
    )
    return f"""<h3 id="{escape(name)}">{escape(name)}</h3>
<p>{escape(schema.get("description", ""))}</p>
<table>
<tr><th>Field</th><th>Type</th><th>Meaning</th></tr>
{rows}</table>"""


def _choices(schema: Json) -> str:
    return f" One of <code>{escape(json.dumps(schema['enum']))}</code>." if "enum" in schema else ""
