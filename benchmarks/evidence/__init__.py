"""Our figures against published and recorded ones: `python -m benchmarks.evidence` writes docs/evidence.md.

Nothing of the recorded data is copied: the page holds differences only.
"""
