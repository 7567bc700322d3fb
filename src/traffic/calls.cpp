#include "traffic/calls.hpp"

#include "config/gate_kinds.hpp"
#include "config/routers.hpp"
#include "tensors/group_sizes.hpp"
#include "tensors/tensor.hpp"
#include "traffic/dispatch/dispatch_traffic.hpp"
#include "traffic/even_routing.hpp"
#include "traffic/routed_choices.hpp"

namespace moescope::traffic {
namespace {

constexpr std::int64_t number_bytes = 8;  // an int64 or a double

/// Shapes of the routers of a micro-step; one, where all are alike.
using ShapesOf = std::function<std::vector<RouterShape>(std::int64_t micro_step)>;

/// The calls of one rank's step, in the order of step/trainer.cpp and model/block.cpp.
class Step {
 public:
  Step(RunConfig const& config, Layout const& layout, std::int64_t rank, Visit const& visit)
      : config_(config),
        layout_(layout),
        rank_(rank),
        dispatch_(dispatch_traffic(config.train.dispatcher)),
        caller_(config, layout, visit),
        scalar_(scalar(config.train.dtype)),
        extents_(router_extents(config.model)),
        sizes_(dispatch_sizes(config)) {}

  void run(ShapesOf const& shapes_of) {
    caller_.call(names::labels, number_bytes);
    for (std::int64_t m = 0; m < config_.batch.micro_steps; ++m) {
      auto const shapes = shapes_of(m);
      forward(m, shapes);
      backward(m, shapes);
    }
    caller_.set_place(-1, -1);
    finish_gradients();
  }

 private:
  void forward(std::int64_t micro_step, std::vector<RouterShape> const& shapes);
  void backward(std::int64_t micro_step, std::vector<RouterShape> const& shapes);
  void pools();
  void finish_gradients();

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
  caller_.call(names::loss, number_bytes);
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
  auto const& batch = config_.batch;
  auto const sequences = batch.sequences / batch.micro_steps;
  auto const count = sequences / sequences_in_pool(config_.model.gate.pool, batch);
  auto const each_call = [&](std::string_view name, PoolCalls const& calls) {
    auto const numbers = count * extents_.experts * calls.per_expert + sequences * batch.sequence_length * calls.per_token;
    for (std::int64_t i = 0; i < calls.calls; ++i) caller_.call(name, numbers * number_bytes);
  };
  each_call(names::pool_sum, gate_kind(config_.model).sums);
  each_call(names::pool_gather, pool_gathers(config_.model));
}

void Step::finish_gradients() {
  auto const& model = config_.model;
  auto const held = group_sizes(model, layout_, rank_);
  for (std::int64_t layer = 0; layer < num_attention_layers(model); ++layer) {
    caller_.set_place(-1, layer);
    caller_.call(names::kv_gradients, replicated_kv_parameters(model, layout_) * scalar_.accumulated);
  }
  caller_.set_place(-1, -1);
  for (std::size_t g = 0; g < held.size(); ++g)
    if (tensor_groups[g].trained) caller_.call(tensor_groups[g].gradients, held[g] * scalar_.accumulated);
  caller_.call(names::gradient_norm, number_bytes);
  caller_.call(names::checksums, layout_.ranks() * std::ssize(tensor_groups) * number_bytes);
}

}  // namespace

void for_each_call(RunConfig const& config, Layout const& layout, RoutedCounts const& counts, std::int64_t rank,
                   Visit const& visit) {
  check_shape(config, layout, counts);
  Step(config, layout, rank, visit).run([&](std::int64_t micro_step) {
    std::vector<RouterShape> shapes;
    for (std::int64_t router = 0; router < counts.layers; ++router)
      shapes.push_back(router_shape(config, layout, micro_step, rank, routed_choices(layout, counts, micro_step, router, rank)));
    return shapes;
  });
}

void for_each_even_call(RunConfig const& config, Layout const& layout, std::int64_t rank, Visit const& visit) {
  Step(config, layout, rank, visit).run([&](std::int64_t micro_step) {
    return std::vector{router_shape(config, layout, micro_step, rank, even_choices(config, layout, micro_step, rank))};
  });
}

}  // namespace moescope::traffic
