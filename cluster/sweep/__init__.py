"""The sweep driver: an experiment folder (base.toml, sweep.toml) -> cells -> launches -> one table."""


class Mistake(Exception):
    """One sentence for the user: what is wrong, where, and what would be right."""
