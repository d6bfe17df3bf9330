"""`config.toml`: finding it, reading it with lines, and editing it without losing what a person wrote."""

from stardag.adapters.toml_config.files import TomlConfigurationFiles

__all__ = ["TomlConfigurationFiles"]
