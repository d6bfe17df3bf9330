"""What holds for every test."""

from hypothesis import settings

settings.register_profile("stardag", deadline=None)  # speed is for the benchmarks: a busy machine breaks no rule
settings.load_profile("stardag")
