"""All tests. A regular package, since one that a dependency installs under this name would win over another kind."""
