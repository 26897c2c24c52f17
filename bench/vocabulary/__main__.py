"""Corrections by the vocabulary of a meeting: of misspelt names and terms, and of words that are right.

.venv/bin/python -m bench.vocabulary
"""

from bench.measuring import print_table
from bench.vocabulary import misspelt, unrelated


def main() -> None:
    """Measure, and print the results."""
    results = misspelt()
    wanted = [one for one in results if one.text != one.spoken]
    right = [one for one in wanted if one.corrected == one.spoken]
    others = [*(one for one in results if one.text == one.spoken), *unrelated()]
    changed = [one for one in others if one.corrected != one.text]
    words = sum(len(one.text.split()) for one in others)
    for one in [*(one for one in wanted if one not in right), *changed]:
        print(f"{one.text} -> {one.corrected}")
    rows = [
        ["misspelt texts corrected", f"{len(right)} of {len(wanted)}"],
        ["other texts changed", f"{len(changed)} of {len(others)} ({words} words)"],
    ]
    print_table(["", "measured"], rows)


if __name__ == "__main__":
    main()
