"""Documents of projects: PDF drawings, their pages, and the search in them."""
