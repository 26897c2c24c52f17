"""The documentation as a website: built from `docs/` and the descriptors into `site/`, which is served at /docs/.

    python -m scripts.site            # build it if a source has changed since
    python -m scripts.site --force    # build it in any case

docs/decisions/0036 has the reasons for the generator and for not committing the result.
"""
