"""Precision and recall of the rules that find action items, on the sentences of this folder.

.venv/bin/python -m bench.commitments [--wrong]
"""

import argparse

from bench.commitments import BARS, HELD_ON, score, sentences, table
from bench.measuring import print_table
from speechnode.engines.dates import day_of, find_due


def main() -> None:
    """Measure, and print the results."""
    parser = argparse.ArgumentParser(description="Measure the rules that find action items.")
    parser.add_argument("--wrong", action="store_true", help="print the sentences of measured.tsv with wrong results")
    given = parser.parse_args()
    rows = []
    for name in ("measured", "held_out"):
        for bare in (False, True):
            found = score(sentences(name, bare=bare))
            label = f"{name}, {'bare words' if bare else 'sentences'}"
            rows += [
                [f"{label}: {figure}", f"{value:.2f}", f">= {BARS[figure]}", "" if value >= BARS[figure] else "MISSED"]
                for figure, value in found.figures.items()
            ]
            if given.wrong and name == "measured":
                print("\n".join([label, *found.wrong]))
    phrases = [(phrase, (due or [""])[0]) for phrase, *due in table("due_phrases")]
    right = sum(_is_right(phrase, due) for phrase, due in phrases)
    rows.append(["due dates, whole phrase and day", f"{right} of {len(phrases)}", f">= {len(phrases)}", ""])
    print_table(["", "measured", "bar", ""], rows)


def _is_right(phrase: str, due: str) -> bool:
    match = find_due(f"send the report {phrase}")
    day = day_of(phrase, HELD_ON)
    return bool(match) and match[0] == phrase and (day.isoformat() if day else "") == due  # type: ignore[index]


if __name__ == "__main__":
    main()
