#include "traffic/calls.hpp"

#include "config/forced_workloads.hpp"
#include "config/gate_kinds.hpp"
#include "config/routers.hpp"
#include "layout/shared_pools.hpp"
#include "tensors/tensor.hpp"
#include "traffic/caller.hpp"
#include "traffic/dispatch/dispatch_traffic.hpp"
#include "traffic/routed_choices.hpp"

namespace moescope::traffic {
namespace {

constexpr std::int64_t number_bytes = 8;  // an int64 or a double

/// Shapes of the routers of a micro-step; one, where all are alike.
using ShapesOf = std::function<std::vector<RouterShape>(std::int64_t micro_step)>;

/// The calls of one rank's step, in the order of step/trainer.cpp and model/block.cpp.
class Step {
 public:
  Step(RunConfig const& config, Layout const& layout, StepExchanges const& exchanges, std::int64_t rank, Visit const& visit)
      : config_(config),
        layout_(layout),
        rank_(rank),
        dispatch_(dispatch_traffic(config.train.dispatcher)),
        caller_(exchanges, layout, visit),
        scalar_(scalar(config.train.dtype)),
        extents_(router_extents(config.model)),
        pool_calls_(moescope::pool_calls(config.model, config.train.mode == "train" && !is_forced(config))),
        sizes_(dispatch_sizes(config)) {}

  void run(ShapesOf const& shapes_of, GroupSizes& sizes) {
    caller_.call(names::labels, number_bytes);
    for (std::int64_t m = 0; m < config_.batch.micro_steps; ++m) {
      auto const shapes = shapes_of(m);
      forward(m, shapes);
      backward(m, shapes);
    }
    caller_.set_place(-1, -1);
    caller_.call(names::loss, number_bytes);
    caller_.call(names::gate_statistics, gate_statistics(config_.model) * number_bytes);
    finish_gradients(sizes.of(rank_));
  }

 private:
  void forward(std::int64_t micro_step, std::vector<RouterShape> const& shapes);
  void backward(std::int64_t micro_step, std::vector<RouterShape> const& shapes);
  void pools();
  void finish_gradients(std::vector<std::int64_t> const& held);

  std::int64_t tokens(std::int64_t micro_step) const {
    return layout_.sequences(config_.batch, micro_step, rank_).size() * config_.batch.sequence_length;
  }

  RunConfig const& config_;
  Layout const& layout_;
  std::int64_t rank_;
  DispatchTraffic const& dispatch_;
  Caller caller_;
  Scalar const& scalar_;
  RouterExtents extents_;
  std::vector<RouterPoolCalls> pool_calls_;
  DispatchSizes sizes_;
};

void Step::forward(std::int64_t micro_step, std::vector<RouterShape> const& shapes) {
  auto const states = tokens(micro_step) * sizes_.row, numbers = tokens(micro_step) * scalar_.accumulated;
  caller_.set_place(micro_step, -1);
  caller_.call(names::embedding, states);
  for (std::int64_t router = 0; router < extents_.routers; ++router) {
    caller_.set_place(micro_step, router);
    caller_.call(names::attention_forward, states);  // of the router's layer
    pools();
    dispatch_.forward(shapes[std::size_t(router) % shapes.size()], sizes_, caller_);
    caller_.call(names::block_forward, states);
  }
  caller_.set_place(micro_step, -1);
  caller_.call(names::loss_maximum, numbers);
  caller_.call(names::loss_sums, 2 * numbers);
}

void Step::backward(std::int64_t micro_step, std::vector<RouterShape> const& shapes) {
  auto const states = tokens(micro_step) * sizes_.row;
  caller_.call(names::head_backward, states);
  for (auto router = extents_.routers; router-- > 0;) {
    caller_.set_place(micro_step, router);
    dispatch_.backward(shapes[std::size_t(router) % shapes.size()], sizes_, caller_);
    caller_.call(names::block_backward, states);
    caller_.call(names::attention_backward, states);
  }
}

void Step::pools() {
  BatchConfig const micro_batch{config_.batch.sequences / config_.batch.micro_steps, config_.batch.sequence_length, 1};
  for (auto const& [operation, pool, each] : pool_calls_) {
    auto const shared = shared_pools(layout_, pool, micro_batch, rank_);
    auto const numbers = shared.count() * (each.per_pool + extents_.experts * each.per_expert) +
                         shared.sequences.size() * config_.batch.sequence_length * each.per_token;
    bool const over_tp = shared.axis == Axis::tp, sums = operation == RouterPoolCalls::Operation::sum;
    auto const name = sums ? (over_tp ? names::tp_pool_sum : names::stage_pool_sum)
                           : (over_tp ? names::tp_pool_gather : names::stage_pool_gather);
    for (std::int64_t i = 0; i < each.calls; ++i) caller_.call(name, numbers * number_bytes);
  }
}

void Step::finish_gradients(std::vector<std::int64_t> const& held) {
  auto const& model = config_.model;
  for (std::int64_t layer = 0; layer < num_attention_layers(model); ++layer) {
    caller_.set_place(-1, layer);
    caller_.call(names::kv_gradients, replicated_kv_parameters(model, layout_) * scalar_.accumulated);
  }
  caller_.set_place(-1, -1);
  for (std::size_t g = 0; g < held.size(); ++g)
    if (tensor_groups[g].trained) caller_.call(tensor_groups[g].gradients, held[g] * scalar_.accumulated);
  caller_.call(names::gradient_norm, number_bytes);
  caller_.call(names::gate_choices, gate_step_numbers(config_.model) * number_bytes);
}

}  // namespace

void for_each_call(RunConfig const& config, Layout const& layout, RoutedCounts const& counts, std::int64_t rank,
                   Visit const& visit) {
  check_shape(config, layout, counts);
  auto const shapes_of = [&](std::int64_t micro_step) {
    std::vector<RouterShape> shapes;
    for (std::int64_t router = 0; router < counts.layers; ++router)
      shapes.push_back(router_shape(config, layout, micro_step, rank, routed_choices(layout, counts, micro_step, router, rank)));
    return shapes;
  };
  StepExchanges const exchanges(config, layout);
  GroupSizes sizes(config.model, layout);
  Step(config, layout, exchanges, rank, visit).run(shapes_of, sizes);
}

void EvenSteps::for_each_call(std::int64_t rank, Visit const& visit) {
  auto const shapes_of = [&](std::int64_t micro_step) { return std::vector{routing_.shape(micro_step, rank)}; };
  Step(config_, layout_, exchanges_, rank, visit).run(shapes_of, sizes_);
}

}  // namespace moescope::traffic
