"""Types of the options of commands, for argparse."""


def positive(text: str) -> int:
    """Parse a number of at least 1.

    Raises:
        ValueError: it is not one.
    """
    if (number := int(text)) < 1:
        raise ValueError
    return number


def seconds(text: str) -> float:
    """Parse a time of 0 s or more.

    Raises:
        ValueError: it is not one.
    """
    if (number := float(text)) < 0:
        raise ValueError
    return number
