"""What decides a measure. The seed: its launches give the same number and are one sample. The machine: each launch is one.

The one table of it, for measures of contrasts (measures.py), figures and the metrics of a sweep's table."""

from fnmatch import fnmatchcase

SEED, MACHINE = "seed", "machine"
MEASURES = {
    SEED: (
        *("loss", "cross_entropy", "held_out_loss", "held_out_loss/*", "perplexity", "bits_per_byte"),
        *("imbalance_*", "dropped_fraction", "balance_loss", "dead_fraction", "routing_entropy", "load_drift", "top_probability"),
        "busiest_rank_rows",
        *("payload_bytes", "payload_bytes/*", "payload_bytes_per_token*", "wire_bytes", "wire_bytes/*"),
        "memory_bytes/*",  # by purpose, as planned
    ),
    MACHINE: (
        *(
            "step_seconds",
            "phase_seconds/*",
            "wait_seconds",
            "gate_seconds_per_token",
            "tokens_per_second",
            "tgs",
            "mfu_*",
            "joules",
            "joules_per_token",
            "slurm_joules",
        ),
        "memory_bytes",  # of the process
    ),
}


def of(measure):
    """SEED or MACHINE; "" where no line of the table is about it."""
    return next((by for by, names in MEASURES.items() if any(fnmatchcase(measure, name) for name in names)), "")
