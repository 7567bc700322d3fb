"""How sure routers are of their tokens over the steps: largest probability, entropy of the probabilities, and margin between the
least chosen and the best not chosen; of gates that chose."""

import over_steps

OF = "study"
LABELS = {
    "top_probability": "largest probability",
    "entropy": "entropy (nat)",
    "margin": "margin of the choice",
}


def table(study):
    return over_steps.table(study, {name: f"raw/confidence/{name}" for name in LABELS}, chosen=True)


def draw(table):
    return over_steps.draw(table, LABELS)
