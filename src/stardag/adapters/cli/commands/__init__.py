"""The commands, a module each, imported only when one of them is run."""
