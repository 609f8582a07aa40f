"""Boards, one a file: their pins, clock, link and budget, and no logic."""
