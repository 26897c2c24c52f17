"""Limits on the rate of calls: each operation has a cost, and each caller a budget of costs within a sliding minute.

`charging` is what the transports use. `local` counts in the memory of the process, `shared` in Redis for all processes.
The limits that need a memory beyond a minute (logins, sign-ups, mails) are in `core.rate_limits`, in the database.
"""
