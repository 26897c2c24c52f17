"""Types of the options of commands, for argparse."""


def positive(text: str) -> int:
    """Parse a number of at least 1.

    Raises:
        ValueError: it is not one.
    """
    if (number := int(text)) < 1:
        raise ValueError
    return number
