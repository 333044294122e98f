"""What goes wrong with a user's files, arguments or commands."""


class SamplingError(ValueError):
    """A sentence for the user: what was found, where, what was expected, and what to do.

    Commands print it without a traceback. Whatever else is raised is a fault of the program.
    """
