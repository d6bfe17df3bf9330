"""The registry's use cases and the ports they need; nothing here does input or output by itself."""
