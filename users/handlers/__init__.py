"""What the doors call: one function per rpc, request message in, response message out."""
