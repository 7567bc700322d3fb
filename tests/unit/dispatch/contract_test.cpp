// What every dispatcher must do, on every expert mesh of the launched ranks. Values are small integers: == throughout.
#include <algorithm>

#include "dispatch/dispatcher.hpp"
#include "support/catch.hpp"
#include "support/mpi_require.hpp"
#include "unit/dispatch/routing_cases.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

namespace names = traffic::names;
constexpr std::int64_t width = 3;
constexpr int largest_rank_tokens = 64;

ExecSpace exec() { return ExecSpace(); }

std::vector<Layout> expert_meshes(std::int64_t ranks, std::int64_t num_experts) {
  std::vector<Layout> layouts;
  for (std::int64_t ep = 1; ep <= std::min(ranks, num_experts); ++ep) {
    for (std::int64_t etp = 1; ep * etp <= ranks; ++etp) {
      if (ranks % (ep * etp) != 0) continue;
      LayoutConfig config;
      config.ep = ep;
      config.etp = etp;
      for (auto const* order : {"tp-ep-dp", "ep-dp-tp"}) {
        config.order = order;
        if (Layout const layout(config, ranks); layout.order() == order) layouts.push_back(layout);
      }
    }
  }
  return layouts;
}

/// A dispatcher under test with the routing of this rank and its plan.
template <class T>
struct Bench {
  std::string const kind;
  RoutingCase const& routing_case;
  Mesh mesh;
  ModelConfig model;
  Choices choices;
  std::unique_ptr<Dispatcher<T>> dispatcher;
  Plan plan;

  static RunConfig config_of(ModelConfig const& model, std::string const& kind) {
    RunConfig config;
    config.model = model;
    config.train.dispatcher = kind;
    return config;
  }
  static ModelConfig model_of(RoutingCase const& c) {
    ModelConfig model;
    model.num_experts = c.num_experts;
    model.num_heads = model.num_kv_heads = 1;
    return model;
  }

  Bench(std::string const& dispatcher_kind, RoutingCase const& c, Communicator const& world, Layout const& layout)
      : kind(dispatcher_kind),
        routing_case(c),
        mesh(world, layout, traffic::collectives(config_of(model_of(c), kind), layout)),
        model(model_of(c)),
        choices(c.choices(mesh.rank())),
        dispatcher(make_dispatcher<T>(kind, mesh, model)),
        plan(dispatcher->plan(exec(), to_routing<T>(choices, c.num_experts, c.pads(mesh.rank())))) {}
};

/// f(bench) for every kind that fits the mesh, every mesh and every routing.
template <class T, class F>
void for_each_bench(F&& f) {
  auto const world = Communicator::world();
  for (auto const& each : routing_cases(world.size())) {
    for (auto const& layout : expert_meshes(world.size(), each.num_experts)) {
      for (auto const& kind : dispatcher_kinds()) {
        if (kind == "local" && layout.size(Axis::ep) > 1) continue;
        INFO(kind << ", " << layout.describe() << ", " << each.name);
        Bench<T> bench(kind, each, world, layout);
        f(bench);
      }
    }
  }
}

template <class T, class F>
Matrix<T> filled(std::int64_t num_rows, std::int64_t num_columns, F&& f) {
  Matrix<T> const matrix("test::matrix", std::size_t(num_rows), std::size_t(num_columns));
  auto const host = Kokkos::create_mirror_view(matrix);
  for (std::int64_t i = 0; i < num_rows; ++i)
    for (std::int64_t j = 0; j < num_columns; ++j) host(i, j) = T(f(i, j));
  Kokkos::deep_copy(matrix, host);
  return matrix;
}

template <class T, class F>
Vector<T> filled(std::int64_t size, F&& f) {
  auto const column = filled<T>(size, 1, [&](auto i, auto) { return f(i); });
  Vector<T> const vector("test::vector", std::size_t(size));
  Kokkos::deep_copy(vector, Kokkos::subview(column, Kokkos::ALL, 0));
  return vector;
}

template <class View>
std::vector<double> numbers(View const& view) {
  auto const host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), view);
  return {host.data(), host.data() + host.size()};
}

