"""Why an operation isn't answered by a plan."""


class NotPlannable(Exception):
    """The operation is for the general executor; the text says why."""


class GaveUp(NotPlannable):
    """The plan stands, but not for what was asked this time: an error is to be told, which the executor does."""
