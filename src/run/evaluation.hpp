#pragma once
#include "run/held_out_choices.hpp"
#include "step/trainer.hpp"

namespace moescope {

/// Held-out sequences [first, first + count) of a domain.
using HeldOutSource = std::function<Batch(std::int64_t domain, std::int64_t first, std::int64_t count)>;

/// Steps after which an evaluation happens: 0 and every multiple of eval.every, and the last step.
std::vector<std::int64_t> evaluation_steps(RunConfig const& config);

/// Number in the data stream under which held-out sequence 0 of a domain is evaluated: below 0, where no training sequence is,
/// and eval.sequences apart, so that no two tokens share the id that random numbers are drawn by.
std::int64_t first_held_out_sequence(EvalConfig const& eval, std::int64_t domain, std::int64_t num_domains);

/// Mean cross-entropy per labelled token of each domain's held-out text, gates in evaluation mode, in micro-batches of the
/// size that training uses, the last possibly smaller. Exchanges of an evaluation belong to no step: the ledger is emptied around
/// it, and their payload is reported here. `choices`: those of the evaluation before, to compare with. Collective.
template <class T>
EvaluationReport evaluate(ExecSpace const& exec, Trainer<T>& trainer, HeldOutSource const& source, std::int64_t num_domains,
                          std::int64_t at_step, HeldOutChoices& choices);

}  // namespace moescope
