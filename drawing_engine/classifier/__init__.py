"""Classification of symbols on drawings, by a small neural network and by the symbols that a project has shown.

`crops` makes images of symbols, `model` classifies them. `CARD.md` has the model's data, licences and figures.
"""