double dot(std::vector<double> const& a, std::vector<double> const& b) {
  if (a.size() != b.size()) throw std::logic_error("vectors of different sizes");
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// Small integers, different on every rank and with `salt`.
auto integers(std::int64_t rank, int salt) {
  return [=](std::int64_t i, std::int64_t j) { return double((7 * i + 3 * j + 5 * rank + salt) % 11 - 5); };
}

/// What a weight says about the choice it belongs to.
double code(std::int64_t rank, std::size_t token, int expert) {
  return double((rank * largest_rank_tokens + std::int64_t(token)) * 16 + expert);
}

/// Codes of the choices that arrive at `rank` for one expert, and 0 of the pads, sorted.
std::vector<double> expected_codes(RoutingCase const& c, Layout const& layout, std::int64_t rank, std::int64_t expert) {
  std::vector<double> codes;
  for (auto const source : layout.members(Axis::expert_block, rank)) {
    auto const choices = c.choices(source);
    for (std::size_t t = 0; t < choices.size(); ++t)
      for (auto const& choice : choices[t])
        if (choice.kept && choice.expert == expert) codes.push_back(code(source, t, choice.expert));
    if (c.pad) codes.insert(codes.end(), std::size_t(c.pads(source)[std::size_t(expert)]), 0);
  }
  std::sort(codes.begin(), codes.end());
  return codes;
}

/// Code of every choice of the bench's tokens, in choice order; 0 with only_kept where it is dropped.
template <class T>
std::vector<double> codes_of(Bench<T> const& b, bool only_kept) {
  std::vector<double> codes;
  for (std::size_t t = 0; t < b.choices.size(); ++t)
    for (auto const& choice : b.choices[t])
      codes.push_back(only_kept && !choice.kept ? 0 : code(b.mesh.rank(), t, choice.expert));
  return codes;
}

template <class T>
Vector<T> codes_as_weights(Bench<T> const& b) {
  auto const codes = codes_of(b, false);
  return filled<T>(std::int64_t(codes.size()), [&](auto i) { return codes[std::size_t(i)]; });
}

template <class T>
Vector<T> zeros(std::int64_t size) {
  return filled<T>(size, [](auto) { return 0.0; });
}

/// Rows that arrive from tokens [tokens,W], by dispatch or by the backward of combine.
template <class T>
Matrix<T> forth(Bench<T>& b, bool backward, Matrix<T> const& tokens) {
  if (backward) return b.dispatcher->combine_backward(exec(), b.plan, tokens);
  return b.dispatcher->dispatch(exec(), b.plan, {tokens, zeros<T>(b.plan.num_choices)}).rows;
}

/// Tokens' sums of rows, by combine or by the backward of dispatch.
template <class T>
Matrix<T> back(Bench<T>& b, bool backward, Matrix<T> const& rows) {
  if (!backward) return b.dispatcher->combine(exec(), b.plan, rows);
  return b.dispatcher->dispatch_backward(exec(), b.plan, {rows, zeros<T>(b.plan.rows.num_gathered())}).rows;
}

double kept_choices(std::vector<Choice> const& token) {
  return double(std::count_if(token.begin(), token.end(), [](Choice const& c) { return c.kept; }));
}

/// Kept choices and pads of a rank.
std::int64_t rows_of(RoutingCase const& c, std::int64_t rank) {
  auto const pads = c.pads(rank);
  auto rows = std::reduce(pads.begin(), pads.end());
  for (auto const& token : c.choices(rank)) rows += std::int64_t(kept_choices(token));
  return rows;
}

/// Kept choices of `source`'s tokens, and its pads, among the experts of `target`.
template <class T>
std::int64_t rows_between(Bench<T> const& b, std::int64_t source, std::int64_t target) {
  auto const experts = b.mesh.layout().experts(b.model, target);
  std::int64_t rows = 0;
  for (auto const& token : b.routing_case.choices(source))
    for (auto const& choice : token) rows += choice.kept && experts.contains(choice.expert);
  auto const pads = b.routing_case.pads(source);
  for (std::size_t e = 0; e < pads.size(); ++e) rows += experts.contains(std::int64_t(e)) ? pads[e] : 0;
  return rows;
}

}  // namespace

