#pragma once
#include "base/range.hpp"
#include "base/views.hpp"

namespace moescope::kernels {

/// Vocabulary-parallel cross-entropy as partial -> combine -> finish: the caller max-reduces `maximum`, then
/// sum-reduces `sum_exp` and `target_logit` over tp between the calls (Megatron-LM's scheme).
/// logits [T, vocabulary.size()]; targets [T] global token ids, -100 = not counted.
inline constexpr int ignored_label = -100;

/// maximum[t] = max_v logits[t,v].
template <class T>
void cross_entropy_maximum(ExecSpace const& exec, ConstMatrix<T> logits, Vector<Accumulate<T>> maximum);

/// With the global maximum: sum_exp[t] = sum_v exp(logits - maximum), target_logit[t] = logits[t,target] or 0 if elsewhere.
template <class T>
void cross_entropy_partial(ExecSpace const& exec, ConstMatrix<T> logits, ConstVector<int> targets, Range vocabulary,
                           ConstVector<Accumulate<T>> maximum, Vector<Accumulate<T>> sum_exp, Vector<Accumulate<T>> target_logit);

/// Sum over counted tokens of log(sum_exp) + maximum - target_logit, in double and in token order.
template <class T>
double cross_entropy_finish(ExecSpace const& exec, ConstVector<int> targets, ConstVector<Accumulate<T>> maximum,
                            ConstVector<Accumulate<T>> sum_exp, ConstVector<Accumulate<T>> target_logit);

/// Replaces logits by scale * (softmax - one_hot(target)), and by 0 for tokens not counted.
template <class T>
void cross_entropy_backward(ExecSpace const& exec, ConstVector<int> targets, Range vocabulary, ConstVector<Accumulate<T>> maximum,
                            ConstVector<Accumulate<T>> sum_exp, Accumulate<T> scale, Matrix<T> logits);

}  // namespace moescope::kernels
