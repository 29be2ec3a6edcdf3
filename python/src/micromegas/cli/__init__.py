"""Commands: ``micromegas`` with its verbs, and the published names as modules of their own."""
