#!/usr/bin/env python3
"""One training step of a Mixtral-type model in PyTorch and Hugging Face transformers, on the CPU in float32: the program that
moescope's step is compared with. Needs torch and transformers; downloads nothing. Prints one JSON object.

  hugging_face_step.py small --threads 2 --experts grouped_mm
"""

import argparse
import json
import statistics
import time

import torch
import transformers

# The same four as src/apps/benchmarks/cases.cpp.
CASES = {
    "small": {"hidden": 512, "layers": 4, "heads": 8, "kv_heads": 8, "width": 1024, "experts": 8, "top_k": 2, "vocabulary": 256,
              "sequences": 4, "length": 512},
    "wide": {"hidden": 4096, "layers": 1, "heads": 32, "kv_heads": 32, "width": 688, "experts": 16, "top_k": 4,
             "vocabulary": 32000, "sequences": 1, "length": 512},
    "fine": {"hidden": 1024, "layers": 2, "heads": 16, "kv_heads": 4, "width": 256, "experts": 64, "top_k": 8,
             "vocabulary": 32000, "sequences": 1, "length": 1024},
    "mixtral": {"hidden": 1024, "layers": 2, "heads": 16, "kv_heads": 4, "width": 3584, "experts": 8, "top_k": 2,
                "vocabulary": 32000, "sequences": 1, "length": 1024},
}  # fmt: skip


def step_flops(case):
    """Megatron's causal numerator, as `megatron_causal` in docs/definitions.md."""
    tokens, hidden = case["sequences"] * case["length"], case["hidden"]
    kv = hidden // case["heads"] * case["kv_heads"]
    attention = 2 * tokens * hidden * (hidden + 2 * kv) + 2 * tokens * hidden * hidden + 2 * hidden * tokens * case["length"]
    experts = 6 * tokens * hidden * case["width"] * case["top_k"]
    return 3 * (case["layers"] * (attention + experts) + 2 * tokens * hidden * case["vocabulary"])


def peak_flops(n=2048, repetitions=10):
    a, b = torch.randn(n, n), torch.randn(n, n)
    seconds = []
    for _ in range(repetitions):
        start = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - start)
    return 2 * n**3 / min(seconds)


def make_model(case, experts):
    config = transformers.MixtralConfig(
        hidden_size=case["hidden"],
        num_hidden_layers=case["layers"],
        num_attention_heads=case["heads"],
        num_key_value_heads=case["kv_heads"],
        intermediate_size=case["width"],
        num_local_experts=case["experts"],
        num_experts_per_tok=case["top_k"],
        vocab_size=case["vocabulary"],
        max_position_embeddings=4096,
        sliding_window=None,
        output_router_logits=True,
    )
    config._attn_implementation = "sdpa"
    config._experts_implementation = experts
    return transformers.MixtralForCausalLM(config)


def time_steps(case, model, steps, warm_up=2):
    """(forward and backward, optimiser) seconds of each step after the first ones."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    tokens = torch.randint(0, case["vocabulary"], (case["sequences"], case["length"]))
    times = []
    for _ in range(warm_up + steps):
        start = time.perf_counter()
        model(input_ids=tokens, labels=tokens).loss.backward()
        middle = time.perf_counter()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        times.append((middle - start, time.perf_counter() - middle))
    return times[warm_up:]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=list(CASES))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--experts", default="grouped_mm", choices=["eager", "grouped_mm", "batched_mm"])
    parser.add_argument("--steps", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    case = CASES[arguments.case]
    peak = peak_flops()
    times = time_steps(case, make_model(case, arguments.experts), arguments.steps)
    forward_backward = statistics.median(first for first, _ in times)
    result = {
        "case": arguments.case,
        "experts": arguments.experts,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "forward_backward_seconds": forward_backward,
        "optimizer_seconds": statistics.median(second for _, second in times),
        "peak_flops_per_second": max(peak, peak_flops()),
    }
    result["forward_backward_of_peak"] = step_flops(case) / forward_backward / result["peak_flops_per_second"]
    print(json.dumps(result))


if __name__ == "__main__":
    main()
