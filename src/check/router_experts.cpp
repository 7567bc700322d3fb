#include "check/router_experts.hpp"

#include "base/to_host.hpp"
#include "base/upload.hpp"
#include "layers/experts.hpp"

namespace moescope {

namespace {

/// Rows of kept choices by expert, then by token.
struct Rows {
  std::vector<std::size_t> choice;  ///< in [N,E]
  std::vector<std::int64_t> offsets{0};
};

Rows rows_of(std::vector<double> const& chosen, std::size_t experts) {
  Rows rows;
  for (std::size_t e = 0; e < experts; ++e) {
    for (auto at = e; at < chosen.size(); at += experts)
      if (chosen[at] != 0) rows.choice.push_back(at);
    rows.offsets.push_back(std::int64_t(rows.choice.size()));
  }
  return rows;
}

class Experts {
 public:
  Experts(RouterFixture const& fixture, RouterFixtureLayer const& layer, Rows const& rows, std::vector<double> const& weight)
      : rows_(rows),
        weight_(weight),
        experts_(std::size_t(fixture.router.num_experts)),
        hidden_(std::size_t(fixture.router.hidden_size)),
        width_(fixture.router.experts.width),
        at_input_(fixture.router.weight_at_input),
        layer_(layer) {}

  ExpertsOutcome run() {
    ExpertsOutcome outcome{forward(), {}, {}};
    if (!layer_.d_output.empty()) backward(outcome);
    return outcome;
  }

 private:
  /// Tokens' rows [N,H], each as often as it was chosen.
  std::vector<double> copies(std::vector<double> const& tokens, bool weighted) const {
    std::vector<double> copied;
    for (auto const at : rows_.choice)
      for (std::size_t h = 0; h < hidden_; ++h)
        copied.push_back(tokens[at / experts_ * hidden_ + h] * (weighted ? weight_[at] : 1));
    return copied;
  }

  Matrix<double> matrix(std::vector<double> const& values, std::int64_t rows, std::int64_t columns) const {
    auto const device = make_matrix<double>("check::experts", rows, columns);
    upload(exec_, values, device);
    return device;
  }
  Matrix<double> rows(std::vector<double> const& values) const {
    return matrix(values, std::int64_t(rows_.choice.size()), std::int64_t(hidden_));
  }

  std::vector<double> forward() {
    std::vector<double> weights;
    for (auto const at : rows_.choice) weights.push_back(at_input_ ? 1 : weight_[at]);
    input_ = {rows(copies(layer_.input, at_input_)), upload(exec_, "check::weights", weights), rows_.offsets};
    for (auto const& expert : layer_.experts)
      tensors_.push_back(
          {matrix(expert.gate_up, 2 * width_, std::int64_t(hidden_)), matrix(expert.down, std::int64_t(hidden_), width_)});
    auto const output = to_host_copy(exec_, experts_forward<double>(exec_, input_, tensors_, activations_));
    std::vector<double> sum(layer_.input.size());
    for (std::size_t r = 0; r < rows_.choice.size(); ++r)
      for (std::size_t h = 0; h < hidden_; ++h) sum[rows_.choice[r] / experts_ * hidden_ + h] += output[r * hidden_ + h];
    return sum;
  }

  void backward(ExpertsOutcome& outcome) {
    std::vector<ExpertWeights<double>> gradients;
    for (auto const& each : tensors_)
      gradients.push_back({make_matrix<double>("check::d_gate_up", each.gate_up.extent(0), each.gate_up.extent(1)),
                           make_matrix<double>("check::d_down", each.down.extent(0), each.down.extent(1))});
    auto const d_input = experts_backward<double>(exec_, rows(copies(layer_.d_output, false)), input_, tensors_, activations_,
                                                  ExpertGradients::assign, gradients);
    for (auto const& each : gradients)
      outcome.gradients.push_back({to_host_copy(exec_, each.gate_up), to_host_copy(exec_, each.down)});
    auto const d_rows = to_host_copy(exec_, d_input.rows), d_weight = to_host_copy(exec_, d_input.weight);
    outcome.d_weight.resize(weight_.size());
    for (std::size_t r = 0; r < rows_.choice.size(); ++r)
      outcome.d_weight[rows_.choice[r]] = at_input_ ? input_product(d_rows, r) : d_weight[r];
  }

  double input_product(std::vector<double> const& d_rows, std::size_t r) const {
    double sum = 0;
    for (std::size_t h = 0; h < hidden_; ++h)
      sum += d_rows[r * hidden_ + h] * layer_.input[rows_.choice[r] / experts_ * hidden_ + h];
    return sum;
  }

  Rows const& rows_;
  std::vector<double> const& weight_;
  std::size_t experts_, hidden_;
  std::int64_t width_;
  bool at_input_;
  RouterFixtureLayer const& layer_;
  ExecSpace exec_;
  ExpertsInput<double> input_;
  std::vector<ExpertWeights<double>> tensors_;
  ExpertsActivations<double> activations_;
};

}  // namespace

ExpertsOutcome run_experts(RouterFixture const& fixture, RouterFixtureLayer const& layer, std::vector<double> const& chosen,
                           std::vector<double> const& weight) {
  auto const rows = rows_of(chosen, std::size_t(fixture.router.num_experts));
  return Experts(fixture, layer, rows, weight).run();
}

}  // namespace moescope
