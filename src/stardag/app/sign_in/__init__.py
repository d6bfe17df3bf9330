"""Signing in and out, and the tokens in between. No command that asks no registry imports any of it."""