TEMPLATE_TEST_CASE("every kept choice arrives once on each rank that holds columns of its expert, grouped by it", "", float,
                   double) {
  using T = TestType;
  for_each_bench<T>([](Bench<T>& b) {
    auto const token_code = [&](auto t, auto) { return code(b.mesh.rank(), std::size_t(t), 0); };
    auto const weighted = b.dispatcher->dispatch(
        exec(), b.plan, {filled<T>(std::int64_t(b.choices.size()), width, token_code), codes_as_weights(b)});
    auto const rows = numbers(weighted.rows), weights = numbers(weighted.weight);
    auto const experts = b.mesh.layout().experts(b.model, b.mesh.rank());

    bool right = std::int64_t(b.plan.rows.expert_offsets.size()) == experts.size() + 1 && b.plan.rows.expert_offsets[0] == 0 &&
                 std::int64_t(weights.size()) == b.plan.rows.num_gathered() && rows.size() == weights.size() * width;
    for (auto e = experts.begin; right && e < experts.end; ++e) {
      auto const begin = std::size_t(b.plan.rows.expert_offsets[std::size_t(e - experts.begin)]);
      auto const end = std::size_t(b.plan.rows.expert_offsets[std::size_t(e - experts.begin) + 1]);
      for (auto r = begin; r < end; ++r)
        for (std::size_t h = 0; h < width; ++h)
          right = right && rows[r * width + h] == (weights[r] == 0 ? 0 : weights[r] - double(e));
      std::vector<double> arrived(weights.begin() + std::ptrdiff_t(begin), weights.begin() + std::ptrdiff_t(end));
      std::sort(arrived.begin(), arrived.end());
      right = right && arrived == expected_codes(b.routing_case, b.mesh.layout(), b.mesh.rank(), e);
    }
    MPI_REQUIRE(b.mesh.world(), right);
  });
}

TEMPLATE_TEST_CASE("bringing back what was dispatched gives each token its kept choices times, summed over etp copies", "", float,
                   double) {
  using T = TestType;
  for_each_bench<T>([](Bench<T>& b) {
    auto const copies = double(b.mesh.layout().size(Axis::etp));
    auto const tokens = std::int64_t(b.choices.size());
    auto const values = integers(b.mesh.rank(), 1);
    for (bool const backward : {false, true}) {
      auto const y = numbers(back(b, backward, forth(b, backward, filled<T>(tokens, width, values))));
      auto const expected = numbers(filled<T>(
          tokens, width, [&](auto t, auto h) { return copies * kept_choices(b.choices[std::size_t(t)]) * values(t, h); }));
      MPI_REQUIRE(b.mesh.world(), y == expected);
    }
  });
}

TEMPLATE_TEST_CASE("the adjoint of dispatch is its adjoint: <D x, y> = <x, D^T y>", "", float, double) {
  using T = TestType;
  for_each_bench<T>([](Bench<T>& b) {
    auto const rank = b.mesh.rank();
    auto const x = filled<T>(std::int64_t(b.choices.size()), width, integers(rank, 1));
    auto const y = filled<T>(b.plan.rows.num_gathered(), width, integers(rank, 4));
    auto const dispatched = numbers(forth(b, false, x));
    auto const returned = numbers(back(b, true, y));
    auto const left = b.mesh.world().sum(dot(dispatched, numbers(y)));
    auto const right = b.mesh.world().sum(dot(numbers(x), returned));
    MPI_REQUIRE(b.mesh.world(), left == right);
  });
}

TEMPLATE_TEST_CASE("weights return to their choices, and 0 to dropped ones", "", float, double) {
  using T = TestType;
  for_each_bench<T>([](Bench<T>& b) {
    Matrix<T> const tokens("test::tokens", b.choices.size(), width);
    auto const arrived = b.dispatcher->dispatch(exec(), b.plan, {tokens, codes_as_weights(b)});
    auto const returned = numbers(b.dispatcher->dispatch_backward(exec(), b.plan, arrived).weight);
    auto expected = codes_of(b, true);
    for (auto& value : expected) value *= double(b.mesh.layout().size(Axis::etp));
    MPI_REQUIRE(b.mesh.world(), returned == expected);
  });
}

