"""What the provider says of itself (OpenID Connect Discovery 1.0, section 3; RFC 8414; RFC 9207; RFC 8628)."""

from stardag_registry.adapters.openid_provider import links as paths
from stardag_registry.adapters.openid_provider.authorization_server import GRANT_TYPES
from stardag_registry.adapters.openid_provider.links import Links
from stardag_registry.domain.grants import SCOPES


def metadata(links: Links) -> dict[str, object]:
    """The document at `/.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`."""
    return {
        "issuer": links.public_url,
        "authorization_endpoint": links.absolute(paths.AUTHORIZE),
        "token_endpoint": links.absolute(paths.TOKEN),
        "userinfo_endpoint": links.absolute(paths.USERINFO),
        "jwks_uri": links.absolute(paths.KEYS),
        "revocation_endpoint": links.absolute(paths.REVOKE),
        "device_authorization_endpoint": links.absolute(paths.DEVICE_AUTHORIZATION),
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANT_TYPES),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash",
            "email", "email_verified", "preferred_username", "name",
        ],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }  # fmt: skip
