"""Generated drawings with known truth: schematics (IEC, IEEE) and floor plans, in several styles."""
