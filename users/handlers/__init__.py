"""Handlers of both transports: one function per rpc, from the request message to the response message."""
