"""Policies against a Plan: which are not kept, by what, and where that stands. Pure."""
