"""What callers share: threads, turns, slots, and the share of each caller."""
