"""The trainer's one error class."""


class TrainerError(Exception):
    """An error that a person can fix: the command line prints one line and exits with code 2."""
