"""The version of both programs, which the distribution takes from here."""

VERSION = "0.1.0"
