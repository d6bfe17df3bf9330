"""Builds: started, kept alive, told of and ended; and the tasks in them."""
