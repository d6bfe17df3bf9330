"""The client's core: names, registries, target roots, layers and the active profile. No I/O, no clock, no library."""
