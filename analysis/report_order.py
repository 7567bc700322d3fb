"""The sections of a report and the figures in each; those that the study's question is about come first."""

from fnmatch import fnmatchcase

# Title, measures that it is about, figures in the order of reading.
SECTIONS = (
    ("Contrasts", (), ("contrasts", "gate_comparison", "speedup", "equal_arms")),
    ("Loss", ("held_out_loss", "perplexity", "bits_per_byte"), ("loss", "loss_parts")),
    (
        "Balance",
        ("imbalance_*", "dropped_fraction", "dead_fraction", "routing_entropy", "load_drift"),
        (
            *("imbalance", "collapse", "load_cdf", "load_heatmap", "load_over_steps", "routing_entropy", "dropped"),
            *("expert_by_domain", "co_activation", "confidence"),
        ),
    ),
    (
        "Time",
        ("step_seconds", "tokens_per_second", "tgs", "wait_seconds", "gate_seconds_per_token"),
        ("weak_scaling", "strong_scaling", "forced_vs_natural", "step_breakdown", "step_time"),
    ),
    ("Communication", ("payload_bytes*",), ("bytes", "bytes_by_axis", "busbw")),
    ("Utilisation", ("mfu_*",), ("mfu", "mfu_against_imbalance")),
    ("Memory and energy", ("memory_bytes", "joules*"), ("memory",)),
)


def asked(title, contrasts):
    """Whether a section is about a declared contrast; without any, all sections are equal."""
    of = next(of for name, of, _ in SECTIONS if name == title)
    names = {contrast.get("measure", "") for contrast in contrasts}
    return not names or not of or any(fnmatchcase(name, pattern) for name in names for pattern in of)


def sections(drawn, contrasts):
    """(title, its figures) of the sections that have any; `drawn`: (figure's name, ...) each."""
    for title, _, names in sorted(SECTIONS, key=lambda section: not asked(section[0], contrasts)):
        found = sorted((figure for figure in drawn if figure[0] in names), key=lambda figure: names.index(figure[0]))
        if found:
            yield title, found
