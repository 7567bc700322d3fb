"""How the arms of a study are named: by the keys that tell them apart, and by their routing where any is forced."""

import json

ROUTING = "routing.forced"
FORCED = " (forced)"  # behind the name of an arm
LOSSES = "gate.loss."  # kind and key of each follow
PREFERRED = ("layout.ranks", "gate.kind", "train.dispatcher")  # of keys that always differ together, these name the arm


def as_text(value):
    return json.dumps(value, sort_keys=True)


def telling(varied, configurations):
    """A label of the sweep that tells all arms apart, else every key that changes; of those that always change together one is
    enough: a preferred one, else a short plain value."""
    arms = {tuple(as_text(configuration.get(key)) for key in varied) for configuration in configurations}
    for key in varied:
        if "." not in key and len({as_text(configuration.get(key)) for configuration in configurations}) == len(arms) > 1:
            return [key]
    chosen = {}
    for key in varied:
        values = [as_text(configuration.get(key)) for configuration in configurations]
        pattern = tuple(values.index(value) for value in values)
        rank = (PREFERRED.index(key) if key in PREFERRED else len(PREFERRED), max(map(len, values)), key)
        chosen[pattern] = min(chosen.get(pattern, (rank, key)), (rank, key))
    told = {key: pattern for pattern, (_, key) in chosen.items()}
    keys = [key for _, key in sorted(chosen.values()) if not (key.startswith(LOSSES) and _follows(key, told))]
    return _needed(keys, {key: pattern for key, pattern in told.items() if key in keys})


def _needed(keys, patterns):
    """Beside a label of the sweep no key stands that the others tell, as a pool that a label and the number of ranks tell."""
    for key in reversed(keys) if any("." not in key for key in keys) else ():
        others = [patterns[other] for other in keys if other != key]
        if "." in key and others and len({*zip(*others, strict=True)}) == len({*zip(*others, patterns[key], strict=True)}):
            keys = [other for other in keys if other != key]
    return keys


def _follows(key, patterns):
    """Whether one other key of `patterns` tells this one's value, as a gate tells the losses that it was published with."""
    others = (pattern for name, pattern in patterns.items() if not name.startswith(LOSSES))
    return any(len(set(zip(other, patterns[key], strict=True))) == len(set(other)) for other in others)


def short(keys):
    """The last part of each key, of a loss its kind as well, or all of it where two end alike."""
    last = [key.removeprefix(LOSSES).replace(".", " ") if key.startswith(LOSSES) else key.rsplit(".", 1)[-1] for key in keys]
    return {key: short if last.count(short) == 1 else key for key, short in zip(keys, last, strict=True)}


def named(name, value):
    return value if isinstance(value, str) and value and name not in ("threads", "commit") else f"{name} {_plain(value)}"


def _plain(value):
    return "-" if value in (None, "") else str(value).lower() if isinstance(value, bool) else str(value)


def order(value):
    return (0, value, "") if isinstance(value, (int, float)) else (1, 0, _plain(value))


def with_routing(arms, named):
    """Where the routing of any of them is forced, the label of each says whose is, and how; a name of the sweep, only that."""
    told = any(arm.forced() for arm in arms)
    if named:
        for arm in arms:
            arm.label += FORCED * arm.forced()
        return arms
    for arm in arms:
        parts = [arm.label] * bool(arm.label) + [arm.runs[0].routing()] * told
        arm.label = ", ".join(parts) or "all launches"
    return arms


def distinctly_labelled(arms):
    """Where `keys` do not tell all arms apart, a number does."""
    seen = {}
    for arm in arms:
        seen.setdefault(arm.label, []).append(arm)
    for alike in seen.values():
        for number, arm in enumerate(alike if len(alike) > 1 else [], 1):
            arm.label += f" ({number})"
    return arms
