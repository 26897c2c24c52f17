"""Speech engines, behind three protocols: who does what, however and wherever it runs.

`nodes` chooses, `protocols` says what is asked and answered, `checked` holds answers against the rules; `embedded`,
`wire` and `scripted` are ways to ask. This room alone knows that some of it is gRPC.
"""
