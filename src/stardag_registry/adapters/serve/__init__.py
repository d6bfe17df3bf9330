"""Listening and answering in this process: sockets, and uvicorn on them."""
