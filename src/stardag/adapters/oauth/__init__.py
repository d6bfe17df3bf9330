"""OpenID providers as stardag's sign-in uses them. Renewing tokens imports none of what only signing in needs."""

from stardag.adapters.oauth.provider import OAuthIdentityProvider as OAuthIdentityProvider
