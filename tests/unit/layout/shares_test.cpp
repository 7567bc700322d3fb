#include <numeric>

#include "base/error.hpp"
#include "layout/layout.hpp"
#include "layout/shared_pools.hpp"
#include "support/catch.hpp"

using namespace moescope;

namespace {

using Runs = std::vector<std::vector<Range>>;

Layout make_layout(std::int64_t ranks, std::int64_t tp, std::int64_t ep = 1, std::int64_t etp = 1) {
  LayoutConfig config;
  config.tp = tp;
  config.ep = ep;
  config.etp = etp;
  return Layout(config, ranks);
}

ModelConfig make_model(std::int64_t heads, std::int64_t kv_heads, std::int64_t experts = 4, std::int64_t width = 16) {
  ModelConfig model;
  model.vocab_size = 257;
  model.num_heads = heads;
  model.num_kv_heads = kv_heads;
  model.num_experts = experts;
  model.expert_widths = {std::vector<std::int64_t>(std::size_t(experts), width)};
  return model;
}

std::string refusal(Layout const& layout, ModelConfig const& model) {
  try {
    layout.check_model(model);
  } catch (UserError const& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("Sequences are split over micro-steps, then over dp, and each is held once by every tp rank") {
  for (std::int64_t const dp : {1, 2, 3, 5}) {
    auto const layout = make_layout(dp * 2, 2);
    BatchConfig const batch{8, 5, 2};
    std::vector<int> held(8, 0);
    for (std::int64_t m = 0; m < batch.micro_steps; ++m) {
      for (std::int64_t rank = 0; rank < layout.ranks(); ++rank) {
        auto const mine = layout.sequences(batch, m, rank);
        for (auto s = mine.begin; s < mine.end; ++s) {
          CHECK(s / 4 == m);
          ++held[std::size_t(s)];
        }
      }
    }
    CHECK(held == std::vector<int>(8, 2));
  }
}

TEST_CASE("A dp rank may hold no sequence") {
  auto const layout = make_layout(4, 1);
  CHECK(layout.sequences({2, 16, 1}, 0, 3).size() == 0);
  CHECK(owned_token_runs(layout, {2, 16, 1}, Axis::stage, 0) == Runs{{{0, 16}}, {{16, 32}}, {}, {}});
}

TEST_CASE("Owned tokens of all ranks are the micro-batch, in the order of the stage, whatever that of the ranks") {
  auto const layout = make_layout(6, 3);
  CHECK(owned_token_runs(layout, {3, 5, 1}, Axis::stage, 0) ==
        Runs{{{0, 4}}, {{4, 7}}, {{7, 10}}, {{10, 12}}, {{12, 14}}, {{14, 15}}});
  CHECK(owned_token_runs(layout, {3, 5, 1}, Axis::tp, 4) == Runs{{{10, 12}}, {{12, 14}}, {{14, 15}}});
  CHECK(layout.owned_tokens(10, 4) == Range{4, 7});
  LayoutConfig config;
  config.tp = 3;
  config.etp = 1;
  config.order = "dp-tp-ep";  // rank 2 is the second tp rank of the first dp rank
  Layout const reordered(config, 6);
  CHECK(owned_token_runs(reordered, {3, 5, 1}, Axis::stage, 0) == owned_token_runs(layout, {3, 5, 1}, Axis::stage, 0));
  CHECK(reordered.owned_tokens(10, 2) == Range{4, 7});
}

TEST_CASE("Query heads are split evenly and KV heads follow them") {
  auto const model = make_model(8, 2);
  auto const layout = make_layout(4, 4);
  CHECK(layout.query_heads(model, 1) == Range{2, 4});
  CHECK(layout.kv_heads(model, 1) == Range{0, 1});
  CHECK(layout.kv_heads(model, 2) == Range{1, 2});
  CHECK(layout.owned_kv_heads(model, 0) == Range{0, 1});
  CHECK(layout.owned_kv_heads(model, 1).size() == 0);
  CHECK(layout.replicated_kv_heads(model) == std::vector<std::int64_t>{0, 1});
}

TEST_CASE("Ragged query heads make neighbours share one KV head") {
  auto const model = make_model(6, 3);
  auto const layout = make_layout(4, 4);  // query heads 2 2 1 1; KV heads 0, 1, 2, 2
  CHECK(layout.kv_heads(model, 2) == Range{2, 3});
  CHECK(layout.kv_heads(model, 3) == Range{2, 3});
  CHECK(layout.replicated_kv_heads(model) == std::vector<std::int64_t>{2});
}

TEST_CASE("Every KV head has one owner and replicated heads are those with several holders") {
  for (std::int64_t heads = 1; heads <= 12; ++heads) {
    for (std::int64_t kv = 1; kv <= heads; ++kv) {
      if (heads % kv != 0) continue;
      for (std::int64_t tp = 1; tp <= heads; ++tp) {
        auto const model = make_model(heads, kv);
        auto const layout = make_layout(tp, tp);
        std::vector<int> holders(std::size_t(kv), 0), owners(std::size_t(kv), 0);
        for (std::int64_t rank = 0; rank < tp; ++rank) {
          auto const held = layout.kv_heads(model, rank), owned = layout.owned_kv_heads(model, rank);
          for (auto h = held.begin; h < held.end; ++h) ++holders[std::size_t(h)];
          for (auto h = owned.begin; h < owned.end; ++h) ++owners[std::size_t(h)];
          for (auto q = layout.query_heads(model, rank).begin; q < layout.query_heads(model, rank).end; ++q)
            REQUIRE(held.contains(q * kv / heads));
        }
        REQUIRE(owners == std::vector<int>(std::size_t(kv), 1));
        std::vector<std::int64_t> replicated;
        for (std::size_t h = 0; h < holders.size(); ++h)
          if (holders[h] > 1) replicated.push_back(std::int64_t(h));
        REQUIRE(layout.replicated_kv_heads(model) == replicated);
      }
    }
  }
}

TEST_CASE("Experts, their columns and the vocabulary are split into ragged contiguous shares") {
  auto const model = make_model(4, 4, 5);
  auto const layout = make_layout(4, 2, 2, 2);
  CHECK(layout.experts(model, 0) == Range{0, 3});
  CHECK(layout.experts(model, 2) == Range{3, 5});
  CHECK(layout.expert_owner(model, 2) == 0);
  CHECK(layout.expert_owner(model, 3) == 1);
  CHECK(layout.expert_columns(7, 0) == Range{0, 4});
  CHECK(layout.expert_columns(7, 1) == Range{4, 7});
  CHECK(layout.vocabulary(model, 0) == Range{0, 129});
  CHECK(layout.vocabulary(model, 1) == Range{129, 257});
}

TEST_CASE("A model with fewer units than ranks is refused with both numbers") {
  CHECK(refusal(make_layout(4, 4), make_model(3, 3)) == "3 attention heads cannot be split over tp = 4 ranks");
  CHECK(refusal(make_layout(8, 1, 8), make_model(8, 8)) == "4 experts cannot be split over ep = 8 ranks");
  CHECK(refusal(make_layout(4, 1, 1, 4), make_model(8, 8, 4, 3)) == "3 columns of an expert cannot be split over etp = 4 ranks");
  auto small = make_model(8, 8);
  small.vocab_size = 2;
  CHECK(refusal(make_layout(4, 4), small) == "2 vocabulary rows cannot be split over tp = 4 ranks");
  CHECK(refusal(make_layout(4, 4, 4), make_model(4, 2)).empty());
}
