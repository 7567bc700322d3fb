// What one steady training step does on the device, as Kokkos Tools see it: every kernel, View, copy and wait by its name.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <regex>
#include <string_view>
#include <vector>

#include "device/watch.hpp"
#include "equivalence/cases.hpp"
#include "step/trainer.hpp"
#include "support/mpi_require.hpp"

using namespace moescope;

namespace {

struct Known {
  std::string_view label, reason;
};

/// Views that a step may fill by a copy, from the host or from another View.
constexpr Known known_copies[] = {
    {"base::token_ids", "the batch is read on the host"},
    {"step::tokens", "the batch is read on the host"},
    {"step::targets", "the batch is read on the host"},
    {"kernels::embed_positions", "tokens are sorted by id on the host"},
    {"dispatch::token_of_sent", "the plan is made on the host"},
    {"dispatch::choice_of_sent", "the plan is made on the host"},
    {"dispatch::sent_of_choice", "the plan is made on the host"},
    {"dispatch::grouped_position", "the plan is made on the host"},
    {"dispatch::choice_of_row", "the plan of all_gather is made on the host"},
    {"dispatch::token_of_row", "the plan of all_gather is made on the host"},
    {"dispatch::row_offsets", "the plan of all_gather is made on the host"},
    {"dispatch::rows_of_token", "the plan of all_gather is made on the host"},
    {"layers::experts_starts", "expert widths are known on the host"},
    {"model::d_owned", "the branch's gradient is added before the tp ranks' tokens come together"},
    {"gates::offsets", "choices over a whole pool are made on the host"},
    {"gates::expert", "choices over a whole pool are made on the host"},
    {"gates::kept", "capacity is granted on the host"},
    {"gates::bias_step", "what a bias grows by follows on the host from counts of all ranks"},
    {"gates::d_statistics", "the derivative of a loss by one number per expert of a pool is made on the host"},
    {"gates::d_weight", "losses add to the gradient of the weights, which the dispatcher lends"},
    {"step::shared_kv_heads", "gradients of a KV head that several tp ranks hold are summed apart"},
    {"model::gradients", "the sums of shared KV heads come back"},
    {"dispatch::received", "rows that stay on their rank"},
    {"dispatch::returned", "rows that stay on their rank"},
};

/// Waits for the device that a step may contain.
constexpr Known known_waits[] = {
    {"base::to_host dispatch::token_of_sent", "all_gather's plan is made on the host"},
    {"base::to_host gates::offsets", "the plan and the routed counts are made on the host"},
    {"base::to_host gates::expert", "the plan and the routed counts are made on the host"},
    {"base::to_host gates::weight", "capacity.policy = probability keeps the largest, on the host"},
    {"base::to_host gates::kept", "the plan and the routed counts are made on the host"},
    {"base::to_host step::router_scores", "confidence is counted on the host, after the step"},
    {"step::router_confidence", "threads of the host count it, after the step"},
    {"base::to_host gates::pool_sums", "one number per expert, into the loss"},
    {"base::to_host kernels::cross_entropy_losses", "the loss"},
    {"base::to_host kernels::sums_of_squares", "the gradient norm decides on clipping"},
    {"base::to_host step::tokens", "tokens are sorted by id on the host"},
    {"kernels::attention", "threads of the host read what came before in `exec`"},
    {"kernels::attention_backward", "threads of the host read what came before in `exec`"},
    {"base::upload", "the host's numbers must outlive the copy"},
    {"comm::staging begins", "MPI reads what the device wrote"},
    {"comm::staging ends", "MPI's result is on the device"},
    {"step::end", "the step's time ends with its work"},
};

/// Waits inside Kokkos: of the memory space, of `upload` (deep_copy), and of the watch itself.
constexpr std::string_view kokkos_waits[] = {"HostSpace fence",
                                             "HostSpace::impl_deallocate before free",
                                             "Kokkos::View::initialization via memset",
                                             "Kokkos::deep_copy: copy between contiguous views, pre view equality check",
                                             "Kokkos::deep_copy: copy between contiguous views, post deep copy fence",
                                             "Kokkos::Tools::invoke_kokkosp_callback: Kokkos Profile Tool Fence"};

bool is_known(std::span<Known const> table, std::string const& label) {
  return std::any_of(table.begin(), table.end(), [&](Known const& known) { return known.label == label; });
}

bool is_ours(std::string const& label) {
  static std::regex const form("(base|kernels|layers|gates|dispatch|comm|model|step)::[a-z0-9_ ]+");
  return std::regex_match(label, form);
}

/// Kokkos fills and zeroes Views by kernels of its own; it names the View where it allocates it.
bool is_kernel_of_kokkos(std::string const& label) {
  static std::regex const zeroing("Kokkos::View::initialization \\[(.*)\\]( via memset)?");
  std::smatch match;
  if (std::regex_match(label, match, zeroing)) return is_ours(match[1]);
  return label.starts_with("Kokkos::ViewFill-") || label.starts_with("Kokkos::ViewCopy-") || label == "Kokkos::ZeroMemset";
}

/// "" or what this step should not have done.
std::string breaches(test::Watch const& watch) {
  std::string found;
  auto const blame = [&](char const* what, std::string const& label) { found += fmt::format("{} \"{}\"\n", what, label); };
  for (auto const& [label, times] : watch.kernels) {
    if (!is_ours(label) && !is_kernel_of_kokkos(label)) blame("a kernel without a label of the form folder::thing:", label);
  }
  for (auto const& [label, times] : watch.allocations) {
    if (!is_ours(label)) blame("a View without a label of the form folder::thing:", label);
    if (watch.freed(label) != times) blame("a View that outlives its step:", label);
  }
  for (auto const& [label, times] : watch.copies) {
    if (!is_known(known_copies, label)) blame("a copy that is not listed here, to", label);
  }
  for (auto const& [label, times] : watch.fences) {
    bool const of_kokkos = std::find(std::begin(kokkos_waits), std::end(kokkos_waits), label) != std::end(kokkos_waits);
    if (!of_kokkos && !is_known(known_waits, label)) blame("a wait that is not listed here:", label);
  }
  return found;
}

struct Variant {
  LayoutConfig layout;
  std::string dispatcher;
};

/// Every dispatcher under every way to split two ranks, or one rank.
std::vector<Variant> variants(std::int64_t ranks) {
  std::vector<Variant> all;
  auto const add = [&](std::int64_t tp, std::int64_t ep, std::int64_t etp) {
    for (std::string const dispatcher : {"local", "all_to_all", "all_gather"}) {
      if (dispatcher == "local" && ep * etp > 1) continue;
      auto& variant = all.emplace_back();
      variant.layout.tp = tp;
      variant.layout.ep = ep;
      variant.layout.etp = etp;
      variant.dispatcher = dispatcher;
    }
  };
  if (ranks == 1) add(1, 1, 1);
  if (ranks == 2) add(1, 1, 1), add(2, 2, 1), add(1, 1, 2);
  return all;
}

}  // namespace

TEST_CASE("Every kernel, View, copy and wait of a steady training step has a name and a reason") {
  auto const world = Communicator::world();
  for (auto const& one : equivalence::cases()) {
    for (auto const& variant : variants(world.size())) {
      auto config = one.config;
      config.layout = variant.layout;
      config.train.dispatcher = variant.dispatcher;
      Layout const layout(config.layout, world.size());
      try {
        layout.check_model(config.model);
      } catch (UserError const&) {
        continue;
      }
      Mesh mesh(world, layout, traffic::collectives(config, layout));
      Trainer<double> trainer(config, mesh);
      auto const source = equivalence::synthetic_source(config);
      trainer.step(source, 0, 1);
      std::string found;
      {
        test::Watch const watch;
        trainer.step(source, 1, 1);
        found = breaches(watch);
        if (watch.kernels.empty() || watch.allocations.empty()) found += "nothing was seen\n";
      }
      INFO(one.name << ", " << variant.dispatcher << ", " << equivalence::describe(variant.layout) << ":\n" << found);
      MPI_REQUIRE(world, found.empty());
    }
  }
}
