#include "gradient/model/objective.hpp"

#include <numeric>
#include <stdexcept>

#include "config/pool_calls.hpp"
#include "equivalence/cases.hpp"
#include "gradient/finite_difference.hpp"

namespace moescope::test {

namespace {

ExecSpace exec() { return ExecSpace(); }

std::vector<double> host(Vector<double> const& device) {
  auto const mirror = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, device);
  return {mirror.data(), mirror.data() + mirror.size()};
}

void write(double const* values, Vector<double> const& device) {
  Kokkos::deep_copy(device, Kokkos::View<double const*, Kokkos::HostSpace, Kokkos::MemoryUnmanaged>(values, device.size()));
}

std::vector<double> read(FlatBuffers<double> const& buffers) {
  std::vector<double> all;
  for (auto const& group : buffers.group) {
    auto const values = host(group);
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

Matrix<double> random_matrix(std::int64_t num_rows, std::int64_t num_columns, std::uint64_t seed) {
  std::vector<double> values;
  RandomStream const stream(seed, Purpose::weight, 0, 0);
  for (std::int64_t i = 0; i < num_rows * num_columns; ++i) values.push_back(stream.normal(i, 0));
  Matrix<double> const matrix("test::random", num_rows, num_columns);
  write(values.data(), Vector<double>(matrix.data(), matrix.size()));
  return matrix;
}

LoadedMicroBatch first_micro_batch(RunConfig const& config) {
  return load_micro_batch(Layout({}, 1), 0, {config.batch, pool_names(config.model), equivalence::synthetic_source(config)}, 0);
}

}  // namespace

Objective::Objective(RunConfig const& config)
    : config_(config),
      mesh_(Communicator::world(), Layout({}, 1), {}),
      batch_(first_micro_batch(config)),
      table_(tensor_table(config.model, mesh_.layout(), 0)),
      values_(make_buffers<double>(table_, "values")),
      gradients_(make_buffers<double>(table_, "gradients")),
      weights_(view_tensors<double>(config.model, mesh_.layout(), 0, table_, values_)),
      weight_gradients_(view_tensors<double>(config.model, mesh_.layout(), 0, table_, gradients_)) {
  pass_ = {.accumulates = true, .seed = config.train.seed, .batch = &batch_.device};
  initialize<double>(table_, config.train.seed, values_);
  point_ = read(values_);
  RandomStream const away_from_ones(config.train.seed, Purpose::weight, 1, 0);
  for (std::size_t i = 0; i < point_.size(); ++i) point_[i] += 0.1 * away_from_ones.normal(std::int64_t(i), 0);
}

void Objective::select_tensors(std::string const& part_of_name) {
  auto begin = table_.group_sizes();
  std::exclusive_scan(begin.begin(), begin.end(), begin.begin(), std::int64_t{0});
  for (auto const& spec : table_.specs()) {
    auto const first = std::size_t(begin[spec.group] + spec.offset);
    if (spec.name.find(part_of_name) != std::string::npos)
      tensors_.push_back({spec.name, first, first + std::size_t(spec.size())});
  }
}

void Objective::append_input(std::vector<double> const& input) {
  tensors_.push_back({"input", point_.size(), point_.size() + input.size()});
  point_.insert(point_.end(), input.begin(), input.end());
}

void Objective::freeze_decisions() {
  decisions_ = {};
  loss_and_decisions(point_, decisions_);
  kept_ = decisions_.kept;
}

void Objective::record(Routing<double> const& routing, Decisions& decisions) {
  auto const expert = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, routing.expert);
  auto const kept = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, routing.kept);
  decisions.expert.insert(decisions.expert.end(), expert.data(), expert.data() + expert.size());
  decisions.kept.insert(decisions.kept.end(), kept.data(), kept.data() + kept.size());
}

double Objective::loss_and_decisions(std::vector<double> const& point, Decisions& decisions) {
  double const* next = point.data();
  for (auto const& group : values_.group) {
    write(next, group);
    next += group.size();
  }
  return forward({next, point.data() + point.size()}, decisions);
}

double Objective::loss(std::vector<double> const& point) {
  Decisions decisions;
  double const value = loss_and_decisions(point, decisions);
  if (!(decisions == decisions_)) throw std::logic_error("a decision changed within the difference step");
  return value;
}

std::vector<double> Objective::gradient() {
  for (auto const& group : gradients_.group) Kokkos::deep_copy(group, 0.0);
  loss(point_);
  auto const input_gradient = backward();
  auto all = read(gradients_);
  all.insert(all.end(), input_gradient.begin(), input_gradient.end());
  return all;
}

