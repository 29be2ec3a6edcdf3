"""``python3 -m micromegas.cli``: the same as ``micromegas``."""

from micromegas.cli.main import main

main()
