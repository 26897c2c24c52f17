"""Filters of templates: numbers and lengths of time for people."""

from django import template

register = template.Library()


@register.filter
def grouped(number: float) -> str:
    """Return a number without decimals, its thousands separated."""
    return f"{number:,.0f}"


@register.filter
def duration(seconds: float) -> str:
    """Return a length of time in seconds or minutes."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
