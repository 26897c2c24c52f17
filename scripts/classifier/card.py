"""The card of the classifier: what it was trained on, and how good and how bad it is."""

from drawing_engine.classifier.classes import DESCRIPTIONS
from drawing_engine.classifier.model import SymbolClassifier
from scripts.classifier import evaluation
from scripts.classifier.third_party_style import drawings

TEXT = """# Classifier of symbols

`symbols.onnx` says which of {count} classes of electrical symbols a small image shows, or that it shows none of them.
`scripts/train_classifier.sh` trained it and wrote this page.

{descriptions}

## Data and licences

| data | use | licence |
|---|---|---|
| schemdraw 0.23, {share} of the classes | training; the drawings are made by its code | MIT |
| `scripts/classifier/drawn_style.py`: all classes, with random proportions, IEC and American | training | ours |
| `scripts/classifier/samples.py`: wires, letters, boxes, parts of symbols, as `unknown` | training | ours |
| `scripts/classifier/evaluation_style.py`: IEC, proportions of its own | evaluation only | ours |
| pyschemaelectrical 0.1.6: {third} symbols | evaluation only | MIT |

No drawing of a person or a customer is in it, and nothing of a symbol library that forbids it (QElectroTech) or asks
for the same licence (KiCad). The classifier learnt from vector drawings; of scans it has seen only strokes of other
widths.

{size} bytes; SHA-256 `{sha256}`. Training: {crops} crops, {epochs} rounds, seed {seed}, {minutes:.1f} minutes of
processor time. The same machine and versions give the same file.

## Figures

| crops | recognised | above the threshold | of these right |
|---|---|---|---|
{rows}

“Recognised” is the most probable class, whatever its probability. Thresholds: {threshold:.3f} of the model,
{exemplar_threshold:.3f} (similarity) of exemplars; below them the answer is `unknown`. Of crops that show no symbol
{refused:.1%} are refused. Exemplars: one drawing of each symbol, in {exemplar_count} symbols at once.

## Where it is bad

The most frequent confusions on the style that training never saw, without exemplars ({each} crops of each symbol):

| right | taken for | crops |
|---|---|---|
{mistakes}

- Some classes are drawn alike in some styles: a resistor of IEC and a coil differ only in the sides of their wires, a
  contact and a switch only in the circles at its ends, the contact of an American ladder diagram and a capacitor only
  in the distance of their bars. A crop without wires may be any of these. Show the classifier an exemplar instead.
- It does not read: a letter in a circle decides between a motor and a measuring instrument, but a number does not.
- It knows one symbol in a box. Several symbols, or a part of one, should be `unknown`, and are not always.
"""


def card(
    classifier: SymbolClassifier, model_bytes: int, crops: int, epochs: int, seed: int, minutes: float, share: str
) -> str:
    """Return the card's text."""
    own, refused = evaluation.same_kind_accuracy(classifier)
    symbols = evaluation.evaluation_symbols()
    unseen = evaluation.evaluate(classifier, symbols)
    pairs = list(drawings())
    third = evaluation.evaluate(classifier, evaluation.Style([name for name, _ in pairs], [one for _, one in pairs]))
    rows = [f"| training's kind, other seeds | {own:.1%} | | |"]
    for name, found in (("unseen style", unseen), ("pyschemaelectrical", third)):
        rows.append(
            f"| {name}, without exemplars | {found.zero_shot:.1%} | {found.coverage:.1%} | {found.precision:.1%} |"
        )
        rows.append(
            f"| {name}, one exemplar a symbol | {found.one_exemplar:.1%} | {found.exemplar_coverage:.1%} "
            f"| {found.exemplar_precision:.1%} |"
        )
    return TEXT.format(
        count=len(DESCRIPTIONS), share=share, third=len(pairs), size=model_bytes, sha256=classifier.sha256, crops=crops,
        epochs=epochs, seed=seed, minutes=minutes, rows="\n".join(rows), threshold=classifier.threshold,
        exemplar_threshold=classifier.exemplar_threshold, refused=refused, exemplar_count=len(symbols.names),
        each=evaluation.CROPS_EACH,
        descriptions="\n".join(f"- `{name}`: {text}" for name, text in DESCRIPTIONS.items()),
        mistakes="\n".join(f"| {right} | {given} | {count} |" for right, given, count in unseen.mistakes[:12]),
    )  # fmt: skip
