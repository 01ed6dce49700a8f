"""Compiled loops behind `scanner.pricing`. Its modules import numba: import them where prices are needed."""
