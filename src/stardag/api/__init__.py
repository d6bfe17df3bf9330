"""The library calls, by subject; `stardag` itself offers them all by name, and imports each when it is first used."""
