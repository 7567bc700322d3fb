#pragma once
#include <algorithm>
#include <vector>

#include "reference/matrix.hpp"

namespace moescope::reference {

/// y = x w / sqrt(mean x^2 + eps), row by row.
inline Matrix rms_norm(Matrix const& x, std::vector<double> const& w, double eps) {
  Matrix y = x;
  for (std::int64_t t = 0; t < x.num_rows; ++t) {
    double squares = 0;
    for (std::int64_t h = 0; h < x.num_columns; ++h) squares += x(t, h) * x(t, h);
    for (std::int64_t h = 0; h < x.num_columns; ++h)
      y(t, h) = x(t, h) * w[std::size_t(h)] / std::sqrt(squares / double(x.num_columns) + eps);
  }
  return y;
}

/// Pairs (j, j + head_dim / 2) of the first `num_heads` heads turned by position * theta^(-2 j / head_dim).
inline Matrix rope(Matrix x, std::int64_t num_heads, std::int64_t head_dim, std::int64_t sequence_length, double theta,
                   int direction) {
  for (std::int64_t t = 0; t < x.num_rows; ++t)
    for (std::int64_t head = 0; head < num_heads; ++head)
      for (std::int64_t j = 0; j < head_dim / 2; ++j) {
        double const angle = direction * double(t % sequence_length) * std::pow(theta, -2.0 * double(j) / double(head_dim));
        double &a = x(t, head * head_dim + j), &b = x(t, head * head_dim + head_dim / 2 + j);
        double const old_a = a, old_b = b;
        a = old_a * std::cos(angle) - old_b * std::sin(angle);
        b = old_a * std::sin(angle) + old_b * std::cos(angle);
      }
  return x;
}

/// silu(left half) * right half.
inline Matrix swiglu(Matrix const& gate_up) {
  Matrix hidden(gate_up.num_rows, gate_up.num_columns / 2);
  for (std::int64_t r = 0; r < hidden.num_rows; ++r)
    for (std::int64_t j = 0; j < hidden.num_columns; ++j)
      hidden(r, j) = gate_up(r, j) / (1 + std::exp(-gate_up(r, j))) * gate_up(r, hidden.num_columns + j);
  return hidden;
}

inline Matrix expert(Matrix const& x, Matrix const& gate_up, Matrix const& down) {
  return multiply(swiglu(multiply(x, transposed(gate_up))), transposed(down));
}

/// With the whole row of scores, two passes. `log_sum_exp` [T, heads] receives log sum exp of the scores.
inline Matrix causal_attention(Matrix const& qkv, std::int64_t sequence_length, std::int64_t num_heads, std::int64_t num_kv_heads,
                               std::int64_t head_dim, std::vector<std::int64_t> const& kv_of_head, Matrix& log_sum_exp) {
  Matrix context(qkv.num_rows, num_heads * head_dim);
  log_sum_exp = Matrix(qkv.num_rows, num_heads);
  for (std::int64_t t = 0; t < qkv.num_rows; ++t)
    for (std::int64_t head = 0; head < num_heads; ++head) {
      std::int64_t const first = t - t % sequence_length, kv = kv_of_head[std::size_t(head)];
      std::int64_t const q = head * head_dim, k = (num_heads + kv) * head_dim, v = k + num_kv_heads * head_dim;
      std::vector<double> scores;
      for (std::int64_t s = first; s <= t; ++s) {
        double score = 0;
        for (std::int64_t j = 0; j < head_dim; ++j) score += qkv(t, q + j) * qkv(s, k + j);
        scores.push_back(score / std::sqrt(double(head_dim)));
      }
      double const maximum = *std::max_element(scores.begin(), scores.end());
      double sum = 0;
      for (double const score : scores) sum += std::exp(score - maximum);
      log_sum_exp(t, head) = maximum + std::log(sum);
      for (std::int64_t s = first; s <= t; ++s)
        for (std::int64_t j = 0; j < head_dim; ++j)
          context(t, q + j) += std::exp(scores[std::size_t(s - first)] - log_sum_exp(t, head)) * qkv(s, v + j);
    }
  return context;
}

/// Sum over tokens with a target >= 0 of -log softmax(logits)[target].
inline double cross_entropy(Matrix const& logits, std::vector<int> const& targets) {
  double loss = 0;
  for (std::int64_t t = 0; t < logits.num_rows; ++t) {
    if (targets[std::size_t(t)] < 0) continue;
    double maximum = logits(t, 0), sum = 0;
    for (std::int64_t v = 0; v < logits.num_columns; ++v) maximum = std::max(maximum, logits(t, v));
    for (std::int64_t v = 0; v < logits.num_columns; ++v) sum += std::exp(logits(t, v) - maximum);
    loss += maximum + std::log(sum) - logits(t, targets[std::size_t(t)]);
  }
  return loss;
}

/// scale * d cross_entropy / d logits.
inline Matrix cross_entropy_gradient(Matrix const& logits, std::vector<int> const& targets, double scale) {
  Matrix gradient(logits.num_rows, logits.num_columns);
  for (std::int64_t t = 0; t < logits.num_rows; ++t) {
    if (targets[std::size_t(t)] < 0) continue;
    double sum = 0;
    for (std::int64_t v = 0; v < logits.num_columns; ++v) sum += std::exp(logits(t, v));
    for (std::int64_t v = 0; v < logits.num_columns; ++v)
      gradient(t, v) = scale * (std::exp(logits(t, v)) / sum - (v == targets[std::size_t(t)] ? 1 : 0));
  }
  return gradient;
}

}  // namespace moescope::reference
