"""The use cases of the registry's own OpenID provider: accounts and their sessions, codes, devices, refresh tokens."""
