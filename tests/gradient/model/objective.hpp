#pragma once
#include <memory>
#include <string>
#include <vector>

#include "model/model.hpp"
#include "step/micro_batches.hpp"

/// A whole block or model as a function of all its parameters, with the gradient that its backward gives.
namespace moescope::test {

/// One tensor's place in a point.
struct TensorRange {
  std::string name;
  std::size_t begin, end;
};

/// Point: every parameter in flat-buffer order, then the block's input where there is one.
class Objective {
 public:
  explicit Objective(RunConfig const& config);
  virtual ~Objective() = default;

  std::vector<TensorRange> const& tensors() const { return tensors_; }
  std::vector<double> const& point() const { return point_; }
  /// Throws std::logic_error where a token's experts or kept flags are not those of point().
  double loss(std::vector<double> const& point);
  std::vector<double> gradient();

  std::vector<int> const& kept() const { return kept_; }  ///< kept flags of all choices at point()
  LoadedMicroBatch const& batch() const { return batch_; }

 protected:
  struct Decisions {
    std::vector<int> expert, kept;
    friend bool operator==(Decisions const&, Decisions const&) = default;
  };
  /// Loss at the parameters in `values_` and `input`, and what was decided.
  virtual double forward(std::vector<double> const& input, Decisions& decisions) = 0;
  /// Adds to `gradients_` at point(); returns the input's gradient.
  virtual std::vector<double> backward() = 0;

  void select_tensors(std::string const& part_of_name);
  void append_input(std::vector<double> const& input);
  void freeze_decisions();
  static void record(Routing<double> const& routing, Decisions& decisions);

  RunConfig const config_;
  Mesh mesh_;
  LoadedMicroBatch batch_;
  Pass pass_;
  TensorTable table_;
  FlatBuffers<double> values_, gradients_;
  ModelTensors<double> weights_, weight_gradients_;

 private:
  double loss_and_decisions(std::vector<double> const& point, Decisions& decisions);

  std::vector<TensorRange> tensors_;
  std::vector<double> point_;
  Decisions decisions_;
  std::vector<int> kept_;
};

/// Cross-entropy of a micro-batch per label of its step, and the balance losses. With `padding_frozen` the embedding
/// that pad_token_id looks up does not move with the point: the function whose gradient torch's padding_idx gives.
std::unique_ptr<Objective> model_objective(RunConfig const& config, bool padding_frozen = true);

/// <block(x), fixed matrix> and the balance loss of one decoder block; the point holds x too.
std::unique_ptr<Objective> block_objective(RunConfig const& config);

/// Largest relative error of `gradient` in one tensor, or in all of them, against central differences.
double tensor_error(Objective& objective, TensorRange const& tensor, std::vector<double> const& gradient);
struct WorstError {
  double error = 0;
  std::string tensor;
};
WorstError worst_error(Objective& objective, std::vector<double> const& gradient);

}  // namespace moescope::test
