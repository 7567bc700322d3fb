"""A cell: one launch of the program with settings of its own."""

import math
import re
from dataclasses import asdict, dataclass


@dataclass
class Cell:
    name: str
    labels: dict
    settings: dict  # every --set, the driver's own (record.repeat, record.site) included
    varied: dict  # the settings and labels that tell the cells of this sweep apart
    repeat: int
    ranks: int
    threads: int
    nodes: int
    minutes: int  # time limit
    memory_bytes_of_heaviest_rank: int
    expected_seconds: float | None  # by the site's assumed rate
    cell_key: str
    computation_key: str
    checkpoint_every: int = 0  # steps; 0: as the configuration says
    redo_after: int = 0  # attempts up to this one no longer count
    planned: bool = True  # false: of an earlier plan
    explains: bool = False  # phased, for a claim of others; it enters none itself

    @property
    def shape(self):
        return (self.nodes, self.ranks, self.threads, self.minutes)

    def as_json(self):
        return asdict(self)


def nodes_for(ranks, threads, site):
    if site.executor == "local":
        return 1
    return math.ceil(ranks / site.ranks_per_node(threads))


def name_of(varied, repeat, cell_key, explains=False):
    """weak-ranks4-sequences8-repeat0-1a2b3c4d: to be recognised in a listing; the key's beginning makes it unique."""
    parts = [f"{key.rsplit('.', 1)[-1] if '.' in key else ''}{value}" for key, value in varied.items()]
    text = re.sub(r"[^A-Za-z0-9_.]+", "-", "-".join(parts)).strip("-.")[:80]
    return f"{text or 'cell'}{'-phased' * explains}-repeat{repeat}-{cell_key[:8]}"
