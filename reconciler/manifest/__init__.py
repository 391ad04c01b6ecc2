"""YAML text → resources with positions, defaults filled in, references followed. No files are touched here."""
