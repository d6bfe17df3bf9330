"""The command line: parses, calls one use case, renders what it returned. Decides nothing itself."""
