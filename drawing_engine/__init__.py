"""Read PDF drawings: words, vector paths, images and title blocks of their pages.

The package uses no Django and no database. `drawing_engine.pages` defines the data, `drawing_engine.reading` reads a
file in a child process.
"""
