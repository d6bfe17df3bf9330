"""One module a technology, each keeping the promises of a port with it; adapters do not know each other."""