TEST_CASE("the plan holds the rows that this rank and its peers exchange") {
  for_each_bench<double>([](Bench<double>& b) {
    auto const& layout = b.mesh.layout();
    bool right = b.plan.num_tokens == std::int64_t(b.choices.size()) && b.plan.num_choices == num_choices(b.choices);
    auto const peers = layout.members(Axis::ep, b.mesh.rank());
    for (std::size_t p = 0; p < peers.size(); ++p) {
      right = right && b.plan.rows.send_rows[p] == rows_between(b, b.mesh.rank(), peers[p]);
      right = right && b.plan.rows.receive_rows[p] == rows_between(b, peers[p], b.mesh.rank());
    }
    MPI_REQUIRE(b.mesh.world(), right);
  });
}

TEST_CASE("the plan names every peer with the rows and weights that go to it and come from it") {
  for_each_bench<double>([](Bench<double>& b) {
    auto const& layout = b.mesh.layout();
    bool const tokens_move = b.kind == "all_gather";
    auto const me = std::int64_t(b.mesh.rank());
    auto const weights = [&](std::int64_t from, std::int64_t to) {
      return tokens_move ? rows_of(b.routing_case, from) : rows_between(b, from, to);
    };
    auto const rows = [&](std::int64_t from, std::int64_t to) {
      return tokens_move ? std::int64_t(b.routing_case.choices(from).size()) : rows_between(b, from, to);
    };
    auto const members = layout.members(tokens_move ? Axis::expert_block : Axis::ep, me);
    bool right = b.plan.peers.size() == members.size();
    for (std::size_t p = 0; right && p < members.size(); ++p) {
      auto const& peer = b.plan.peers[p];
      right = peer.peer == members[p] && peer.out == rows(me, peer.peer) && peer.back == rows(peer.peer, me) &&
              peer.weights_out == weights(me, peer.peer) && peer.weights_back == weights(peer.peer, me);
    }
    MPI_REQUIRE(b.mesh.world(), right);
  });
}

namespace {

/// Rows that one exchange puts into the call's buffers, from the routing of all ranks.
std::int64_t rows_of_exchange(Bench<double> const& b, std::string const& name) {
  auto const me = std::int64_t(b.mesh.rank());
  bool const weights = name.find("weights") != std::string::npos;
  std::int64_t rows = 0;
  if (name.starts_with("block.")) {
    for (auto const member : b.mesh.layout().members(Axis::expert_block, me)) {
      rows += weights ? rows_of(b.routing_case, member) : std::int64_t(b.routing_case.choices(member).size());
    }
  } else if (name.starts_with("etp.")) {
    for (auto const member : b.mesh.layout().members(Axis::expert_block, me)) rows += rows_between(b, member, me);
  } else {
    bool const outward = name == names::dispatch_forward || name == names::combine_backward;
    for (auto const peer : b.mesh.layout().members(Axis::ep, me))
      if (peer != me) rows += outward ? rows_between(b, me, peer) : rows_between(b, peer, me);
  }
  return rows;
}

bool is_row_exchange(std::string const& name) {
  for (auto const* part : {"dispatch", "combine", "weights"})
    if (name.find(part) != std::string::npos) return true;
  return false;
}

}  // namespace

TEST_CASE("the ledger holds the bytes that the routing implies, each exchange once under its own name") {
  for_each_bench<double>([](Bench<double>& b) {
    auto const tokens = std::int64_t(b.choices.size());
    b.mesh.ledger().take();
    for (bool const backward : {false, true})
      back(b, backward, forth(b, backward, Matrix<double>("test::x", std::size_t(tokens), width)));

    auto const entries = b.mesh.ledger().take();
    bool right = true;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      auto const& name = b.mesh.ledger().collectives()[i].name;
      bool const used = is_row_exchange(name);
      bool const weights = name.find("weights") != std::string::npos;
      bool const carry_weights = b.kind != "all_gather" && name.find("dispatch") != std::string::npos;
      auto const columns = weights ? 1 : width + carry_weights;
      right = right && entries[i].volume.calls == (used ? 1 : 0);
      auto const bytes = used ? rows_of_exchange(b, name) * columns * std::int64_t(sizeof(double)) : 0;
      right = right && entries[i].volume.payload_bytes == bytes;
    }
    MPI_REQUIRE(b.mesh.world(), right);
  });
}
