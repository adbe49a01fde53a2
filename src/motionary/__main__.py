"""`python -m motionary` is the `motionary` command."""

from motionary.cli import main

main()
