"""Outputs: finding target roots, opening paths below them, copying between them."""
