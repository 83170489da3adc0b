"""What each command of a shell does; the words that a person types are parsed in ``cli.py``."""
