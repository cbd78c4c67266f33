"""Fake providers: one module per dialect reads requests and writes answers, `server` serves and judges."""
