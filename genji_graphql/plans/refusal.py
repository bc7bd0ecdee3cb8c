"""Why an operation isn't answered by a plan, or not at all."""


class NotPlannable(Exception):
    """The operation is for the general executor; the text says why."""


class GaveUp(NotPlannable):
    """The plan stands, but not for what was asked this time: an error is to be told, which the executor does."""


class Gone(Exception):
    """What an event was about is in sight no more."""
