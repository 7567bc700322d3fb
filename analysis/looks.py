"""What means what in a figure: a fixed colour with a hatch or marker for each phase, axis, purpose, method and arm.

One colour has one meaning in all figures that show parts of a bar; the hatch tells apart what prints alike in grey."""

from matplotlib.colors import LinearSegmentedColormap

# Below an even load violet, above it orange, and lighter the larger: what is below and above stays apart in grey.
LOAD_COLOURS = LinearSegmentedColormap.from_list("load", ["#2D004B", "#6A5A9E", "#B5B5B5", "#FDB863", "#FFF7D6"])

# Okabe and Ito's colours, with tints and shades where eight do not suffice.
PHASES = {
    "data": ("#BBBBBB", ""),
    "embedding": ("#F0E442", ""),
    "attention": ("#0072B2", ""),
    "gate": ("#CC79A7", "..."),
    "dispatch": ("#E69F00", "///"),
    "experts": ("#009E73", ""),
    "combine": ("#FFDFA0", "\\\\\\"),
    "head": ("#56B4E9", "|||"),
    "communication": ("#D55E00", "xxx"),
    "gradients": ("#882255", ""),
    "optimizer": ("#222222", ""),
}
BETWEEN_STEPS = ("checks", "record")  # phases that are no part of a step
UNKNOWN = ("#FFFFFF", "++")  # a phase, axis or purpose that has no look of its own

# What an exchange's time is, and what is left of a bar.
PARTS = {
    "wait": ("#FFFFFF", "////"),
    "transfer": ("#80CDC1", ""),
    "waiting and transfer": ("#80CDC1", "////"),
    "whole step": ("#777777", ""),
    "not told apart": ("#F2F2F2", ""),
}
# Violets and browns: tensors and experts; greens: data.
AXES = {
    "tp": ("#332288", ""),
    "ep": ("#B8A9E0", "///"),
    "etp": ("#7B6FD0", "..."),
    "expert_block": ("#D9A57B", "xxx"),
    "edp": ("#A6761D", "\\\\\\"),
    "dp": ("#6B8E23", ""),
    "stage": ("#A6DBA0", ""),
    "world": ("#01665E", ""),
}
AXIS_WORDS = {
    "tp": "tensor (tp)",
    "ep": "expert (ep)",
    "etp": "expert tensor (etp)",
    "expert_block": "expert block (ep x etp)",
    "edp": "expert data (edp)",
    "dp": "data (dp)",
    "stage": "stage (same layers)",
    "world": "world (every rank)",
}
PURPOSES = {
    "parameters": ("#EE8866", ""),
    "gradients": PHASES["gradients"],
    "optimizer": PHASES["optimizer"],
    "activations": ("#CCEBC5", "///"),
}
NUMERATORS = {
    "megatron_causal": ("#0072B2", "o"),
    "non_causal": ("#D55E00", "s"),
    "six_n_active": ("#009E73", "^"),
    "six_n_total": ("#CC79A7", "D"),
    "executed": ("#000000", "x"),
}
OPERATIONS = {"all_reduce": "o", "all_gather": "s", "reduce_scatter": "^", "all_to_all": "D"}
METHODS = {
    "noisy_top_k": ("#0072B2", "o"),
    "switch": ("#D55E00", "s"),
    "uniform": ("#009E73", "^"),
    "uniform_learnable": ("#56B4E9", "v"),
    "random": ("#CC79A7", "D"),
    "random_learnable": ("#E69F00", "P"),
    "shazeer": ("#0072B2", "*"),
    "switch_transformer": ("#D55E00", "P"),
    "gshard": ("#009E73", "X"),
    "mixtral": ("#6A3D9A", "*"),
    "qwen_moe": ("#56B4E9", "D"),
    "olmoe": ("#56B4E9", "s"),
    "gpt_oss": ("#999999", "o"),
    "llama4": ("#CC79A7", "^"),
    "topology_limited": ("#E69F00", "v"),
    "deepseek_v3": ("#E69F00", "o"),
    "hash": ("#999999", "s"),
    "top_p": ("#5D3A00", "o"),
    "remoe": ("#7CAE00", "^"),
    "base": ("#A50026", "D"),
    "sinkhorn": ("#E69F00", "s"),
    "expert_choice": ("#000000", "X"),
    "quantile": ("#009E73", "*"),
    "local": ("#000000", "o"),
    "all_to_all": ("#0072B2", "s"),
    "all_gather": ("#D55E00", "^"),
}
OKABE_ITO = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999"]
COLOURS = [*OKABE_ITO, "#7CAE00", "#6A3D9A", "#5D3A00", "#A50026"]
MARKERS = "os^DvPX*"
CYCLE = [(COLOURS[i % 12], MARKERS[(i + i // 12) % 8]) for i in range(96)]  # no colour and marker twice together
MOST_COLOURS = 8  # curves; more are alike
ALIKE = "#999999"
NOTE, MARK = "#555555", "#B00000"


def phase(name):
    return PHASES.get(name, UNKNOWN)


def axis(name):
    return AXES.get(name, UNKNOWN)


def of_many(number, count):
    """(colour, marker) of the curve `number` of `count`, such as routers; all alike where there are too many to tell apart."""
    return CYCLE[number] if count <= MOST_COLOURS else (ALIKE, "")
