"""The client's use cases and the ports they need. They return values: no printing, no clock, no file of their own."""
