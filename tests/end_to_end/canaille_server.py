"""Runs Canaille, an OpenID provider that others wrote, in memory, with one user and one public client.

Run as a program: port, client id. Says "ready" once it listens.
"""

# Canaille has no types.
# pyright: basic, reportMissingTypeStubs=false, reportOptionalMemberAccess=false, reportOptionalCall=false

import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from joserfc.jwk import RSAKey

PASSWORD = "correct horse battery staple"


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
        """Nothing."""


def main() -> None:
    """Serve until killed."""
    port, client_id = int(sys.argv[1]), sys.argv[2]
    app = create_app(
        {
            "SECRET_KEY": "for a test",
            "SERVER_NAME": f"127.0.0.1:{port}",
            "PREFERRED_URL_SCHEME": "http",
            "CANAILLE": {"DATABASE": "memory", "JAVASCRIPT": False, "HTMX": False, "LOGGING": None},
            "CANAILLE_OIDC": {"ACTIVE_JWKS": [RSAKey.generate_key(2048, auto_kid=True).as_dict(private=True)]},
        }
    )
    with app.app_context():
        user = models.User(
            user_name="alice",
            formatted_name="Alice Smith",
            family_name="Smith",
            emails=["alice@acme.example"],
            password=PASSWORD,
        )
        Backend.instance.save(user)
        client = models.Client(
            client_id=client_id,
            client_name="stardag",
            client_uri="http://127.0.0.1",
            # It takes no loopback port that it was not told of, whatever RFC 8252 says: it is told of all.
            redirect_uris=[f"http://127.0.0.1:{each}/callback" for each in range(1024, 65536)],
            grant_types=["authorization_code", "refresh_token"],
            response_types=["code"],
            scope=["openid", "profile", "email", "offline_access"],
            token_endpoint_auth_method="none",
        )
        Backend.instance.save(client)
        client.audience = [client]
        Backend.instance.save(client)
    with make_server("127.0.0.1", port, app, _Server, _Quiet) as server:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
