"""An OpenID provider that is there already: what it says of itself (`issuer`), and what its tokens say (`tokens`)."""

from stardag_registry.adapters.existing_provider.tokens import ExistingIssuerTokens as ExistingIssuerTokens
