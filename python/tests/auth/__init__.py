"""Tests of micromegas.auth. Their names carry the requirements' numbers."""
