"""Commands that `motionary.cli` takes from here rather than holding them itself."""