namespace {

class ModelObjective final : public Objective {
 public:
  ModelObjective(RunConfig const& config, bool padding_frozen)
      : Objective(config), model_(config.model, "local", mesh_), looked_up_(weights_) {
    auto const pad = config.model.pad_token_id;
    if (padding_frozen && pad >= 0) {
      auto const hidden = config.model.hidden_size;
      looked_up_.embedding = Matrix<double>("test::embedding", config.model.vocab_size, hidden);
      padding_ = Vector<double>("test::padding", std::size_t(hidden));
      write(point().data() + pad * hidden, padding_);  // the embedding is the first tensor
    }
    select_tensors("");
    freeze_decisions();
  }

 private:
  double forward(std::vector<double> const&, Decisions& decisions) override {
    if (padding_.size() > 0) {
      Kokkos::deep_copy(looked_up_.embedding, weights_.embedding);
      Kokkos::deep_copy(Kokkos::subview(looked_up_.embedding, config_.model.pad_token_id, Kokkos::ALL), padding_);
    }
    activations_ = model_.forward(exec(), pass_, looked_up_);
    for (auto const& block : activations_.blocks) record(block.moe.routed.router.routing, decisions);
    return scale() * activations_.cross_entropy_sum + activations_.balance_loss();
  }

  std::vector<double> backward() override {
    model_.backward(exec(), pass_.backward(), scale(), weights_, activations_, weight_gradients_);
    return {};
  }

  double scale() const { return 1 / double(batch_.num_labels); }

  Model<double> model_;
  ModelTensors<double> looked_up_;  ///< weights_, but for the embedding where padding is frozen
  Vector<double> padding_;
  Activations<double> activations_;
};

class BlockObjective final : public Objective {
 public:
  explicit BlockObjective(RunConfig const& config)
      : Objective(config),
        pools_(config.model, mesh_),
        services_(make_block_services<double>(config.model, "local", mesh_)),
        input_("test::input", std::size_t(batch_.device.num_tokens()), std::size_t(config.model.hidden_size)),
        output_gradient_(random_matrix(batch_.device.num_tokens(), config.model.hidden_size, 2)) {
    services_.pools = pools_.of(batch_.device);
    select_tensors(".layers.0.");
    append_input(host(flat(random_matrix(batch_.device.num_tokens(), config.model.hidden_size, 3))));
    freeze_decisions();
  }

 private:
  static Vector<double> flat(Matrix<double> const& matrix) { return Vector<double>(matrix.data(), matrix.size()); }

  double forward(std::vector<double> const& input, Decisions& decisions) override {
    write(input.data(), flat(input_));
    activations_ = {};
    auto const y = block_forward<double>(exec(), services_, pass_, input_, weights_.blocks[0], activations_);
    record(activations_.moe.routed.router.routing, decisions);
    auto const result = host(flat(y)), weight = host(flat(output_gradient_));
    return std::inner_product(result.begin(), result.end(), weight.begin(), activations_.moe.routed.router.balance_loss());
  }

  std::vector<double> backward() override {
    Matrix<double> const d_x("test::d_x", input_.extent(0), input_.extent(1));
    Kokkos::deep_copy(d_x, output_gradient_);
    block_backward<double>(exec(), services_, pass_.backward(), weights_.blocks[0], activations_, weight_gradients_.blocks[0],
                           d_x);
    return host(flat(d_x));
  }

  MeshPools pools_;
  BlockServices<double> services_;
  Matrix<double> input_, output_gradient_;
  BlockActivations<double> activations_;
};

}  // namespace

std::unique_ptr<Objective> model_objective(RunConfig const& config, bool padding_frozen) {
  return std::make_unique<ModelObjective>(config, padding_frozen);
}

std::unique_ptr<Objective> block_objective(RunConfig const& config) { return std::make_unique<BlockObjective>(config); }

double tensor_error(Objective& objective, TensorRange const& tensor, std::vector<double> const& gradient) {
  auto const part = [&](std::vector<double> const& all) {
    return std::vector<double>(all.begin() + std::ptrdiff_t(tensor.begin), all.begin() + std::ptrdiff_t(tensor.end));
  };
  auto moved = objective.point();
  auto const loss = [&](std::vector<double> const& values) {
    std::copy(values.begin(), values.end(), moved.begin() + std::ptrdiff_t(tensor.begin));
    return objective.loss(moved);
  };
  return gradient_error(loss, part(objective.point()), part(gradient), {.step = 3e-6});
}

WorstError worst_error(Objective& objective, std::vector<double> const& gradient) {
  WorstError worst;
  for (auto const& tensor : objective.tensors()) {
    auto const error = tensor_error(objective, tensor, gradient);
    if (!(error <= worst.error)) worst = {error, tensor.name};
  }
  return worst;
}

}  // namespace moescope::test
