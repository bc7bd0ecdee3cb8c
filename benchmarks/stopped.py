"""Why a measurement ends early."""


class Stopped(Exception):
    """It can't go on, or what it would tell is worth nothing; said in a sentence."""
