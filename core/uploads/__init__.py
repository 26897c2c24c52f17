"""Files from clients: received in one request, or in pieces that resume after an interruption.

`files` keeps them outside of the storage until they are complete; `resumable` appends pieces; `quotas` limits how much
one user may have unfinished. What an upload becomes is the matter of its app, which registers a `Purpose`.
"""
