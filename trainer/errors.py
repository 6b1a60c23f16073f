"""The error a person can mend: the command line prints it as one line and exits with code 2."""


class TrainerError(Exception):
    pass
