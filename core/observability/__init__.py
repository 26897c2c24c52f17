"""What is logged and measured of calls."""
