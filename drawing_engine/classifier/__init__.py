"""What a symbol on a drawing is: a small neural network, and the symbols that a project has shown it.

`crops` makes images of symbols, `model` classifies them. `CARD.md` has the model's data, licences and figures.
"""
