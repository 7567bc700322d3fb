"""Folders of recorded routers, computed by the formulas of docs/definitions.md in numpy: forms that no published case has."""

import json
import struct

import numpy as np

TYPES = {"float64": "F64", "float32": "F32", "int64": "I64"}


def write(path, tensors):
    header, body = {}, b""
    for name, values in tensors.items():
        data = np.ascontiguousarray(values).tobytes()
        header[name] = {"dtype": TYPES[str(values.dtype)], "shape": list(values.shape)}
        header[name]["data_offsets"] = [len(body), len(body) + len(data)]
        body += data
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def chosen(ranking, k):
    return np.argsort(-ranking, axis=1, kind="stable")[:, :k]


def limit_groups(ranking, groups, kept):
    tokens, experts = ranking.shape
    scores = np.sort(ranking.reshape(tokens, groups, -1), axis=2)[:, :, -2:].sum(axis=2)
    stays = np.zeros((tokens, groups), bool)
    np.put_along_axis(stays, chosen(scores, kept), True, 1)
    return np.where(np.repeat(stays, experts // groups, axis=1), ranking, -np.inf)


class Folder:
    """`layers` routers of random weights and inputs; `decide(logits, bias) -> ids, weights` is the family's formula."""

    def __init__(self, path, config, names, sizes, layers, decide, batch=(2, 7)):
        config = {"intermediate_size": 8} | config
        config |= {"moe_intermediate_size": 4} if config["model_type"] in ("qwen3_moe", "deepseek_v3") else {}
        self.path, self.batch = path, batch
        self.io, self.model, self.gradients = {}, {}, {}
        draw = np.random.default_rng(1)
        for layer in layers:
            self._add(draw, layer, names, *sizes, decide)
        path.mkdir()
        (path / "config.json").write_text(json.dumps(config))
        self.write()

    def write(self):
        write(self.path / "io.safetensors", self.io)
        write(self.path / "model.safetensors", self.model)
        write(self.path / "grads.safetensors", self.gradients)

    def _add(self, draw, layer, names, hidden, experts, decide):
        tokens, prefix = self.batch[0] * self.batch[1], f"moe.{layer}."
        x, d_logits = draw.normal(size=(tokens, hidden)), draw.normal(size=(tokens, experts))
        tensors = {
            "weight": draw.normal(size=(experts, hidden)),
            "bias": draw.normal(size=experts),
            "correction": draw.normal(size=experts),
        }
        tensors = {part: values.astype(np.float32) for part, values in tensors.items()}
        for part, name in names.items():
            self.model[name.format(layer)] = tensors[part]
        gradients = {"weight": d_logits.T @ x, "bias": d_logits.sum(axis=0)}
        for part in names.keys() & gradients.keys():
            self.gradients[names[part].format(layer)] = gradients[part]
        logits = x @ tensors["weight"].T.astype(float) + (tensors["bias"] if "bias" in names else 0)
        ids, weights = decide(logits, tensors["correction"])
        self.io["input_ids"] = np.zeros(self.batch, np.int64)
        self.io["grad." + prefix + "router_logits"] = d_logits
        self.io |= {prefix + "input": x, prefix + "router_logits": logits}
        self.io |= {prefix + "topk_index": ids.astype(np.int64), prefix + "topk_weight": weights}


def of_affinity(affinity, ids, normalise, scale=1.0):
    weights = np.take_along_axis(affinity, ids, 1)
    return ids, scale * (weights / (weights.sum(axis=1, keepdims=True) + 1e-20) if normalise else weights)


def mixtral(path, k=3):
    def decide(logits, _):
        ids = chosen(logits, k)
        return ids, softmax(np.take_along_axis(logits, ids, 1))

    config = {"model_type": "mixtral", "hidden_size": 6, "num_local_experts": 5, "num_experts_per_tok": k, "num_hidden_layers": 2}
    return Folder(path, config, {"weight": "model.layers.{}.block_sparse_moe.gate.weight"}, (6, 5), [0, 1], decide)


def olmoe(path):
    def decide(logits, _):
        return of_affinity(softmax(logits), chosen(logits, 4), True)

    config = {"model_type": "olmoe", "hidden_size": 6, "num_experts": 4, "num_experts_per_tok": 4, "num_hidden_layers": 1}
    return Folder(path, config | {"norm_topk_prob": True}, {"weight": "model.layers.{}.mlp.gate.weight"}, (6, 4), [0], decide)


def qwen3_moe(path):
    def decide(logits, _):
        return of_affinity(softmax(logits), chosen(logits, 1), False)

    config = {"model_type": "qwen3_moe", "hidden_size": 6, "num_experts": 4, "num_experts_per_tok": 1, "num_hidden_layers": 7}
    config |= {"norm_topk_prob": False, "decoder_sparse_step": 3, "mlp_only_layers": [2]}
    return Folder(path, config, {"weight": "model.layers.{}.mlp.gate.weight"}, (6, 4), [5], decide)


def gpt_oss(path, k=4):
    def decide(logits, _):
        ids = chosen(logits, k)
        return ids, softmax(np.take_along_axis(logits, ids, 1))

    config = {"model_type": "gpt_oss", "hidden_size": 6, "num_local_experts": 9, "num_experts_per_tok": k, "num_hidden_layers": 1}
    names = {"weight": "model.layers.{}.mlp.router.weight", "bias": "model.layers.{}.mlp.router.bias"}
    return Folder(path, config | {"experts_per_token": k}, names, (6, 9), [0], decide)


def llama4(path, k=2):
    def decide(logits, _):
        return of_affinity(1 / (1 + np.exp(-logits)), chosen(logits, k), False)

    config = {"model_type": "llama4_text", "hidden_size": 6, "num_local_experts": 4, "num_experts_per_tok": k}
    config |= {"num_hidden_layers": 5, "interleave_moe_layer_step": 2}
    return Folder(path, config, {"weight": "language_model.model.layers.{}.feed_forward.router.weight"}, (6, 4), [1, 3], decide)


def deepseek_v3(path, groups=3, kept=2, normalise=False):
    def decide(logits, correction):
        affinity = 1 / (1 + np.exp(-logits))
        ranking = affinity + correction
        return of_affinity(affinity, chosen(limit_groups(ranking, groups, kept), 3), normalise, 1.7)

    config = {
        "model_type": "deepseek_v3",
        "hidden_size": 6,
        "n_routed_experts": 12,
        "num_experts_per_tok": 3,
        "num_hidden_layers": 3,
    }
    config |= {"n_group": groups, "topk_group": kept, "norm_topk_prob": normalise, "routed_scaling_factor": 1.7}
    config |= {"first_k_dense_replace": 2, "scoring_func": "sigmoid", "topk_method": "noaux_tc"}
    gate = "model.layers.{}.mlp.gate."
    names = {"weight": gate + "weight", "correction": gate + "e_score_correction_bias"}
    return Folder(path, config, names, (6, 12), [2], decide)


def switch_transformers(path, capacity=2):
    def decide(logits, _):
        return of_affinity(softmax(logits), chosen(logits, 1), False)

    config = {"model_type": "switch_transformers", "d_model": 6, "num_experts": 4, "expert_capacity": capacity, "num_layers": 4}
    config |= {"encoder_sparse_step": 2, "router_bias": True, "router_aux_loss_coef": 0.1, "router_z_loss_coef": 0.2}
    classifier = "encoder.block.{}.layer.1.mlp.router.classifier."
    folder = Folder(path, config, {"weight": classifier + "weight", "bias": classifier + "bias"}, (6, 4), [3], decide)
    ids = folder.io["moe.3.topk_index"].reshape(folder.batch)
    places = np.array([[np.sum(row[: t + 1] == row[t]) for t in range(row.size)] for row in ids])
    folder.io["moe.3.kept"] = (places <= capacity).astype(np.int64)
    folder.write()
    return folder


FORMS = {
    "mixtral, k = 3": mixtral,
    "olmoe, normalised, k = E": olmoe,
    "qwen3_moe, k = 1, sparse step and a dense layer": qwen3_moe,
    "gpt_oss, k = 4": gpt_oss,
    "llama4, k = 2, layers by step": llama4,
    "deepseek_v3, 3 groups, not normalised": deepseek_v3,
    "deepseek_v3, one group": lambda path: deepseek_v3(path, 1, 1, True),
    "switch_transformers, with a bias": switch_transformers,
}
