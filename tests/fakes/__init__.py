"""Small simulators of the ports, which pass the same contract suites as the real adapters."""
