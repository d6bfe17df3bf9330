"""The registry's vocabulary and rules: pure values and functions on the standard library and stardag.domain alone."""
